"""No property of the official specifications is lost in silence.

Every property that a specification gives a request, nested ones too, is sent through Sluice to a provider of each dialect, in the smallest
valid request that has it. It must arrive, under whatever name; or be named in x-sluice-dropped-params; or be refused with an error that
names it. Where both sides speak one dialect, every byte must arrive."""

import http.client
import itertools
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from harness import recorder, spec_clients
from harness.mock_config import PRICES, bedrock_vendor
from harness.places import shared_data
from harness.sluice import Sluice
from harness.spec_walk import FILLER, MARK

# Models that the catalogue says think, so that what is said about thinking has somebody to go to.
PROVIDERS = {"chat": "xai/grok-4.3", "responses": "openai/gpt-5.4", "messages": "anthropic/claude-opus-4-8", "gemini": "gemini/gemini-3.1-pro-preview",
             "bedrock": "bedrock/us.anthropic.claude-opus-4-8"}
EMBEDDERS = {"chat": "xai/embedder", "gemini": "gemini/gemini-embedding-001"}
WORKERS = 8


@dataclass
class Excuse:
    """What may be lost without a word, and why. `path` is a regular expression; `values` are those that may be, or all."""

    client: str
    path: str
    why: str
    values: tuple = ()
    needed: bool = field(default=False, compare=False)

    def covers(self, client, probe):
        return re.fullmatch(self.client, client) and re.fullmatch(self.path, probe.path) and (not self.values or probe.value in self.values)


DEFAULT = "it says what holds without it"
EXCUSES = [
    Excuse("chat", r"(response_format|tools\[custom\]\.custom\.format)\[text\]", DEFAULT),
    Excuse("responses", r"(text|tools\[custom\]|tools\[namespace\]\.tools\[custom\])\.format\[text\]", DEFAULT),
    Excuse("responses", r".*\.defer_loading", DEFAULT, (False,)),
    Excuse("responses", r"input\[message\]\.type", DEFAULT, ("message",)),
    Excuse("responses", r"input\[\w+\]\.caller\[direct\]", DEFAULT),
    Excuse("responses", r".*\[input_image\]\.detail", DEFAULT, ("auto",)),
    Excuse("responses", r"tools.*\[function\]\.strict", DEFAULT, (False,)),
    Excuse("messages", r".*\.(stream|is_error|strict|disable_parallel_tool_use)|stream", DEFAULT, (False,)),
    Excuse("messages", r"tools\[custom\]\.type", DEFAULT, ("custom",)),
    Excuse("messages", r".*\.caller\[direct\]", DEFAULT),
    Excuse("messages", r".*cache_control\.ttl", DEFAULT, ("5m",)),
    Excuse("messages", r"service_tier", DEFAULT, ("auto",)),
    Excuse("messages", r"thinking\[\w+\]\.display", "a budget or the model's own choice asks for the thoughts anyway", ("summarized",)),
    Excuse("gemini", r"generationConfig\.responseLogprobs|.*\.(nullable|thought|includeThoughts)", DEFAULT, (False,)),
    Excuse("gemini", r"generationConfig\.responseModalities\[\]", DEFAULT, ("TEXT",)),
    Excuse("gemini", r".*\.propertyOrdering\[\]", "properties are sent in this order, and the walk has none of this name"),
    Excuse("gemini.*", r"(systemInstruction|content)\.role", "what these texts are is said by where they stand"),
    Excuse("chat|responses", r".*\[json_schema\](\.json_schema)?\.name", "a label; these APIs have a schema without one"),
    Excuse("chat|responses", r".*\[json_schema\](\.json_schema)?\.strict", "these APIs hold every answer to its schema", (True,)),
    Excuse("responses", r"include\[\]", "the state of reasoning goes with every answer", ("reasoning.encrypted_content",)),
    Excuse("chat", r"stream_options\.include_usage", "every provider is asked for the usage; whether the client is told it is Sluice's to do"),
    Excuse("responses", r"store", "Sluice keeps the answer, or does not", (False,)),
    Excuse("responses", r"stream_options\.include_obfuscation", "Sluice pads no event", (False,)),
    Excuse("responses", r"input\[\w+\]\.(id|status)", "what an earlier answer's item was called, and how it ended, is for its vendor alone"),
    Excuse("responses", r"input\[function_call_output\]\.(name|namespace)", "the call with this call_id has both"),
    Excuse("embeddings", r"encoding_format", "Sluice packs the numbers that it got", ("base64",)),
]
# (client, path, what it is called when it is dropped or refused) where that is another name.
ALSO_CALLED = [
    ("chat", r".*\.prompt_cache_breakpoint", "messages.content.cache_control"),  # marks of both forms are one
    ("chat", r"top_logprobs", "logprobs"),  # it needs logprobs
    ("gemini", r"generationConfig\.logprobs", "generationConfig.responseLogprobs"),  # likewise
    ("responses", r"tools\[\].*", "tools.web_search"),  # of all versions
    ("messages", r".*\[redacted_thinking\].*", "messages.content.thinking"),
    ("messages", r"messages\[system\].*cache_control.*", "system.cache_control"),  # it moves there
]


def whole_answer(path):
    if path.endswith("/chat/completions"):
        return recorder.openai_answer()
    if path.endswith("/responses"):
        return recorder.responses_answer()
    if path.endswith("/messages"):
        return recorder.anthropic_answer()
    if path.endswith("/converse"):
        return recorder.bedrock_answer()
    if path.endswith("/embeddings"):
        return json.dumps({"object": "list", "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8},
                           "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]}).encode()
    if "mbedContent" in path:
        return json.dumps({"embedding": {"values": [0.5, 0.25]}, "embeddings": [{"values": [0.5, 0.25]}]}).encode()
    return json.dumps({"candidates": [{"content": {"parts": [{"text": "pong"}], "role": "model"}, "index": 0, "finishReason": "STOP"}],
                       "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}}).encode()


def streamed_answer(path):
    """(events, media type)"""
    if path.endswith("/converse-stream"):
        return recorder.bedrock_stream(), "application/vnd.amazon.eventstream"
    if path.endswith("/responses"):
        return recorder.responses_stream(), "text/event-stream"
    if path.endswith(":streamGenerateContent"):
        return [b"data: " + whole_answer(path) + b"\r\n\r\n"], "text/event-stream"
    return (recorder.anthropic_stream() if path.endswith("/messages") else recorder.openai_stream()), "text/event-stream"


class Vendors:
    """All providers in one: each request is kept under the trace that it belongs to, and answered as its path wants."""

    def __init__(self):
        self._recorder = recorder.Recorder()
        self._recorder.answer = self._answer
        self._sent = {}
        self.url = self._recorder.url

    def _answer(self, request, connection):
        self._sent[request.header("traceparent")] = (request.path, request.body)
        if b'"stream":true' in request.body.replace(b" ", b"") or "-stream" in request.path or "streamGenerate" in request.path:
            events, content_type = streamed_answer(request.path.split("?")[0])
            recorder.streaming(events, content_type=content_type)(request, connection)
        else:
            connection.send(recorder.ok(whole_answer(request.path)))

    def sent(self, trace):
        return self._sent.pop(trace, ("", None))

    def stop(self):
        self._recorder.stop()


@dataclass
class Told:
    """What became of a request."""

    status: int
    dropped: list
    answer: str
    path: str  # at the provider; some say in it that a stream is wanted
    sent: bytes | None


class Asker:
    """Asks the server, on connections of its threads."""

    def __init__(self, server, key, vendors):
        self._address = urlsplit(server.url).netloc
        self._key = key
        self._vendors = vendors
        self._own = threading.local()
        self._count = itertools.count(1)

    def ask(self, client, model, body):
        text = json.dumps({**({"model": model} if client.model_in_body else {}), **body})
        trace = f"00-{next(self._count):032x}-00000000000000a1-01"
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection(self._address, timeout=60)
        self._own.connection.request("POST", client.path.replace("MODEL", model), text, {
            "content-type": "application/json", "authorization": f"Bearer {self._key}", "traceparent": trace})
        answer = self._own.connection.getresponse()
        dropped = [name.strip() for name in (answer.getheader("x-sluice-dropped-params") or "").split(",")]
        return Told(answer.status, [name for name in dropped if name], answer.read().decode(), *self._vendors.sent(trace))


def is_about(said, client, probe):
    """Whether a path that was said is the property's own, or of what holds it, or of a part of it."""
    said = re.sub(r"\[\d*\]", "", said)
    own = said.rsplit(".", 1)[-1] == probe.names[0].rsplit(".", 1)[-1]
    if any(client == who and re.fullmatch(path, probe.path) and said == called for who, path, called in ALSO_CALLED):
        return True
    return own or any(said == name or name.startswith(f"{said}.") or said.startswith(f"{name}.") for name in probe.names)


def named_in(answer):
    """The parameter that an error is about."""
    try:
        error = json.loads(answer)["error"]
    except (ValueError, KeyError):
        return ""
    return error.get("param") or error["message"].split(":")[0]


def has_number(text, number):
    return re.search(rf"(?<![\d.]){re.escape(str(number))}(?![\d.])", text) is not None


def has_arrived(probe, told, ask):
    if probe.kind == "text":
        return MARK.encode() in told.sent
    if probe.kind == "number":
        return has_number(told.sent.decode(), 37 if isinstance(probe.value, dict) else probe.value)
    if probe.kind == "group" or probe.without is None:
        return True
    without = ask(probe.without)
    return (without.path, without.sent) != (told.path, told.sent)


def is_refusal(client, probe, told):
    """Whether it names the property, or the kept thing that is not this tenant's by the id that the property has."""
    unknown = told.status == 404 and (f"'{MARK}'" in told.answer or f"'{FILLER}'" in told.answer)
    # What an element is says why all of it is refused.
    return unknown or is_about(re.sub(r"\.(type|role)$", "", named_in(told.answer)), client.name, probe)


def arrived_exactly(client, model, probe, sent):
    """But for the model's name, and for the flag that asks for the usage of a stream."""
    body = {**({"model": model.split("/")[1]} if client.model_in_body else {}), **probe.body}
    if client.name == "chat" and body.get("stream"):
        return json.loads(sent) == {**body, "stream_options": {**body.get("stream_options", {}), "include_usage": True}}
    return sent == json.dumps(body).encode()


def check(asker, client, provider, probe, own):
    """(what is wrong or "", whether what is inside can be asked for)"""
    model = (EMBEDDERS if client.embeds else PROVIDERS)[provider]
    told = asker.ask(client, model, probe.body)
    if told.status in (400, 404) and told.sent is None:
        return ("" if is_refusal(client, probe, told) else f"refused without its name: {told.answer}"), False
    if told.sent is None or told.status != 200:
        return f"status {told.status}: {told.answer}", False
    if own:
        return ("" if arrived_exactly(client, model, probe, told.sent) else f"bytes have changed: {told.sent}"), True
    if any(is_about(name, client.name, probe) for name in told.dropped):
        return "", True
    if has_arrived(probe, told, lambda body: asker.ask(client, model, body)):
        return "", True
    return f"lost: {told.sent.decode()} with {told.dropped} named", True


def walk(asker, pool, client, provider, own):
    """(probe, what is wrong) of every property that is not in order."""
    wrong, level = [], client.walk.probes
    while level:
        inner = []
        for probe, (fault, goes_on) in zip(level, pool.map(lambda one: check(asker, client, provider, one, own), level)):
            if fault:
                wrong.append((probe, fault))
            if goes_on:
                inner += probe.children
        level = inner
    return wrong


@pytest.fixture(scope="module")
def clients():
    specs = shared_data() / "specs"
    if not specs.is_dir():
        pytest.skip(f"the specifications are not at {specs} (SLUICE_SHARED_DATA names the folder above)")
    return spec_clients.all_clients(specs)


@pytest.fixture(scope="module")
def asker(folder):
    vendors = Vendors()
    url = vendors.url
    known = {"api_key": "vendor-key", "prices": {"*": PRICES}}
    server = Sluice(folder("every-property"), {"breaker": {"failures": 0}, "providers": {
        "xai": {"base_url": f"{url}/v1", **known}, "openai": {"kind": "responses_compatible", "base_url": f"{url}/v1", **known},
        "anthropic": {"base_url": f"{url}/v1", **known}, "gemini": {"base_url": f"{url}/v1beta", **known}, "bedrock": bedrock_vendor(url)}}).start()
    yield Asker(server, server.create_key("properties"), vendors)
    server.stop()
    vendors.stop()


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(WORKERS) as workers:
        yield workers


@pytest.mark.parametrize("client, provider", [
    *itertools.product(("chat", "responses", "messages", "gemini"), PROVIDERS), *itertools.product(("embeddings", "gemini embeddings"), EMBEDDERS)])
def test_no_property_is_lost_in_silence(clients, asker, pool, client, provider):
    lost = []
    own = provider == {"embeddings": "chat", "gemini embeddings": "gemini"}.get(client, client)
    for probe, fault in walk(asker, pool, clients[client], provider, own):
        excuse = next((one for one in EXCUSES if one.covers(client, probe)), None) if fault.startswith("lost") else None
        if excuse:
            excuse.needed = True
        else:
            lost.append(f"{probe.path} = {json.dumps(probe.value)}: {fault}")
    assert not lost, f"{len(lost)} from {client} to {provider}:\n" + "\n".join(lost)


def test_no_excuse_outlives_its_need(clients):
    """Runs after the others, in their file's order."""
    assert [excuse for excuse in EXCUSES if not excuse.needed] == []

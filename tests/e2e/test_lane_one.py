"""Same dialect on both sides: the bytes that leave are the bytes that came, but for the model's name and the usage flag.

The provider here is a bare socket that keeps every byte."""

import json
import threading

import pytest

from harness import recorder
from harness.clients import http_client
from harness.raw import Wire
from harness.wait import DEADLINE_S, eventually

# Unusual on purpose: spacing, order, escapes, big numbers, doubled and unknown members. Nothing of it may change.
ODD_OPENAI = (
    b'{ "messages" :[{"role":"user","content":"caf\\u00e9 \\ud83d\\ude00 \xc3\xa9 \\/ \\n"}],\n\t"x_unknown":{"deep":[1.0,1e2,-0.0,'
    b'12345678901234567890,1180591620717411303424,-1E+400,0.1000]},"temperature":0.70, "model" : "MODEL" ,"metadata":{"b":"1","a":"2"},"x_unknown":null }')
ODD_ANTHROPIC = (
    b'{"max_tokens":64,"thinking":{"type":"enabled","budget_tokens":1024,"display":"x"},"context_management":{"edits":[]},'
    b'"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],  "model":"MODEL","messages":[{"role":"assistant",'
    b'"content":[{"type":"thinking","thinking":"t","signature":"EqQBCkYIARgC+/=="}]},{"role":"user","content":"hi \\u00e9"}],'
    b'"tools":[{"name":"f","input_schema":{"type":"object"},"defer_loading":true}]}')


@pytest.fixture
def post(recorders, recording_key):
    """Sends a body as it is and gives the raw answer back."""
    server = recorders[0]

    def send(path, body, headers=()):
        with Wire(server.url) as wire:
            wire.post(path, body, [f"Authorization: Bearer {recording_key}", *headers])
            return wire.read()

    return send


def test_an_openai_request_arrives_byte_for_byte_with_only_the_model_changed(recorders, post):
    _, oai, _ = recorders
    answer = post("/v1/chat/completions", ODD_OPENAI.replace(b"MODEL", b"oai/gpt-mock"))
    assert answer.status == 200
    (request,) = oai.requests
    assert request.body == ODD_OPENAI.replace(b"MODEL", b"gpt-mock")
    assert request.path == "/v1/chat/completions"


def test_an_anthropic_request_arrives_byte_for_byte_with_only_the_model_changed(recorders, post):
    _, _, ant = recorders
    ant.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    answer = post("/v1/messages?beta=true", ODD_ANTHROPIC.replace(b"MODEL", b"ant/claude-mock"))
    assert answer.status == 200
    (request,) = ant.requests
    assert request.body == ODD_ANTHROPIC.replace(b"MODEL", b"claude-mock")
    assert request.path.split("?")[0] == "/v1/messages"


def test_a_stream_gets_the_usage_flag_added_and_nothing_else(recorders, post):
    _, oai, _ = recorders
    oai.answer = recorder.streaming(recorder.openai_stream())
    post("/v1/chat/completions", ODD_OPENAI.replace(b"MODEL", b"oai/gpt-mock").replace(b'"temperature":0.70', b'"stream":true'))
    sent = oai.requests[0].body
    expected = ODD_OPENAI.replace(b"MODEL", b"gpt-mock").replace(b'"temperature":0.70', b'"stream":true')
    # Exactly one insertion turns what came into what left, and it is the flag.
    head = next(at for at in range(len(sent)) if at >= len(expected) or sent[at] != expected[at])
    inserted = sent[head:head + len(sent) - len(expected)]
    assert sent == expected[:head] + inserted + expected[head:]
    parsed = json.loads(sent)
    assert parsed.pop("stream_options") == {"include_usage": True}
    assert parsed == json.loads(expected)


def test_a_clients_own_stream_options_stay_as_they_are(recorders, post):
    _, oai, _ = recorders
    oai.answer = recorder.streaming(recorder.openai_stream())
    body = b'{"model":"oai/gpt-mock","stream":true,"stream_options":{"include_usage" : true,"x":1},"messages":[{"role":"user","content":"hi"}]}'
    answer = post("/v1/chat/completions", body)
    assert oai.requests[0].body == body.replace(b"oai/", b"")
    assert answer.body == b"".join(recorder.openai_stream()), "the client asked for the usage event and must get every byte"


def test_a_whole_answer_comes_back_byte_for_byte(recorders, post):
    _, oai, ant = recorders
    odd = recorder.openai_answer().replace(b'"choices"', b'"x_new" : {"a":1.0e0 },\n "choices"')
    oai.answer = recorder.fixed(recorder.ok(odd))
    assert post("/v1/chat/completions", ODD_OPENAI.replace(b"MODEL", b"oai/gpt-mock")).body == odd
    odd = recorder.anthropic_answer().replace(b'"usage"', b'"container":null ,"usage"')
    ant.answer = recorder.fixed(recorder.ok(odd))
    assert post("/v1/messages", ODD_ANTHROPIC.replace(b"MODEL", b"ant/claude-mock")).body == odd


def test_an_anthropic_stream_comes_back_byte_for_byte(recorders, post):
    _, _, ant = recorders
    events = recorder.anthropic_stream()
    events.insert(2, b'event: brand_new\ndata: {"type":"brand_new" , "n":1.50}\n\n')
    ant.answer = recorder.streaming(events)
    body = ODD_ANTHROPIC.replace(b"MODEL", b"ant/claude-mock").replace(b'"max_tokens":64', b'"max_tokens":64,"stream":true')
    answer = post("/v1/messages", body)
    assert answer.header("content-type").startswith("text/event-stream")
    assert answer.body == b"".join(events)


def test_an_openai_stream_comes_back_byte_for_byte_without_the_usage_event_that_nobody_asked_for(recorders, post):
    _, oai, _ = recorders
    events = recorder.openai_stream()
    events.insert(1, b": a comment\n\n")
    oai.answer = recorder.streaming(events)
    answer = post("/v1/chat/completions", ODD_OPENAI.replace(b"MODEL", b"oai/gpt-mock").replace(b'"temperature":0.70', b'"stream":true'))
    without_usage = [event for event in events if b'"usage"' not in event]
    assert answer.body == b"".join(without_usage)


@pytest.mark.parametrize("status, body", [
    ("400 Bad Request", b'{"type":"error","error":{"type":"invalid_request_error","message":"context_management: Extra inputs are not permitted"},"request_id":"req_vendor"}'),
    ("404 Not Found", b'{"type":"error", "error":{"type":"not_found_error","message":"model: claude-mock"}}'),
    ("529 Overloaded", b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
])
def test_a_vendors_error_body_reaches_the_client_verbatim(recorders, post, status, body):
    _, _, ant = recorders
    ant.answer = recorder.fixed(recorder.ok(body, status=status))
    answer = post("/v1/messages", ODD_ANTHROPIC.replace(b"MODEL", b"ant/claude-mock"))
    assert (answer.status, answer.body) == (int(status.split()[0]), body)


def test_beta_headers_are_forwarded_and_the_clients_key_and_private_headers_are_not(recorders, recording_key):
    server, _, ant = recorders
    ant.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    with http_client(server, **{
        "x-api-key": recording_key, "anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07,fine-grained-tool-streaming",
        "anthropic-user-profile-id": "uprof_1", "anthropic-workspace-id": "wrkspc_of_the_client",
        "cookie": "session=secret-cookie", "x-forwarded-for": "10.1.2.3", "x-sluice-data-class": "internal",
    }) as client:
        assert client.post("/v1/messages", content=ODD_ANTHROPIC.replace(b"MODEL", b"ant/claude-mock"),
                           headers={"content-type": "application/json"}).status_code == 200
    (request,) = ant.requests
    assert request.header("anthropic-beta") == "context-1m-2025-08-07,fine-grained-tool-streaming"
    assert request.header("anthropic-version") == "2023-06-01" and request.header("anthropic-user-profile-id") == "uprof_1"
    everything = request.head + request.body
    assert recording_key.encode() not in everything
    assert b"vendor-key-of-anthropic" in request.head
    for private in (b"secret-cookie", b"10.1.2.3", b"x-sluice", b"wrkspc_of_the_client"):
        assert private not in everything.lower()


def test_the_vendors_key_is_sent_once_and_never_reaches_the_client(recorders, post):
    server, oai, _ = recorders
    answer = post("/v1/chat/completions", ODD_OPENAI.replace(b"MODEL", b"oai/gpt-mock"))
    (request,) = oai.requests
    assert request.headers()["authorization"] == ["Bearer vendor-key-of-openai"]
    assert "x-api-key" not in request.headers()
    assert b"vendor-key" not in answer.head + answer.body
    assert "vendor-key" not in server.log()


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_events_with_any_line_ending_are_metered(recorders, recording_key, ending):
    server, oai, _ = recorders
    key = server.create_key(f"ending {ending!r}")
    events = [event.replace(b"\n", ending) for event in recorder.openai_stream(usage=(11, 3))]
    oai.answer = recorder.streaming(events)
    with http_client(server, key) as client:
        answer = client.post("/v1/chat/completions", content=(
            b'{"model":"oai/gpt-mock","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}'),
            headers={"content-type": "application/json"})
    assert answer.content == b"".join(events)
    usage = eventually(lambda: (row := server.usage_of(f"ending {ending!r}"))["requests"] == 1 and row, "the ledger entry")
    assert (usage["input_tokens"], usage["output_tokens"]) == (11, 3)


@pytest.mark.parametrize("events", [1, 3], ids=["one by one", "three at a time"])
def test_what_the_provider_has_sent_reaches_the_client_before_more_comes(recorders, recording_key, events):
    """Nothing waits for a buffer to fill: the provider sends the next events only when the client has the last ones."""
    server, oai, _ = recorders
    parts = [b"".join(b'data: {"choices":[{"index":0,"delta":{"content":"%d"}}]}\n\n' % (part * events + i) for i in range(events))
             for part in range(5)] + [b"data: [DONE]\n\n"]
    taken = threading.Semaphore(0)

    def answer(_, connection):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
            assert taken.acquire(timeout=DEADLINE_S), "the client did not get what was sent"
        connection.send(b"0\r\n\r\n")

    oai.answer = answer
    with Wire(server.url) as wire:
        wire.post("/v1/chat/completions", b'{"model":"oai/gpt-mock","stream":true,"messages":[{"role":"user","content":"hi"}]}',
                  [f"Authorization: Bearer {recording_key}"])
        assert wire.read_head().status == 200
        for part in parts:
            got = b""
            while len(got) < len(part):
                got += wire.read_chunk()
            assert got == part
            taken.release()
        assert wire.read_chunk() == b""


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("path,model,vendor", [("/v1/chat/completions", "oai/gpt-mock", 1), ("/v1/messages", "ant/claude-mock", 2),
                                               ("/v1/messages", "oai/gpt-mock", 1), ("/v1/chat/completions", "ant/claude-mock", 2)])
def test_a_valid_trace_goes_on_to_the_provider_in_both_lanes(recorders, post, path, model, vendor):
    recorders[2].answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    body = json.dumps({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}).encode()
    assert post(path, body, [f"Traceparent: {TRACE}", "tracestate: rojo=1,t@v=2"]).status == 200
    (request,) = recorders[vendor].requests
    assert request.header("traceparent") == TRACE
    assert request.header("tracestate") == "rojo=1,t@v=2"


@pytest.mark.parametrize("headers", [[f"traceparent: {TRACE}0"], [f"traceparent: {TRACE}", f"traceparent: {TRACE}"], ["tracestate: a=1"],
                                     ["traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01", "tracestate: a=1"]])
def test_a_trace_that_is_not_valid_stays_here(recorders, post, headers):
    body = json.dumps({"model": "oai/gpt-mock", "messages": [{"role": "user", "content": "hi"}]}).encode()
    assert post("/v1/chat/completions", body, headers).status == 200
    (request,) = recorders[1].requests
    assert request.header("traceparent") is None and request.header("tracestate") is None

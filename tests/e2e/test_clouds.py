"""Clouds that do not take a plain key at a plain path: Bedrock, Azure OpenAI, Vertex AI."""

import hashlib
import hmac
import json
import re
import threading
from decimal import Decimal
from urllib.parse import parse_qs, quote

import openai
import pytest

from harness import recorder
from harness.clients import anthropic_client, chat_body, http_client, messages_body, openai_client
from harness.mock_config import PRICES, anthropic_vendor, cost_pico, openai_vendor
from harness.sluice import Sluice
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE = "claude-sonnet-4-5@20250929"
HELLO = [{"role": "user", "content": "Hello"}]
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EVENT_STREAM = "application/vnd.amazon.eventstream"


@pytest.fixture(scope="module")
def clouds(folder, service_account):
    """(server, recorder): all clouds are one recorder, told apart by their paths."""
    side = recorder.Recorder()
    prices = {"*": PRICES}
    account = str(service_account(f"{side.url}/token"))
    places = f"{side.url}/v1/projects/p/locations/eu/publishers"
    server = Sluice(folder("clouds"), {"providers": {
        "bedrock": {"kind": "bedrock_converse", "base_url": side.url, "prices": prices, "models": [MODEL]},
        "azure": {"models": ["my-deployment"], "prices": prices},
        "classic": {"kind": "azure_openai", "base_url": f"{side.url}/openai/v1", "api_key": "key-of-azure", "prices": prices,
                    "azure_api_version": "2024-10-21"},
        "entra": {"kind": "azure_openai", "base_url": f"{side.url}/openai/v1", "auth": "bearer", "api_key": "token-of-entra", "prices": prices},
        "vertex": {"base_url": f"{places}/google", "google_key_file": account, "models": ["gemini-3-pro"], "prices": prices},
        "vertex-anthropic": {"base_url": f"{places}/anthropic", "google_key_file": account, "models": [CLAUDE], "prices": prices},
    }}, env={"AZURE_OPENAI_ENDPOINT": side.url + "/", "AZURE_OPENAI_API_KEY": "key-of-azure",
             "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": "session-token",
             "AWS_REGION": "eu-west-1"}).start()
    yield server, side
    server.stop()
    side.stop()


@pytest.fixture
def ask(clouds):
    server, side = clouds
    side.forget()
    with http_client(server, server.create_key()) as client:
        yield lambda path, body: client.post(path, json=body)


def expected_signature(request):
    """AWS Signature Version 4 of a recorded request, written down once more from the documentation."""
    credential, signed, _ = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})", request.header("authorization")).groups()
    key_id, *scope = credential.split("/")
    assert (key_id, scope[1:]) == ("AKIDEXAMPLE", ["eu-west-1", "bedrock", "aws4_request"])
    fields = "".join(f"{name}:{request.header(name)}\n" for name in signed.split(";"))
    canonical = "\n".join(["POST", quote(request.path, safe="/-_.~"), "", fields, signed, hashlib.sha256(request.body).hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", request.header("x-amz-date"), "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + SECRET.encode()
    for step in scope:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def check_signature(request):
    signed = re.search(r"SignedHeaders=([^,]+)", request.header("authorization"))[1].split(";")
    assert signed == ["content-type", "host", "x-amz-date", "x-amz-security-token"]
    assert request.header("x-amz-security-token") == "session-token"
    assert request.header("authorization").endswith(expected_signature(request))


@pytest.mark.parametrize("model", [MODEL, PROFILE], ids=["model", "inference profile"])
def test_bedrock_gets_a_signed_request_and_its_answer_comes_back_in_the_clients_dialect(clouds, ask, model):
    _, side = clouds
    side.answer = recorder.fixed(recorder.ok(recorder.bedrock_answer()))
    answer = ask(CHAT, chat_body(f"bedrock/{model}", temperature=0.5))
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "pong"
    assert answer.json()["usage"]["prompt_tokens"] == 7
    [request] = side.requests
    assert request.path == f"/model/{quote(model, safe='')}/converse"
    assert request.json() == {"messages": [{"role": "user", "content": [{"text": "Hello"}]}], "inferenceConfig": {"temperature": 0.5}}
    check_signature(request)


@pytest.mark.parametrize("path, body", [(CHAT, chat_body), (MESSAGES, messages_body)], ids=["openai", "anthropic"])
@pytest.mark.parametrize("pieces", [None, 1], ids=["message by message", "byte by byte"])
def test_bedrocks_binary_stream_becomes_server_sent_events(clouds, ask, path, body, pieces):
    _, side = clouds
    messages = recorder.bedrock_stream()
    if pieces:
        messages = [bytes([byte]) for byte in b"".join(messages)]
    side.answer = recorder.streaming(messages, content_type=EVENT_STREAM)
    answer = ask(path, body(f"bedrock/{MODEL}", stream=True))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer.text
    text = "".join(re.findall(r'"(?:content|text)":"(po|ng)"', answer.text))
    assert text == "pong"
    assert answer.text.rstrip().endswith("data: [DONE]" if path == CHAT else '"type":"message_stop"}')
    [request] = side.requests
    assert request.path.endswith("/converse-stream") and request.header("accept") == EVENT_STREAM
    check_signature(request)


def test_the_official_clients_read_bedrocks_stream(clouds):
    server, side = clouds
    side.answer = recorder.streaming(recorder.bedrock_stream(), content_type=EVENT_STREAM)
    key = server.create_key()
    chunks = list(openai_client(server, key).chat.completions.create(
        model=f"bedrock/{MODEL}", messages=HELLO, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "pong"
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 5)
    with anthropic_client(server, key).messages.stream(model=f"bedrock/{MODEL}", max_tokens=64, messages=HELLO) as stream:
        message = stream.get_final_message()
    assert message.content[0].text == "pong" and message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 5)


def broken(message):
    return message[:-1] + bytes([message[-1] ^ 1])


def test_a_message_with_a_wrong_checksum_is_no_answer(clouds, ask):
    _, side = clouds
    side.answer = recorder.streaming([broken(recorder.aws_message("messageStart", {"role": "assistant"}))], content_type=EVENT_STREAM)
    answer = ask(CHAT, chat_body(f"bedrock/{MODEL}", stream=True))
    assert answer.status_code == 502, answer.text
    assert "checksum" in answer.json()["error"]["message"]


def text_of_interrupted(client, side, events):
    """What a client reads of a stream whose later events come only when the first ones have reached it."""
    go_on = threading.Event()
    side.answer = recorder.interrupted(events, go_on, EVENT_STREAM)
    with client.stream("POST", CHAT, json=chat_body(f"bedrock/{MODEL}", stream=True)) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_text()
        text = next(pieces)
        go_on.set()
        return text + "".join(pieces)


def test_a_stream_that_turns_out_corrupt_ends_with_an_error_and_is_settled(clouds):
    server, side = clouds
    messages = recorder.bedrock_stream()
    with http_client(server, server.create_key("corrupt")) as client:
        text = text_of_interrupted(client, side, [*messages[:2], broken(messages[2])])
    assert '"content":"po"' in text and "checksum" in text and '"content":"ng"' not in text and "[DONE]" not in text
    used = eventually(lambda: server.usage_of("corrupt")["requests"] and server.usage_of("corrupt"), "the ledger to have the request")
    assert used["requests"] == 1 and used["cost_usd"] > 0


def test_an_exception_of_bedrock_ends_a_stream_in_the_clients_dialect(clouds):
    server, side = clouds
    messages = [*recorder.bedrock_stream()[:2], recorder.aws_message("throttlingException", {"message": "slow down"})]
    with http_client(server, server.create_key()) as client:
        text = text_of_interrupted(client, side, messages)
    assert '"message":"slow down"' in text and "[DONE]" not in text


def test_bedrocks_refusal_has_the_form_of_the_clients_dialect(clouds, ask):
    _, side = clouds
    side.answer = recorder.fixed(recorder.ok(b'{"message":"temperature is bad"}', status="400 Bad Request",
                                             headers=["x-amzn-errortype: ValidationException:http://internal.amazon.com/x"]))
    answer = ask(MESSAGES, messages_body(f"bedrock/{MODEL}"))
    assert answer.status_code == 400
    assert answer.json()["error"] == {"type": "invalid_request_error", "message": "temperature is bad"}


@pytest.mark.parametrize("settings", [{}, {"kind": "bedrock_converse", "auth": "bearer", "api_key": "key-of-bedrock"}], ids=["from the environment", "configured"])
def test_bedrock_takes_a_bearer_token_and_then_nothing_is_signed(serve, provider, settings):
    ours = {"base_url": provider.url, "prices": {"*": PRICES}, "models": [MODEL], **settings}
    signing = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}
    server = serve({"providers": {"cloud" if settings else "bedrock": ours}},
                   env={**signing, **({} if settings else {"AWS_BEARER_TOKEN_BEDROCK": "key-of-bedrock"})})
    name = f"{'cloud' if settings else 'bedrock'}/{MODEL}"
    with http_client(server, server.create_key()) as client:
        provider.answer = recorder.fixed(recorder.ok(recorder.bedrock_answer()))
        whole = client.post(CHAT, json=chat_body(name))
        provider.answer = recorder.streaming(recorder.bedrock_stream(), content_type=EVENT_STREAM)
        streamed = client.post(MESSAGES, json=messages_body(name, stream=True))
    assert whole.json()["choices"][0]["message"]["content"] == "pong", whole.text
    assert "".join(re.findall(r'"text":"(po|ng)"', streamed.text)) == "pong", streamed.text
    assert [request.path.rsplit("/")[-1] for request in provider.requests] == ["converse", "converse-stream"]
    for request in provider.requests:
        assert request.header("authorization") == "Bearer key-of-bedrock"
        assert not [header for header in request.headers() if header.startswith("x-amz")]
    assert "key-of-bedrock" not in server.log()


def test_azure_is_asked_below_its_resource(clouds, ask):
    _, side = clouds
    side.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    assert ask(CHAT, chat_body("azure/my-deployment")).status_code == 200
    [request] = side.requests
    assert request.path == "/openai/v1/chat/completions" and request.json()["model"] == "my-deployment"
    assert request.header("api-key") == "key-of-azure" and request.header("authorization") is None


def test_azure_takes_responses_as_they_are(clouds, ask):
    _, side = clouds
    body = b'{"id":"resp_1","object":"response","status":"completed","model":"gpt","output":[],"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}'
    side.answer = recorder.fixed(recorder.ok(body))
    answer = ask("/v1/responses", {"model": "azure/my-deployment", "input": "Hello"})
    assert answer.content == body
    assert side.requests[0].path == "/openai/v1/responses"


def test_azures_classic_paths_have_the_deployment_in_them(clouds, ask):
    _, side = clouds
    side.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    assert ask(CHAT, chat_body("classic/my-deployment")).status_code == 200
    [request] = side.requests
    assert request.path == "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert request.header("api-key") == "key-of-azure" and request.header("authorization") is None


def test_azure_takes_a_token_of_entra(clouds, ask):
    _, side = clouds
    side.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    assert ask(CHAT, chat_body("entra/my-deployment")).status_code == 200
    assert side.requests[0].header("authorization") == "Bearer token-of-entra" and side.requests[0].header("api-key") is None


@pytest.mark.parametrize("stream", [False, True])
def test_azures_own_client_is_served(clouds, stream):
    server, side = clouds
    side.forget()
    side.answer = recorder.streaming(recorder.openai_stream()) if stream else recorder.fixed(recorder.ok(recorder.openai_answer()))
    client = openai.AzureOpenAI(azure_endpoint=server.url, api_key=server.create_key(), api_version="2024-12-01-preview", max_retries=0)
    answer = client.chat.completions.create(model="azure/my-deployment", messages=HELLO, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices) == "pong"
    else:
        assert answer.choices[0].message.content == "pong"
    assert side.requests[0].path == "/openai/v1/chat/completions", "the client's version is not the provider's"


def test_azures_own_client_finds_what_names_no_deployment(clouds):
    server, side = clouds
    side.forget()
    client = openai.AzureOpenAI(azure_endpoint=server.url, api_key=server.create_key(), api_version="2024-12-01-preview", max_retries=0)
    whole = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt", "output": [],
             "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}}
    side.answer = recorder.fixed(recorder.ok(json.dumps(whole).encode()))
    assert client.responses.create(model="azure/my-deployment", input="Hello").id == "resp_1"
    side.answer = recorder.fixed(recorder.ok(b'{"id":"file-of-azure","object":"file"}'))
    assert client.files.create(file=b"{}", purpose="assistants", extra_headers={"x-sluice-provider": "azure"}).id == "file-of-azure"
    assert client.files.retrieve("file-of-azure").id == "file-of-azure"
    assert [request.path for request in side.requests] == ["/openai/v1/responses", "/openai/v1/files", "/openai/v1/files/file-of-azure"]
    assert "azure/my-deployment" in [model.id for model in client.models.list()]
    assert client.models.retrieve("azure/my-deployment").id == "azure/my-deployment"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("azure/nothing")


@pytest.mark.parametrize("model", [{}, {"model": None}, {"model": "azure/my-deployment"}])
def test_a_deployment_is_the_model_of_a_body_that_names_none(clouds, model):
    server, side = clouds
    side.forget()
    side.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    named = quote("azure/nobodys" if model.get("model") else "azure/my-deployment", safe="")
    with http_client(server, **{"api-key": server.create_key()}) as client:
        def ask(call, **body):
            return client.post(f"/openai/deployments/{named}/{call}?api-version=2024-10-21", **body)
        assert ask("chat/completions", json={**model, "messages": HELLO}).status_code == 200
        assert side.requests[-1].json() == {"model": "my-deployment", "messages": HELLO}
        sound = {name: value for name, value in model.items() if value}
        assert ask("audio/transcriptions", data=sound, files={"file": ("a.mp3", b"x")}).status_code == 200
        assert re.findall(rb'name="model"\r\n\r\n(.*)\r\n', side.requests[-1].body) == [b"my-deployment"]
        side.answer = recorder.fixed(recorder.ok(b'{"object":"list","data":[],"model":"e","usage":{"prompt_tokens":1,"total_tokens":1}}'))
        assert ask("embeddings", json={**model, "input": "Hello"}).status_code == 200
        assert side.requests[-1].json() == {"model": "my-deployment", "input": "Hello"}


def with_token(data):
    """An `answer` that gives a token to whoever asks for one, and the data to all others."""
    token = json.dumps({"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}).encode()

    def answer(request, connection):
        connection.send(recorder.ok(token) if request.path == "/token" else data)
    return answer


def test_gemini_on_vertex_is_asked_with_a_token_of_the_service_account(clouds, ask):
    _, side = clouds
    whole = {"candidates": [{"content": {"role": "model", "parts": [{"text": "pong"}]}, "finishReason": "STOP"}],
             "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}}
    side.answer = with_token(recorder.ok(json.dumps(whole).encode()))
    assert ask(CHAT, chat_body("vertex/gemini-3-pro")).json()["choices"][0]["message"]["content"] == "pong"
    request = side.requests[-1]
    assert request.path == "/v1/projects/p/locations/eu/publishers/google/models/gemini-3-pro:generateContent"
    assert request.header("authorization") == "Bearer ya29.token" and request.header("x-goog-api-key") is None


def test_gemini_on_vertex_streams_events(clouds, ask):
    _, side = clouds
    events = [{"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **finish}], "usageMetadata": {
        "promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12}} for text, finish in (("po", {}), ("ng", {"finishReason": "STOP"}))]
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)
    side.answer = with_token(recorder.ok(data, content_type="text/event-stream"))
    answer = ask(MESSAGES, messages_body("vertex/gemini-3-pro", stream=True))
    assert "".join(re.findall(r'"text":"(po|ng)"', answer.text)) == "pong", answer.text
    assert side.requests[-1].path == "/v1/projects/p/locations/eu/publishers/google/models/gemini-3-pro:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("path, body", [(MESSAGES, messages_body), (CHAT, chat_body)], ids=["anthropic", "openai"])
def test_claude_on_vertex_is_asked_with_a_token_of_the_service_account(clouds, ask, path, body):
    _, side = clouds
    side.answer = with_token(recorder.ok(recorder.anthropic_answer()))
    for _ in range(2):
        answered = ask(path, body(f"vertex-anthropic/{CLAUDE}", max_tokens=9))
        assert answered.status_code == 200, answered.text
    asked = [request for request in side.requests if request.path != "/token"]
    for request in asked:
        assert request.path == "/v1/projects/p/locations/eu/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"
        assert request.header("authorization") == "Bearer ya29.token" and request.header("anthropic-version") is None
        assert request.json()["anthropic_version"] == "vertex-2023-10-16" and "model" not in request.json()
    for request in side.requests:
        if request.path == "/token":
            assert parse_qs(request.body.decode())["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


def test_streams_of_claude_on_vertex_have_a_path_of_their_own(clouds, ask):
    _, side = clouds
    data = recorder.sse_head() + b"".join(recorder.chunk(event) for event in recorder.anthropic_stream()) + recorder.LAST_CHUNK
    side.answer = with_token(data)
    answer = ask(MESSAGES, messages_body(f"vertex-anthropic/{CLAUDE}", stream=True))
    assert answer.text.encode() == b"".join(recorder.anthropic_stream())
    assert side.requests[-1].path.endswith(f"/publishers/anthropic/models/{CLAUDE}:streamRawPredict")
    assert side.requests[-1].json()["stream"] is True


def test_claude_on_vertex_counts_the_prompt_itself(clouds):
    server, side = clouds
    side.forget()
    side.answer = with_token(recorder.ok(b'{"input_tokens":4711}'))
    client = anthropic_client(server, server.create_key())
    counted = client.messages.with_raw_response.count_tokens(model=f"vertex-anthropic/{CLAUDE}", messages=HELLO)
    assert counted.parse().input_tokens == 4711 and "x-sluice-estimated" not in counted.headers
    request = side.requests[-1]
    assert request.path == "/v1/projects/p/locations/eu/publishers/anthropic/models/count-tokens:rawPredict"
    assert request.json() == {"anthropic_version": "vertex-2023-10-16", "model": CLAUDE, "messages": HELLO}
    assert request.header("anthropic-version") is None


def test_who_gets_no_token_is_passed_over_and_costs_nothing(folder, service_account):
    side = recorder.Recorder()

    def answer(request, connection):
        refusal = b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'
        connection.send(recorder.ok(refusal, status="400 Bad Request") if request.path == "/token" else recorder.ok(recorder.openai_answer()))

    side.answer = answer
    server = Sluice(folder("no-token"), {"providers": {
        "claude": anthropic_vendor(side.url, auth="google_service_account", vertex=True, models=["m"], api_key="unused"),
        "oai": openai_vendor(side.url)}, "models": {"either": ["claude/m", "oai/gpt-mock"]}},
        env={"GOOGLE_APPLICATION_CREDENTIALS": str(service_account(f"{side.url}/token"))}).start()
    try:
        with http_client(server, server.create_key("no-token")) as client:
            alone = client.post(MESSAGES, json=messages_body("claude/m"))
            other = client.post(MESSAGES, json=messages_body("either"))
        assert alone.status_code == 502 and "Invalid JWT Signature." in alone.json()["error"]["message"]
        assert other.status_code == 200 and other.headers["x-sluice-provider"] == "oai"
        used = eventually(lambda: server.usage_of("no-token")["requests"] and server.usage_of("no-token"), "the ledger to have the request")
        assert used["cost_usd"] == Decimal(cost_pico(7, 5)) / 10**12
    finally:
        server.stop()
        side.stop()


def test_a_missing_credential_is_named(folder):
    server = Sluice(folder("missing"), {"providers": {"bedrock": {}, "azure": {}, "vertex": {}, "groq": {"api_key": "k"}}})
    validated = server.run("config", "validate", "--config", str(server.config_file), check=False)
    looked_at = server.run("doctor", check=False)
    for said in (validated.stdout + validated.stderr, looked_at.stdout + looked_at.stderr):
        for name in ("AWS_ACCESS_KEY_ID", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"):
            assert name in said, said
    assert validated.returncode == 0


def test_no_secret_is_written_anywhere(clouds):
    server, _ = clouds
    said = server.log() + server.run("logs", "tail", "-o", "json").stdout + server.run("doctor", check=False).stdout
    for secret in (SECRET, "session-token", "key-of-azure", "token-of-entra", "ya29.token", "PRIVATE KEY"):
        assert secret not in said

"""Gemini's API at the gateway: its paths, keys and forms of a stream, with a provider of its own dialect and one of another."""

import json
import re

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import gemini_vendor, openai_vendor

BODY = {"contents": [{"role": "user", "parts": [{"text": "ping"}]}]}
MODELS = "/v1beta/models"


def part(text, finish=None):
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **({"finishReason": finish} if finish else {})}
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 5, "totalTokenCount": 12},
            "modelVersion": "gemini-mock", "responseId": "r1"}


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\r\n\r\n"


@pytest.fixture
def goog():
    provider = recorder.Recorder()
    provider.answer = recorder.fixed(recorder.ok(json.dumps(part("pong", "STOP")).encode()))
    yield provider
    provider.stop()


@pytest.fixture
def oai():
    provider = recorder.Recorder()
    yield provider
    provider.stop()


@pytest.fixture
def server(serve, goog, oai):
    return serve({"providers": {"goog": gemini_vendor(goog.url), "oai": openai_vendor(oai.url)},
                  "models": {"either": ["goog/gemini-mock", "oai/gpt-mock"]}})


def test_a_request_of_the_same_dialect_goes_out_as_it_came(server, goog):
    body = b'{ "contents":[{"parts":[{"text":"ping"}]}], "newField": 1e2 }'
    with http_client(server) as client:
        key = server.create_key()
        answer = client.post(f"{MODELS}/goog/gemini-mock:generateContent?key={key}", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200 and answer.json() == part("pong", "STOP"), answer.text
    sent = goog.requests[0]
    assert (sent.path, sent.body) == ("/v1beta/models/gemini-mock:generateContent", body)
    assert sent.header("x-goog-api-key") == "vendor-key-of-gemini" and sent.header("authorization") is None
    assert key not in sent.head.decode() and key not in server.log()
    assert answer.headers["x-sluice-cost-usd"]


@pytest.mark.parametrize("model", ["goog%2Fgemini-mock", "goog/gemini-mock"])
@pytest.mark.parametrize("prefix", [MODELS, "/v1/models", "/v1alpha/models", "/gemini/v1beta/models", "/gemini/v1alpha/models", "/v1beta", "/v1alpha"])
def test_a_model_is_found_in_each_spelling_of_its_path(server, goog, prefix, model):
    with http_client(server, server.create_key()) as client:
        assert client.post(f"{prefix}/{model}:generateContent", json=BODY).status_code == 200
    assert goog.requests[0].path == "/v1beta/models/gemini-mock:generateContent"


@pytest.mark.parametrize("stream", [False, True])
def test_calls_that_have_no_id_get_one_of_their_own_in_each_answer(server, goog, stream):
    call = {"functionCall": {"name": "f", "args": {}}}
    said = {"candidates": [{"content": {"role": "model", "parts": [call, call]}, "finishReason": "STOP", "index": 0}]}
    whole = json.dumps(said).encode()
    goog.answer = recorder.streaming([b"data: " + whole + b"\n\n"]) if stream else recorder.fixed(recorder.ok(whole))
    seen = []
    with http_client(server, server.create_key()) as client:
        for _ in range(2):
            text = client.post("/v1/chat/completions", json=chat_body("goog/m", stream=stream)).text
            seen += re.findall(r'"id":"(call_[^"]+)"', text)
    assert len(seen) == 4 and len(set(seen)) == 4, seen


def test_two_keys_are_refused(server):
    with http_client(server, server.create_key()) as client:
        answer = client.post(f"{MODELS}/goog/gemini-mock:generateContent?key={server.create_key()}", json=BODY)
    assert answer.status_code == 401 and answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_a_stream_comes_as_events_or_as_one_array(server, goog):
    goog.answer = recorder.streaming([event(part("po")), event(part("ng", "STOP"))])
    with http_client(server, server.create_key()) as client:
        events = client.post(f"{MODELS}/goog/gemini-mock:streamGenerateContent?alt=sse", json=BODY)
        array = client.post(f"{MODELS}/goog/gemini-mock:streamGenerateContent", json=BODY)
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.content == event(part("po")) + event(part("ng", "STOP"))
    assert array.headers["content-type"].startswith("application/json")
    assert array.json() == [part("po"), part("ng", "STOP")]
    assert [request.path for request in goog.requests] == ["/v1beta/models/gemini-mock:streamGenerateContent?alt=sse"] * 2


def test_a_broken_stream_ends_in_an_error_in_either_form(server, goog):
    goog.answer = recorder.streaming([event(part("po"))])
    with http_client(server, server.create_key()) as client:
        events = client.post(f"{MODELS}/goog/gemini-mock:streamGenerateContent?alt=sse", json=BODY)
        array = client.post(f"{MODELS}/goog/gemini-mock:streamGenerateContent", json=BODY)
    assert json.loads(events.text.split("data: ")[-1])["error"]["code"] == 502
    assert [list(element)[0] for element in array.json()] == ["candidates", "error"]


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_a_stream_of_another_dialect_comes_in_the_same_forms(server, oai, query):
    oai.answer = recorder.streaming(recorder.openai_stream())
    with http_client(server, server.create_key()) as client:
        answer = client.post(f"{MODELS}/oai/gpt-mock:streamGenerateContent{query}", json=BODY)
    elements = answer.json() if not query else [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert elements[-1]["candidates"][0]["finishReason"] == "STOP" and elements[-1]["usageMetadata"]["promptTokenCount"] == 7
    assert "".join(element["candidates"][0]["content"]["parts"][0]["text"] for element in elements)
    assert oai.requests[0].json()["model"] == "gpt-mock"


def test_a_client_of_another_dialect_reaches_the_provider(server, goog):
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/chat/completions", json={"model": "goog/gemini-mock", "messages": [{"role": "user", "content": "ping"}]})
    assert answer.json()["choices"][0]["message"]["content"] == "pong"
    assert goog.requests[0].json()["contents"] == BODY["contents"]


def test_the_providers_key_being_wrong_is_not_the_clients_fault(server, goog):
    refusal = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
                         "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}}
    goog.answer = recorder.fixed(recorder.ok(json.dumps(refusal).encode(), status="400 Bad Request"))
    with http_client(server, server.create_key()) as client:
        answer = client.post(f"{MODELS}/goog/gemini-mock:generateContent", json=BODY)
    assert answer.status_code == 502 and "API key not valid" not in answer.text


@pytest.mark.parametrize("path", [f"{MODELS}/goog/gemini-mock:fly", "/v1/models/goog/gemini-mock:fly", "/v1/models/goog/gemini-mock:predict"])
def test_a_method_that_no_model_has_is_404_and_the_known_ones_are_named(server, goog, path):
    with http_client(server, server.create_key()) as client:
        answer = client.post(path, json=BODY)
        other = client.post("/v1/models/goog/gemini-mock", json=BODY)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (404, 404, "NOT_FOUND")
    assert ":streamGenerateContent" in error["message"] and ":countTokens" in error["message"], error
    assert other.status_code == 405 and other.headers["allow"] == "GET, HEAD"
    assert not goog.requests


def test_each_model_of_the_catalogue_offers_what_it_can(serve, goog):
    server = serve({"providers": {"gemini": {"api_key": "k", "base_url": f"{goog.url}/v1beta"}, "anthropic": {"api_key": "k"}}})
    with http_client(server, server.create_key()) as client:
        told = {one["name"]: one for one in client.get(MODELS).json()["models"]}
        openai = {one["id"]: one for one in client.get("/v1/models").json()["data"]}
        anthropic = {one["id"]: one for one in client.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()["data"]}
    generates, embeds = ["generateContent", "streamGenerateContent", "countTokens"], ["embedContent", "batchEmbedContents"]
    for name, one in told.items():
        assert one["supportedGenerationMethods"] == (embeds if "embedding" in name else generates), name
        assert one["baseModelId"] == name.removeprefix("models/") and "version" in one and not name.endswith("*")
    assert told["models/gemini/gemini-3.1-pro"]["inputTokenLimit"] == 1_048_576 and told["models/gemini/gemini-3.1-pro"]["thinking"]
    opus = anthropic["anthropic/claude-opus-4.7"]
    assert (opus["max_input_tokens"], opus["max_tokens"], opus["created_at"]) == (1_000_000, 128_000, "2026-04-16T00:00:00Z")
    assert set(openai) == set(anthropic) == {name.removeprefix("models/") for name in told}
    assert openai["anthropic/claude-opus-4.7"]["created"] == 1776297600


def test_models_and_tokens_have_its_shape(server):
    with http_client(server, server.create_key()) as client:
        names = [model["name"] for model in client.get(MODELS).json()["models"]]
        assert names == ["models/either"], "a provider's `*` is no model"
        assert client.get(f"{MODELS}/either").json()["supportedGenerationMethods"][0] == "generateContent"
        assert client.get(f"{MODELS}/goog/gemini-mock").json()["name"] == "models/goog/gemini-mock"
        # /v1 is OpenAI's and Anthropic's, too: who sends the key as Google's clients do is answered as they are.
        for path in ("/v1/models", "/gemini/v1/models"):
            google = httpx.get(f"{server.url}{path}", headers={"x-goog-api-key": server.create_key()})
            assert [model["name"] for model in google.json()["models"]] == names
        for path in (f"{MODELS}/none", "/gemini/v1beta/models/none", f"{MODELS}/goog%2F*", f"{MODELS}/goog%252F*", "/v1beta/nothing"):
            assert client.get(path).json()["error"]["status"] == "NOT_FOUND", path
        counts = []
        for text in ("ping", "ping " * 1000):
            contents = {"contents": [{"parts": [{"text": text}]}]}
            answer = client.post(f"{MODELS}/oai/gpt-mock:countTokens", json=contents)
            assert answer.headers["x-sluice-estimated"] == "true"
            counts.append(answer.json()["totalTokens"])
            whole = client.post(f"{MODELS}/oai/gpt-mock:countTokens", json={"generateContentRequest": contents})
            assert whole.json()["totalTokens"] <= counts[-1] + 10  # the wrapping has bytes too
        assert 0 < counts[0] < counts[1]
        assert client.get(f"{MODELS}/goog/gemini-mock:generateContent").status_code == 405

"""How many tokens a prompt has: the provider's own count where it has one, else an estimate that says so; never a bill."""

import json

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import RefusedPort, anthropic_vendor, gemini_vendor, openai_vendor, responses_vendor
from harness.wait import eventually

MESSAGES = [{"role": "user", "content": "ping"}]
CALLS = {  # path, body, what the provider is asked, its answer, member of the count
    "claude": ("/v1/messages/count_tokens?beta=true", {"model": "claude/m", "messages": MESSAGES}, "/v1/messages/count_tokens?beta=true", "input_tokens"),
    "resp": ("/v1/responses/input_tokens", {"model": "resp/m", "input": "ping"}, "/v1/responses/input_tokens", "input_tokens"),
    "goog": ("/v1beta/models/goog/m:countTokens", {"contents": [{"parts": [{"text": "ping"}]}]}, "/v1beta/models/m:countTokens", "totalTokens"),
}


@pytest.fixture
def server(serve, provider):
    return serve({"providers": {"claude": anthropic_vendor(provider.url), "resp": responses_vendor(provider.url),
                                "goog": gemini_vendor(provider.url), "oai": openai_vendor(provider.url)},
                  "models": {"main": ["claude/m"]}})


@pytest.mark.parametrize("name", CALLS)
def test_a_provider_of_the_same_dialect_counts_itself(server, provider, name):
    path, body, asked, member = CALLS[name]
    counted = json.dumps({member: 4711, "anything": True}).encode()
    provider.answer = recorder.fixed(recorder.ok(counted))
    with http_client(server, server.create_key("small", budget="1")) as client:
        answer = client.post(path, json=body, headers={"anthropic-beta": "token-counting-2024-11-01"})
    assert answer.content == counted and "x-sluice-estimated" not in answer.headers
    sent = provider.requests[0]
    assert sent.path == asked and sent.json() == ({**body, "model": "m"} if "model" in body else body)
    assert (sent.header("anthropic-beta") is not None) == (name == "claude")
    assert float(answer.headers["x-sluice-cost-usd"]) == 0
    used = eventually(lambda: (row := server.usage_of("small"))["requests"] and row, "the ledger")
    assert (used["requests"], used["input_tokens"], used["output_tokens"], used["cost_usd"]) == (1, 0, 0, 0)


@pytest.mark.parametrize("name", CALLS)
def test_another_dialect_is_estimated_without_asking_anybody(server, provider, name):
    path, body, _, member = CALLS[name]
    path = path.replace("goog/m", "oai/gpt-mock")
    counts = []
    with http_client(server, server.create_key()) as client:
        for words in (1, 1000):
            longer = json.loads(json.dumps({**body, **({"model": "oai/gpt-mock"} if "model" in body else {})}).replace("ping", "ping " * words))
            answer = client.post(path, json=longer)
            assert (answer.status_code, answer.headers["x-sluice-estimated"]) == (200, "true"), answer.text
            counts.append(answer.json()[member])
    assert 0 < counts[0] < counts[1] and not provider.requests
    if name == "resp":
        assert answer.json()["object"] == "response.input_tokens"


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "401 Unauthorized"])
def test_a_provider_that_cannot_count_is_stood_in_for(server, provider, status):
    provider.answer = recorder.fixed(recorder.ok(b'{"type":"error","error":{"type":"not_found_error","message":"no"}}', status=status))
    with http_client(server, server.create_key("small", budget="1")) as client:
        answer = client.post("/v1/messages/count_tokens", json={"model": "claude/m", "messages": MESSAGES})
    assert (answer.status_code, answer.headers["x-sluice-estimated"]) == (200, "true") and answer.json()["input_tokens"] > 0
    assert server.usage_of("small")["cost_usd"] == 0


def test_nobody_there_is_no_reason_to_fail(serve):
    port = RefusedPort()
    server = serve({"providers": {"claude": anthropic_vendor(port.url)}})
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/messages/count_tokens", json={"model": "claude/m", "messages": MESSAGES})
    port.close()
    assert (answer.status_code, answer.headers["x-sluice-estimated"]) == (200, "true")


def test_the_providers_word_about_the_request_is_passed_on(server, provider):
    refusal = b'{"type":"error","error":{"type":"invalid_request_error","message":"messages: roles must alternate"}}'
    provider.answer = recorder.fixed(recorder.ok(refusal, status="400 Bad Request"))
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/messages/count_tokens", json={"model": "claude/m", "messages": MESSAGES})
    assert (answer.status_code, answer.content) == (400, refusal)


def test_counting_is_for_those_who_have_a_key_and_name_a_model(server, provider):
    with http_client(server) as client:
        answer = client.post("/v1/messages/count_tokens", json={"model": "claude/m", "messages": MESSAGES})
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
        assert client.get("/v1/messages/count_tokens").status_code in (401, 405)
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/messages/count_tokens", json={"model": "nobody", "messages": MESSAGES})
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
        answer = client.post("/v1/responses/input_tokens", json={"input": "ping"})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
        answer = client.post("/v1/messages/count_tokens", json={"model": "claude/m", "messages": MESSAGES},
                             headers={"x-sluice-data-class": "restricted"})
        assert answer.status_code == 403
    assert not provider.requests


def test_counting_is_bounded_by_the_keys_rate(server, provider):
    provider.answer = recorder.fixed(recorder.ok(b'{"input_tokens":1}'))
    with http_client(server, server.create_key(rpm=2)) as client:
        statuses = [client.post("/v1/messages/count_tokens", json={"model": "claude/m", "messages": MESSAGES}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_a_wrapped_request_names_the_providers_model(server, provider):
    provider.answer = recorder.fixed(recorder.ok(b'{"totalTokens":3}'))
    whole = {"model": "models/goog/m", "contents": [{"parts": [{"text": "ping"}]}]}
    with http_client(server, server.create_key()) as client:
        client.post("/v1beta/models/goog/m:countTokens", json={"generateContentRequest": whole})
    assert provider.requests[0].json() == {"generateContentRequest": {**whole, "model": "models/m"}}


def test_claude_codes_probes_are_answered(server):
    with http_client(server) as client:
        for path in ("/", "/api/hello", "/anthropic/api/hello"):
            assert client.head(path).status_code == 200, path
    with http_client(server, server.create_key()) as client:
        page = client.get("/v1/models?limit=1000", headers={"anthropic-version": "2023-06-01"}).json()
        assert page["data"][0].keys() >= {"type", "id", "display_name", "created_at", "lifecycle"} and page["has_more"] is False

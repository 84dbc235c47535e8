"""A conversation whose last message is the assistant's, and the models that refuse to go on from it."""

import json

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import bedrock_vendor

REFUSES, TAKES = "anthropic/claude-opus-4.8", "anthropic/claude-haiku-4.5"
TURNS = [{"role": "user", "content": "The capital of France?"}, {"role": "assistant", "content": "It is"}]
GEMINI = [{"role": "user", "parts": [{"text": "The capital of France?"}]}, {"role": "model", "parts": [{"text": "It is"}]}]


def asking(client, model):
    """(path, body) of the same conversation in the client's dialect."""
    return {"chat": ("/v1/chat/completions", {"model": model, "messages": TURNS}),
            "responses": ("/v1/responses", {"model": model, "input": TURNS}),
            "messages": ("/v1/messages", {"model": model, "max_tokens": 9, "messages": TURNS}),
            "gemini": (f"/v1beta/models/{model}:generateContent", {"contents": GEMINI})}[client]


@pytest.fixture
def server(serve, provider):
    """Anthropic's own models, and the same at a cloud whose names nobody has listed; both are one recorder."""
    provider.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    return serve({"providers": {"anthropic": {"api_key": "k", "base_url": f"{provider.url}/v1"}, "cloud": bedrock_vendor(provider.url)},
                  "models": {"either": [REFUSES, TAKES], "none": [REFUSES, "anthropic/claude-sonnet-5"]}})


@pytest.fixture
def ask(server):
    with http_client(server, server.create_key()) as client:
        def post(way, model):
            path, body = asking(way, model)
            return client.post(path, json=body)
        yield post


@pytest.mark.parametrize("way, told", [("chat", "messages"), ("responses", "input"), ("gemini", "contents")])
def test_translated_it_is_400_that_names_the_parameter_and_nobody_is_asked(ask, provider, way, told):
    for model in (REFUSES, "none"):
        answer = ask(way, model)
        assert answer.status_code == 400, answer.text
        assert f"{told}: the last one is the assistant's, and this model refuses" in answer.text
        assert way == "gemini" or answer.json()["error"]["param"] == told
    assert provider.requests == []
    assert ask(way, TAKES).status_code == 200
    assert provider.requests[0].json()["messages"][-1]["role"] == "assistant"


def test_in_its_own_dialect_the_vendor_has_the_word(ask, provider):
    refusal = b'{"type":"error","error":{"type":"invalid_request_error","message":"no prefill, says the vendor"}}'
    provider.answer = recorder.fixed(recorder.ok(refusal, status="400 Bad Request"))
    answer = ask("messages", REFUSES)
    assert (answer.status_code, answer.content) == (400, refusal)
    [request] = provider.requests
    assert request.json()["messages"] == TURNS


@pytest.mark.parametrize("way", ["chat", "responses", "messages", "gemini"])
def test_of_several_whoever_goes_on_is_asked(ask, provider, way):
    answer = ask(way, "either")
    assert (answer.status_code, answer.headers["x-sluice-model"], answer.headers["x-sluice-attempts"]) == (200, "claude-haiku-4-5", "1")
    assert [request.json()["model"] for request in provider.requests] == ["claude-haiku-4-5"]


def test_what_is_not_in_the_catalogue_is_sent(ask, provider):
    provider.answer = recorder.fixed(recorder.ok(recorder.bedrock_answer()))
    assert ask("chat", "cloud/eu.anthropic.claude-opus-4-8").status_code == 200
    assert provider.requests[0].json()["messages"][-1]["role"] == "assistant"


def test_explain_and_the_list_of_models_say_it(server):
    explained = server.run_json("route", "explain", "either", "--prefill")
    assert explained["choice"] == TAKES
    assert [(one["name"], one["rule"]) for one in explained["rejected"]] == [(REFUSES, "no_prefill")]
    listed = json.loads(server.run("models", "--all", "-o", "json").stdout)["models"]
    refusing = {one["name"] for one in listed if one["refuses_prefill"]}
    assert REFUSES in refusing and "bedrock/eu.claude-opus-4.7" in refusing and TAKES not in refusing

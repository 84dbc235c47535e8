"""What a model refuses it is not asked in translation, as the catalogue has it; within one API its vendor has the word."""

import re

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import bedrock_vendor, openai_vendor, responses_vendor

ASK = [{"role": "user", "content": "How high is the Elbe?"}]
TOOL = {"name": "gauge", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}


def of_any_api(request, connection):
    """One recorder plays OpenAI with both of its APIs, Anthropic and Bedrock."""
    whole = {"/chat/completions": recorder.openai_answer, "/responses": recorder.responses_answer, "/messages": recorder.anthropic_answer,
             "/converse": recorder.bedrock_answer}
    streams = {"/chat/completions": recorder.openai_stream, "/responses": recorder.responses_stream, "/messages": recorder.anthropic_stream}
    path = next(end for end in whole if request.path.endswith(end))
    if request.json().get("stream"):
        recorder.streaming(streams[path]())(request, connection)
    else:
        connection.send(recorder.ok(whole[path]()))


@pytest.fixture
def ask(serve, provider):
    provider.answer = of_any_api
    at = {"api_key": "k", "base_url": f"{provider.url}/v1"}
    server = serve({"providers": {"openai": at, "openrouter": at, "anthropic": at, "other": openai_vendor(provider.url),
                                  "cloud": bedrock_vendor(provider.url), "newer": responses_vendor(provider.url)},
                    "models": {"either": ["anthropic/claude-opus-4.8", "anthropic/claude-haiku-4.5"]}})
    with http_client(server, server.create_key()) as client:
        def post(path, **body):
            answer = client.post(path, json=body)
            answer.dropped = set(filter(None, answer.headers.get("x-sluice-dropped-params", "").split(",")))
            return answer, provider.requests[-1] if provider.requests else None
        yield post


def messages(ask, model, **members):
    return ask("/v1/messages", model=model, max_tokens=64, messages=ASK, **members)


@pytest.mark.parametrize("model", ["openai/gpt-5", "openai/gpt-5-mini-2025-08-07", "openai/o3", "openai/gpt-5.6-sol", "openrouter/openai/gpt-5.5", "other/gpt-5-nano"])
def test_a_model_that_thinks_is_not_told_how_to_sample(ask, model):
    answer, sent = messages(ask, model, temperature=0.5, top_p=0.9)
    assert answer.status_code == 200, answer.text
    assert not {"temperature", "top_p"} & set(sent.json()) and answer.dropped == {"temperature", "top_p"}
    answer, sent = ask(f"/v1beta/models/{model}:generateContent", contents=[{"role": "user", "parts": [{"text": "x"}]}],
                       generationConfig={"temperature": 0.5, "presencePenalty": 1})
    assert answer.status_code == 200 and answer.dropped == {"generationConfig.temperature", "generationConfig.presencePenalty"}
    assert not {"temperature", "presence_penalty"} & set(sent.json())


@pytest.mark.parametrize("model", ["openai/gpt-5.4", "openai/gpt-5.4-2026-03-05", "openai/gpt-4o", "other/any"])
def test_one_that_does_not_is(ask, model):
    answer, sent = messages(ask, model, temperature=0.5, top_p=0.9)
    assert answer.status_code == 200, answer.text
    assert (sent.json()["temperature"], sent.json()["top_p"], answer.dropped) == (0.5, 0.9, set())


def test_within_one_API_the_vendor_has_the_word(ask):
    answer, sent = ask("/v1/chat/completions", model="openai/gpt-5", messages=ASK, temperature=0.5, reasoning_effort="none")
    assert answer.status_code == 200 and not answer.dropped
    assert sent.json() == {"model": "gpt-5", "messages": ASK, "temperature": 0.5, "reasoning_effort": "none"}


@pytest.mark.parametrize("model, asked, told", [
    ("openai/gpt-5.1", "max", "high"), ("openai/gpt-5.4", "max", "xhigh"), ("openai/gpt-6-sol", "max", "max"), ("openai/gpt-5", "low", "low"),
    ("other/o3-2025-04-16", "max", "high"), ("other/any", "max", None)])
def test_a_model_is_told_the_nearest_of_the_efforts_that_it_knows(ask, model, asked, told):
    answer, sent = messages(ask, model, output_config={"effort": asked})
    assert answer.status_code == 200 and sent.json().get("reasoning_effort") == told
    assert answer.dropped == (set() if asked == told else {"output_config.effort"})


@pytest.mark.parametrize("model, asked, told, thinking", [
    ("anthropic/claude-opus-4.6", "xhigh", "high", None), ("anthropic/claude-haiku-4.5", "high", None, None), ("anthropic/claude-opus-5.5", "none", "low", None),
    ("anthropic/claude-opus-4.8", "none", None, "disabled")])
def test_so_is_a_claude(ask, model, asked, told, thinking):
    answer, sent = ask("/v1/chat/completions", model=model, messages=ASK, reasoning_effort=asked)
    assert answer.status_code == 200
    assert (sent.json().get("output_config", {}).get("effort"), sent.json().get("thinking", {}).get("type")) == (told, thinking)
    assert answer.dropped == (set() if asked == told or thinking else {"reasoning_effort"})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model, effort, path", [
    ("openai/gpt-5.6-sol", None, "/responses"),  # it thinks unasked
    ("openai/gpt-5.6-sol", "high", "/responses"),
    ("openai/gpt-5.4", None, "/chat/completions"),  # it does not
    ("openai/gpt-5.4-mini-2026-03-17", "low", "/responses"),
    ("openai/gpt-5.1", "high", "/chat/completions"),
    ("openrouter/openai/gpt-5.6-sol", "high", "/chat/completions"),  # that rule is OpenAI's own
])
def test_OpenAI_is_asked_over_Responses_where_its_model_thinks_and_has_tools(ask, model, effort, path, stream):
    members = {"output_config": {"effort": effort}} if effort else {}
    answer, sent = messages(ask, model, tools=[TOOL], stream=stream, **members)
    assert answer.status_code == 200, answer.text
    assert sent.path == "/v1" + path and not answer.dropped
    assert "".join(re.findall(r'"text":"(\w*)"', answer.text)) == "pong"
    body = sent.json()
    assert body["tools"][0].get("name", body["tools"][0].get("function", {}).get("name")) == "gauge"
    assert (body.get("reasoning", {}).get("effort"), body.get("reasoning_effort")) == ((effort, None) if path == "/responses" else (None, effort))
    answer, sent = messages(ask, model, stream=stream, **members)
    assert answer.status_code == 200 and sent.path == "/v1/chat/completions", "without tools there is no need"


def test_a_claude_at_a_cloud_that_nobody_has_listed_is_known_by_its_name(ask):
    answer, sent = ask("/v1/chat/completions", model="cloud/eu.anthropic.claude-opus-4-8-20260528-v1:0", messages=[*ASK, {"role": "system", "content": "In feet."}],
                       temperature=0.5)
    assert answer.status_code == 200 and answer.dropped == {"temperature"}
    assert [message["role"] for message in sent.json()["messages"]] == ["user", "system"]


@pytest.mark.parametrize("path, member", [("/v1/chat/completions", "messages"), ("/v1/responses", "input"), ("/v1/messages", "messages")])
def test_of_a_routes_models_whoever_goes_on_is_asked_also_with_a_system_message_at_the_end(ask, path, member):
    turns = [*ASK, {"role": "assistant", "content": "It is"}, {"role": "system", "content": "In feet."}]
    answer, sent = ask(path, model="either", **{member: turns}, **({"max_tokens": 9} if path == "/v1/messages" else {}))
    assert answer.status_code == 200, answer.text
    assert sent.json()["model"] == "claude-haiku-4-5" and answer.headers["x-sluice-attempts"] == "1"


def test_the_developers_word_is_kept_where_it_is_known(ask):
    turns = [*ASK, {"role": "assistant", "content": "1.4 m"}, {"role": "developer", "content": "In feet."}, {"role": "user", "content": "again"}]
    answer, sent = ask("/v1/chat/completions", model="newer/any", messages=turns)
    assert answer.status_code == 200 and sent.json()["input"][2] == {"role": "developer", "content": "In feet."}
    answer, sent = ask("/v1/responses", model="other/any", input=turns)
    assert answer.status_code == 200 and sent.json()["messages"][2] == {"role": "system", "content": "In feet."}

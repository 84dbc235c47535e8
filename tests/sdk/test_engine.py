"""The official SDKs on the real engine and the real model that `sluice serve` starts by itself, with nothing configured.

The model is small: the tests look at the form of its answers, at counts and at limits, and at one fact it knows."""

import json
from decimal import Decimal

import openai
import pytest

from conftest import ENGINE_MODEL
from harness.clients import ANTHROPIC_WEATHER, OPENAI_WEATHER, WEATHER_SCHEMA, anthropic_client, http_client, openai_client
from harness.wait import eventually

pytestmark = pytest.mark.engine
QUESTION = [{"role": "user", "content": "What is 2+2?"}]
SHORT = {"max_tokens": 24, "extra_body": {"temperature": 0}}


@pytest.fixture
def chat(engine_gateway, engine_key):
    return openai_client(engine_gateway, engine_key).chat.completions


@pytest.fixture
def messages(engine_gateway, engine_key):
    return anthropic_client(engine_gateway, engine_key).messages


@pytest.mark.parametrize("model", ["auto", ENGINE_MODEL])
def test_openai_client_gets_an_answer_from_home(chat, model):
    raw = chat.with_raw_response.create(model=model, messages=QUESTION, **SHORT)
    answer = raw.parse()
    assert answer.choices[0].message.content.strip()
    assert answer.usage.prompt_tokens > 5 and 0 < answer.usage.completion_tokens <= 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert raw.headers["x-sluice-ground"] == "self_hosted" and raw.headers["x-sluice-provider"] == "local"
    assert Decimal(raw.headers["x-sluice-cost-usd"]) == 0


def test_openai_client_streams_an_answer_and_its_usage(chat):
    chunks = list(chat.create(model="auto", messages=QUESTION, stream=True, stream_options={"include_usage": True}, **SHORT))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices).strip()
    assert len(chunks) > 4
    assert 0 < chunks[-1].usage.completion_tokens <= 24


def test_anthropic_client_gets_an_answer_from_home(messages):
    raw = messages.with_raw_response.create(model="auto", messages=QUESTION, system="You are a helpful assistant.", **SHORT)
    answer = raw.parse()
    assert answer.content[0].type == "text" and answer.content[0].text.strip()
    assert answer.usage.input_tokens > 5 and 0 < answer.usage.output_tokens <= 24
    assert raw.headers["x-sluice-ground"] == "self_hosted"


def test_anthropic_client_streams_an_answer(messages):
    with messages.stream(model="auto", messages=QUESTION, **SHORT) as stream:
        pieces = list(stream.text_stream)
        answer = stream.get_final_message()
    assert len(pieces) > 1 and "".join(pieces) == answer.content[0].text
    assert answer.content[0].text.strip()
    assert 0 < answer.usage.output_tokens <= 24


def test_the_token_limit_is_kept_and_named_in_both_dialects(chat, messages):
    story = [{"role": "user", "content": "Tell me a long story about the sea."}]
    answer = chat.create(model="auto", messages=story, max_tokens=5)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 5
    answer = messages.create(model="auto", messages=story, max_tokens=5)
    assert answer.stop_reason == "max_tokens" and answer.usage.output_tokens == 5


def test_a_stop_sequence_ends_the_answer_in_both_dialects(chat, messages):
    answer = chat.create(model="auto", messages=QUESTION, stop=["e"], **SHORT)
    assert "e" not in answer.choices[0].message.content and answer.choices[0].finish_reason == "stop"
    answer = messages.create(model="auto", messages=QUESTION, stop_sequences=["e"], **SHORT)
    assert "e" not in "".join(block.text for block in answer.content)


def test_a_longer_system_prompt_is_read_by_the_model(chat):
    def prompt_tokens(system):
        said = [{"role": "system", "content": system}, *QUESTION]
        return chat.create(model="auto", messages=said, max_tokens=1).usage.prompt_tokens

    assert prompt_tokens("Be brief. " * 40) > prompt_tokens("Be brief.") + 60


def test_an_answer_in_a_json_schema_is_enforced(chat):
    answer = chat.create(model="auto", max_tokens=60, temperature=0, messages=[{"role": "user", "content": "Weather for Paris as JSON."}],
                         response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": WEATHER_SCHEMA, "strict": True}})
    if answer.choices[0].finish_reason == "length":
        pytest.skip("the model did not come to the end of its JSON")
    assert "city" in json.loads(answer.choices[0].message.content)


def test_a_streaming_call_with_a_tool_offered_comes_to_a_proper_end(chat, messages):
    finish = None
    arguments = ""
    for chunk in chat.create(model="auto", messages=QUESTION, tools=[OPENAI_WEATHER], stream=True, **SHORT):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            arguments += "".join(part.function.arguments or "" for part in choice.delta.tool_calls or [])
    assert finish in ("stop", "length", "tool_calls")
    if finish == "tool_calls":
        json.loads(arguments)
    with messages.stream(model="auto", messages=QUESTION, tools=[ANTHROPIC_WEATHER], **SHORT) as stream:
        assert stream.get_final_message().stop_reason in ("end_turn", "max_tokens", "tool_use")


def test_the_local_model_is_listed_first(chat, engine_gateway, engine_key):
    with http_client(engine_gateway, engine_key) as client:
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert "auto" in names and any("smollm2-135m-instruct" in name for name in names)
    assert [model.id for model in openai_client(engine_gateway, engine_key).models.list()] == names
    assert [model.id for model in anthropic_client(engine_gateway, engine_key).models.list()] == names


def test_a_prompt_beyond_the_models_context_is_a_400_with_the_two_numbers(chat):
    with pytest.raises(openai.BadRequestError) as raised:
        chat.create(model=ENGINE_MODEL, messages=[{"role": "user", "content": "word " * 30000}], max_tokens=8)
    assert "context" in raised.value.message or "token" in raised.value.message


def test_a_restricted_key_may_use_the_local_engine(engine_gateway):
    key = engine_gateway.create_key("restricted", data_class="restricted")
    answer = openai_client(engine_gateway, key).chat.completions.create(model="auto", messages=QUESTION, **SHORT)
    assert answer.choices[0].message.content.strip()


def test_the_command_line_talks_to_the_model(engine_gateway):
    assert engine_gateway.run("run", "auto", "What is 2+2?").stdout.strip()
    assert engine_gateway.run_json("route", "explain", "auto")["choice"] == ENGINE_MODEL


def test_usage_shows_the_local_ground_at_no_price_per_token(engine_gateway):
    key = engine_gateway.create_key("counted")
    answer = openai_client(engine_gateway, key).chat.completions.create(model="auto", messages=QUESTION, **SHORT)
    usage = eventually(lambda: (row := engine_gateway.usage_of("counted"))["requests"] == 1 and row, "the ledger entry")
    assert usage["output_tokens"] == answer.usage.completion_tokens and usage["cost_usd"] == 0
    assert [row["name"] for row in engine_gateway.run_json("usage")["grounds"]] == ["self_hosted"]

"""The official Python SDKs on both dialects, in front of a mock that plays both vendors: every client dialect over every
provider dialect, streamed and not, with text, tools, tool results, system prompts, stop reasons and usage."""

import json
from decimal import Decimal

import pytest

from harness.clients import ANTHROPIC_WEATHER, OPENAI_WEATHER, anthropic_client, openai_client
from harness.mock_config import cost_pico
from harness.wait import eventually

TEXT = "Hello from the mock, in more than one chunk"
OPENAI_SIDE, ANTHROPIC_SIDE = "mockai/gpt-mock", "mockant/claude-mock"

both_providers = pytest.mark.parametrize("model", [OPENAI_SIDE, ANTHROPIC_SIDE], ids=["openai-provider", "anthropic-provider"])


@pytest.fixture
def chat(gateway, key):
    return openai_client(gateway, key).chat.completions


@pytest.fixture
def messages(gateway, key):
    return anthropic_client(gateway, key).messages


def assert_describes(headers, model, input_tokens, output_tokens):
    """The x-sluice headers of a plain answer by the mock."""
    provider, name = model.split("/")
    assert headers["x-sluice-request-id"].startswith("req_")
    assert headers["x-sluice-provider"] == provider
    assert headers["x-sluice-model"] == name
    assert headers["x-sluice-ground"] in ("proprietary", "hosted_open", "self_hosted")
    assert headers["x-sluice-attempts"] == "1"
    assert Decimal(headers["x-sluice-cost-usd"]) * 10**12 == cost_pico(input_tokens, output_tokens)
    assert "E" not in headers["x-sluice-cost-usd"].upper()


# --- text

@both_providers
def test_openai_client_gets_text_usage_and_exact_cost(chat, model):
    raw = chat.with_raw_response.create(model=model, messages=[{"role": "user", "content": "Hello"}])
    answer = raw.parse()
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 5, 12)
    assert_describes(raw.headers, model, 7, 5)


@both_providers
def test_anthropic_client_gets_text_usage_and_exact_cost(messages, model):
    raw = messages.with_raw_response.create(model=model, max_tokens=64, messages=[{"role": "user", "content": "Hello"}])
    answer = raw.parse()
    assert [block.text for block in answer.content] == [TEXT]
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 5)
    assert_describes(raw.headers, model, 7, 5)


@both_providers
def test_openai_client_streams_text_and_then_usage(chat, model):
    stream = chat.create(model=model, stream=True, stream_options={"include_usage": True},
                         messages=[{"role": "user", "content": "Hello"}])
    chunks = list(stream)
    with_choices = [chunk for chunk in chunks if chunk.choices]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in with_choices) == TEXT
    assert sum(1 for chunk in with_choices if chunk.choices[0].delta.content) > 1, "the text came in one piece"
    assert [chunk.choices[0].finish_reason for chunk in with_choices if chunk.choices[0].finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 5)
    assert all(chunk.usage is None for chunk in chunks[:-1])


@both_providers
def test_openai_client_that_did_not_ask_for_usage_never_sees_it(chat, model):
    chunks = list(chat.create(model=model, stream=True, messages=[{"role": "user", "content": "Hello"}]))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT


@both_providers
def test_anthropic_client_streams_text_in_the_documented_order(messages, model):
    with messages.stream(model=model, max_tokens=64, messages=[{"role": "user", "content": "Hello"}]) as stream:
        raw_types = [event.type for event in stream if event.type in (
            "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop")]
        answer = stream.get_final_message()
    assert answer.content[0].text == TEXT
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (7, 5)
    deltas = raw_types.count("content_block_delta")
    assert deltas > 1, "the text came in one piece"
    assert raw_types == ["message_start", "content_block_start", *["content_block_delta"] * deltas,
                         "content_block_stop", "message_delta", "message_stop"]


# --- tools

@both_providers
def test_openai_client_does_a_whole_tool_loop(chat, model):
    conversation = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = chat.create(model=model, messages=conversation, tools=[OPENAI_WEATHER], tool_choice="auto")
    assert first.choices[0].finish_reason == "tool_calls"
    call = first.choices[0].message.tool_calls[0]
    assert call.type == "function" and call.id
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "Paris", "unit": "celsius"}
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (20, 5)

    conversation += [first.choices[0].message.model_dump(exclude_none=True),
                     {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"}]
    second = chat.create(model=model, messages=conversation, tools=[OPENAI_WEATHER])
    assert second.choices[0].message.content == "It is sunny in Paris."
    assert second.choices[0].finish_reason == "stop"
    assert (second.usage.prompt_tokens, second.usage.completion_tokens) == (30, 7)


@both_providers
def test_anthropic_client_does_a_whole_tool_loop(messages, model):
    conversation = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = messages.create(model=model, max_tokens=64, messages=conversation, tools=[ANTHROPIC_WEATHER], tool_choice={"type": "auto"})
    assert first.stop_reason == "tool_use"
    call = next(block for block in first.content if block.type == "tool_use")
    assert (call.name, call.input) == ("get_weather", {"city": "Paris", "unit": "celsius"})
    assert call.id

    conversation += [{"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny, 21 degrees"}]}]
    second = messages.create(model=model, max_tokens=64, messages=conversation, tools=[ANTHROPIC_WEATHER])
    assert second.content[0].text == "It is sunny in Paris."
    assert (second.usage.input_tokens, second.usage.output_tokens) == (30, 7)


@both_providers
def test_openai_client_streams_two_tool_calls_with_their_arguments_whole(chat, model):
    stream = chat.create(model=model, stream=True, tools=[OPENAI_WEATHER],
                         messages=[{"role": "user", "content": "Compare two cities please"}])
    calls, finish = {}, None
    for chunk in stream:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for part in choice.delta.tool_calls or []:
                call = calls.setdefault(part.index, {"id": part.id, "name": part.function.name, "arguments": ""})
                call["arguments"] += part.function.arguments or ""
    assert finish == "tool_calls"
    assert [calls[index]["name"] for index in sorted(calls)] == ["get_weather", "get_weather"]
    assert [json.loads(calls[index]["arguments"]) for index in sorted(calls)] == [
        {"city": "Paris"}, {"city": "Oslo", "unit": "celsius"}]
    assert len({call["id"] for call in calls.values()}) == 2


@both_providers
def test_anthropic_client_streams_two_tool_calls_with_their_arguments_whole(messages, model):
    with messages.stream(model=model, max_tokens=64, tools=[ANTHROPIC_WEATHER],
                         messages=[{"role": "user", "content": "Compare two cities please"}]) as stream:
        answer = stream.get_final_message()
    assert answer.stop_reason == "tool_use"
    assert [block.input for block in answer.content if block.type == "tool_use"] == [
        {"city": "Paris"}, {"city": "Oslo", "unit": "celsius"}]


def test_the_tools_reach_the_provider_in_its_own_words(gateway, key, aimock, chat, messages):
    text = "weather, in other words"
    chat.create(model=ANTHROPIC_SIDE, tools=[OPENAI_WEATHER], messages=[{"role": "user", "content": text}])
    messages.create(model=OPENAI_SIDE, max_tokens=64, tools=[ANTHROPIC_WEATHER], messages=[{"role": "user", "content": text}])
    to_anthropic, to_openai = aimock.requests(containing=text)
    assert to_anthropic["path"] == "/v1/messages" and to_openai["path"] == "/v1/chat/completions"
    # The mock notes a request in its own, OpenAI-like form: what was sent arrives whole in both.
    for entry in (to_anthropic, to_openai):
        tool = entry["body"]["tools"][0]["function"]
        assert tool["name"] == "get_weather"
        assert tool["parameters"] == OPENAI_WEATHER["function"]["parameters"]


# --- system prompts and stop reasons

@both_providers
def test_a_system_prompt_of_either_dialect_reaches_the_provider(chat, messages, aimock, model):
    chat.create(model=model, messages=[
        {"role": "system", "content": "Speak like a lighthouse."}, {"role": "user", "content": f"system by openai to {model}"}])
    messages.create(model=model, max_tokens=64, system="Speak like a lighthouse.",
                    messages=[{"role": "user", "content": f"system by anthropic to {model}"}])
    for client in ("openai", "anthropic"):
        (entry,) = aimock.requests(containing=f"system by {client} to {model}")
        assert "Speak like a lighthouse." in json.dumps(entry["body"])


@pytest.mark.parametrize("provider", ["mockai", "mockant"])
def test_an_answer_that_hit_the_token_limit_says_so_in_both_dialects(chat, messages, provider):
    said = [{"role": "user", "content": "Hello"}]
    assert chat.create(model=f"{provider}/short", messages=said).choices[0].finish_reason == "length"
    assert messages.create(model=f"{provider}/short", max_tokens=4, messages=said).stop_reason == "max_tokens"


# --- the ledger agrees

@both_providers
def test_streams_are_billed_like_whole_answers(gateway, model):
    name = f"bill {model}"
    key = gateway.create_key(name)
    said = [{"role": "user", "content": "Hello"}]
    chat, messages = openai_client(gateway, key).chat.completions, anthropic_client(gateway, key).messages
    chat.create(model=model, messages=said)
    list(chat.create(model=model, messages=said, stream=True))
    messages.create(model=model, max_tokens=64, messages=said)
    with messages.stream(model=model, max_tokens=64, messages=said) as stream:
        stream.until_done()
    usage = eventually(lambda: (row := gateway.usage_of(name))["requests"] == 4 and row, "four ledger entries")
    assert (usage["input_tokens"], usage["output_tokens"]) == (4 * 7, 4 * 5)
    assert usage["cost_usd"] * 10**12 == 4 * cost_pico(7, 5)


def test_a_model_without_a_price_is_unpriced_and_not_free(gateway, chat):
    raw = chat.with_raw_response.create(model="unpriced/gpt-mock", messages=[{"role": "user", "content": "Hello"}])
    assert raw.headers["x-sluice-cost-usd"] == "unpriced"

"""The official OpenAI SDK's Responses API over vendors that speak three APIs: text, tools and reasoning, streamed and not. The client
validates strictly what it gets, except for a vendor's own answers, which go through as they are."""

import json

import openai
import pytest

from harness import recorder
from harness.clients import WEATHER_SCHEMA, http_client, openai_client
from harness.mock_config import anthropic_vendor, openai_vendor, responses_vendor
from harness.recorder import Recorder
from harness.sluice import Sluice

TEXT = "Hello from the mock, in more than one chunk"
TRANSLATED = ["mockai/gpt-mock", "mockant/claude-mock"]
WEATHER = {"type": "function", "name": "get_weather", "description": "The weather in a city", "parameters": WEATHER_SCHEMA, "strict": False}

translated = pytest.mark.parametrize("model", TRANSLATED, ids=["chat-provider", "anthropic-provider"])
everywhere = pytest.mark.parametrize("model", [*TRANSLATED, "mockresp/gpt-mock"], ids=["chat-provider", "anthropic-provider", "responses-provider"])


@pytest.fixture(scope="module")
def server(folder, aimock):
    server = Sluice(folder("responses"), {"providers": {
        "mockai": openai_vendor(aimock.url), "mockant": anthropic_vendor(aimock.url), "mockresp": responses_vendor(aimock.url)}}).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server):
    return openai_client(server, server.create_key("responses"))


@pytest.fixture
def strict(server, client, model):
    return client if model.startswith("mockresp") else openai_client(server, client.api_key, _strict_response_validation=True)


@everywhere
def test_text(strict, model):
    answer = strict.responses.create(model=model, input="Hello", instructions="Be brief.", metadata={"ticket": "7"})
    assert answer.output_text == TEXT
    assert answer.status == "completed" and answer.error is None
    if model in TRANSLATED:
        assert answer.instructions == "Be brief." and answer.metadata == {"ticket": "7"}
        assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (7, 5, 12)


@everywhere
def test_stream(strict, model):
    with strict.responses.stream(model=model, input="Hello") as stream:
        events = list(stream)
        answer = stream.get_final_response()
    assert answer.output_text == TEXT
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    if model in TRANSLATED:
        assert [event.sequence_number for event in events] == list(range(len(events)))
        kinds = [event.type.removeprefix("response.") for event in events]
        deltas = kinds.count("output_text.delta")
        assert deltas > 1, "the text came in one piece"
        assert kinds == ["created", "in_progress", "output_item.added", "content_part.added", *["output_text.delta"] * deltas,
                         "output_text.done", "content_part.done", "output_item.done", "completed"]
        assert answer.usage.total_tokens == 12


@everywhere
def test_a_whole_tool_loop(strict, model):
    conversation = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = strict.responses.create(model=model, input=conversation, tools=[WEATHER])
    call = next(item for item in first.output if item.type == "function_call")
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Paris", "unit": "celsius"})
    conversation += [item.model_dump(exclude_none=True) for item in first.output]
    conversation.append({"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 21 degrees"})
    second = strict.responses.create(model=model, input=conversation, tools=[WEATHER])
    assert second.output_text == "It is sunny in Paris."


@translated
def test_streamed_calls(strict, model):
    with strict.responses.stream(model=model, input="The weather in two cities", tools=[WEATHER]) as stream:
        answer = stream.get_final_response()
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["city"] for call in calls] == ["Paris", "Oslo"]
    assert len({call.call_id for call in calls}) == len({call.id for call in calls}) == 2


@translated
def test_an_answer_that_ends_too_early_is_incomplete(strict, model):
    model = model.split("/")[0] + "/short"
    answer = strict.responses.create(model=model, input="Hello")
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    events = list(strict.responses.create(model=model, input="Hello", stream=True))
    assert events[-1].type == "response.incomplete" and events[-1].response.output_text == "It ends in the mid"


@translated
def test_what_lives_at_openai_is_refused_by_name(strict, model):
    for member in ({"background": True}, {"prompt": {"id": "p"}}, {"tools": [{"type": "file_search", "vector_store_ids": []}]}):
        with pytest.raises(openai.BadRequestError) as refused:
            strict.responses.create(model=model, input="Hello", **member)
        assert next(iter(member)) in refused.value.body["param"], refused.value.body
    for name, member in (("previous_response_id", {"previous_response_id": "resp_1"}),
                         ("vector_store_ids", {"tools": [{"type": "file_search", "vector_store_ids": ["vs"]}]})):
        with pytest.raises(openai.NotFoundError) as unknown:
            strict.responses.create(model=model, input="Hello", **member)
        assert unknown.value.body["param"] == name


@translated
def test_a_vendors_fault_keeps_its_class(client, model):
    with pytest.raises(openai.RateLimitError) as busy:
        client.responses.create(model=model.split("/")[0] + "/busy", input="Hello", stream=True)
    assert busy.value.response.headers["retry-after"] == "7"


def failure_at_the_end(server, key, model):
    with http_client(server, key) as http:
        answer = http.post("/v1/responses", json={"model": model, "input": "Hello", "stream": True})
    last = answer.text.rstrip("\n").split("\n\n")[-1].splitlines()
    assert last[0] == "event: response.failed", answer.text
    failed = json.loads(last[1].removeprefix("data: "))
    assert (failed["response"]["status"], failed["response"]["error"]["code"]) == ("failed", "server_error")
    return failed


@translated
def test_a_stream_that_is_cut_off_ends_in_response_failed(server, client, model):
    assert failure_at_the_end(server, client.api_key, model.split("/")[0] + "/cut")["sequence_number"] > 3


def test_a_vendors_own_stream_that_is_cut_off_ends_as_the_response_that_it_was(folder):
    vendor = Recorder()
    begin = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_77", "model": "gpt-mock", "created_at": 5, "status": "in_progress"}}
    delta = {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "m", "output_index": 0, "content_index": 0, "delta": "po", "logprobs": []}
    vendor.answer = recorder.streaming([f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in (begin, delta)])
    server = Sluice(folder("own"), {"providers": {"resp": responses_vendor(vendor.url)}}).start()
    try:
        failed = failure_at_the_end(server, server.create_key("own"), "resp/gpt-mock")
        assert (failed["response"]["id"], failed["sequence_number"]) == ("resp_77", 2)
        assert vendor.requests[-1].path == "/v1/responses"
    finally:
        server.stop()
        vendor.stop()


def test_reasoning_goes_back_to_its_issuer(folder):
    vendor = Recorder()
    block = {"type": "thinking", "thinking": "Let me see.", "signature": "EqQB=="}
    answer = json.loads(recorder.anthropic_answer())
    answer["content"].insert(0, block)
    vendor.answer = recorder.fixed(recorder.ok(json.dumps(answer).encode()))
    server = Sluice(folder("issuer"), {"providers": {"ant": anthropic_vendor(vendor.url)}}).start()
    try:
        client = openai_client(server, server.create_key("issuer"), _strict_response_validation=True)
        first = client.responses.create(model="ant/claude-mock", input="ping", include=["reasoning.encrypted_content"])
        assert [item.type for item in first.output] == ["reasoning", "message"]
        conversation = [{"role": "user", "content": "ping"}, *[item.model_dump(exclude_none=True) for item in first.output]]
        client.responses.create(model="ant/claude-mock", input=[*conversation, {"role": "user", "content": "again"}])
        sent = vendor.requests[-1].json()["messages"]
        assert sent[1]["content"][0] == block
        client.responses.create(model="ant/another", input=[*conversation, {"role": "user", "content": "again"}])
        assert "EqQB" not in vendor.requests[-1].body.decode(), "another model gets no foreign state"
    finally:
        server.stop()
        vendor.stop()

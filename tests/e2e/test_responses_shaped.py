"""Bodies of the Responses API at Chat Completions, as Cursor sends them for newer models: told anew, and answered in chunks."""

import json

import pytest

from harness import recorder
from harness.clients import chat_body, http_client, openai_client
from harness.mock_config import anthropic_vendor, openai_vendor

CHAT = "/v1/chat/completions"
TOOL = {"type": "function", "name": "read_file", "description": "Reads", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
INPUT = [{"role": "system", "content": "You edit files."},
         {"role": "user", "content": [{"type": "input_text", "text": "Fix it."}]},
         {"type": "function_call", "call_id": "call_1", "name": "read_file", "arguments": "{\"path\":\"a\"}"},
         {"type": "function_call_output", "call_id": "call_1", "output": "text of a"}]


@pytest.fixture
def vendors(serve):
    oai, ant = recorder.Recorder(), recorder.Recorder()
    server = serve({"providers": {"oai": openai_vendor(oai.url), "ant": anthropic_vendor(ant.url)}})
    yield server, oai, ant
    oai.stop()
    ant.stop()


def cursor_body(model, **members):
    return {"model": model, "input": INPUT, "tools": [TOOL], "user": "u1", "store": False, "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "medium"}, "truncation": "auto", **members}


def test_a_provider_of_chat_completions_gets_messages(vendors):
    server, oai, _ = vendors
    oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=cursor_body("oai/gpt-mock", max_output_tokens=99))
    assert answer.status_code == 200 and answer.json()["choices"][0]["message"]["content"] == "pong", answer.text
    sent = oai.requests[0].json()
    assert "input" not in sent and [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent["messages"][1]["content"] == "Fix it." and sent["messages"][3] == {"role": "tool", "tool_call_id": "call_1", "content": "text of a"}
    assert sent["tools"] == [{"type": "function", "function": {name: TOOL[name] for name in ("name", "description", "parameters")}}]
    assert (sent["reasoning_effort"], sent["max_completion_tokens"]) == ("medium", 99)
    assert "truncation" in answer.headers["x-sluice-dropped-params"].split(",")


@pytest.mark.parametrize("model", ["oai/gpt-mock", "ant/claude-mock"])
@pytest.mark.parametrize("usage", [False, True])
def test_a_stream_is_one_of_chat_completions(vendors, model, usage):
    server, oai, ant = vendors
    oai.answer = recorder.streaming(recorder.openai_stream())
    ant.answer = recorder.streaming(recorder.anthropic_stream())
    options = {"stream_options": {"include_usage": True}} if usage else {}
    with openai_client(server, server.create_key()) as client:
        chunks = list(client.chat.completions.create(model=model, messages=None, stream=True, extra_body={
            **cursor_body(model), "messages": None, **options}))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "pong"
    assert bool(chunks[-1].usage) == usage


def test_what_is_wrong_with_it_is_said_in_its_own_words(vendors):
    server, oai, _ = vendors
    with http_client(server, server.create_key()) as client:
        for odd, named in (([{"type": "function_call_output", "call_id": "never", "output": ""}], "never"), ([{"role": "user", "content": 7}], "input[0]"),
                           ([{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}], "file")):
            refused = client.post(CHAT, json={"model": "oai/gpt-mock", "input": odd})
            assert refused.status_code in (400, 404) and named in refused.json()["error"]["message"], refused.text
        neither = client.post(CHAT, json={"model": "oai/gpt-mock", "inputs": "hi"})
        assert neither.status_code == 400 and "messages" in neither.json()["error"]["message"]
    assert not oai.requests


def test_a_body_with_messages_goes_out_as_it_came(vendors):
    server, oai, _ = vendors
    oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    body = chat_body("gpt-mock", input="a vendor's own field")
    with http_client(server, server.create_key()) as client:
        assert client.post(CHAT, json={**body, "model": "oai/gpt-mock"}).status_code == 200
    assert json.loads(oai.requests[0].body) == body

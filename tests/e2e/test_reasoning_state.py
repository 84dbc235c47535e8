"""Reasoning state goes back to the vendor that issued it, and to nobody else, sealed or as the vendor wrote it."""

import json

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import anthropic_vendor, openai_vendor

THINKING = {"type": "thinking", "thinking": "hm", "signature": "c2ln/A=="}
QUESTION = {"role": "user", "content": "ping"}


def thoughtful_answer():
    return json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [THINKING, {"type": "text", "text": "pong"}],
                       "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 5}}).encode()


def thoughtful_stream():
    block = {"type": "thinking", "thinking": "", "signature": ""}
    events = recorder.anthropic_stream()
    return [events[0], recorder.anthropic_event("content_block_start", index=0, content_block=block),
            recorder.anthropic_event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
            # The same signature, as JSON may be written too.
            recorder.anthropic_event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "SIGNATURE"}).replace(b"SIGNATURE", b"c2ln\\/A\\u003d="),
            recorder.anthropic_event("content_block_stop", index=0), *events[1:]]


@pytest.fixture
def vendors():
    made = [recorder.Recorder() for _ in range(3)]
    yield made
    for vendor in made:
        vendor.stop()


@pytest.fixture
def server(serve, vendors):
    claude, other, gpt = vendors
    return serve({"providers": {"claude": anthropic_vendor(claude.url), "other": anthropic_vendor(other.url), "gpt": openai_vendor(gpt.url)}})


def ask(client, model, messages, **more):
    answer = client.post("/v1/messages", json={"model": model, "max_tokens": 64, "messages": messages, **more})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_raw_state_does_not_go_to_another_vendor_of_the_same_api(server, vendors, stream):
    claude, other, _ = vendors
    claude.answer = recorder.streaming(thoughtful_stream()) if stream else recorder.fixed(recorder.ok(thoughtful_answer()))
    other.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    history = [QUESTION, {"role": "assistant", "content": [THINKING, {"type": "text", "text": "pong"}]}, QUESTION]
    with http_client(server, server.create_key()) as client:
        # Nobody knows yet whose it is.
        ask(client, "other/m", history)
        assert "c2ln" in other.requests[-1].body.decode()
        ask(client, "claude/m", [QUESTION], stream=stream)
        answer = ask(client, "other/m", history)
        assert other.requests[-1].json()["messages"][1]["content"] == [{"type": "text", "text": "pong"}]
        assert answer.headers["x-sluice-dropped-params"] == "messages.content.thinking"
        ask(client, "claude/m", history, stream=stream)
        assert claude.requests[-1].json()["messages"] == history


def test_each_vendor_gets_its_own_state_alone(server, vendors):
    claude, _, gpt = vendors
    claude.answer = recorder.fixed(recorder.ok(thoughtful_answer()))
    gpt.answer = recorder.fixed(recorder.ok(json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "pong", "reasoning_content": "let me see"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}}).encode()))
    with http_client(server, server.create_key()) as client:
        history = [QUESTION]
        for model in ("claude/m", "gpt/m"):
            answer = ask(client, model, history)
            history += [{"role": "assistant", "content": answer.json()["content"]}, QUESTION]
        assert answer.headers["x-sluice-dropped-params"] == "messages.content.thinking" and "c2ln" not in gpt.requests[-1].body.decode()
        answer = ask(client, "claude/m", history)
        sent = claude.requests[-1].json()["messages"]
        assert sent[1]["content"][0] == THINKING and [part["type"] for part in sent[3]["content"]] == ["text"]
        assert answer.headers["x-sluice-dropped-params"] == "messages.content.thinking"

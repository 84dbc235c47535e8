"""Streams that are held back: a break that nobody has seen yet is rescued."""

import json

import pytest

from faults.conftest import rows_of
from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.fault_proxy import Fault
from harness.mock_config import openai_vendor

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
EVENTS = recorder.openai_stream(("one ", "two ", "three"))


@pytest.fixture
def server(serve, stage):
    stage.vendor.forget()
    stage.fallback.forget()
    stage.vendor.answer = recorder.streaming(EVENTS)
    stage.fallback.answer = recorder.streaming(recorder.openai_stream(("good ", "answer")))
    candidates = ["bad/m", "good/m"]
    return serve({
        "providers": {"bad": openai_vendor(stage.proxy.url, stream_idle_timeout_ms=400), "good": openai_vendor(stage.fallback.url)},
        "models": {"held": {"candidates": candidates, "hold_tokens": 100, "hold_ms": 60_000}, "whole": {"candidates": candidates, "hold_whole": 1},
                   "brief": {"candidates": candidates, "hold_tokens": 100, "hold_ms": 50, "stream_idle_timeout_ms": 60_000},
                   "plain": candidates}})


def text_of(answer):
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    if any("choices" in event for event in events):
        return "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", []))
    return "".join(event["delta"].get("text", "") for event in events if event.get("type") == "content_block_delta")


def stream(server, key, model, path=CHAT):
    body = chat_body(model, stream=True) if path == CHAT else messages_body(model, stream=True)
    with http_client(server, key) as client:
        return client.post(path, json=body)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("model", ["held", "whole"])
@pytest.mark.parametrize("fault", [Fault("reset", after_events=3), Fault("silence", after_events=3), Fault("half", after_events=3), Fault("skip_end", skip=4)],
                         ids=["reset", "stall", "half an event", "no end"])
def test_a_held_stream_is_rescued_as_one_answer(server, stage, path, model, fault):
    stage.proxy.set(fault)
    answer = stream(server, server.create_key(), model, path)
    assert answer.status_code == 200 and answer.headers["x-sluice-provider"] == "good", answer.text
    assert text_of(answer) == "good answer" and "one" not in answer.text
    starts = answer.text.count('"role": "assistant"') if path == CHAT else answer.text.count("event: message_start")
    assert starts == 1, answer.text
    rows = rows_of(server, answer.headers["x-sluice-request-id"], lambda rows: len(rows) == 2)
    assert [(row["provider"], row["outcome"], row["final"]) for row in rows] == [("bad", "provider_failed", False), ("good", "ok", True)]
    assert rows[0]["usage"]["output_tokens"] > 0, "what was generated is billed"


def test_an_error_event_of_a_held_stream_is_not_shown(server, stage):
    failure = b'data: {"error":{"message":"out of memory","type":"server_error"}}\n\n'
    stage.vendor.answer = recorder.streaming([*EVENTS[:3], failure])
    stage.proxy.set(None)
    answer = stream(server, server.create_key(), "held")
    assert text_of(answer) == "good answer" and "memory" not in answer.text


def test_a_stream_that_is_not_held_ends_in_an_error(server, stage):
    stage.proxy.set(Fault("reset", after_events=3))
    answer = stream(server, server.create_key(), "plain")
    assert text_of(answer) == "one two " and '"error"' in answer.text and len(stage.fallback.requests) == 0


def test_what_is_held_goes_out_when_its_time_is_up(server, stage):
    stage.proxy.set(Fault("hold", after_events=3))
    key = server.create_key()
    with http_client(server, key) as client, client.stream("POST", CHAT, json=chat_body("brief", stream=True)) as answer:
        pieces = answer.iter_text()
        got = ""
        while "two " not in got:  # nothing more can come until the proxy is released
            got += next(pieces)
        stage.proxy.release.set()
        got += "".join(pieces)
    assert got.endswith("data: [DONE]\n\n") and "three" in got


def test_a_held_stream_that_is_well_is_whole(server, stage):
    for model in ("held", "whole"):
        stage.proxy.set(None)
        answer = stream(server, server.create_key(), model)
        assert text_of(answer) == "one two three" and answer.text.endswith("data: [DONE]\n\n")

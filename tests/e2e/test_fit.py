"""Who fits a request: images, tools, dialects and budgets decide it, and whoever does not fit is left out, not the client."""

import base64

import pytest

from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import anthropic_vendor, openai_vendor
from harness.recorder import Recorder
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
CHEAP, DEAR = {"input": 0.1, "output": 0.1}, {"input": 50.0, "output": 250.0}


@pytest.fixture
def grounds(serve):
    """A server with two vendors of the OpenAI dialect, one cheap, and one of Anthropic's: (server, cheap, dear, claude)."""
    cheap, dear, claude = Recorder(), Recorder(), Recorder()
    claude.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    server = serve({
        "providers": {"cheap": openai_vendor(cheap.url, prices={"*": CHEAP}), "dear": openai_vendor(dear.url, prices={"*": DEAR}),
                      "ant": anthropic_vendor(claude.url)},
        "models": {"thrift": ["dear/m", "cheap/m"], "claude-first": ["ant/m", "cheap/m"]}})
    yield server, cheap, dear, claude
    for vendor in (cheap, dear, claude):
        vendor.stop()


def picture(size):
    return "data:image/png;base64," + base64.b64encode(bytes(size)).decode()


def test_a_large_image_is_not_taken_for_a_long_text(serve, recording):
    vendor = Recorder()
    try:
        # openai/gpt-4o, as the catalogue knows it: images, and a context of 128,000 tokens.
        server = serve({"providers": {"openai": {"base_url": f"{vendor.url}/v1", "api_key": "k"}}})
        with http_client(server, server.create_key()) as client:
            body = chat_body("openai/gpt-4o")
            body["messages"][0]["content"] = [{"type": "image_url", "image_url": {"url": picture(900_000)}}]
            assert client.post(CHAT, json=body).status_code == 200
            body["messages"][0]["content"] = "word " * 300_000
            assert client.post(CHAT, json=body).json()["error"]["code"] == "context_length_exceeded"
    finally:
        vendor.stop()


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_tool_that_speaks_of_images_is_no_image(serve, path):
    vendor = Recorder()
    try:
        server = serve({"providers": {"groq": {"base_url": f"{vendor.url}/v1", "api_key": "k"}}})
        schema = {"type": "object", "properties": {"image": {"type": "string"}, "image_url": {"type": "string"}}}
        model = "groq/openai/gpt-oss-20b"  # reads no images, says the catalogue
        body = (chat_body(model, tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}]) if path == CHAT
                else messages_body(model, tools=[{"name": "f", "input_schema": schema}]))
        with http_client(server, server.create_key()) as client:
            assert client.post(path, json=body).status_code == 200
    finally:
        vendor.stop()


def test_a_key_with_a_small_budget_gets_the_candidate_that_it_can_pay(grounds):
    server, cheap, dear, _ = grounds
    with http_client(server, server.create_key(budget="0.01")) as client:
        answer = client.post(CHAT, json=chat_body("thrift"))
        assert answer.status_code == 200 and answer.headers["x-sluice-provider"] == "cheap"
        assert dear.requests == []
        too_dear = client.post(CHAT, json=chat_body("dear/m"))
        assert too_dear.status_code in (402, 429) and "max_tokens" in too_dear.json()["error"]["message"]
        assert client.post(CHAT, json=chat_body("dear/m", max_tokens=10)).status_code == 200


def test_what_one_dialect_cannot_say_goes_to_the_next_candidate(grounds):
    server, cheap, _, claude = grounds
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("claude-first", response_format={"type": "json_object"}))
        assert answer.status_code == 200 and answer.headers["x-sluice-provider"] == "cheap"
        assert answer.headers["x-sluice-attempts"] == "1" and claude.requests == []
        nobody = client.post(CHAT, json=chat_body("ant/m", response_format={"type": "json_object"}))
        assert nobody.status_code == 400 and "response_format" in nobody.json()["error"]["message"]
        assert nobody.headers["x-sluice-attempts"] == "0" and "x-sluice-provider" not in nobody.headers


def test_a_limit_that_the_dialect_requires_is_told(grounds):
    server, _, _, claude = grounds
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("ant/m"))
        assert answer.headers["x-sluice-added-params"] == "max_tokens=8192" and claude.requests[0].json()["max_tokens"] == 8192
        assert "x-sluice-added-params" not in client.post(CHAT, json=chat_body("ant/m", max_tokens=5)).headers


def test_a_stream_that_ends_in_an_error_event_is_no_success(grounds):
    server, cheap, _, _ = grounds
    cheap.answer = recorder.streaming([recorder.openai_event({"content": "po"}), b'data: {"error":{"message":"broken"}}\n\n'])
    with http_client(server, server.create_key("streamer")) as client:
        assert b"broken" in client.post(CHAT, json=chat_body("cheap/m", stream=True)).content
    row = eventually(lambda: (row := server.usage_of("streamer"))["requests"] and row, "the request in the usage")
    assert row["failed"] == 1

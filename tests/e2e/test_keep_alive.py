"""server.stream_keep_alive_ms: comments on a stream whose first token is slow, and what a failure is then."""

import json
import threading

import pytest

from harness import recorder
from harness.clients import anthropic_client, chat_body, google_client, http_client, messages_body, openai_client
from harness.mock_config import anthropic_vendor, openai_vendor
from harness.raw import Wire
from harness.wait import eventually


def comment_at(path):
    """Google's SDKs take a comment for an answer that is no JSON; an empty line is nothing to all of them."""
    return b"\n\n" if "streamGenerateContent" in path else b": keep-alive\n\n"


BODIES = {"/v1/chat/completions": chat_body("slow/m", stream=True), "/v1/messages": messages_body("slow/m", stream=True),
          "/v1/responses": {"model": "slow/m", "input": "Hello", "stream": True},
          "/v1beta/models/slow/m:streamGenerateContent?alt=sse": {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}}


class Slow:
    """A vendor that is silent until it is told to answer."""

    def __init__(self):
        self.go_on = threading.Event()
        self.then = recorder.streaming(recorder.openai_stream())
        self.recorder = recorder.Recorder()
        self.recorder.answer = self.answer

    def answer(self, request, connection):
        self.go_on.wait(60)
        self.then(request, connection)


@pytest.fixture
def slow():
    vendor = Slow()
    yield vendor
    vendor.go_on.set()
    vendor.recorder.stop()


@pytest.fixture
def good():
    side = recorder.Recorder()
    side.answer = recorder.streaming(recorder.openai_stream(("good ", "answer")))
    yield side
    side.stop()


def configuration(slow, good, pause_ms=20):
    return {"server": {"stream_keep_alive_ms": pause_ms}, "retry": {"attempts": 1, "pause_ms": 1},
            "providers": {"slow": openai_vendor(slow.recorder.url), "good": openai_vendor(good.url)},
            "models": {"either": ["slow/m", "good/m"]}}


@pytest.fixture
def server(serve, slow, good):
    return serve(configuration(slow, good))


def rows_of(server, request_id):
    """The ledger's rows of one request, once there are any."""
    def look():
        rows = [json.loads(line) for line in server.run("logs", "tail", "-o", "json").stdout.splitlines()]
        return [row for row in rows if row["request_id"] == request_id]
    return eventually(look, f"the ledger's rows of {request_id}")


def ask(server, key, path, body):
    """A client that has seen the head of its stream, and two comments and nothing else of its body."""
    wire = Wire(server.url)
    wire.post(path, json.dumps(body).encode(), [f"authorization: Bearer {key}"])
    head = wire.read_head()
    assert [wire.read_chunk() for _ in range(2)] == [comment_at(path)] * 2
    return wire, head


def rest_of(wire):
    """The stream's other bytes without comments, and the trailers."""
    text = b""
    while piece := wire.read_chunk():
        text += piece
    return text, wire.trailers


@pytest.mark.parametrize("path", BODIES)
def test_comments_come_before_the_first_token_and_the_rest_is_as_ever(server, slow, path):
    key = server.create_key()
    wire, head = ask(server, key, path, BODIES[path])
    assert head.status == 200 and head.header("content-type").startswith("text/event-stream") and head.header("x-accel-buffering") == "no"
    assert head.header("x-sluice-provider") is None, "nobody has answered"
    slow.go_on.set()
    text, trailers = rest_of(wire)
    assert b'"po"' in text and b'"ng"' in text
    assert (trailers["x-sluice-provider"], trailers["x-sluice-model"], trailers["x-sluice-attempts"]) == ("slow", "m", "1")
    assert float(trailers["x-sluice-cost-usd"]) > 0
    announced = head.header("trailer").split(", ")
    assert set(trailers) - {"x-sluice-request-id", "request-id", "x-request-id"} <= set(announced)


def test_a_stream_that_is_quick_has_no_comment(serve, slow, good):
    server = serve(configuration(slow, good, pause_ms=60_000))
    slow.go_on.set()
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/chat/completions", json=BODIES["/v1/chat/completions"])
    assert answer.headers["x-sluice-provider"] == "slow" and ": keep-alive" not in answer.text and "po" in answer.text


def test_another_candidate_answers_behind_comments(server, slow):
    slow.then = recorder.fixed(recorder.ok(b"{}", status="503 Service Unavailable"))
    wire, _ = ask(server, server.create_key(), "/v1/chat/completions", chat_body("either", stream=True))
    slow.go_on.set()
    text, trailers = rest_of(wire)
    assert b"good " in text and text.count(b'"role"') == 1
    assert (trailers["x-sluice-provider"], trailers["x-sluice-attempts"]) == ("good", "2")


@pytest.mark.parametrize("path", BODIES)
def test_a_failure_behind_comments_is_an_event_of_the_dialect(server, slow, path):
    words = {"error": {"message": "the vendor is on fire", "type": "server_error", "code": "fire"}}
    slow.then = recorder.fixed(recorder.ok(json.dumps(words).encode(), status="400 Bad Request"))
    key = server.create_key()
    wire, head = ask(server, key, path, BODIES[path])
    slow.go_on.set()
    text, trailers = rest_of(wire)
    assert b"the vendor is on fire" in text and b"error" in text, text
    request_id = head.header("x-sluice-request-id")
    assert (trailers["x-sluice-provider"], trailers["x-sluice-cost-usd"]) == ("slow", "0.0")
    [row] = rows_of(server, request_id)
    assert (row["outcome"], row["status"]) == ("provider_rejected", 400)
    # The connection is whole, and takes the next request.
    slow.then = recorder.streaming(recorder.openai_stream())
    wire.post(path, json.dumps(BODIES[path]).encode(), [f"authorization: Bearer {key}"])
    assert wire.read_head().status == 200 and b'"po"' in rest_of(wire)[0]


def test_a_client_that_leaves_between_comments_is_noticed(server, slow):
    wire, head = ask(server, server.create_key(), "/v1/chat/completions", BODIES["/v1/chat/completions"])
    wire.close()
    [row] = rows_of(server, head.header("x-sluice-request-id"))
    assert row["outcome"] == "client_gone"


def test_an_answer_that_is_no_stream_is_one_event_behind_comments(server, slow):
    whole = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "choices": [{"index": 0, "text": "a\nb", "finish_reason": "stop"}]}
    slow.then = recorder.fixed(recorder.ok(json.dumps(whole, indent=2).replace("\n", "\r\n").encode()))
    wire, _ = ask(server, server.create_key(), "/v1/completions", {"model": "slow/m", "prompt": "Hello", "stream": True})
    slow.go_on.set()
    text, trailers = rest_of(wire)
    lines = [line for line in text.split(b"\n") if line.strip() and not line.startswith(b":")]
    assert len(lines) == 2 and json.loads(lines[0].removeprefix(b"data: ")) == whole, text
    assert lines[1] == b"data: [DONE]", "a client waits for it"
    assert trailers["x-sluice-provider"] == "slow"


def test_the_sdks_read_past_comments(serve, slow, good):
    anthropic_side = recorder.Recorder()
    anthropic_side.answer = lambda request, connection: (slow.go_on.wait(60), recorder.streaming(recorder.anthropic_stream())(request, connection))
    server = serve({**configuration(slow, good), "providers": {"slow": openai_vendor(slow.recorder.url), "ant": anthropic_vendor(anthropic_side.url)}, "models": {}})
    key = server.create_key()
    openai = openai_client(server, key)
    chat = openai.chat.completions.create(model="slow/m", stream=True, messages=[{"role": "user", "content": "Hello"}])
    responses = openai.responses.create(model="slow/m", stream=True, input="Hello")
    anthropic = anthropic_client(server, key)
    messages = anthropic.messages.create(model="ant/m", stream=True, max_tokens=9, messages=[{"role": "user", "content": "Hello"}])
    slow.go_on.set()  # each has its head, which only a comment can have brought
    assert "".join(choice.delta.content or "" for chunk in chat for choice in chunk.choices) == "pong"
    assert [event.response.output_text for event in responses if event.type == "response.completed"] == ["pong"]
    assert "".join(event.delta.text for event in messages if event.type == "content_block_delta") == "pong"
    google = google_client(server, key)
    slow.go_on.clear()
    later = threading.Timer(0.3, slow.go_on.set)
    later.start()
    assert "".join(chunk.text or "" for chunk in google.models.generate_content_stream(model="slow/m", contents="Hello")) == "pong"
    anthropic_side.stop()

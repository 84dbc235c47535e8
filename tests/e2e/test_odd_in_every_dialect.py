"""The same bad input and the same odd answers for clients of each dialect: no crash, the right status, the dialect's own error."""

import gzip
import json

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import gemini_vendor

HELLO = {"role": "user", "content": "Hello"}
PATHS = {
    "chat": ("/v1/chat/completions", {"messages": [HELLO]}), "responses": ("/v1/responses", {"input": [HELLO]}),
    "messages": ("/v1/messages", {"max_tokens": 64, "messages": [HELLO]}), "gemini": ("", {"contents": [{"parts": [{"text": "Hello"}]}]})}
EVERY = pytest.mark.parametrize("dialect", PATHS)
LARGE = "9007199254740993"  # 2^53 + 1, which no double holds


@pytest.fixture
def post(recorders, recording_key):
    """post(dialect, body="a JSON text", stream=False): an answer of the OpenAI-compatible recorder's model."""
    with http_client(recorders[0], recording_key) as client:
        def send(dialect, body=None, stream=False, **members):
            path, usual = PATHS[dialect]
            told = {} if dialect == "gemini" else {"model": "oai/gpt-mock", "stream": stream}
            path = path or f"/v1beta/models/oai/gpt-mock:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"
            return client.post(path, content=body or json.dumps({**told, **usual, **members}), headers={"content-type": "application/json"})
        yield send


def has_error(dialect, error):
    """Whether a JSON value is an error as that dialect has it."""
    if dialect == "messages":
        return error["type"] == "error" and bool(error["error"]["type"] and error["error"]["message"])
    inner = error["error"]
    return bool(inner["message"]) and ("status" in inner if dialect == "gemini" else "type" in inner)


def events(answer):
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


@EVERY
@pytest.mark.parametrize("value", ['"\\ud800"', "[" * 10_000 + "]" * 10_000, '"' + "x" * 40_000_000 + '"'],
                         ids=["lone surrogate", "10,000 deep", "40 MB"])
def test_a_body_that_cannot_be_served_is_refused_before_anybody_is_asked(recorders, post, dialect, value):
    body = json.dumps({"model": "oai/gpt-mock", **PATHS[dialect][1]})[:-1] + f', "x_odd": {value}}}'
    answer = post(dialect, body)
    assert answer.status_code == (413 if len(value) > 1_000_000 else 400) and has_error(dialect, answer.json()), answer.text
    assert recorders[1].requests == []


@EVERY
def test_a_name_that_stands_twice_is_refused(recorders, post, dialect):
    twice = {"gemini": '"contents"', "responses": '"input"'}.get(dialect, '"messages"')
    body = json.dumps({"model": "oai/gpt-mock", **PATHS[dialect][1]})
    answer = post(dialect, body[:-1] + f", {twice}: []}}")
    assert answer.status_code == 400 and has_error(dialect, answer.json()) and recorders[1].requests == [], answer.text


@EVERY
@pytest.mark.parametrize("body, content_type, headers", [
    (b'{"error":{"message":"the pool is empty","type":"server_error"}}', "application/json", ()),
    (b"<html><body>502 Bad Gateway</body></html>", "text/html", ()), (b'{"id":"x","choi', "application/json", ()), (b"", "application/json", ()),
    (gzip.compress(recorder.openai_answer()), "application/json", ("content-encoding: gzip",))],
    ids=["an error with 200", "a page of a CDN", "half of it", "nothing", "gzip that nobody asked for"])
def test_a_200_that_is_no_answer_is_an_error(recorders, post, dialect, body, content_type, headers):
    recorders[1].answer = recorder.fixed(recorder.ok(body, content_type, headers=headers))
    answer = post(dialect)
    assert answer.status_code >= 500 and has_error(dialect, answer.json()), answer.text
    assert "html" not in answer.text and recorders[1].requests[-1].header("accept-encoding") in (None, "identity")


@EVERY
def test_a_stream_that_ends_in_half_a_line_ends_in_an_error(recorders, post, dialect):
    made = recorder.openai_stream()
    recorders[1].answer = recorder.streaming([*made[:2], made[2][:25]])
    answer = post(dialect, stream=True)
    last = events(answer)[-1]
    assert last["type"] == "response.failed" and last["response"]["error"]["message"] if dialect == "responses" else has_error(dialect, last), answer.text
    assert "[DONE]" not in answer.text and "message_stop" not in answer.text


@EVERY
@pytest.mark.parametrize("marks", [0, 1, 2])
def test_a_streams_end_is_said_once(recorders, post, dialect, marks):
    recorders[1].answer = recorder.streaming([*recorder.openai_stream()[:-1], *[b"data: [DONE]\n\n"] * marks])
    text = post(dialect, stream=True).text
    ends = {"chat": "data: [DONE]", "responses": "event: response.completed", "messages": "event: message_stop", "gemini": '"finishReason"'}
    assert {name: text.count(end) for name, end in ends.items()} == {name: int(name == dialect) for name in ends}


@EVERY
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_integer_above_2_to_the_53_stays_what_it_is(recorders, post, dialect, stream):
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": f'{{"n":{LARGE}}}'}}
    whole = json.loads(recorder.openai_answer())
    whole["choices"][0].update(finish_reason="tool_calls", message={"role": "assistant", "content": None, "tool_calls": [call]})
    streamed = [recorder.openai_event({"role": "assistant", "tool_calls": [call]}), *recorder.openai_stream(())[1:]]
    recorders[1].answer = recorder.streaming(streamed) if stream else recorder.fixed(recorder.ok(json.dumps(whole).encode()))
    answer = post(dialect, stream=stream)
    assert answer.status_code == 200 and LARGE in answer.text, answer.text


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data", "https://[::1]/x.png", "file:///etc/passwd"])
def test_an_image_at_an_internal_address_is_fetched_by_nobody(serve, dialect, url):
    provider = recorder.Recorder()
    part = {"chat": {"type": "image_url", "image_url": {"url": url}}, "responses": {"type": "input_image", "image_url": url},
            "messages": {"type": "image", "source": {"type": "url", "url": url}}}[dialect]
    try:
        server = serve({"providers": {"gem": gemini_vendor(provider.url)}})
        path, usual = PATHS[dialect]
        name = "input" if dialect == "responses" else "messages"
        with http_client(server, server.create_key()) as client:
            answer = client.post(path, json={"model": "gem/m", **usual, name: [{"role": "user", "content": [part]}]})
        assert answer.status_code == 400 and has_error(dialect, answer.json()) and provider.requests == [], answer.text
    finally:
        provider.stop()

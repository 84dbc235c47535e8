"""What the contract lists as bad input, each over both lanes: no crash, the right status in the caller's dialect, a ledger entry for
whoever was asked."""

import json
import threading

import pytest

from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import anthropic_vendor, openai_vendor, responses_vendor
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
JSON = {"content-type": "application/json"}
# The same provider asked in its own dialect, and across.
LANES = pytest.mark.parametrize("path, model", [
    (CHAT, "oai/gpt-mock"), (MESSAGES, "oai/gpt-mock"), (MESSAGES, "ant/claude-mock"), (CHAT, "ant/claude-mock")],
    ids=["openai by openai", "anthropic by openai", "anthropic by anthropic", "openai by anthropic"])


def body_for(path, model, **members):
    return chat_body(model, **members) if path == CHAT else messages_body(model, **members)


@pytest.fixture
def http(recorders, recording_key):
    with http_client(recorders[0], recording_key) as client:
        yield client


def row_of(server, answer):
    """The ledger's row of that answer's request; None while it is not there yet."""
    rows = (json.loads(line) for line in server.run("logs", "tail", "-o", "json").stdout.splitlines())
    return next((row for row in rows if row["request_id"] == answer.headers["x-sluice-request-id"]), None)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("text", [
    b'{"model":"oai/gpt-mock","messages":[{"role":"user","content":"\\ud800"}]}',
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b"[" * 10_000,
    b'{"model":"oai/gpt-mock","model":"ant/claude-mock","max_tokens":9,"messages":[{"role":"user","content":"x"}]}',
], ids=["lone surrogate", "10,000 deep", "10,000 open", "model twice"])
def test_bytes_that_two_readers_could_read_in_two_ways_are_400_and_reach_nobody(recorders, http, path, text):
    answer = http.post(path, content=text, headers=JSON)
    assert answer.status_code == 400 and answer.json()["error"]["message"], answer.text
    assert recorders[1].requests + recorders[2].requests == []


@pytest.mark.parametrize("model", ["oai/gpt-mock", "ant/claude-mock", "resp/gpt-mock"])
def test_two_responses_to_go_on_from_are_400_whoever_would_answer(serve, provider, model):
    server = serve({"providers": {"oai": openai_vendor(provider.url), "ant": anthropic_vendor(provider.url), "resp": responses_vendor(provider.url)}})
    with http_client(server, server.create_key()) as client:
        text = '{"model":"%s","input":"x","previous_response_id":"resp_a","previous_response_id":"resp_b"}' % model
        refused = client.post("/v1/responses", content=text.encode(), headers=JSON)
    assert refused.status_code == 400 and refused.json()["error"]["param"] == "previous_response_id", refused.text
    assert provider.requests == []


# What Sluice does not read is the vendor's to judge: in lane 1 its bytes go on as they are.
TWICE = ('"x_vendor":1,"x_vendor":{"b":2,"b":3},"metadata":{"user_id":"u"},"metadata":{"user_id":"u"}', '"top_p":0.5,"top_p":0.9')


@pytest.mark.parametrize("members", TWICE, ids=["unknown to it", "not read in lane 1"])
@pytest.mark.parametrize("path, model, side", [(CHAT, "oai/gpt-mock", 1), (MESSAGES, "ant/claude-mock", 2)], ids=["openai", "anthropic"])
def test_a_member_that_is_not_read_may_stand_there_twice_where_both_speak_the_same(recorders, http, path, model, side, members):
    recorders[side].answer = recorder.fixed(recorder.ok(recorder.openai_answer() if side == 1 else recorder.anthropic_answer()))
    text = '{"model":"%s",%s,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}' % (model, members)
    assert http.post(path, content=text.encode(), headers=JSON).status_code == 200
    assert recorders[side].requests[0].body.decode() == text.replace(model, model.split("/")[1])


@pytest.mark.parametrize("member", ['"max_tokens":9', '"stream":false', '"messages":[]', '"tools":[]'])
@pytest.mark.parametrize("path, model", [(CHAT, "oai/gpt-mock"), (MESSAGES, "ant/claude-mock")], ids=["openai", "anthropic"])
def test_a_member_that_is_read_stands_there_once(recorders, http, path, model, member):
    text = '{"model":"%s",%s,%s,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}' % (model, member, member)
    answer = http.post(path, content=text.encode(), headers=JSON)
    assert answer.status_code == 400 and member.split('"')[1] in answer.json()["error"]["message"], answer.text
    assert recorders[1].requests + recorders[2].requests == []


@pytest.mark.parametrize("path, model", [(CHAT, "ant/claude-mock"), (MESSAGES, "oai/gpt-mock")], ids=["openai", "anthropic"])
def test_translated_nothing_that_is_known_stands_there_twice(recorders, http, path, model):
    for known in ('"temperature":0,"temperature":1,"max_tokens":9', '"max_tokens":9,"max_tokens":8'):
        text = '{"model":"%s",%s,"messages":[{"role":"user","content":"x"}]}' % (model, known)
        answer = http.post(path, content=text.encode(), headers=JSON)
        assert answer.status_code == 400 and known.split('"')[1] in answer.json()["error"]["message"], answer.text
    assert recorders[1].requests + recorders[2].requests == []


@pytest.mark.parametrize("number", ["9007199254740993", "18446744073709551617", "-123456789012345678901234567890", "1e400", "0.10000000000000000001"])
def test_numbers_that_no_machine_holds_pass_byte_exact_where_both_speak_the_same(recorders, http, number):
    _, oai, _ = recorders
    oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    text = '{"model":"oai/gpt-mock","x_vendor":{"n":%s,"n":1},"messages":[{"role":"user","content":"x"}]}' % number
    assert http.post(CHAT, content=text.encode(), headers=JSON).status_code == 200
    assert oai.requests[0].body.decode() == text.replace("oai/gpt-mock", "gpt-mock")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_a_body_of_40_mb_is_413_and_a_large_one_below_the_limit_is_served(recorders, http, path):
    _, oai, ant = recorders
    oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    ant.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    model = "oai/gpt-mock" if path == CHAT else "ant/claude-mock"
    refused = http.post(path, json=body_for(path, model, padding="x" * 40_000_000))
    assert refused.status_code == 413 and refused.json()["error"]["message"], refused.text
    assert http.post(path, json=body_for(path, model, text="x" * 4_000_000)).status_code == 200


@LANES
@pytest.mark.parametrize("answer, content_type", [
    (b'{"error":{"message":"the pool is empty","type":"server_error"}}', "application/json"),
    (b"<html><body>502 Bad Gateway</body></html>", "text/html"),
    (b'{"id":"x","choi', "application/json"),
    (b"", "application/json"),
], ids=["an error with 200", "a page of a CDN", "half of it", "nothing"])
def test_a_200_that_is_no_answer_is_an_error_in_the_callers_dialect(recorders, http, path, model, answer, content_type):
    server, oai, ant = recorders
    oai.answer = ant.answer = recorder.fixed(recorder.ok(answer, content_type))
    got = http.post(path, json=body_for(path, model))
    assert got.status_code >= 500, got.text
    assert got.json()["error"]["message"] and "<html>" not in got.text
    assert (got.json().get("type") == "error") == (path == MESSAGES)
    row = eventually(lambda: row_of(server, got), "the ledger entry")
    assert row["outcome"] == "provider_failed"


def openai_cut():
    return [*recorder.openai_stream()[:2], recorder.openai_stream()[2][:25]]


def anthropic_cut():
    return [*recorder.anthropic_stream()[:4], recorder.anthropic_stream()[4][:40]]


@LANES
def test_half_a_line_at_a_streams_end_is_not_delivered_and_the_stream_ends_in_an_error(recorders, http, path, model):
    server, oai, ant = recorders
    oai.answer, ant.answer = recorder.streaming(openai_cut()), recorder.streaming(anthropic_cut())
    got = http.post(path, json=body_for(path, model, stream=True))
    assert got.status_code == 200, got.text
    data = [line[6:] for line in got.text.splitlines() if line.startswith("data: ")]
    assert "error" in json.loads(data[-1]) and "[DONE]" not in got.text and "message_stop" not in got.text
    assert all(json.loads(one) for one in data)
    assert eventually(lambda: row_of(server, got), "the ledger entry")["outcome"] == "provider_failed"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("marks", [0, 1, 2])
def test_a_missing_or_doubled_end_mark_becomes_one(recorders, http, path, marks):
    _, oai, _ = recorders
    oai.answer = recorder.streaming([*recorder.openai_stream()[:-1], *[b"data: [DONE]\n\n"] * marks])
    got = http.post(path, json=body_for(path, "oai/gpt-mock", stream=True))
    assert got.status_code == 200
    assert got.text.count("data: [DONE]") == (path == CHAT) and got.text.count("event: message_stop") == (path == MESSAGES)


def test_arguments_that_are_no_json_are_passed_on_as_text_and_refused_where_they_must_be_an_object(recorders, http):
    _, oai, ant = recorders
    whole = json.loads(recorder.openai_answer())
    whole["choices"][0].update(finish_reason="tool_calls", message={"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"city\": "}}]})
    oai.answer = recorder.fixed(recorder.ok(json.dumps(whole).encode()))
    same = http.post(CHAT, json=chat_body("oai/gpt-mock"))
    assert same.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{\"city\": "
    across = http.post(MESSAGES, json=messages_body("oai/gpt-mock"))
    assert across.status_code >= 500 or "{\\\"city\\\"" in across.text, "the model's words were replaced in silence"
    whole_to_a_stream = http.post(MESSAGES, json=messages_body("oai/gpt-mock", stream=True))
    assert "event: error" in whole_to_a_stream.text and "event: message_stop" not in whole_to_a_stream.text


@pytest.mark.parametrize("arguments, end, stops", [
    ('{"city": ', "tool_calls", False), ('{"city": 1}rest', "tool_calls", False), ("[1]", "tool_calls", False), ("not json", "stop", False),
    ('{"city": ', "length", True), ('{"city": 1}', "tool_calls", True), ("", "tool_calls", True)])
def test_streamed_arguments_that_are_no_object_end_in_an_error_where_they_must_be_one(recorders, http, arguments, end, stops):
    server, oai, _ = recorders
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    begun = threading.Event()  # what is wrong before anything has been sent is a status, and no event
    if not arguments:
        begun.set()  # nothing of such a call is sent before its end
    oai.answer = recorder.interrupted([recorder.openai_event({"role": "assistant"}), recorder.openai_event({"tool_calls": [call]}),
                                       recorder.openai_event({}, end), recorder.openai_event({}, usage=(7, 5)), b"data: [DONE]\n\n"], begun)
    with http.stream("POST", MESSAGES, json=messages_body("oai/gpt-mock", stream=True)) as got:
        begun.set()
        got.read()
    assert got.status_code == 200 and json.dumps(arguments)[1:-1] in got.text
    assert ("event: message_stop" in got.text) == stops and ("event: error" in got.text) != stops, got.text
    row = eventually(lambda: row_of(server, got), "the ledger entry")
    assert (row["outcome"], row["usage"]["output_tokens"]) == ("ok" if stops else "provider_failed", 5), row
    assert "[DONE]" in http.post(CHAT, json=chat_body("oai/gpt-mock", stream=True)).text  # text is what they are there


@pytest.mark.parametrize("url", [
    "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/x.png", "file:///etc/passwd", "http://[::1]/x.png", "http://10.0.0.1/x.png"])
def test_sluice_itself_fetches_no_image(serve, url):
    gemini = recorder.Recorder()
    try:
        server = serve({"providers": {
            "gem": {"kind": "gemini_compatible", "base_url": f"{gemini.url}/v1beta", "api_key": "k", "prices": {"*": {"input": 1, "output": 1}}}}})
        body = {"model": "gem/m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}
        with http_client(server, server.create_key()) as client:
            answer = client.post(CHAT, json=body)
        assert answer.status_code == 400 and "image_url" in answer.json()["error"]["message"], answer.text
        assert gemini.requests == []
    finally:
        gemini.stop()

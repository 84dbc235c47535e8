"""Providers that answer in another form than they were asked for, break off, or cannot be asked at all."""

import json
import resource

import pytest

from harness import recorder
from harness.clients import WEATHER_SCHEMA, chat_body, http_client, messages_body
from harness.mock_config import anthropic_vendor, openai_vendor, responses_vendor
from harness.sluice import Sluice
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@pytest.fixture
def ask(recorders):
    """Sends a body with a key of its own and gives the answer and the ledger's last row for that key back."""
    server = recorders[0]

    def send(name, path, body):
        key = server.create_key(name)
        with http_client(server, key) as client:
            answer = client.post(path, json=body)
        lines = eventually(
            lambda: [row for row in map(json.loads, server.run("logs", "tail", "-o", "json").stdout.splitlines()) if row["key"] == name],
            "the ledger entry")
        return answer, lines[-1]
    return send


def events(answer):
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


@pytest.mark.parametrize("path, body", [
    (CHAT, chat_body("oai/gpt-mock", stream=True, stream_options={"include_usage": True})), (MESSAGES, messages_body("oai/gpt-mock", stream=True)),
    (MESSAGES, messages_body("ant/claude-mock", stream=True)), (CHAT, chat_body("ant/claude-mock", stream=True))],
    ids=["openai by openai", "anthropic by openai", "anthropic by anthropic", "openai by anthropic"])
def test_a_whole_answer_to_a_stream_request_is_streamed_and_paid_once(recorders, ask, path, body):
    _, oai, ant = recorders
    oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    ant.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    answer, row = ask(f"whole {path} {body['model']}", path, body)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer.text
    assert answer.headers["x-sluice-attempts"] == "1" and len(oai.requests + ant.requests) == 1
    if path == CHAT:
        assert "".join(choice["delta"].get("content") or "" for event in events(answer) for choice in event["choices"]) == "pong"
        assert answer.text.endswith("data: [DONE]\n\n")
    else:
        assert "".join(event["delta"]["text"] for event in events(answer) if event["type"] == "content_block_delta") == "pong"
        assert events(answer)[-1]["type"] == "message_stop"
    assert (row["outcome"], row["usage"]["input_tokens"], row["usage"]["output_tokens"]) == ("ok", 7, 5)


def test_a_same_dialect_stream_that_ends_in_an_error_is_recorded_as_the_providers_failure(recorders, ask):
    _, oai, _ = recorders
    failure = b'data: {"error":{"message":"the engine is out of memory","type":"server_error"}}\n\n'
    oai.answer = recorder.streaming([*recorder.openai_stream()[:3], failure])
    answer, row = ask("in-band", CHAT, chat_body("oai/gpt-mock", stream=True))
    assert answer.status_code == 200 and answer.content.endswith(failure)
    assert row["outcome"] == "provider_failed" and row["usage"]["output_tokens"] > 0


def test_a_providers_complaint_about_the_request_is_not_its_failure(recorders, ask):
    _, oai, _ = recorders
    oai.answer = recorder.fixed(recorder.ok(b'{"error":{"message":"no such field","type":"invalid_request_error"}}', status="400 Bad Request"))
    answer, row = ask("complaint", CHAT, chat_body("oai/gpt-mock"))
    assert (answer.status_code, row["outcome"]) == (400, "provider_rejected")


def test_a_candidate_whose_dialect_cannot_say_the_request_is_passed_over_and_not_counted(serve, recorders):
    _, oai, ant = recorders
    server = serve({"providers": {"oai": openai_vendor(oai.url), "ant": anthropic_vendor(ant.url)},
                    "models": {"ant-first": ["ant/claude-mock", "oai/gpt-mock"]}})
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("ant-first", logprobs=True))
        assert (answer.status_code, answer.headers["x-sluice-provider"], answer.headers["x-sluice-attempts"]) == (200, "oai", "1")
        refused = client.post(CHAT, json=chat_body("ant/claude-mock", logprobs=True))
        assert refused.status_code == 400 and refused.json()["error"]["param"] == "logprobs"
        assert refused.headers["x-sluice-attempts"] == "0" and "x-sluice-provider" not in refused.headers
    assert ant.requests == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_of_an_answer_the_other_dialect_cannot_carry_is_named(recorders, ask, stream):
    _, _, ant = recorders
    if stream:
        lost = [recorder.anthropic_event("content_block_start", index=0, content_block={"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
                recorder.anthropic_event("content_block_stop", index=0)]
        made = recorder.anthropic_stream()
        ant.answer = recorder.streaming([made[0], *lost, *[event.replace(b'"index": 0', b'"index": 1') for event in made[1:]]])
    else:
        whole = json.loads(recorder.anthropic_answer())
        whole["content"].insert(0, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})
        ant.answer = recorder.fixed(recorder.ok(json.dumps(whole).encode()))
    answer, _ = ask(f"lost {stream}", CHAT, chat_body("ant/claude-mock", max_tokens=9, stream=stream, seed=7, tools=[
        {"type": "function", "function": {"name": "f", "parameters": WEATHER_SCHEMA}}]))
    assert answer.status_code == 200
    if stream:  # httpx shows no trailers
        assert "x-sluice-dropped-params" in answer.headers["trailer"]
    else:
        assert answer.headers["x-sluice-dropped-params"] == "seed,answer.content.server_tool_use"


def rows_of(server, key, count):
    return eventually(
        lambda: len(rows := [row for row in map(json.loads, server.run("logs", "tail", "-o", "json").stdout.splitlines())
                             if row["key"] == key]) == count and rows, f"{count} ledger entries of {key}")


def test_a_provider_that_is_silent_about_a_whole_answer_is_given_up_and_its_prompt_is_paid(serve, recorders):
    _, oai, ant = recorders
    oai.answer = lambda request, connection: connection.wait_until_peer_leaves()
    server = serve({"retry": {"answer_timeout_ms": 200}, "providers": {"oai": openai_vendor(oai.url), "ant": anthropic_vendor(ant.url)},
                    "models": {"silent-first": ["oai/gpt-mock", "ant/claude-mock"]}})
    ant.answer = recorder.fixed(recorder.ok(recorder.anthropic_answer()))
    with http_client(server, server.create_key("silent")) as client:
        answer = client.post(CHAT, json=chat_body("silent-first"))
    assert (answer.status_code, answer.headers["x-sluice-provider"], answer.headers["x-sluice-attempts"]) == (200, "ant", "2")
    first, last = rows_of(server, "silent", 2)
    assert (first["provider"], first["outcome"], first["attempt"], last["attempt"]) == ("oai", "provider_failed", 1, 2)
    assert first["usage"]["input_tokens"] > 0 and not first["usage"]["reported"] and last["usage"]["input_tokens"] == 7
    assert len(oai.requests) == 1, "a whole answer was asked for twice"


@pytest.mark.parametrize("model, told", [("oai/gpt-mock", None), ("ant/claude-mock", 7)])
def test_a_stream_that_breaks_before_its_first_token_is_paid_as_far_as_it_went(recorders, ask, model, told):
    _, oai, ant = recorders

    def broken(events):
        def answer(request, connection):
            connection.send(recorder.sse_head() + recorder.chunk(events[0]))
            connection.close()
        return answer
    oai.answer, ant.answer = broken(recorder.openai_stream()), broken(recorder.anthropic_stream())
    answer, row = ask(f"breaks {model}", CHAT, chat_body(model, stream=True))
    assert answer.status_code >= 500 and row["outcome"] == "provider_failed"
    assert row["usage"]["input_tokens"] == told if told else row["usage"]["input_tokens"] > 0
    assert not row["usage"]["reported"]


def test_an_error_status_costs_nothing(recorders, ask):
    _, oai, _ = recorders
    oai.answer = recorder.fixed(recorder.ok(b'{"error":{"message":"overloaded"}}', status="503 Service Unavailable"))
    _, row = ask("no bill", CHAT, chat_body("oai/gpt-mock"))
    assert row["usage"]["input_tokens"] == 0 and row["outcome"] == "provider_failed"


def test_a_whole_answer_to_a_stream_request_that_the_ledger_cannot_take_fails_in_words_of_the_request(folder, provider):
    """What is written anew repeats the request to its end, also when that is a failure and others have asked meanwhile."""
    whole = {"id": "resp_1", "object": "response", "created_at": 1790000000, "status": "completed", "model": "m", "error": None, "incomplete_details": None,
             "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
                         "content": [{"type": "output_text", "text": "pong", "annotations": []}]}],
             "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5, "input_tokens_details": {"cached_tokens": 0},
                       "output_tokens_details": {"reasoning_tokens": 0}}}
    provider.answer = recorder.fixed(recorder.ok(json.dumps(whole).encode()))
    server = Sluice(folder("full"), {"server": {"threads": 1}, "ledger": {"durability": "strict"}, "providers": {"resp": responses_vendor(provider.url)}})
    server.start(restore_signals=False)  # a file that may not grow is an error, and not the end
    try:
        key = server.create_key()
        body = {"model": "resp/m", "input": "Hello", "stream": True, "store": False, "instructions": "be brief", "metadata": {"team": "red"}}
        with http_client(server, key) as client:
            assert events(client.post("/v1/responses", json=body))[-1]["type"] == "response.completed"
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, 1))
            with client.stream("POST", "/v1/responses", json=body) as waiting:
                for _ in range(4):
                    other = {**body, "model": "resp/*", "instructions": "a secret", "metadata": {"team": "blue"}}
                    assert client.post("/v1/responses", json=other).status_code == 404
                waiting.read()
            failed = events(waiting)[-1]
        assert failed["type"] == "response.failed", failed
        told = failed["response"]
        assert (told["instructions"], told["metadata"]) == ("be brief", {"team": "red"})
        assert "the disk does not take the record" in told["error"]["message"]
    finally:
        server.kill()

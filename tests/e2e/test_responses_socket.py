"""The Responses API over WebSocket: each response.create is a request like any other."""

import json
import socket
import time

import openai
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from harness import recorder
from harness.clients import http_client
from harness.mock_config import anthropic_vendor, openai_vendor, responses_vendor
from harness.wait import eventually

DONE = ("response.completed", "response.failed", "response.incomplete", "error")


@pytest.fixture
def server(serve, provider):
    return serve({"providers": {"oai": openai_vendor(provider.url), "ant": anthropic_vendor(provider.url), "resp": responses_vendor(provider.url)}})


def opened(server, key, **options):
    return connect(server.url.replace("http", "ws") + "/v1/responses", additional_headers={"authorization": f"Bearer {key}"}, **options)


def ask(ws, **members):
    ws.send(json.dumps({"type": "response.create", **members}))
    return read(ws)


def read(ws):
    events = []
    while not events or events[-1]["type"] not in DONE:
        events.append(json.loads(ws.recv(timeout=30)))
    return events


def responses_stream(text="pong", response_id="resp_1"):
    whole = {"id": response_id, "object": "response", "created_at": 1, "status": "completed", "model": "m", "output": [
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": text, "annotations": []}]}],
        "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}}
    events = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}, "sequence_number": 0},
              {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text, "sequence_number": 1},
              {"type": "response.completed", "response": whole, "sequence_number": 2}]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


@pytest.mark.parametrize("model, events", [("oai/m", recorder.openai_stream()), ("ant/m", recorder.anthropic_stream()), ("resp/m", responses_stream())],
                         ids=["chat", "anthropic", "responses"])
def test_each_message_is_a_request_of_its_own(server, provider, model, events):
    provider.answer = recorder.streaming(events)
    with opened(server, server.create_key("socket")) as ws:
        for turn in (1, 2):
            told = ask(ws, model=model, input="ping")
            assert told[0]["type"] == "response.created" and told[-1]["type"] == "response.completed", told
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            assert told[-1]["response"]["output"][-1]["content"][0]["text"] == "pong"
    sent = provider.requests[0].json()
    assert sent["stream"] is True and "type" not in sent
    used = eventually(lambda: (row := server.usage_of("socket"))["requests"] == 2 and row, "two rows in the ledger")
    assert (used["input_tokens"], used["output_tokens"]) == (14, 10)


def test_a_conversation_goes_on_over_the_connection_and_over_http(server, provider):
    provider.answer = recorder.streaming(recorder.openai_stream())
    key = server.create_key()
    with opened(server, key) as ws:
        first = ask(ws, model="oai/m", input="one")[-1]["response"]
        second = ask(ws, model="oai/m", input="two", previous_response_id=first["id"])[-1]["response"]
        assert second["previous_response_id"] == first["id"] and len(provider.requests[-1].json()["messages"]) == 3
    assert openai.OpenAI(base_url=f"{server.url}/v1", api_key=key).responses.retrieve(second["id"]).output_text == "pong"


def test_a_response_that_nobody_keeps_goes_on_over_its_own_connection_alone(server, provider):
    provider.answer = recorder.streaming(recorder.openai_stream())
    key = server.create_key()
    with opened(server, key) as ws, opened(server, key) as elsewhere:
        first = ask(ws, model="oai/m", input="one", store=False)[-1]["response"]
        assert ask(elsewhere, model="oai/m", input="two", previous_response_id=first["id"])[-1]["error"]["code"] == "previous_response_not_found"
        second = ask(ws, model="oai/m", input="two", store=False, previous_response_id=first["id"])[-1]["response"]
        assert second["previous_response_id"] == first["id"]
        assert [message["content"] for message in provider.requests[-1].json()["messages"]] == ["one", "pong", "two"]
        ask(ws, model="oai/m", input="three", store=False, previous_response_id=second["id"])
        assert len(provider.requests[-1].json()["messages"]) == 5
        # The newest one alone is remembered.
        assert ask(ws, model="oai/m", input="x", previous_response_id=first["id"])[-1]["error"]["code"] == "previous_response_not_found"


def test_what_goes_on_from_a_restricted_turn_stays_home(serve, provider):
    server = serve({"providers": {"home": openai_vendor(provider.url, ground="self_hosted"), "away": openai_vendor(provider.url)},
                    "models": {"private": ["home/m"]},
                    "workloads": [{"name": "private", "match": {"models": ["private"]}, "require": {"data_class": "restricted"}}]})
    provider.answer = recorder.streaming(recorder.openai_stream())
    with opened(server, server.create_key()) as ws:
        secret = ask(ws, model="private", input="a secret", store=False)[-1]["response"]
        second = ask(ws, model="home/m", input="two", store=False, previous_response_id=secret["id"])[-1]["response"]
        told = ask(ws, model="away/m", input="three", store=False, previous_response_id=second["id"])[-1]
        assert told["status"] == 403 and "goes on from is restricted" in told["error"]["message"]
        assert ask(ws, model="away/m", input="something else", store=False)[-1]["type"] == "response.completed"
    assert len(provider.requests) == 3


def test_a_turn_that_fails_takes_what_it_went_on_from_with_it(server, provider):
    provider.answer = recorder.streaming(recorder.openai_stream())
    with opened(server, server.create_key()) as ws:
        first = ask(ws, model="oai/m", input="one", store=False)[-1]["response"]
        assert ask(ws, model="oai/m", input=[{"type": "nonsense"}], store=False, previous_response_id=first["id"])[-1]["status"] == 400
        assert ask(ws, model="oai/m", input="two", previous_response_id=first["id"])[-1]["error"]["code"] == "previous_response_not_found"


def test_a_response_is_prepared_without_asking_anybody(server, provider):
    provider.answer = recorder.streaming(recorder.openai_stream())
    with opened(server, server.create_key("warm")) as ws:
        told = ask(ws, model="oai/m", input="one", generate=False, tools=[])
        assert [event["type"] for event in told] == ["response.created", "response.in_progress", "response.completed"]
        prepared = told[-1]["response"]
        assert prepared["output"] == [] and prepared["status"] == "completed" and prepared["usage"]["total_tokens"] == 0
        assert provider.requests == []
        answer = ask(ws, model="oai/m", input="two", previous_response_id=prepared["id"])[-1]["response"]
        assert answer["previous_response_id"] == prepared["id"]
        assert [message["content"] for message in provider.requests[-1].json()["messages"]] == ["one", "two"]
    eventually(lambda: server.usage_of("warm")["requests"] == 1, "one row in the ledger")


def test_what_is_wrong_is_an_event_and_the_connection_goes_on(server, provider):
    provider.answer = recorder.streaming(recorder.openai_stream())
    with opened(server, server.create_key()) as ws:
        for message, word in (("no json", "JSON object"), ("[]", "JSON object"), ('{"type":"response.cancel"}', "response.create"),
                              ('{"type":"response.create","generate":false}', "model"),
                              ('{"type":"response.create","model":"nobody/m","input":"x"}', "no model"),
                              ('{"type":"response.create","model":"oai/m","input":7}', "input"),
                              ('{"type":"response.create","model":"oai/m","input":"x","previous_response_id":"resp_a","previous_response_id":"resp_b"}',
                               "given twice")):
            ws.send(message)
            error = read(ws)[-1]
            assert error["type"] == "error" and error["status"] in (400, 404) and word in error["error"]["message"], error
        provider.answer = recorder.fixed(recorder.ok(b'{"error":{"message":"too busy","type":"rate_limit"}}', status="429 Too Many Requests"))
        assert ask(ws, model="oai/m", input="x")[-1]["status"] == 429
        provider.answer = recorder.streaming(recorder.openai_stream())
        assert ask(ws, model="oai/m", input="x")[-1]["type"] == "response.completed"


def test_a_second_request_meanwhile_is_refused_and_pings_are_answered(server, provider):
    def slow(request, connection):
        connection.send(recorder.sse_head() + recorder.chunk(recorder.openai_stream()[0] + recorder.openai_stream()[1]))
        time.sleep(1)
        connection.send(b"".join(recorder.chunk(event) for event in recorder.openai_stream()[2:]) + recorder.LAST_CHUNK)
    provider.answer = slow
    with opened(server, server.create_key()) as ws:
        ws.send(json.dumps({"type": "response.create", "model": "oai/m", "input": "x"}))
        assert json.loads(ws.recv(timeout=30))["type"] == "response.created"
        ws.send(json.dumps({"type": "response.create", "model": "oai/m", "input": "y"}))
        assert ws.ping().wait(timeout=30)
        told = read(ws)
        assert told[-1]["type"] == "error" and told[-1]["error"]["code"] == "response_in_progress"
        assert read(ws)[-1]["type"] == "response.completed"
    assert len(provider.requests) == 1


# Some providers leave the events' names out; that a response has no error is in its first bytes.
NAMELESS = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in (
    {"type": "response.created", "response": {"id": "resp_1", "object": "response", "error": None, "status": "in_progress", "model": "m", "output": []}, "sequence_number": 0},
    {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "po", "sequence_number": 1})]


@pytest.mark.parametrize("model, begun", [("oai/m", recorder.openai_stream()[:2]), ("resp/m", NAMELESS)], ids=["chat", "responses without names"])
def test_a_client_that_leaves_stops_the_provider_and_is_settled(server, provider, model, begun):
    def endless(request, connection):
        connection.send(recorder.sse_head() + recorder.chunk(b"".join(begun)))
        connection.wait_until_peer_leaves()
    provider.answer = endless
    ws = opened(server, server.create_key("left"))
    ws.send(json.dumps({"type": "response.create", "model": model, "input": "x"}))
    while json.loads(ws.recv(timeout=30))["type"] != "response.output_text.delta":
        pass
    ws.send(json.dumps({"type": "response.create", "model": model, "input": "y"}))
    assert json.loads(ws.recv(timeout=30))["error"]["code"] == "response_in_progress"
    ws.close()
    assert provider.requests[0].gone.wait(30)
    eventually(lambda: server.usage_of("left")["requests"] == 1, "the ledger")


def test_who_has_no_key_gets_no_connection(server, provider):
    with pytest.raises(InvalidStatus) as refused:
        opened(server, "sk-sluice-no")
    assert refused.value.response.status_code == 401
    key = server.create_key("short-lived")
    provider.answer = recorder.streaming(recorder.openai_stream())
    with opened(server, key) as ws:
        assert ask(ws, model="oai/m", input="x")[-1]["type"] == "response.completed"
        server.run("keys", "revoke", "short-lived")
        eventually(lambda: ask(ws, model="oai/m", input="x")[-1].get("status") == 401, "the revoked key is refused")


@pytest.mark.parametrize("frame, code", [(b"\x82\x80\0\0\0\0", 1003), (b"\x81\x02hi", 1002), (b"\x81\x82\0\0\0\0\xff\xff", 1007), (b"\x81\xff\0\0\0\x7f\0\0\0\0\0\0\0\0some of it", 1009)],
                         ids=["binary", "unmasked", "not UTF-8", "too big"])
def test_what_breaks_the_protocol_is_closed_with_its_code(server, frame, code):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.settimeout(30)
        sock.sendall((f"GET /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.create_key()}\r\nconnection: keep-alive, Upgrade\r\n"
                      "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode() + frame)
        received = b""
        while piece := sock.recv(4096):
            received += piece
    head, _, frames = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101") and b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert frames[0] == 0x88 and int.from_bytes(frames[2:4], "big") == code


def test_an_incomplete_handshake_is_an_error_and_a_plain_get_is_not_allowed(server):
    with http_client(server, server.create_key()) as client:
        assert client.get("/v1/responses").status_code == 405
        answer = client.get("/v1/responses", headers={"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "8"})
        assert answer.status_code == 400 and "13" in answer.text


def test_a_server_that_stops_closes_the_connection(server):
    with opened(server, server.create_key()) as ws:
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=30)
        assert closed.value.rcvd.code == 1001


def test_the_official_sdks_connection(server, provider):
    provider.answer = recorder.streaming(recorder.anthropic_stream())
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.create_key())
    with client.responses.connect() as connection:
        connection.response.create(model="ant/m", input="ping", max_output_tokens=16)
        told = []
        for event in connection:
            told.append(event)
            if event.type in DONE:
                break
    assert told[-1].type == "response.completed" and told[-1].response.output_text == "pong"


@pytest.mark.parametrize("model, events", [("oai/m", recorder.openai_stream()), ("resp/m", responses_stream())], ids=["chat", "responses"])
def test_events_have_the_stream_id_of_what_they_answer(server, provider, model, events):
    provider.answer = recorder.streaming(events)
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.create_key()).responses.connect() as connection:
        for lane in ("agent_1", "agent-2.b"):
            connection.response.create(model=model, input="ping", store=False, stream_id=lane)
            told = []
            while not told or told[-1].type not in DONE:
                told.append(connection.recv())
            assert {event.stream_id for event in told} == {lane} and told[-1].type == "response.completed"
    assert len(provider.requests) == 2 and all("stream_id" not in request.json() for request in provider.requests)
    with opened(server, server.create_key()) as ws:
        [refused] = ask(ws, model="oai/m", input=7, stream_id="agent_1")
        assert (refused["type"], refused["stream_id"], refused["error"]["param"]) == ("error", "agent_1", "input")
        [unknown] = ask(ws, model="nobody/m", input="ping", stream_id="agent_1")
        assert (unknown["status"], unknown["stream_id"]) == (404, "agent_1")
        prepared = ask(ws, model="oai/m", input="ping", generate=False, stream_id="agent_1")
        assert {event["stream_id"] for event in prepared} == {"agent_1"}
        for wrong in ("", "a b", "x" * 257, 7, {"id": "a"}):
            [refused] = ask(ws, model="oai/m", input="ping", stream_id=wrong)
            assert (refused["status"], refused["error"]["param"]) == (400, "stream_id") and "stream_id" not in refused
        told = ask(ws, model=model, input="ping", store=False)
        assert told[-1]["type"] == "response.completed" and not any("stream_id" in event for event in told)

"""Connections on both sides: clients that leave, kept connections, old and unusual HTTP, TLS to providers, IPv6."""

import socket
import threading

import pytest

from harness import recorder
from harness.certificates import Authority
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import openai_vendor
from harness.raw import Wire
from harness.recorder import Recorder
from harness.wait import eventually

CHAT = "/v1/chat/completions"
BODY = b'{"model":"oai/gpt-mock","messages":[{"role":"user","content":"hi"}]}'
STREAM = BODY.replace(b'"messages"', b'"stream":true,"messages"')


@pytest.fixture
def authorization(recording_key):
    return f"Authorization: Bearer {recording_key}"


def test_requests_under_way_are_counted(recorders, authorization):
    server, oai, _ = recorders
    go_on = threading.Event()
    oai.answer = recorder.interrupted(recorder.openai_stream(), go_on)

    def under_way():
        with http_client(server) as client:
            page = client.get("/metrics").text
        return next((float(line.split()[-1]) for line in page.splitlines() if line.startswith('sluice_requests_in_flight{dialect="openai_chat"}')), 0)

    before = under_way()
    with http_client(server, authorization.removeprefix("Authorization: Bearer ")) as client, \
            client.stream("POST", CHAT, json=chat_body("oai/gpt-mock", stream=True)) as answer:
        parts = answer.iter_bytes()
        next(parts)
        assert under_way() == before + 1
        go_on.set()
        b"".join(parts)
    eventually(lambda: under_way() == before, "the request to be counted out")


# --- a client that leaves

@pytest.mark.parametrize("path, side, body", [
    (CHAT, 1, chat_body("oai/gpt-mock", stream=True)), ("/v1/messages", 2, messages_body("ant/claude-mock", stream=True)),
    (CHAT, 2, chat_body("ant/claude-mock", stream=True)), ("/v1/messages", 1, messages_body("oai/gpt-mock", stream=True)),
], ids=["openai", "anthropic", "openai-to-anthropic", "anthropic-to-openai"])
def test_a_client_that_leaves_in_a_stream_stops_the_provider_call_and_is_still_recorded(recorders, path, side, body):
    server, provider = recorders[0], recorders[side]
    name = f"leaver of {path} to {side}"
    key = server.create_key(name)
    events = recorder.openai_stream() if side == 1 else recorder.anthropic_stream()
    first = 2 if side == 1 else 4  # up to and including the first text

    def stream_and_wait(request, connection):
        connection.send(recorder.sse_head() + b"".join(recorder.chunk(event) for event in events[:first]))
        connection.wait_until_peer_leaves()

    provider.answer = stream_and_wait
    with http_client(server, key) as client:
        with client.stream("POST", path, json=body) as answer:
            assert answer.status_code == 200
            next(answer.iter_bytes())  # the first event is here, so the stream is open on both sides
    eventually(lambda: provider.requests and provider.requests[0].gone.is_set(), "the provider's connection to close")
    usage = eventually(lambda: (row := server.usage_of(name))["requests"] == 1 and row, "the ledger entry of the left stream")
    assert usage["output_tokens"] > 0 or usage["input_tokens"] > 0, "what the provider had sent is not on the bill"


def test_a_client_that_leaves_before_the_answer_stops_the_provider_call(recorders, authorization):
    server, oai, _ = recorders
    oai.answer = lambda request, connection: connection.wait_until_peer_leaves()
    with Wire(server.url) as wire:
        wire.post(CHAT, BODY, [authorization])
        eventually(lambda: oai.requests, "the provider to be asked")
    eventually(lambda: oai.requests[0].gone.is_set(), "the provider's connection to close")
    assert server.is_ready()


def test_one_client_that_leaves_does_not_disturb_another(recorders, recording_key):
    server, oai, _ = recorders

    def answer(request, connection):
        if b"leave" in request.body:
            connection.send(recorder.sse_head() + b"".join(recorder.chunk(event) for event in recorder.openai_stream()[:2]))
            connection.wait_until_peer_leaves()
        else:
            recorder.streaming(recorder.openai_stream())(request, connection)

    oai.answer = answer
    with http_client(server, recording_key) as client:
        with client.stream("POST", CHAT, json=chat_body("oai/gpt-mock", "leave", stream=True)) as left:
            next(left.iter_bytes())
            stayed = client.post(CHAT, json=chat_body("oai/gpt-mock", "stay", stream=True))
        assert stayed.text.endswith("data: [DONE]\n\n")
        assert client.post(CHAT, json=chat_body("oai/gpt-mock", "stay", stream=True)).text.endswith("data: [DONE]\n\n")


# --- connections that are kept

def test_a_clients_connection_and_the_providers_connection_are_kept(recorders, authorization):
    server, oai, _ = recorders
    with Wire(server.url) as wire:
        for _ in range(5):
            wire.post(CHAT, BODY, [authorization])
            answer = wire.read()
            assert answer.status == 200 and not answer.closed
    assert len({request.connection for request in oai.requests}) == 1, "Sluice opened a new connection for a kept one"


def test_a_provider_connection_that_died_while_idle_costs_no_request(recorders, authorization):
    server, oai, _ = recorders

    def answer_and_close(request, connection):
        connection.send(recorder.ok(recorder.openai_answer()))
        connection.close()

    oai.answer = answer_and_close
    with Wire(server.url) as wire:
        for _ in range(5):
            wire.post(CHAT, BODY, [authorization])
            assert wire.read().status == 200


def test_two_requests_in_one_packet_are_answered_in_order(recorders, authorization):
    server, oai, _ = recorders
    oai.answer = lambda request, connection: connection.send(recorder.ok(recorder.openai_answer(request.json()["messages"][0]["content"])))
    with Wire(server.url) as wire:
        one, two = BODY.replace(b"hi", b"first"), BODY.replace(b"hi", b"second")
        wire.send(b"".join(
            f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{authorization}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            for body in (one, two)))
        assert [b'"first"' in wire.read().body, b'"second"' in wire.read().body] == [True, True]


def test_an_error_does_not_cost_the_client_its_connection(recorders, authorization):
    server, _, _ = recorders
    with Wire(server.url) as wire:
        wire.post(CHAT, b"{", [authorization])
        assert wire.read().status == 400
        wire.post(CHAT, BODY, [authorization])
        assert wire.read().status == 200


# --- old and unusual HTTP

def test_a_client_of_http_1_0_gets_an_answer_that_it_can_read(recorders, authorization):
    server, oai, _ = recorders
    with Wire(server.url) as wire:
        wire.post(CHAT, BODY, [authorization], version="1.0")
        answer = wire.read()
        assert answer.status == 200 and answer.header("transfer-encoding") is None
        assert answer.body == recorder.openai_answer()
        assert wire.is_closed_by_server()
    oai.answer = recorder.streaming(recorder.openai_stream())
    with Wire(server.url) as wire:
        wire.post(CHAT, STREAM, [authorization], version="1.0")
        answer = wire.read()
        assert answer.header("transfer-encoding") is None and answer.body.endswith(b"data: [DONE]\n\n")


def test_a_chunked_request_body_is_understood(recorders, authorization):
    server, oai, _ = recorders
    with Wire(server.url) as wire:
        wire.send(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{authorization}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for at in range(0, len(BODY), 10):
            wire.send(recorder.chunk(BODY[at:at + 10]))
        wire.send(recorder.LAST_CHUNK)
        assert wire.read().status == 200
    assert oai.requests[0].body == BODY.replace(b"oai/", b"")


def test_a_client_that_expects_100_continue_gets_it(recorders, authorization):
    server, _, _ = recorders
    with Wire(server.url) as wire:
        wire.send(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{authorization}\r\nContent-Type: application/json\r\n"
                  f"Expect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n".encode())
        assert wire.read_head().status == 100
        wire.send(BODY)
        assert wire.read().status == 200


@pytest.mark.parametrize("head", [
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost : x\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"not http at all\r\n\r\n",
], ids=["two-lengths", "length-and-chunked", "gzip", "space-before-colon", "no-host", "version", "garbage"])
def test_a_request_that_could_smuggle_another_is_refused_and_the_connection_closed(recorders, head):
    server, oai, _ = recorders
    with Wire(server.url) as wire:
        wire.send(head)
        answer = wire.read()
        assert 400 <= answer.status <= 505
        assert wire.is_closed_by_server()
    assert oai.requests == []


def test_headers_above_the_limit_are_431(recorders):
    with Wire(recorders[0].url) as wire:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 1000) for n in range(80)) + b"\r\n")
        assert wire.read().status == 431


def test_a_provider_that_sends_its_answer_until_the_end_of_the_connection_is_understood(recorders, authorization):
    server, oai, _ = recorders

    def until_close(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + recorder.openai_answer())
        connection.close()

    oai.answer = until_close
    with Wire(server.url) as wire:
        wire.post(CHAT, BODY, [authorization])
        answer = wire.read()
    assert (answer.status, answer.body) == (200, recorder.openai_answer())


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n{\"id\"",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 24\r\n\r\n<html>cdn secret</html>\n",
    b"",
], ids=["cut-body", "length-and-chunked", "not-http", "html-502", "nothing"])
def test_a_broken_answer_of_a_provider_becomes_an_error_in_the_clients_dialect(recorders, recording_key, data):
    server, oai, _ = recorders

    def broken(request, connection):
        connection.send(data)
        connection.close()

    oai.answer = broken
    with http_client(server, recording_key) as client:
        for path, body in ((CHAT, chat_body("oai/gpt-mock")), ("/v1/messages", messages_body("oai/gpt-mock"))):
            answer = client.post(path, json=body)
            assert answer.status_code == 502
            assert answer.json()["error"]["message"]
            assert "cdn secret" not in answer.text
        # The fault is the provider's; the next answer is good again.
        oai.forget()
        assert client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == 200


# --- TLS to providers

@pytest.fixture
def tls_provider(tmp_path):
    authority = Authority(tmp_path / "ca")
    provider = Recorder(tls=authority.server_context())
    yield provider, authority
    provider.stop()


def ask(server):
    with http_client(server, server.create_key()) as client:
        return client.post(CHAT, json=chat_body("secure/gpt-mock"))


def test_a_provider_over_tls_is_called_when_its_authority_is_trusted(serve, tls_provider):
    provider, authority = tls_provider
    server = serve({"server": {"threads": 1}, "providers": {"secure": openai_vendor(provider.url)}},
                   env={"SSL_CERT_FILE": str(authority.ca_file)})
    answer = ask(server)
    assert answer.status_code == 200 and answer.content == recorder.openai_answer()
    assert ask(server).status_code == 200
    assert len({request.connection for request in provider.requests}) == 1, "the TLS connection was not kept"


def test_a_provider_whose_authority_is_not_trusted_gets_nothing(serve, tls_provider, tmp_path):
    provider, _ = tls_provider
    stranger = Authority(tmp_path / "stranger")
    server = serve({"providers": {"secure": openai_vendor(provider.url)}}, env={"SSL_CERT_FILE": str(stranger.ca_file)})
    answer = ask(server)
    assert answer.status_code == 502 and "certificate" in answer.json()["error"]["message"]
    assert provider.requests == []


def test_a_certificate_for_another_name_is_refused(serve, tmp_path):
    authority = Authority(tmp_path / "ca", names="DNS:somebody-else.example")
    provider = Recorder(tls=authority.server_context())
    server = serve({"providers": {"secure": openai_vendor(provider.url)}}, env={"SSL_CERT_FILE": str(authority.ca_file)})
    assert ask(server).status_code == 502
    assert provider.requests == []
    provider.stop()


# --- IPv6

def ipv6_works():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not ipv6_works(), reason="this machine has no IPv6 loopback")
def test_sluice_listens_on_ipv6_and_calls_a_provider_on_ipv6(serve):
    provider = Recorder(host="::1")
    server = serve({"providers": {"secure": openai_vendor(provider.url)}}, listen="[::1]:0")
    assert server.url.startswith("http://[::1]:")
    assert ask(server).status_code == 200
    assert provider.requests[0].header("host") == f"[::1]:{provider.port}"
    provider.stop()

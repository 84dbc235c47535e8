"""Clients that hold what others need, or send what two readers could read in two ways: they gain nothing, and others are served."""

import httpx
import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.raw import Wire
from harness.wait import eventually

CHAT = "/v1/chat/completions"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
# What a smuggler wants to be read as a request of its own.
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: hidden\r\n\r\n"

REFUSED = {
    "length and chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then something": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding with a tab": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded value": HEAD + b"X-A: one\r\n two\r\nContent-Length: 0\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 5\r\n\r\nhello",
    "a space before the name": HEAD + b" Content-Length: 5\r\n\r\nhello",
    "no name": HEAD + b": 5\r\n\r\nhello",
    "no colon": HEAD + b"Content-Length 5\r\n\r\nhello",
    "a NUL in a value": HEAD + b"X-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "a bare CR in a value": HEAD + b"X-A: a\rContent-Length: 5\r\n\r\nhello",
    "a bare CR between lines": HEAD + b"Content-Length: 0\rX: y\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two lengths in one line": HEAD + b"Content-Length: 5, 6\r\n\r\nhello!",
    "a length with a sign": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "a length beyond 64 bits": HEAD + b"Content-Length: 18446744073709551621\r\n\r\nhello",
    "a length with a blank within": HEAD + b"Content-Length: 1 0\r\n\r\n0123456789",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "two hosts": HEAD + b"Host: y\r\nContent-Length: 0\r\n\r\n",
    "no host": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "a blank in the path": b"POST /v1/chat /completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "a control character in the path": b"POST /v1/\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown version": b"POST /v1/chat/completions HTTP/1.9x\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /v1/models\r\n\r\n",
    "a method that is none": b"PO\x00ST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2 in two": b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
}
# A head that is sound, and chunks that are not.
CHUNKED = HEAD + b"Authorization: Bearer KEY\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
BAD_CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-1\r\n\r\n0\r\n\r\n",
    "a size beyond 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size of 200 zeros": b"0" * 200 + b"5\r\nhello\r\n0\r\n\r\n",
    "a blank before a size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a line feed alone behind a size": b"5\nhello\r\n0\r\n\r\n",
    "a line feed alone behind the data": b"5\r\nhello\n0\r\n\r\n",
    "more data than the size says": b"5\r\nhello world\r\n0\r\n\r\n",
    "an extension without end": b"5;" + b"x" * 20_000 + b"\r\nhello\r\n0\r\n\r\n",
    "a line feed in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_head_with_two_meanings_is_refused_and_what_hides_behind_it_is_not_read(recorders, name):
    server, oai, _ = recorders
    with Wire(server.url) as wire:
        wire.send(REFUSED[name] + HIDDEN)
        answer = wire.read()
        assert 400 <= answer.status <= 505, answer
        assert wire.is_closed_by_server(), "a second answer would be that of the hidden request"
    assert oai.requests == []


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_chunks_with_two_meanings_are_refused_and_what_hides_behind_them_is_not_read(recorders, recording_key, name):
    server, oai, _ = recorders
    with Wire(server.url) as wire:
        wire.send(CHUNKED.replace(b"KEY", recording_key.encode()) + BAD_CHUNKS[name] + HIDDEN)
        answer = wire.read()
        assert answer.status == 400, answer
        assert wire.is_closed_by_server()
    assert oai.requests == []


@pytest.mark.parametrize("host, status", [(b"x", 200), (b"elsewhere", 400)])
def test_a_target_with_a_host_is_taken_when_it_is_the_same_host(recorders, host, status):
    with Wire(recorders[0].url) as wire:
        wire.send(b"GET http://x/health/live HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert wire.read().status == status


def rss_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1]) / 1024


@pytest.mark.parametrize("first_bytes", [b"", HEAD + b"X-A: "], ids=["idle", "slow heads"])
def test_connections_without_a_request_do_not_keep_others_out(serve, provider, first_bytes):
    most = 400
    server = serve({"providers": {"oai": openai_vendor(provider.url)}, "server": {"max_connections": most}})
    key = server.create_key()
    holders = []
    try:
        for _ in range(most + most // 4):
            holders.append(Wire(server.url))
            if first_bytes:
                holders[-1].send(first_bytes)
        for _ in range(20):
            with http_client(server, key) as client:
                assert client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == 200
        page = httpx.get(f"{server.url}/metrics").text
        crowded_out = next(float(line.split()[1]) for line in page.splitlines() if line.startswith("sluice_client_connections_crowded_out "))
        assert crowded_out > 0
        assert rss_mb(server.pid) < 512
    finally:
        for one in holders:
            one.close()
    eventually(lambda: "sluice_client_connections 1\n" in httpx.get(f"{server.url}/metrics").text, "the end of all connections")

"""Each bound that traffic can meet: what who goes beyond it is told, and that it is counted under its name (docs/reference/limits.md)."""

import json
import pathlib
import re
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import anthropic_vendor, openai_vendor
from harness.raw import Wire
from harness.sluice import Sluice
from harness.wait import eventually

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "limits.md"
CHAT = "/v1/chat/completions"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
BEARER = HEAD + b"Authorization: Bearer KEY\r\nContent-Type: application/json\r\n"
CHUNKED = BEARER + b"Transfer-Encoding: chunked\r\n\r\n"
MIB = 1 << 20


def rows():
    """name -> (message, its metric) of every limit on the page."""
    found = {}
    for line in PAGE.read_text().splitlines():
        if match := re.match(r"\| `(\w+)` \|.* \| ([^|]*) \| ([^|]*) \|$", line):
            counted = re.search(r"counted as `(\w+)`", match[2])
            found[match[1]] = (match[3], counted[1] if counted else "sluice_limit_hits_total")
    return found


ROWS = rows()


def hits(server, name):
    page = httpx.get(f"{server.url}/metrics", timeout=60).text
    return int(re.search(rf'^sluice_limit_hits_total{{limit="{name}"}} (\d+)$', page, re.MULTILINE)[1])


def body_of(**more):
    return json.dumps(chat_body("ant/claude-mock", **more)).encode()


def form(fields, head=b'content-disposition: form-data; name="f"'):
    body = b"".join(b"--b\r\n%s\r\n\r\nx\r\n" % head for _ in range(fields)) + b"--b--\r\n"
    return (b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


def post(body, path=b"/v1/chat/completions"):
    return (BEARER.replace(b"/v1/chat/completions", path) + b"Content-Length: %d\r\n\r\n" % len(body)) + body


TOOLS = [{"type": "function", "function": {"name": f"t{number}", "parameters": {"type": "object"}}} for number in range(4_097)]
REFERENCES = [{"role": "user", "content": [{"type": "input_file", "file_id": f"file-{number}"} for number in range(1_001)]}]
BATCH = json.dumps({"body": {"file_ids": [str(number) for number in range(50_001)]}}).encode()


def batch(lines):
    body = (b'--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n%s\r\n--b--\r\n' % lines)
    return (BEARER.replace(b"/v1/chat/completions", b"/v1/files").replace(b"application/json", b"multipart/form-data; boundary=b")
            + b"X-Sluice-Provider: oai\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


# name -> (what a client sends, the answer's status; None: it gets none)
OF_REQUESTS = {
    "idle_timeout": (b"", None),
    "head_timeout": (HEAD + b"X-A: ", 408),
    "head_bytes": (HEAD + b"X-A: " + b"a" * 20_000, 431),
    "head_fields": (HEAD + b"X-A: a\r\n" * 100 + b"\r\n", 431),
    "target_bytes": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "body_bytes": (BEARER + b"Content-Length: 9000000\r\n\r\n", 413),
    "body_timeout": (BEARER + b"Content-Length: 10\r\n\r\n{", 400),
    "chunk_size_digits": (CHUNKED + b"1" * 16 + b"\r\n", 400),
    "chunk_extension_bytes": (CHUNKED + b"1;" + b"x" * 5_000 + b"\r\n", 400),
    "trailer_bytes": (CHUNKED + b"2\r\n{}\r\n0\r\nx: " + b"x" * 20_000 + b"\r\n\r\n", 400),
    "json_depth": (post(b'{"model":"oai/gpt-mock","messages":' + b"[" * 300 + b"]" * 300 + b"}"), 400),
    "tools": (post(body_of(tools=TOOLS)), 400),
    "form_fields": (form(513), 400),
    "form_head_bytes": (form(1, b"x-a: " + b"a" * 9_000), 400),
    "references": (post(json.dumps({"model": "oai/gpt-mock", "input": REFERENCES}).encode(), b"/v1/responses"), 400),
    "batch_references": (batch(BATCH), 400),
}


@pytest.fixture(scope="module")
def small(folder):
    """A server with small limits in front of two vendors: (server, openai side, anthropic side, key)."""
    oai, ant = recorder.Recorder(), recorder.Recorder()
    server = Sluice(folder("limits"), {
        "providers": {"oai": openai_vendor(oai.url), "ant": anthropic_vendor(ant.url)}, "breaker": {"failures": 0}, "retry": {"attempts": 1},
        "server": {"max_header_bytes": 16_384, "max_body_bytes": MIB, "header_timeout_ms": 300, "body_timeout_ms": 300, "idle_timeout_ms": 1_000}}).start()
    yield server, oai, ant, server.create_key("limits")
    server.stop()
    oai.stop()
    ant.stop()


@pytest.mark.parametrize("name", OF_REQUESTS)
def test_who_goes_beyond_a_limit_is_told_and_counted(small, name):
    server, _, _, key = small
    sent, status = OF_REQUESTS[name]
    before = hits(server, name)
    with Wire(server.url) as wire:
        wire.send(sent.replace(b"KEY", key.encode()))
        if status is None:
            assert wire.is_closed_by_server()
        else:
            answer = wire.read()
            assert answer.status == status and ROWS[name][0].encode() in answer.body, answer
    eventually(lambda: hits(server, name) == before + 1, f"the count of {name}")


def stream_of(event, count):
    def answer(request, connection):
        connection.send(recorder.sse_head())
        for _ in range(count):
            connection.send(recorder.chunk(event))
        connection.send(b"0\r\n\r\n")
    return answer


def long_answer(request, connection):
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (65 * MIB))
    for _ in range(65):
        connection.send(b" " * MIB)


OF_ANSWERS = {
    "answer_bytes": (long_answer, {}),
    "sse_event_bytes": (stream_of(b"data: " + b"x" * 9 * MIB + b"\n\n", 1), {"stream": True}),
    "translated_bytes": (stream_of(recorder.anthropic_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "x" * MIB}), 66),
                         {"stream": True}),
}


def rss_mb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1]) / 1024


@pytest.mark.parametrize("name", OF_ANSWERS)
def test_a_provider_that_goes_beyond_a_limit_is_told_of_and_counted(small, name):
    server, _, ant, key = small
    answer, more = OF_ANSWERS[name]
    if name == "translated_bytes":
        start = recorder.anthropic_stream()[:2]
        ant.answer = lambda request, connection: begin_and(start, answer, request, connection)
    else:
        ant.answer = answer
    before = hits(server, name)
    with http_client(server, key) as client:
        told = client.post(CHAT, json=chat_body("ant/claude-mock", **more))
    assert ROWS[name][0] in told.text, told.text[:500]
    eventually(lambda: hits(server, name) == before + 1, f"the count of {name}")
    assert rss_mb(server.pid) < 512


def begin_and(start, answer, request, connection):
    send, first = connection.send, True

    def send_with_start(data):
        nonlocal first
        send(data)
        if first:
            first = False
            for event in start:
                send(recorder.chunk(event))
    connection.send = send_with_start
    answer(request, connection)


@pytest.mark.parametrize("name, limits, status", [("in_flight", {"in_flight": 1}, 503), ("concurrent_requests", {"in_flight_per_key": 1}, 429)])
def test_who_finds_no_place_is_told_and_counted(serve, provider, name, limits, status):
    arrived, free = threading.Event(), threading.Event()

    def hold(request, connection):
        arrived.set()
        assert free.wait(60)
        connection.send(recorder.ok(recorder.openai_answer()))
    provider.answer = hold
    server = serve({"providers": {"oai": openai_vendor(provider.url)}, "limits": limits})
    key = server.create_key()
    with ThreadPoolExecutor(1) as pool, http_client(server, key) as client, http_client(server, key) as other:
        first = pool.submit(client.post, CHAT, json=chat_body("oai/gpt-mock"))
        assert arrived.wait(60)
        refused = other.post(CHAT, json=chat_body("oai/gpt-mock"))
        free.set()
        assert first.result().status_code == 200
    assert refused.status_code == status and ROWS[name][0] in refused.text and refused.headers["retry-after"], refused.text
    eventually(lambda: hits(server, name) == 1, f"the count of {name}")


# Bombs: asked for `identity`, a provider sends what becomes a thousand times as large all the same.
def deflated(data):
    return zlib.compress(data, 9)


def gzipped(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


BOMB = b'{"choices":[{"message":{"content":"' + b"x" * 64 * MIB + b'"}}]}'


@pytest.mark.parametrize("model", ["oai/gpt-mock", "ant/claude-mock"], ids=["passed on", "translated"])
@pytest.mark.parametrize("coding, pack", [("gzip", gzipped), ("deflate", deflated), ("br", gzipped), ("zstd", gzipped)])
def test_a_compressed_bomb_from_a_provider_is_not_unpacked(small, model, coding, pack):
    server, oai, ant, key = small
    bomb = pack(BOMB)
    oai.answer = ant.answer = recorder.fixed(recorder.ok(bomb, headers=[f"content-encoding: {coding}"]))
    with http_client(server, key) as client:
        told = client.post(CHAT, json=chat_body(model))
        assert told.status_code == 502 and len(told.content) < 10_000, told
        oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
        assert client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == 200
    assert rss_mb(server.pid) < 512


def test_the_provider_is_asked_for_what_is_not_compressed(small):
    server, oai, _, key = small
    oai.forget()
    oai.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    with http_client(server, key) as client:
        client.post(CHAT, json=chat_body("oai/gpt-mock"), headers={"accept-encoding": "gzip, br"})
    assert oai.requests[0].headers()["accept-encoding"] == ["identity"]


ELSEWHERE = {
    "connections": "test_hostile_clients.py", "places": "../faults/test_limits.py", "write_timeout": "../../src/http/server_test.cpp",
    "event_stream_bytes": "../../src/http/aws_event_stream_test.cpp",
    **{name: "test_http2.py" for name in ROWS if name.startswith("http2_")}}


def test_every_limit_of_the_page_has_its_test():
    met = set(OF_REQUESTS) | set(OF_ANSWERS) | {"in_flight", "concurrent_requests"}
    assert set(ROWS) == met | set(ELSEWHERE) and not met & set(ELSEWHERE)
    for name, where in ELSEWHERE.items():
        text = (pathlib.Path(__file__).parent / where).read_text()
        assert name.removeprefix("http2_") in text or ROWS[name][1] in text, (name, where)

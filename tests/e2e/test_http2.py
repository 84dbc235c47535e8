"""HTTP/2 from clients: the same answers as over HTTP/1.1, many at a time, and what an attacker gets."""

import json
import re
import subprocess
import threading

import httpx
import openai
import pytest

from harness import recorder
from harness.certificates import Authority
from harness.clients import chat_body, http_client
from harness.http2 import H2Wire, frame, head
from harness.mock_config import openai_vendor
from harness.wait import eventually

CHAT = "/v1/chat/completions"
BODY = json.dumps(chat_body("oai/gpt-mock")).encode()
STREAM = json.dumps(chat_body("oai/gpt-mock", stream=True)).encode()
ENHANCE_YOUR_CALM, CANCEL, REFUSED_STREAM, NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR = 11, 8, 7, 0, 1, 2


@pytest.fixture
def wire(recorders):
    with H2Wire(recorders[0].url) as connection:
        yield connection


@pytest.fixture
def small(serve, provider):
    """A server of its own with small limits."""
    return serve({"providers": {"oai": openai_vendor(provider.url)}, "breaker": {"failures": 0},
                  "server": {"max_streams": 8, "max_header_bytes": 4096, "max_body_bytes": 200_000, "header_timeout_ms": 300}})


def limits_of(server):
    """How often each limit of HTTP/2 was met."""
    page = httpx.get(f"{server.url}/metrics", timeout=60).text
    found = {name: int(count) for name, count in re.findall(r'^sluice_http2_limits_total\{limit="(\w+)"\} (\d+)', page, re.MULTILINE)}
    assert found == {name: int(count) for name, count in re.findall(r'^sluice_limit_hits_total\{limit="http2_(\w+)"\} (\d+)', page, re.MULTILINE)}
    return found


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder("authority"))


@pytest.fixture
def tls(serve, provider, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    return serve({"providers": {"oai": openai_vendor(provider.url)},
                  "server": {"tls_certificate": str(authority.certificate), "tls_key": str(authority.key)}})


# --- clients of others

@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_openai_sdk_over_http2_and_tls(tls, provider, authority, stream):
    provider.answer = recorder.streaming(recorder.openai_stream()) if stream else recorder.fixed(recorder.ok(recorder.openai_answer()))
    versions = []
    with httpx.Client(http2=True, verify=str(authority.ca_file), timeout=60,
                      event_hooks={"response": [lambda answer: versions.append(answer.http_version)]}) as transport:
        client = openai.OpenAI(base_url=f"{tls.url}/v1", api_key=tls.create_key(), max_retries=0, http_client=transport)
        for _ in range(3):
            answer = client.chat.completions.create(model="oai/gpt-mock", messages=[{"role": "user", "content": "hi"}], stream=stream)
            text = "".join(part.choices[0].delta.content or "" for part in answer if part.choices) if stream \
                else answer.choices[0].message.content
            assert text == "pong"
    assert versions == ["HTTP/2"] * 3


@pytest.mark.parametrize("option, version", [("--http2", "2"), ("--http1.1", "1.1")])
def test_curl_gets_over_tls_what_it_asks_for(tls, authority, option, version):
    done = subprocess.run(["curl", "-sS", option, "--cacert", authority.ca_file, "-w", " %{http_version}", f"{tls.url}/health/live"],
                          capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == '{"status":"live"} ' + version


def test_curl_without_tls_speaks_http2_when_it_knows(recorders):
    done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-w", " %{http_version}", f"{recorders[0].url}/health/live"],
                          capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == '{"status":"live"} 2'


# --- one connection, many requests

def test_requests_run_beside_each_other_on_one_connection(recorders, recording_key, wire):
    oai = recorders[1]
    together = threading.Barrier(20, timeout=60)

    def answer(request, connection):
        together.wait()  # none is answered before all have come
        connection.send(recorder.ok(recorder.openai_answer(request.json()["messages"][0]["content"])))

    oai.answer = answer
    streams = {wire.post(CHAT, json.dumps(chat_body("oai/gpt-mock", f"text {i}")).encode(), recording_key): i for i in range(20)}
    for stream, number in streams.items():
        one = wire.answer(stream)
        assert one.status == 200 and json.loads(one.body)["choices"][0]["message"]["content"] == f"text {number}"


def test_events_go_out_one_by_one(recorders, recording_key, wire):
    go_on = threading.Event()
    recorders[1].answer = recorder.interrupted(recorder.openai_stream(), go_on)
    stream = wire.post(CHAT, STREAM, recording_key)
    one = wire.streams[stream]
    assert wire.read_until(lambda: b"po" in one.body)
    assert not one.ended and b"[DONE]" not in one.body
    go_on.set()
    wire.answer(stream)
    assert one.ended and one.body.endswith(b"data: [DONE]\n\n")
    assert "transfer-encoding" not in one.headers and "connection" not in one.headers


def test_a_large_body_arrives_whole(recorders, recording_key, wire):
    text = "x" * 3_000_000
    recorders[1].answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    one = wire.answer(wire.post(CHAT, json.dumps(chat_body("oai/gpt-mock", text)).encode(), recording_key))
    assert one.status == 200
    assert recorders[1].requests[-1].json()["messages"][0]["content"] == text


def test_a_client_that_does_not_read_holds_up_its_own_answer_alone(recorders, recording_key):
    recorders[1].answer = recorder.fixed(recorder.ok(recorder.openai_answer("y" * 200_000)))
    with H2Wire(recorders[0].url, window=1000) as wire:
        slow = wire.post(CHAT, BODY, recording_key)
        assert wire.read_until(lambda: len(wire.streams[slow].body) == 1000)
        other = wire.request("GET", "/health/live")
        assert wire.answer(other).status == 200, "the other stream has a window of its own"
        assert len(wire.streams[slow].body) == 1000 and not wire.streams[slow].ended
        wire.h2.increment_flow_control_window(400_000)
        wire.h2.increment_flow_control_window(400_000, slow)
        wire.flush()
        assert json.loads(wire.answer(slow).body)["choices"][0]["message"]["content"] == "y" * 200_000


def test_a_request_that_is_taken_back_stops_the_provider_call_and_is_recorded(recorders, wire):
    server, oai, _ = recorders
    key = server.create_key("takes back")
    left = threading.Event()

    def stream_and_wait(request, connection):
        events = recorder.openai_stream()
        connection.send(recorder.sse_head() + recorder.chunk(events[0]) + recorder.chunk(events[1]))
        connection.wait_until_peer_leaves()
        left.set()

    oai.answer = stream_and_wait
    stream = wire.post(CHAT, STREAM, key)
    assert wire.read_until(lambda: b"po" in wire.streams[stream].body)
    wire.reset(stream)
    assert left.wait(60), "the call of the provider goes on"
    assert wire.answer(wire.request("GET", "/health/live")).status == 200, "the connection is as good as before"
    eventually(lambda: server.usage_of("takes back")["requests"] == 1, "the request to be recorded")
    assert server.usage_of("takes back")["output_tokens"] > 0, "what was generated is paid for"


def test_an_answer_that_breaks_off_ends_with_a_reset(recorders, recording_key, wire):
    def break_off(request, connection):
        events = recorder.openai_stream()
        connection.send(recorder.sse_head() + recorder.chunk(events[0]) + recorder.chunk(events[1]))
        connection.reset()

    recorders[1].answer = break_off
    one = wire.answer(wire.post(CHAT, STREAM, recording_key))
    assert one.status == 200 and b"error" in one.body, "the error is told as over HTTP/1.1"


def test_head_has_no_body_and_says_its_length(recorders, wire):
    one = wire.answer(wire.request("HEAD", "/health/live"))
    assert one.status == 200 and one.body == b"" and one.headers["content-length"] == "17"


# --- the end of a server

def test_a_server_that_stops_says_goodbye_and_lets_what_runs_end(serve, provider):
    server = serve({"providers": {"oai": openai_vendor(provider.url)}})
    go_on = threading.Event()
    provider.answer = recorder.interrupted(recorder.openai_stream(), go_on)
    with H2Wire(server.url) as wire, H2Wire(server.url) as idle:
        stream = wire.post(CHAT, STREAM, server.create_key())
        assert wire.read_until(lambda: b"po" in wire.streams[stream].body)
        idle.answer(idle.request("GET", "/health/live"))
        server.process.terminate()
        assert idle.wait_for_the_end() == (NO_ERROR, b"")
        # A notice that names no stream may come first (RFC 9113, 6.8); the last word names the one that runs.
        assert wire.read_until(lambda: wire.goaway is not None and wire.goaway[2] == stream)
        assert wire.goaway[0] == NO_ERROR
        go_on.set()
        assert wire.answer(stream).body.endswith(b"data: [DONE]\n\n")
        wire.wait_for_the_end()
    assert server.stop() == 0


def test_while_a_server_leaves_its_clients_are_asked_to_go(serve):
    server = serve({"server": {"unready_ms": 600_000}})
    with H2Wire(server.url) as wire:
        wire.answer(wire.request("GET", "/health/live"))
        server.process.terminate()
        assert wire.read_until(lambda: wire.goaway is not None), "GOAWAY"
        assert wire.goaway[0] == NO_ERROR and wire.goaway[2] == 2**31 - 1, "what is on its way is still taken"
    server.process.terminate()  # a second signal ends the waiting
    assert server.stop() == 0


# --- what is wrong

def test_what_no_head_may_have_is_refused_and_the_connection_goes_on(recorders, wire):
    one = wire.answer(wire.request("GET", "/health/live", [("connection", "close")]))
    assert one.reset == PROTOCOL_ERROR
    one = wire.answer(wire.request("GET", "/health live"))
    assert one.status == 400 or one.reset == PROTOCOL_ERROR
    many = [(f"x-{i}", "1") for i in range(120)]
    one = wire.answer(wire.request("GET", "/health/live", many))
    assert one.status == 431 and b"100 header lines" in one.body
    assert wire.answer(wire.request("GET", "/health/live")).status == 200


def test_a_head_beyond_the_limit_gets_431(small):
    with H2Wire(small.url) as wire:
        one = wire.answer(wire.request("GET", "/health/live", [("x-long", "a" * 5000)]))
        assert one.status == 431
        assert wire.answer(wire.request("GET", "/health/live")).status == 200
        assert wire.settings[6] == 4096
    assert limits_of(small)["head_bytes"] == 1


def test_a_body_beyond_the_limit_gets_413_and_the_connection_goes_on(small):
    key = small.create_key()
    with H2Wire(small.url) as wire:
        one = wire.answer(wire.post(CHAT, b"x" * 300_000, key))
        assert one.status == 413 and b"server.max_body_bytes" in one.body
        assert wire.answer(wire.request("GET", "/health/live")).status == 200


def test_more_streams_than_allowed_are_refused(small, provider):
    key, go_on = small.create_key(), threading.Event()
    provider.answer = recorder.interrupted(recorder.openai_stream(), go_on)
    with H2Wire(small.url) as wire:
        wire.answer(wire.request("GET", "/health/live"))
        assert wire.settings[3] == 8
        running = [wire.post(CHAT, STREAM, key) for _ in range(8)]
        assert wire.read_until(lambda: all(b"po" in wire.streams[stream].body for stream in running))
        wire.h2.remote_settings.update({3: 100})
        extra = head((":method", "GET"), (":path", "/health/live"), (":scheme", "http"), (":authority", "x"))
        wire.send(frame(1, 5, running[-1] + 2, extra))
        assert wire.wait_for_the_end()[0] in (PROTOCOL_ERROR, REFUSED_STREAM)
    go_on.set()
    assert limits_of(small)["protocol"] == 1


def slow_head(server):
    with H2Wire(server.url) as wire:
        wire.answer(wire.request("GET", "/health/live"))
        wire.send(frame(1, 1, 3, head((":method", "GET"))))  # no END_HEADERS, and nothing more
        return wire.wait_for_the_end()


def test_a_head_that_does_not_end_is_not_waited_for(small):
    assert slow_head(small) == (NO_ERROR, b"")


def test_a_client_that_says_nothing_after_the_preface_is_not_waited_for(small):
    import socket
    from urllib.parse import urlsplit
    with socket.create_connection((urlsplit(small.url).hostname, urlsplit(small.url).port), timeout=60) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        received = b""
        while piece := plain.recv(4096):
            received += piece
    assert b"\x07\x00\x00\x00\x00\x00" in received, "GOAWAY"


# --- attacks. Each ends its own connection with a reason; a healthy client beside it sees nothing.

def open_post(stream, key):
    fields = [(":method", "POST"), (":path", CHAT), (":scheme", "http"), (":authority", "x"), ("authorization", f"Bearer {key}")]
    return frame(1, 4, stream, head(*fields))


def rapid_reset(wire, key):
    """CVE-2023-44487."""
    wire.send(b"".join(open_post(stream, key) + frame(3, 0, stream, CANCEL.to_bytes(4, "big")) for stream in range(1, 801, 2)))


def continuations(wire, key):
    """CVE-2024-27316 and its kin: a head that never ends."""
    wire.send(frame(1, 1, 1, head((":method", "GET"))))
    for _ in range(200):
        wire.send(frame(9, 0, 1, head(("x-more", "of the same"))))


def settings(wire, key):
    wire.send(frame(4, 0, 0) * 5000)


def pings(wire, key):
    wire.send(frame(6, 0, 0, b"12345678") * 5000)


def priorities(wire, key):
    wire.send(frame(2, 0, 1, b"\0\0\0\0\x10") * 5000)


def window_updates(wire, key):
    wire.send(frame(8, 0, 0, (1).to_bytes(4, "big")) * 5000)


def empty_data(wire, key):
    wire.send(open_post(1, key))
    wire.send(frame(0, 0, 1) * 500)


def padding_alone(wire, key):
    wire.send(open_post(1, key))
    wire.send(frame(0, 8, 1, b"\x05\0\0\0\0\0") * 500)


@pytest.mark.parametrize("attack, limit", [
    (rapid_reset, "resets"), (continuations, "head_frames"), (settings, "control_frames"), (pings, "control_frames"),
    (priorities, "control_frames"), (window_updates, "control_frames"), (empty_data, "empty_frames"),
    (padding_alone, "empty_frames"),
], ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_a_flood_ends_its_connection_with_a_reason(small, attack, limit):
    with H2Wire(small.url) as healthy:
        assert healthy.answer(healthy.request("GET", "/health/live")).status == 200
        with H2Wire(small.url) as wire:
            attack(wire, small.create_key())
            code, message = wire.wait_for_the_end()
            assert code == ENHANCE_YOUR_CALM and message, (code, message)
        assert limits_of(small)[limit] == 1
        assert healthy.answer(healthy.request("GET", "/health/live")).status == 200, "and nobody else's"


def test_a_client_that_opens_its_window_byte_by_byte_is_let_go(small, provider):
    provider.answer = recorder.fixed(recorder.ok(recorder.openai_answer("z" * 20_000)))
    with H2Wire(small.url, window=0) as wire:
        stream = wire.post(CHAT, BODY, small.create_key())
        assert wire.read_until(lambda: wire.streams[stream].status == 200)
        for _ in range(6000):
            wire.send(frame(8, 0, stream, (1).to_bytes(4, "big")))
        code, message = wire.wait_for_the_end()
        assert code == ENHANCE_YOUR_CALM and message


def test_requests_that_are_taken_back_at_once_cost_no_provider_anything(small, provider):
    key = small.create_key()
    with H2Wire(small.url) as wire:
        for _ in range(50):
            stream = wire.h2.get_next_available_stream_id()
            wire.h2.send_headers(stream, [(":method", "POST"), (":path", CHAT), (":scheme", "http"), (":authority", "x"),
                                          ("authorization", f"Bearer {key}")])
            wire.h2.reset_stream(stream, CANCEL)
        wire.flush()
        assert wire.answer(wire.request("GET", "/health/live")).status == 200
    assert provider.requests == []


# --- the certificate

def test_a_renewed_certificate_is_taken_without_a_restart(tls, authority, folder):
    import socket
    import ssl
    from urllib.parse import urlsplit

    def serial(ca_file):
        place = urlsplit(tls.url)
        context = ssl.create_default_context(cafile=ca_file)
        with socket.create_connection((place.hostname, place.port), timeout=60) as plain, \
                context.wrap_socket(plain, server_hostname=place.hostname) as secured:
            return secured.getpeercert()["serialNumber"]

    before = serial(authority.ca_file)
    renewed = Authority(folder("renewed"))
    kept = H2Wire(tls.url, authority.ca_file)
    old = authority.certificate.read_bytes(), authority.key.read_bytes()
    try:
        authority.certificate.write_bytes(renewed.certificate.read_bytes())
        refused = tls.run("reload", check=False)
        assert refused.returncode != 0 and "is not that of the certificate" in refused.stdout + refused.stderr
        assert re.search(r"sluice\.yaml:\d+", refused.stdout + refused.stderr), "it says where"
        assert serial(authority.ca_file) == before, "the old one stays in force"
        authority.key.write_bytes(renewed.key.read_bytes())
        tls.run("reload")
        assert serial(renewed.ca_file) != before
        assert kept.answer(kept.request("GET", "/health/live")).status == 200, "what is open goes on"
    finally:
        kept.close()
        authority.certificate.write_bytes(old[0])
        authority.key.write_bytes(old[1])


def test_plain_http_on_a_port_with_tls_is_counted_and_hurts_nobody(tls, authority):
    with pytest.raises(httpx.TransportError):
        httpx.get(tls.url.replace("https", "http"), timeout=60)
    with httpx.Client(verify=str(authority.ca_file), timeout=60) as client:
        page = eventually(lambda: re.search(r"^sluice_tls_handshake_failures_total [1-9]", text := client.get(f"{tls.url}/metrics").text, re.MULTILINE) and text,
                          "the handshake that came to nothing")
    assert float(re.search(r"^sluice_tls_certificate_expires_seconds (\S+)", page, re.MULTILINE)[1]) > 1.7e9

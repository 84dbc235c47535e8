"""HTTP/2 to providers: many calls on one connection, and what becomes of those that a provider does not take."""

import json
import shutil
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import recorder
from harness.certificates import Authority
from harness.clients import chat_body, http_client
from harness.http2 import H2Wire
from harness.http2_provider import Http2Provider
from harness.mock_config import openai_vendor
from harness.wait import eventually

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def authority(folder):
    return Authority(folder("authority"))


@pytest.fixture
def h2_provider():
    """A provider without TLS."""
    side = Http2Provider()
    side.answer = lambda request: request.respond(recorder.openai_answer())
    yield side
    side.stop()


def in_front_of(serve, side, **settings):
    """One reactor, so that connections can be counted."""
    return serve({"providers": {"oai": openai_vendor(side.url, http_version="http2", **settings)},
                  "server": {"threads": 1}, "breaker": {"failures": 0}})


def ask(client, text="Hello", **members):
    return client.post(CHAT, json=chat_body("oai/gpt-mock", text, **members))


def test_calls_run_beside_each_other_on_one_connection(serve, h2_provider):
    server = in_front_of(serve, h2_provider)
    together = threading.Barrier(20, timeout=60)

    def answer(request):
        text = request.json()["messages"][0]["content"]
        if text != "first":
            together.wait()
        request.respond(recorder.openai_answer(text))

    h2_provider.answer = answer
    with http_client(server, server.create_key()) as client, ThreadPoolExecutor(20) as pool:
        assert ask(client, "first").status_code == 200
        answers = list(pool.map(lambda i: ask(client, f"text {i}"), range(20)))
        assert [one.json()["choices"][0]["message"]["content"] for one in answers] == [f"text {i}" for i in range(20)]
    assert len(h2_provider.connections) == 1
    one = h2_provider.requests[-1].headers
    assert one[":method"] == "POST" and one[":path"].endswith("/chat/completions") and one[":authority"] in h2_provider.url
    assert "connection" not in one and "host" not in one


def test_http2_is_spoken_where_tls_offers_it(serve, authority):
    side = Http2Provider(authority.server_context())
    side.answer = lambda request: request.respond(recorder.openai_answer())
    try:
        server = serve({"providers": {"oai": openai_vendor(side.url)}, "server": {"threads": 1}},
                       env={"SSL_CERT_FILE": str(authority.ca_file)})
        with http_client(server, server.create_key()) as client:
            assert [ask(client).status_code for _ in range(3)] == [200] * 3
        assert len(side.connections) == 1 and len(side.requests) == 3
        # The provider hangs up, as providers do: the next call connects again and resumes the session.
        side.connections[0].close()
        with http_client(server, server.create_key()) as client:
            assert ask(client).status_code == 200
        assert side.connections[1].resumed
    finally:
        side.stop()


@pytest.mark.parametrize("wanted, spoken", [("auto", "HTTP/2.0"), ("http1", "HTTP/1.1"), ("http2", "HTTP/2.0")])
def test_nginx_is_spoken_to_as_the_setting_says(serve, provider, authority, tmp_path, wanted, spoken):
    if not shutil.which("nginx"):
        pytest.skip("there is no nginx: apt-get install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(f"""
daemon off; pid {tmp_path}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log {tmp_path}/access.log; log_format protocol "$server_protocol"; access_log {tmp_path}/protocol.log protocol;
  client_body_buffer_size 1m; client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy; fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
  server {{
    listen unix:{tmp_path}/placeholder.sock;
    location / {{ return 404; }}
  }}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {authority.certificate}; ssl_certificate_key {authority.key};
    location / {{ proxy_pass {provider.url}; proxy_http_version 1.1; proxy_buffering off; }}
  }}
}}""")
    provider.answer = recorder.streaming(recorder.openai_stream())
    nginx = subprocess.Popen(["nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], stderr=subprocess.PIPE)
    try:
        eventually(lambda: (tmp_path / "nginx.pid").exists() and (tmp_path / "nginx.pid").read_text(), "nginx to start")
        server = serve({"providers": {"oai": openai_vendor(f"https://127.0.0.1:{port}", http_version=wanted)}},
                       env={"SSL_CERT_FILE": str(authority.ca_file)})
        with http_client(server, server.create_key()) as client:
            answer = ask(client, "x" * 300_000, stream=True)
        assert answer.status_code == 200 and answer.text.endswith("data: [DONE]\n\n"), answer.text
        assert eventually(lambda: (tmp_path / "protocol.log").read_text().split(), "nginx to log") == [spoken]
    finally:
        nginx.terminate()
        nginx.wait(30)


def test_a_provider_that_does_not_offer_http2_is_named_when_nothing_else_is_wanted(serve, provider, authority):
    side = recorder.Recorder(tls=authority.server_context())
    try:
        server = serve({"providers": {"oai": openai_vendor(side.url, http_version="http2")}, "retry": {"attempts": 1}},
                       env={"SSL_CERT_FILE": str(authority.ca_file)})
        with http_client(server, server.create_key()) as client:
            answer = ask(client)
        assert answer.status_code == 502 and "does not offer HTTP/2" in answer.text
    finally:
        side.stop()


@pytest.mark.parametrize("how", ["refused", "goaway"])
def test_what_a_provider_has_not_begun_with_is_sent_again_and_billed_once(serve, h2_provider, how):
    server = in_front_of(serve, h2_provider)
    seen = []

    def answer(request):
        seen.append(request)
        if len(seen) != 2:
            return request.respond(recorder.openai_answer())
        if how == "refused":
            return request.refuse()
        return request.connection.goaway(request.stream - 2)

    h2_provider.answer = answer
    key = server.create_key("asks twice")
    with http_client(server, key) as client:
        assert ask(client, "one").status_code == 200
        assert ask(client, "two").status_code == 200
        assert ask(client, "three").status_code == 200
    assert [request.json()["messages"][0]["content"] for request in seen] == ["one", "two", "two", "three"]
    eventually(lambda: server.usage_of("asks twice")["requests"] == 2 + 1, "three rows of the ledger")


def test_after_a_goaway_what_runs_ends_and_what_comes_goes_elsewhere(serve, h2_provider):
    server = in_front_of(serve, h2_provider)
    go_on = threading.Event()

    def answer(request):
        first, second, *others = recorder.openai_stream()
        request.begin()
        request.write(first + second)
        if request.stream == 1 and request.connection is h2_provider.connections[0]:
            request.connection.goaway(request.stream)
            go_on.wait(60)
        request.write(b"".join(others), end=True)

    h2_provider.answer = answer
    key = server.create_key()
    with http_client(server, key) as client, http_client(server, key) as other:
        with client.stream("POST", CHAT, json=chat_body("oai/gpt-mock", stream=True)) as running:
            eventually(lambda: len(h2_provider.requests) == 1, "the first call")
            assert other.post(CHAT, json=chat_body("oai/gpt-mock", stream=True)).text.endswith("data: [DONE]\n\n")
            assert len(h2_provider.connections) == 2
            go_on.set()
            assert b"".join(running.iter_bytes()).endswith(b"data: [DONE]\n\n")


def test_no_more_calls_go_on_a_connection_than_the_provider_allows(serve):
    side = Http2Provider(streams=2)
    go_on = threading.Event()

    def answer(request):
        if request.json()["messages"][0]["content"] != "first":
            go_on.wait(60)
        request.respond(recorder.openai_answer())

    side.answer = answer
    try:
        server = in_front_of(serve, side)
        with http_client(server, server.create_key()) as client, ThreadPoolExecutor(4) as pool:
            ask(client, "first")
            running = [pool.submit(ask, client, f"text {i}") for i in range(4)]
            eventually(lambda: len(side.requests) == 5, "all calls to be there")
            most = max(sum(request.connection is connection for request in side.requests[1:]) for connection in side.connections)
            assert most <= 2 and len(side.connections) >= 2
            go_on.set()
            assert [one.result().status_code for one in running] == [200] * 4
    finally:
        go_on.set()
        side.stop()


def test_a_client_that_leaves_takes_its_call_back_and_leaves_the_others_alone(serve, h2_provider):
    server = in_front_of(serve, h2_provider)

    def answer(request):
        first, second, *others = recorder.openai_stream()
        request.begin()
        request.write(first + second)
        if request.json()["messages"][0]["content"] == "leaves":
            request.reset.wait(60)
        request.write(b"".join(others), end=True)

    h2_provider.answer = answer
    key = server.create_key("leaves")
    with http_client(server, key) as client:
        with client.stream("POST", CHAT, json=chat_body("oai/gpt-mock", "leaves", stream=True)) as running:
            next(running.iter_bytes())
    request = h2_provider.requests[0]
    assert request.reset.wait(60) and not request.connection.closed, "the stream is reset, the connection lives"
    with http_client(server, key) as client:
        assert ask(client, "stays", stream=True).text.endswith("data: [DONE]\n\n")
    assert len(h2_provider.connections) == 1
    assert eventually(lambda: server.usage_of("leaves")["requests"] == 2, "both to be recorded")


def test_large_bodies_pass_both_ways(serve, h2_provider):
    server = in_front_of(serve, h2_provider)
    h2_provider.answer = lambda request: request.respond(recorder.openai_answer("y" * 3_000_000))
    with http_client(server, server.create_key()) as client:
        answer = ask(client, "x" * 3_000_000)
    assert answer.status_code == 200 and len(answer.json()["choices"][0]["message"]["content"]) == 3_000_000
    assert len(h2_provider.requests[0].json()["messages"][0]["content"]) == 3_000_000


def test_a_client_that_does_not_read_holds_up_no_other_answer_of_the_same_provider(serve, h2_provider):
    server = in_front_of(serve, h2_provider)
    many = [f"{i:06d}" * 500 for i in range(1000)]  # 3 MB

    def answer(request):
        request.begin()
        slow = request.json()["messages"][0]["content"] == "slow"
        request.write(b"".join(recorder.openai_stream(many if slow else ("po", "ng"))), end=True)

    h2_provider.answer = answer
    key = server.create_key()
    with H2Wire(server.url, window=1000) as slow, http_client(server, key) as client:
        stream = slow.post(CHAT, json.dumps(chat_body("oai/gpt-mock", "slow", stream=True)).encode(), key)
        assert slow.read_until(lambda: len(slow.streams[stream].body) == 1000)
        assert ask(client, "quick", stream=True).text.endswith("data: [DONE]\n\n")
        assert len(h2_provider.connections) == 1
        assert not slow.streams[stream].ended


def test_an_answer_that_breaks_off_is_told_and_a_dead_connection_is_left(serve, h2_provider):
    server = in_front_of(serve, h2_provider)

    def answer(request):
        first, second, *others = recorder.openai_stream()
        request.begin()
        request.write(first + second)
        if len(h2_provider.requests) == 1:
            return request.connection.close()
        return request.write(b"".join(others), end=True)

    h2_provider.answer = answer
    with http_client(server, server.create_key()) as client:
        assert '"error"' in ask(client, stream=True).text
        assert ask(client, stream=True).text.endswith("data: [DONE]\n\n")
    assert len(h2_provider.connections) == 2


def test_connections_are_kept_warm_before_anybody_asks(serve, authority):
    side = Http2Provider(authority.server_context())
    side.answer = lambda request: request.respond(recorder.openai_answer())
    plain = recorder.Recorder()
    plain.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    try:
        server = serve({"providers": {"oai": openai_vendor(side.url, warm_connections=2),
                                      "h1": openai_vendor(plain.url, warm_connections=2),
                                      "cold": openai_vendor(plain.url, enabled=False, warm_connections=2)},
                        "server": {"threads": 1}}, env={"SSL_CERT_FILE": str(authority.ca_file)})
        eventually(lambda: len(side.connections) == 1, "a connection of HTTP/2, which is enough")
        assert side.requests == [] and plain.requests == [], "nobody is asked anything"
        with http_client(server, server.create_key()) as client:
            assert ask(client).status_code == 200
            assert client.post(CHAT, json=chat_body("h1/gpt-mock")).status_code == 200
        assert len(side.connections) == 1, "the first request found it ready"
        side.connections[0].close()
        eventually(lambda: len(side.connections) == 2, "the one that has gone to be replaced")
        assert len(side.requests) == 1
    finally:
        side.stop()
        plain.stop()

"""What an idle server takes of its machine."""

import json
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from harness.mock_config import openai_vendor
from harness.sluice import Sluice

MOST_IDLE_MB = 25
STREAMS, PROMPT_BYTES, MOST_STREAM_BYTES = 200, 64 * 1024, 48 * 1024
EVENT = json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-mock",
                    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hm"}, "finish_reason": None}]})


@pytest.fixture
def server(tmp_path):
    started = Sluice(tmp_path, {"server": {"threads": 2}}).start()
    yield started
    started.stop()


@pytest.fixture
def open_ended():
    """The URL of a provider that begins each answer with one event and never ends it."""
    chunk = f"data: {EVENT}\n\n".encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(chunk), chunk)
    listener = socket.create_server(("127.0.0.1", 0), backlog=STREAMS)
    clients = []

    def serve(client):
        try:
            read_request(client)
            client.sendall(answer)
        except OSError:
            pass  # the test is over

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            clients.append(client)
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for client in clients:
        client.close()


def read_request(client):
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(65536) or b"\r\n\r\n"
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = length - len(body)
    while missing > 0:
        missing -= len(client.recv(65536)) or missing


def of_process(server, file):
    return Path(f"/proc/{server.process.pid}/{file}").read_text()


def rss_bytes(server):
    (kilobytes,) = [line.split()[1] for line in of_process(server, "smaps_rollup").splitlines() if line.startswith("Rss:")]
    return int(kilobytes) * 1024


def test_an_idle_server_takes_at_most_25_mb(server):
    if "libmimalloc" not in of_process(server, "maps"):
        pytest.skip("this build has another allocator (the sanitizers bring their own)")
    assert rss_bytes(server) <= MOST_IDLE_MB * 1024 * 1024


def test_a_server_on_sqlite_does_not_load_postgresqls_client(server):
    assert "libpq" not in of_process(server, "maps")


def test_where_postgresqls_client_is_missing_the_error_says_what_to_install(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpq.so.5").write_bytes(b"")  # found first, and no library
    server = Sluice(tmp_path, {"store": {"backend": "postgres", "url": "postgresql://sluice@127.0.0.1:1/none"}},
                    env={"LD_LIBRARY_PATH": str(tmp_path / "lib")})
    done = subprocess.run(server.command(), env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "libpq.so.5" in done.stderr and "apt install libpq5" in done.stderr, done.stderr


def test_an_open_stream_keeps_nothing_of_a_large_request(tmp_path, open_ended):
    server = Sluice(tmp_path, {"server": {"threads": 1}, "providers": {"oai": openai_vendor(open_ended)}}).start()
    try:
        if "libmimalloc" not in of_process(server, "maps"):
            pytest.skip("this build has another allocator (the sanitizers bring their own)")
        body = json.dumps({"model": "oai/gpt-mock", "stream": True, "messages": [{"role": "user", "content": "x" * PROMPT_BYTES}]})
        host, port = server.url.removeprefix("http://").split(":")
        request = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {server.create_key()}\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
        streams = []

        def open_one():
            stream = socket.create_connection((host, int(port)), timeout=60)
            streams.append(stream)
            stream.sendall(request)
            received = b""
            while b"hm" not in received:
                piece = stream.recv(65536)
                assert piece, received
                received += piece

        open_one()  # what all of them share is there
        before = rss_bytes(server)
        for _ in range(STREAMS):
            open_one()
        of_each = (rss_bytes(server) - before) // STREAMS
        for stream in streams:
            stream.close()
        assert of_each <= MOST_STREAM_BYTES, f"a stream of a request of {len(body)} bytes takes {of_each}"
    finally:
        server.stop()

"""One server in front of a vendor that a fault proxy stands before, and of a good one; a route for each case."""

import json
import socket
import threading
from types import SimpleNamespace

import pytest

from harness import recorder
from harness.certificates import Authority
from harness.fault_proxy import FaultProxy
from harness.mock_config import RefusedPort, openai_vendor
from harness.sluice import Sluice
from harness.wait import eventually


class NotTls:
    """Answers whoever connects with plain text."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = "https://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
                with sock:
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
                    sock.recv(4096)
            except OSError:
                if self._listener.fileno() < 0:
                    return

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # see recorder.Recorder.stop
        self._listener.close()


def places(proxy, plain, strange, refused):
    """Where the faulty provider is, by Case.place."""
    return {"proxy": proxy.url, "refused": refused.url, "unknown-name": "http://no-such-provider.invalid",
            "not-tls": plain.url, "wrong-certificate": strange.url}


@pytest.fixture(scope="module")
def stage(folder):
    """What the cases share: proxy, vendor, fallback, and the certificates' two authorities."""
    made = SimpleNamespace(vendor=recorder.Recorder(), fallback=recorder.Recorder(), refused=RefusedPort())
    made.proxy = FaultProxy(made.vendor.port)
    made.plain = NotTls()
    stranger = Authority(folder("stranger"))
    made.strange = recorder.Recorder(tls=stranger.server_context())
    made.places = places(made.proxy, made.plain, made.strange, made.refused)
    yield made
    for one in (made.proxy, made.vendor, made.fallback, made.plain, made.strange):
        one.stop()
    made.refused.close()


def configuration(stage, cases, **settings):
    """A provider and a route of its own for each case: what one leaves behind is none of the others' business."""
    providers = {f"bad{n}": openai_vendor(stage.places[case.place], **case.patience) for n, case in enumerate(cases)}
    providers["good"] = openai_vendor(stage.fallback.url)
    return {"providers": providers, "models": {f"case{n}lane{lane}": [f"bad{n}/m{lane}", "good/m"] for n in range(len(cases)) for lane in (1, 2)},
            "retry": {"attempts": 3, "pause_ms": 1}, **settings}


@pytest.fixture(scope="module")
def served(folder, stage):
    """served(cases, **settings) -> a running Sluice for them."""
    started = []

    def start(cases, **settings):
        server = Sluice(folder("faults"), configuration(stage, cases, **settings)).start()
        started.append(server)
        return server
    yield start
    for server in started:
        server.stop()


def rows_of(server, request_id, is_complete):
    """The ledger's rows of one request, in the order of its attempts, once `is_complete(rows)`."""
    def look():
        lines = server.run("logs", "tail", "-n", "200", "-o", "json").stdout.splitlines()
        rows = [row for row in map(json.loads, lines) if row["request_id"] == request_id]
        rows.sort(key=lambda row: row["attempt"])
        return (rows, ) if is_complete(rows) else None
    return eventually(look, f"the ledger's rows of {request_id}")[0]

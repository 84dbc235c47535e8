"""Places at providers and grounds, queues in which keys take turns, and a client that leaves."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import json

from harness import recorder
from harness.clients import chat_body, http_client
from harness.fault_proxy import Fault
from harness.mock_config import openai_vendor
from harness.wait import eventually

CHAT = "/v1/chat/completions"


class Gate:
    """A vendor whose answers wait until the test lets them go, one by one."""

    def __init__(self, vendor):
        self.vendor = vendor
        self.open = threading.Semaphore(0)
        vendor.forget()
        vendor.answer = self._answer

    def _answer(self, request, connection):
        self.open.acquire(timeout=60)
        connection.send(recorder.ok(recorder.openai_answer(request.json()["messages"][0]["content"])))

    def asked(self):
        return [request.json()["messages"][0]["content"] for request in self.vendor.requests]


def waiting(server):
    for line in httpx.get(f"{server.url}/metrics").text.splitlines():
        if line.startswith('sluice_queue_depth{place="provider/slow"}'):
            return int(float(line.split()[-1]))
    return 0


def test_keys_take_turns_at_a_provider_that_is_full(serve, stage):
    gate = Gate(stage.vendor)
    server = serve({"providers": {"slow": openai_vendor(stage.vendor.url, max_in_flight=1)}, "limits": {"queue_ms": 60_000}})
    one, other = server.create_key("one"), server.create_key("other")

    def ask(key, text):
        with http_client(server, key) as client:
            return client.post(CHAT, json=chat_body("slow/m", text)).status_code
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, one, "first")]
        eventually(lambda: gate.asked() == ["first"], "the first call")
        for number, key in enumerate((one, one, one, other)):
            asked.append(pool.submit(ask, key, ("one" if key == one else "other") + str(number)))
            eventually(lambda: waiting(server) == number + 1, "the queue")
        for number in range(5):
            gate.open.release()
            if number < 4:
                eventually(lambda: len(gate.asked()) == number + 2, "the next call")
        assert [each.result() for each in asked] == [200] * 5
    assert gate.asked().index("other3") == 2, gate.asked()


def test_who_finds_no_place_goes_to_the_next_candidate_or_gets_503(serve, stage):
    gate = Gate(stage.vendor)
    stage.fallback.forget()
    server = serve({"providers": {"slow": openai_vendor(stage.vendor.url, max_in_flight=1), "good": openai_vendor(stage.fallback.url)},
                    "models": {"either": ["slow/m", "good/m"]}, "limits": {"queue_ms": 0}})
    key = server.create_key()
    with ThreadPoolExecutor(2) as pool, http_client(server, key) as client:
        first = pool.submit(lambda: client.post(CHAT, json=chat_body("slow/m", "first")).status_code)
        eventually(lambda: gate.asked() == ["first"], "the first call")
        answer = httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("either"))
        assert (answer.status_code, answer.headers["x-sluice-provider"], answer.headers["x-sluice-attempts"]) == (200, "good", "1")
        refused = httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("slow/m"))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1") and "places" in refused.text
        assert 'sluice_shed_requests{place="provider/slow"} 2' in httpx.get(f"{server.url}/metrics").text
        gate.open.release()
        assert first.result() == 200


def test_a_ground_has_its_limit_too(serve, stage):
    gate = Gate(stage.vendor)
    server = serve({"providers": {"slow": openai_vendor(stage.vendor.url)}, "limits": {"hosted_open": 1, "queue": 0}})
    key = server.create_key()
    with ThreadPoolExecutor(2) as pool, http_client(server, key) as client:
        first = pool.submit(lambda: client.post(CHAT, json=chat_body("slow/m", "first")).status_code)
        eventually(lambda: gate.asked() == ["first"], "the first call")
        refused = httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("slow/m"))
        assert refused.status_code == 503 and "ground/hosted_open" in refused.text
        gate.open.release()
        assert first.result() == 200


def test_a_key_has_its_limit_and_gets_429(serve, stage):
    gate = Gate(stage.vendor)
    server = serve({"providers": {"slow": openai_vendor(stage.vendor.url)}, "limits": {"in_flight_per_key": 1}})
    key, other = server.create_key(), server.create_key()
    with ThreadPoolExecutor(2) as pool, http_client(server, key) as client:
        first = pool.submit(lambda: client.post(CHAT, json=chat_body("slow/m", "first")).status_code)
        eventually(lambda: gate.asked() == ["first"], "the first call")
        refused = httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("slow/m"))
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        gate.open.release(2)
        assert first.result() == 200
        with http_client(server, other) as another:
            assert another.post(CHAT, json=chat_body("slow/m", "free")).status_code == 200


def leave_after(server, key, body, is_time):
    """Sends a request over a bare socket and closes it when `is_time()`."""
    host, port = server.url.removeprefix("http://").split(":")
    payload = json.dumps(body).encode()
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"POST %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
                       % (CHAT.encode(), key.encode(), len(payload), payload))
        seen = b""
        while not is_time(seen):
            client.settimeout(0.05)
            try:
                seen += client.recv(65536)
            except TimeoutError:
                pass
    return seen


def test_a_client_that_leaves_ends_its_call_and_pays_for_what_was_made(serve, stage):
    stage.vendor.forget()
    stage.vendor.answer = recorder.streaming(recorder.openai_stream(("one ", "two ", "three")))
    server = serve({"providers": {"bad": openai_vendor(stage.proxy.url)}})
    key = server.create_key("leaver")
    known = set()
    for fault, stream, is_time in ((Fault("hold", after_events=3), True, lambda seen: b"two " in seen),
                                   (Fault("hold"), True, lambda seen: stage.proxy.passed),
                                   (Fault("hold"), False, lambda seen: stage.proxy.passed)):
        stage.proxy.set(fault)
        seen = leave_after(server, key, chat_body("bad/m", stream=stream), is_time)
        # The vendor's side of the call is closed although the vendor has more to say: it is released only afterwards.
        assert stage.proxy.passed[0].gone.wait(30), "the provider's connection is still open"
        stage.proxy.release.set()
        row = eventually(lambda: next((one for one in map(json.loads, server.run("logs", "tail", "-n", "1", "-o", "json").stdout.splitlines())
                                       if one["request_id"] not in known), None), "the ledger's row")
        known.add(row["request_id"])
        assert row["outcome"] == "client_gone" and row["stream"] == stream
        assert row["usage"]["input_tokens"] > 0 and (row["usage"]["output_tokens"] > 0) == (b"two " in seen)


def test_a_client_that_leaves_the_queue_is_not_sent_on(serve, stage):
    gate = Gate(stage.vendor)
    server = serve({"providers": {"slow": openai_vendor(stage.vendor.url, max_in_flight=1)}, "limits": {"queue_ms": 60_000}})
    key = server.create_key()
    with ThreadPoolExecutor(1) as pool, http_client(server, key) as client:
        first = pool.submit(lambda: client.post(CHAT, json=chat_body("slow/m", "first")).status_code)
        eventually(lambda: gate.asked() == ["first"], "the first call")
        leave_after(server, key, chat_body("slow/m", "second"), lambda seen: waiting(server) == 1)
        eventually(lambda: waiting(server) == 0, "the queue to be empty")
        gate.open.release(2)
        assert first.result() == 200
        assert client.post(CHAT, json=chat_body("slow/m", "third")).status_code == 200
    assert gate.asked() == ["first", "third"]

"""kill -9 of Sluice and its orderly end: nothing acknowledged is lost, the ledger stays readable, nothing is left behind."""

import json
import os
import random
import threading
import time
from decimal import Decimal

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import cost_pico, openai_vendor
from harness.sluice import Sluice
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
# A row is durable at the latest one group commit after its answer: 5 ms, here with room for a busy machine.
COMMIT_S = 1.0


@pytest.fixture
def server(tmp_path, provider):
    server = Sluice(tmp_path, {"providers": {"oai": openai_vendor(provider.url)}}).start()
    yield server
    if server.is_running():
        server.stop()


class Load:
    """Clients that ask again and again until the server is gone; notes when each answer was complete."""

    def __init__(self, server, key, clients=4):
        self.answered_at = []
        self.asked = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(server, key), daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, server, key):
        with http_client(server, key) as client:
            while True:
                with self._lock:
                    self.asked += 1
                try:
                    answer = client.post(CHAT, json=chat_body("oai/gpt-mock"))
                except httpx.TransportError:
                    return
                if answer.status_code != 200:
                    return
                with self._lock:
                    self.answered_at.append(time.monotonic())

    def wait(self):
        for thread in self._threads:
            thread.join(60)


def test_kill_9_under_load_loses_no_settled_entry_and_leaves_a_readable_ledger(server):
    key = server.create_key("loaded")
    settled = 0
    for _ in range(3):
        load = Load(server, key)
        eventually(lambda: len(load.answered_at) >= 50, "fifty answers")
        killed_at = time.monotonic()
        server.kill()
        load.wait()
        settled += sum(1 for at in load.answered_at if at < killed_at - COMMIT_S)
        server.start()
    # All of the first rounds' answers that were old enough must be there; no more than were asked can be there.
    usage = eventually(lambda: (row := server.usage_of("loaded"))["requests"] >= settled and row, f"{settled} settled entries")
    assert usage["cost_usd"] * 10**12 == usage["requests"] * cost_pico(7, 5)
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == 200


# A loop of that many kills; `./dev kills 200` is the long one.
KILLS = int(os.environ.get("SLUICE_KILLS", "3"))


class Told:
    """Clients that ask until the server is gone; notes for each whole answer its id, its cost, and when it had come."""

    def __init__(self, server, key, clients=4):
        self.answers = []
        self._threads = [threading.Thread(target=self._ask, args=(server, key, number % 2), daemon=True) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, server, key, streams):
        body = chat_body("oai/gpt-mock", max_tokens=5, stream=bool(streams))
        with http_client(server, key) as client:
            while True:
                try:
                    answer = client.post(CHAT, json=body)
                except httpx.TransportError:
                    return
                if answer.status_code != 200:
                    return
                if not streams or answer.text.rstrip().endswith("data: [DONE]"):
                    self.answers.append((answer.headers["x-sluice-request-id"], time.monotonic()))

    def all(self):
        for thread in self._threads:
            thread.join(60)
        return {request for request, _ in self.answers}

    def settled_before(self, killed_at):
        for thread in self._threads:
            thread.join(60)
        return {request for request, at in self.answers if at < killed_at - COMMIT_S}


@pytest.mark.timeout(120 + 20 * KILLS)
def test_a_loop_of_kills_loses_no_settled_entry_and_leaves_no_hold(server):
    key = server.create_key("hunted", budget="1000")
    chance = random.Random(4711)
    settled, starts = 0, []
    for _ in range(KILLS):
        told = Told(server, key)
        kill_at = time.monotonic() + COMMIT_S + chance.uniform(0.1, 0.6)
        eventually(lambda: time.monotonic() > kill_at and told.answers, "the moment of the kill")
        killed_at = time.monotonic()
        server.kill()
        due = told.settled_before(killed_at)
        began = time.monotonic()
        server.start()
        starts.append(time.monotonic() - began)
        rows = [json.loads(line) for line in server.run("logs", "tail", "-n", "10000", "-o", "json").stdout.splitlines()]
        missing = due - {row["request_id"] for row in rows}
        assert not missing, f"{len(missing)} of {len(due)} settled entries are lost"
        settled += len(due)
        # What a request may cost at most is refused with all that is spent and reserved: nothing may be reserved now.
        with http_client(server, key) as client:
            refused = client.post(CHAT, json=chat_body("oai/gpt-mock", max_tokens=1_000_000, n=128))
        spent = server.usage_of("hunted")["cost_usd"]
        assert f"has spent {spent.normalize():f} and reserved 0" in refused.text, refused.text
    print(f"{KILLS} kills, {settled} settled entries, none lost; ready again after {sorted(starts)[len(starts) // 2]:.2f} s (median), {max(starts):.2f} s (most)")


@pytest.fixture
def strict(tmp_path, provider):
    server = Sluice(tmp_path, {"providers": {"oai": openai_vendor(provider.url)}, "ledger": {"durability": "strict"}}).start()
    yield server
    if server.is_running():
        server.stop()


@pytest.mark.timeout(120 + 20 * KILLS)
def test_in_strict_mode_every_whole_answer_is_in_the_ledger_whenever_the_kill_came(strict):
    key = strict.create_key("strict")
    chance = random.Random(815)
    whole = 0
    for _ in range(max(KILLS, 3)):
        told = Told(strict, key, clients=8)
        kill_at = time.monotonic() + chance.uniform(0.3, 0.8)
        eventually(lambda: time.monotonic() > kill_at and len(told.answers) >= 20, "the moment of the kill")
        strict.kill()
        due = told.all()
        strict.start()
        rows = [json.loads(line) for line in strict.run("logs", "tail", "-n", "10000", "-o", "json").stdout.splitlines()]
        missing = due - {row["request_id"] for row in rows}
        assert not missing, f"{len(missing)} of {len(due)} whole answers are not in the ledger"
        whole += len(due)
    print(f"{max(KILLS, 3)} kills, {whole} whole answers, each in the ledger")


def test_in_strict_mode_answers_and_streams_are_what_they_are_otherwise(strict):
    key = strict.create_key("same")
    with http_client(strict, key) as client:
        told = Decimal(client.post(CHAT, json=chat_body("oai/gpt-mock")).headers["x-sluice-cost-usd"])
        stream = client.post(CHAT, json=chat_body("oai/gpt-mock", stream=True))
    assert stream.text.count("data: [DONE]") == 1 and stream.text.endswith("data: [DONE]\n\n")
    usage = eventually(lambda: (row := strict.usage_of("same"))["requests"] == 2 and row, "two entries")
    assert usage["cost_usd"] == 2 * told and usage["failed"] == 0
    rows = [json.loads(line) for line in strict.run("logs", "tail", "-n", "2", "-o", "json").stdout.splitlines()]
    assert all(row["first_token_us"] > 0 for row in rows if row["stream"])


def test_every_answer_older_than_a_commit_is_there_after_kill_9(server):
    key = server.create_key("counted")
    with http_client(server, key) as client:
        charged = [Decimal(client.post(CHAT, json=chat_body("oai/gpt-mock")).headers["x-sluice-cost-usd"]) for _ in range(20)]
    time.sleep(COMMIT_S)  # not a synchronisation: the promise under test is "older than a commit"
    server.kill()
    server.start()
    usage = eventually(lambda: (row := server.usage_of("counted"))["requests"] == 20 and row, "twenty entries")
    assert usage["cost_usd"] == sum(charged)


def test_keys_and_revocations_survive_kill_9(server):
    kept, revoked = server.create_key("kept"), server.create_key("revoked")
    server.run("keys", "revoke", "revoked")
    server.kill()
    server.start()
    for key, status in ((kept, 200), (revoked, 401)):
        with http_client(server, key) as client:
            assert client.post(CHAT, json=chat_body("oai/gpt-mock")).status_code == status


def test_sigterm_lets_a_running_stream_end_and_takes_no_new_request(server, provider):
    go_on = threading.Event()

    provider.answer = recorder.interrupted(recorder.openai_stream(), go_on)
    key = server.create_key("drained")
    with http_client(server, key) as client, client.stream("POST", CHAT, json=chat_body("oai/gpt-mock", stream=True)) as answer:
        parts = answer.iter_bytes()
        received = next(parts)
        server.process.terminate()
        eventually(lambda: not server.is_ready(), "the server to stop taking requests")
        assert server.is_running(), "it ended before its stream"
        go_on.set()
        received += b"".join(parts)
    assert received.endswith(b"data: [DONE]\n\n")
    assert server.process.wait(60) == 0
    server.start()
    assert eventually(lambda: server.usage_of("drained")["requests"] == 1, "the drained stream's entry")


def hung(provider, stream):
    """The provider begins a stream and stops, or never answers at all. Set the event at the end."""
    never = threading.Event()
    provider.answer = recorder.interrupted(recorder.openai_stream(), never) if stream else lambda request, connection: never.wait(60)
    return never


class Asking:
    """One request in a thread of its own: its answer, whatever it is."""

    def __init__(self, server, key, path, body):
        self._asked = path, body
        self.answer = None
        self._thread = threading.Thread(target=self._ask, args=(server, key))
        self._thread.start()

    def _ask(self, server, key):
        path, body = self._asked
        with http_client(server, key) as client:
            self.answer = client.post(path, json=body)

    def wait(self):
        self._thread.join(60)
        return self.answer


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("path, body", [(CHAT, chat_body), (MESSAGES, messages_body)], ids=["openai", "anthropic"])
def test_what_the_drain_limit_ends_is_told_so_in_its_dialect_settled_and_recorded(tmp_path, provider, path, body, stream):
    never = hung(provider, stream)
    server = Sluice(tmp_path, {"server": {"drain_timeout_ms": 300}, "providers": {"oai": openai_vendor(provider.url)}}).start()
    asking = Asking(server, server.create_key("cut"), path, body("oai/gpt-mock", stream=stream))
    eventually(lambda: provider.requests, "the provider to be asked")
    server.process.terminate()
    answer = asking.wait()
    assert server.process.wait(60) == 0
    never.set()
    if stream:
        assert answer.status_code == 200
        last = json.loads([line for line in answer.text.splitlines() if line.startswith("data: {")][-1].removeprefix("data: "))
    else:
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        last = answer.json()
    assert "this server stops" in last["error"]["message"]
    assert last.get("type") == ("error" if path == MESSAGES else None)
    server.start()
    usage = eventually(lambda: (row := server.usage_of("cut"))["requests"] == 1 and row, "the cut request's entry")
    assert usage["cost_usd"] > 0
    server.stop()


def test_a_second_sigterm_ends_what_runs_at_once(tmp_path, provider):
    never = hung(provider, True)
    server = Sluice(tmp_path, {"server": {"drain_timeout_ms": 3_000_000}, "providers": {"oai": openai_vendor(provider.url)}}).start()
    asking = Asking(server, server.create_key("hurried"), CHAT, chat_body("oai/gpt-mock", stream=True))
    eventually(lambda: provider.requests, "the provider to be asked")
    server.process.terminate()
    eventually(lambda: not server.is_ready(), "the drain to begin")
    assert server.is_running()
    server.process.terminate()
    assert "this server stops" in asking.wait().text
    assert server.process.wait(60) == 0
    never.set()


def test_readiness_goes_down_while_requests_are_still_taken(tmp_path, provider):
    server = Sluice(tmp_path, {"server": {"unready_ms": 3_000_000}, "providers": {"oai": openai_vendor(provider.url)}}).start()
    with http_client(server, server.create_key("late")) as client:
        assert "connection" not in client.post(CHAT, json=chat_body("oai/gpt-mock")).headers
        server.process.terminate()
        eventually(lambda: client.get("/health/ready").status_code == 503, "readiness to go down")
        assert "stops" in client.get("/health/ready").json()["problem"]
        answer = client.post(CHAT, json=chat_body("oai/gpt-mock"))
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close", "the next request shall go elsewhere"
        server.process.terminate()
        assert server.process.wait(60) == 0

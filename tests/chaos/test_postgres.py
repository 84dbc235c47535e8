"""Several processes on one PostgreSQL: what one does, all know; whoever dies or stops, each row is there once."""

import json
import random
import threading
import time

import httpx
import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import cost_pico, openai_vendor
from harness.postgres import Pgbouncer
from harness.sluice import Sluice
from harness.wait import eventually

CHAT = "/v1/chat/completions"
# A row is durable at the latest one group commit after its answer: 5 ms, here with room for a busy machine.
COMMIT_S = 1.0
PER_ANSWER = cost_pico(7, 5)


@pytest.fixture
def replicas(tmp_path, provider, postgres):
    """replicas(n, **settings of the store) -> n servers, each with a data directory of its own."""
    started = []

    def start(count, url=None, **settings):
        config = {"store": {"backend": "postgres", "url": "${BOOKS_URL}", **settings},
                  "providers": {"oai": openai_vendor(provider.url)}}
        first = len(started)
        for number in range(first, first + count):
            server = Sluice(tmp_path / f"replica-{number}", config, env={"BOOKS_URL": url or postgres.url})
            started.append(server)
            server.start()
        return started[first:]

    yield start
    for server in started:
        if server.is_running():
            server.stop()


def ask(server, key):
    with http_client(server, key) as client:
        return client.post(CHAT, json=chat_body("oai/gpt-mock"))


class Load:
    """Clients of one server that ask until they are told to stop or the server is gone; notes each answer."""

    def __init__(self, server, key, clients=2):
        self.answers = []  # (request id, status, when it was there)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(server.url, server, key), daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self, url, server, key):
        with http_client(server, key) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(CHAT, json=chat_body("oai/gpt-mock"))
                except httpx.TransportError:
                    return
                self.answers.append((answer.headers.get("x-sluice-request-id"), answer.status_code, time.monotonic()))

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        return self.answers


def ledger(postgres):
    """Of the database: its rows by request, the sum of its rows, of its hours, its days and its keys, all in picodollars."""
    rows = dict((request, int(count)) for request, count in postgres.ask("SELECT request_id, count(*) FROM sluice.ledger GROUP BY 1"))
    sums = [int(postgres.ask(f"SELECT coalesce(sum({column}), 0) FROM sluice.{table}")[0][0]) for table, column in (
        ("ledger", "cost_pico"), ("usage_hourly", "usd::numeric * 1000000000000 + pico"),
        ("usage_daily", "usd::numeric * 1000000000000 + pico"), ("key_spend", "usd::numeric * 1000000000000 + pico"))]
    return rows, sums


def test_a_key_is_known_everywhere_at_once_and_refused_everywhere_soon(replicas):
    servers = replicas(3)
    for number in range(5):
        made_at = servers[number % 3]
        key = made_at.create_key(f"key-{number}")
        assert [ask(server, key).status_code for server in servers] == [200, 200, 200]
        servers[(number + 1) % 3].run("keys", "revoke", f"key-{number}")
        revoked = time.monotonic()
        for server in servers:
            eventually(lambda: ask(server, key).status_code == 401, "the key to be refused", between_s=0.01)
        print(f"refused by three within {(time.monotonic() - revoked) * 1000:.0f} ms")


def test_each_verb_of_the_cli_works_on_the_database(replicas):
    one, other = replicas(2)
    one.run("orgs", "create", "acme")
    other.run("teams", "create", "red", "--org", "acme")
    key = one.run_json("keys", "create", "--name", "shared", "--team", "red")["key"]
    other.run("limits", "set", "--team", "red", "--rpm", "1000")
    one.run("budgets", "set", "--team", "red", "--usd", "5")
    assert ask(one, key).status_code == ask(other, key).status_code == 200
    eventually(lambda: one.usage_of("shared")["requests"] == 2, "both rows")
    assert one.usage_of("shared")["cost_usd"] * 10**12 == 2 * PER_ANSWER
    assert other.run_json("usage") == one.run_json("usage")
    assert len(other.run("logs", "tail", "-o", "json").stdout.splitlines()) == 2
    assert len(one.run("logs", "export", "--rows", "requests", "--format", "csv").stdout.splitlines()) == 3
    assert "PostgreSQL" in one.run("doctor", check=False).stdout
    one.stop()
    assert one.run_json("usage") == other.run_json("usage"), "the directory remembers where its books are"
    assert not (one.data / "sluice.db").exists()


def test_kill_9_of_any_process_under_load_loses_no_settled_entry_and_has_none_twice(replicas, postgres):
    servers = replicas(3)
    keys = [servers[0].create_key(f"key-{number}") for number in range(3)]
    chance = random.Random(4711)
    settled, asked = set(), 0
    for _ in range(3):
        loads = [Load(server, key) for server, key in zip(servers, keys)]
        eventually(lambda: all(len(load.answers) >= 20 for load in loads), "twenty answers of each")
        time.sleep(COMMIT_S + chance.uniform(0.1, 0.6))  # not a synchronisation: the moment of the kill is random
        victim = chance.randrange(3)
        killed_at = time.monotonic()
        servers[victim].kill()
        for number, load in enumerate(loads):
            answers = load.end()
            asked += len(answers)
            settled |= {request for request, status, at in answers if status == 200 and (number != victim or at < killed_at - COMMIT_S)}
        servers[victim].start()
    rows, _ = eventually(lambda: (found := ledger(postgres)) and settled <= set(found[0]) and found, f"{len(settled)} settled entries")
    assert set(rows.values()) == {1}, "an entry is there twice"
    rows, sums = ledger(postgres)
    assert sums == [len(rows) * PER_ANSWER] * 4
    print(f"3 kills among 3 processes: {len(settled)} settled entries, {len(rows)} rows, sums of rows, hours, days and keys equal")


def test_no_request_fails_while_postgresql_is_stopped_and_all_rows_come_later(replicas, postgres):
    servers = replicas(2, stale_limit_s=3600)
    key = servers[0].create_key("steady")
    loads = [Load(server, key) for server in servers]
    eventually(lambda: all(len(load.answers) >= 20 for load in loads), "twenty answers of each")
    for _ in range(2):
        postgres.stop()
        before = [len(load.answers) for load in loads]
        eventually(lambda: all(len(load.answers) >= had + 50 for load, had in zip(loads, before)), "fifty answers of each without it")
        for server in servers:
            assert server.is_ready(), "it serves"
            eventually(lambda: 'sluice_store_degraded{part="keys"} 1' in httpx.get(f"{server.url}/metrics").text, "the metric to say so")
        assert "cannot reach the database" in servers[0].run("doctor", check=False).stdout
        postgres.start()
    for server in servers:
        eventually(lambda: 'sluice_store_degraded{part="keys"} 0' in httpx.get(f"{server.url}/metrics").text, "the keys to be known again")
    answers = [answer for load in loads for answer in load.end()]
    assert {status for _, status, _ in answers} == {200}
    wanted = {request for request, _, _ in answers}
    eventually(lambda: set(ledger(postgres)[0]) >= wanted, f"{len(wanted)} rows")
    rows, sums = ledger(postgres)
    assert set(rows.values()) == {1}
    assert sums == [len(rows) * PER_ANSWER] * 4
    usage = servers[1].usage_of("steady")
    assert usage["cost_usd"] * 10**12 == len(rows) * PER_ANSWER
    print(f"2 stops: {len(answers)} answers, none failed, {len(rows)} rows, each once")


@pytest.mark.parametrize("when_stale, status", [("fail_closed", 503), ("serve_stale", 200)])
def test_what_follows_when_postgresql_stays_away_is_a_setting(replicas, postgres, when_stale, status):
    (server,) = replicas(1, stale_limit_s=1, when_stale=when_stale)
    key = server.create_key("patient")
    assert ask(server, key).status_code == 200
    postgres.stop()
    eventually(lambda: "sluice_store_keys_age_seconds 2" in httpx.get(f"{server.url}/metrics").text, "what is known to be old")
    answer = ask(server, key)
    assert answer.status_code == status, answer.text
    assert server.is_ready() == (status == 200)
    if status == 503:
        assert "the database cannot be reached" in answer.text
    postgres.start()
    eventually(lambda: ask(server, key).status_code == 200, "the server to take requests again")


def test_a_start_without_postgresql_says_what_is_missing(replicas, postgres):
    (server,) = replicas(1)
    server.stop()
    postgres.stop()
    server.spawn()
    assert server.process.wait(60) == 1
    assert "cannot reach the database postgresql://" in server.log()


def test_pgbouncer_in_transaction_mode_works(replicas, postgres):
    pooler = Pgbouncer(postgres)
    servers = replicas(2, url=pooler.url)
    key = servers[0].create_key("pooled")
    for _ in range(10):
        assert [ask(server, key).status_code for server in servers] == [200, 200]
    eventually(lambda: servers[1].usage_of("pooled")["requests"] == 20, "twenty rows")
    servers[1].run("keys", "revoke", "pooled")
    eventually(lambda: [ask(server, key).status_code for server in servers] == [401, 401], "the key to be refused")
    for server in servers:
        assert server.stop() == 0
    pooler.close()


def test_a_database_that_hangs_keeps_no_client_waiting_and_is_told_within_its_time(replicas, postgres):
    (server,) = replicas(1)
    key = server.create_key("k")
    assert ask(server, key).status_code == 200
    postgres.stand_still()
    try:
        began = time.monotonic()
        for _ in range(20):
            assert ask(server, key).status_code == 200
        print(f"20 answers in {time.monotonic() - began:.2f} s beside a database that hangs")
        listed = server.run("keys", "list", check=False, timeout=60)  # a command ends, and says why
        assert listed.returncode != 0
        assert "cannot reach the database" in listed.stderr, listed.stderr
        eventually(lambda: "the store has a problem" in server.log(), "the server to say what is wrong", timeout_s=60)
        assert ask(server, key).status_code == 200
    finally:
        postgres.go_on()
    eventually(lambda: "the store is well again" in server.log(), "the store to be well again", timeout_s=60)
    eventually(lambda: server.usage_of("k")["requests"] == 22, "all rows to come in, each once")
    assert server.run("keys", "revoke", "k").returncode == 0
    eventually(lambda: ask(server, key).status_code == 401, "a revoked key to be refused again")

"""Several replicas on one PostgreSQL and one Redis, as the guide to replicas sets them up: what each says that it has spent."""

from decimal import Decimal

import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.invoicing import CHAT, PICO, Invoicing
from harness.mock_config import openai_vendor
from harness.postgres import Postgres
from harness.redis_server import Redis
from harness.sluice import Sluice
from harness.wait import eventually


@pytest.fixture
def postgres():
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path / "redis").start()
    yield server
    server.kill()


@pytest.fixture
def vendor():
    one = recorder.Recorder()
    yield one
    one.stop()


@pytest.fixture
def replicas(tmp_path, vendor, postgres, redis):
    """replicas(number) -> that many servers, each with a data directory of its own."""
    started = []

    def start(number, **config):
        config = {"store": {"backend": "postgres", "url": "${BOOKS_URL}"}, "limits": {"backend": "redis", "url": redis.url},
                  "providers": {"acme": openai_vendor(vendor.url)}, "retry": {"attempts": 1}, "breaker": {"failures": 0},
                  "server": {"threads": 1}, **config}
        for index in range(number):
            server = Sluice(tmp_path / f"replica-{index}", config, env={"BOOKS_URL": postgres.url})
            started.append(server)
            server.start()
        return started

    yield start
    for server in started:
        if server.is_running():
            server.stop()


def ask(server, key):
    with http_client(server, key) as client:
        return client.post(CHAT, json=chat_body("acme/m", "do=whole", max_tokens=1000))


def spent_in(postgres):
    return int(postgres.ask("SELECT coalesce(sum(cost_pico), 0) FROM sluice.ledger")[0][0])


def test_a_replica_that_starts_anew_says_what_it_has_spent_itself_and_not_what_all_have(replicas, postgres, redis, vendor):
    invoicing = Invoicing(vendor, completion=780)  # about 0.02 USD an answer
    servers = replicas(2)
    servers[0].run("teams", "create", "red")
    made = servers[0].run_json("keys", "create", "--name", "k", "--team", "red", "--budget", "0.9")
    key = made["key"]
    line = servers[0].run_json("budgets", "set", "--team", "red", "--usd", "1")["id"]
    hourly = servers[0].run_json("budgets", "set", "--team", "red", "--usd", "2", "--window", "30m")["id"]
    lines = [line, hourly, made["id"] + ".usd"]
    for server in servers:
        eventually(lambda: ask(server, key).status_code == 200, "a first answer", 30)
        for _ in range(5):
            assert ask(server, key).status_code == 200

    def is_told():
        return spent_in(postgres) == invoicing.total() and all(redis.spent(one) == invoicing.total() for one in lines)

    eventually(is_told, "PostgreSQL and Redis to have what was billed")
    for end in (servers[0].stop, servers[0].kill, servers[1].kill):
        end()
        (servers[1] if end == servers[1].kill else servers[0]).start()
        for server in servers:
            eventually(lambda: ask(server, key).status_code == 200, "an answer", 30)
        eventually(is_told, f"the start to change nothing: {[redis.spent(one) for one in lines]} of {invoicing.total()}")
    # The whole budget is to be had, and not more.
    statuses = [ask(servers[turn % 2], key).status_code for turn in range(60)]
    assert 429 in statuses
    assert Decimal("0.8") * PICO < invoicing.total() <= Decimal("0.9") * PICO

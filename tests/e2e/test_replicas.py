"""Several replicas on one PostgreSQL and one Redis, as the guide to replicas sets them up: what each says that it has spent, who tells an alert, and what all price by."""

import json
import shutil
from decimal import Decimal

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.invoicing import CHAT, PICO, Invoicing
from harness.mock_config import openai_vendor
from harness.redis_server import Redis
from harness.sluice import Sluice
from harness.wait import eventually


@pytest.fixture
def replicas(tmp_path, provider, postgres, redis):
    """replicas(number) -> that many servers, each with a data directory of its own."""
    started = []

    def start(number, **config):
        config = {"store": {"backend": "postgres", "url": "${BOOKS_URL}"}, "limits": {"backend": "redis", "url": redis.url},
                  "providers": {"acme": openai_vendor(provider.url)}, "retry": {"attempts": 1}, "breaker": {"failures": 0},
                  "server": {"threads": 1}, **config}
        for index in range(number):
            server = Sluice(tmp_path / f"replica-{index}", config, env={"BOOKS_URL": postgres.url})
            started.append(server)
            server.start()
        return started

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def on_redis_alone(tmp_path, provider, redis):
    """The same without PostgreSQL: on_redis_alone(prepare, **config) -> two servers with what `prepare(server)` has put into both directories."""
    started = []

    def start(prepare, **config):
        config = {"limits": {"backend": "redis", "url": redis.url}, "providers": {"acme": openai_vendor(provider.url)},
                  "server": {"threads": 1}, **config}
        servers = [Sluice(tmp_path / f"alone-{index}", config) for index in range(2)]
        made = prepare(servers[0])
        shutil.copytree(servers[0].data, servers[1].data)
        for server in servers:
            started.append(server)
            server.start()
        return servers, made

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def hook():
    one = recorder.Recorder()
    one.answer = lambda request, connection: connection.send(recorder.ok(b"{}"))
    yield one
    one.stop()


def told(hook):
    return [request.json()["percent"] for request in hook.requests]


def budget_of_one_cent(server):
    """(key, nothing): each answer costs a third of a cent."""
    server.run("teams", "create", "red")
    key = server.create_key(team="red")
    server.run("budgets", "set", "--team", "red", "--usd", "0.01", "--window", "day")
    return key


def ask(server, key):
    with http_client(server, key) as client:
        return client.post(CHAT, json=chat_body("acme/m", "do=whole", max_tokens=1000))


def spent_in(postgres):
    return int(postgres.ask("SELECT coalesce(sum(cost_pico), 0) FROM sluice.ledger")[0][0])


def test_a_replica_that_starts_anew_says_what_it_has_spent_itself_and_not_what_all_have(replicas, postgres, redis, provider):
    invoicing = Invoicing(provider, completion=780)  # about 0.02 USD an answer
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


# --- alerts


def spend_nine_tenths(servers, key, provider):
    """In turns and in steps of 2 %, so that each of them spends on both sides of 50 and of 80 %."""
    provider.answer = lambda request, connection: connection.send(recorder.ok(recorder.openai_answer(prompt=0, completion=8)))

    def status_of(server):
        with http_client(server, key) as client:
            return client.post(CHAT, json=chat_body("acme/m", max_tokens=1)).status_code

    for turn in range(45):
        eventually(lambda: status_of(servers[turn % 2]) == 200, "an answer", 30)


@pytest.mark.parametrize("shared", ["postgres", "redis"])
def test_each_alert_is_told_once_by_all_replicas_together(request, hook, provider, shared):
    alerts = {"alerts": {"webhook": f"{hook.url}/hook"}}
    if shared == "postgres":
        servers = request.getfixturevalue("replicas")(2, **alerts)
        key = budget_of_one_cent(servers[0])
    else:
        servers, key = request.getfixturevalue("on_redis_alone")(budget_of_one_cent, **alerts)
    for server in servers:
        eventually(lambda: "sluice_budget_used_ratio{" in httpx.get(f"{server.url}/metrics").text, "the budget in force")
    spend_nine_tenths(servers, key, provider)
    eventually(lambda: len(hook.requests) >= 2, "two alerts")
    for server in servers:
        server.stop()  # what it was about to tell it has told, or left to the other
    assert sorted(told(hook)) == [50, 80]
    counted = sum(server.log().count("budget used up in part") for server in servers)
    assert counted == 2, "the log tells it once as well"


def test_the_hard_stop_is_told_once_and_both_replicas_refuse(replicas, hook, provider, postgres, redis):
    """The whole budget, spent in turns: 100 % is one alert of all, and what is over is over at each of them."""
    servers = replicas(2, alerts={"webhook": f"{hook.url}/hook"})
    key = budget_of_one_cent(servers[0])
    for server in servers:
        eventually(lambda: "sluice_budget_used_ratio{" in httpx.get(f"{server.url}/metrics").text, "the budget in force")
    line = servers[0].run_json("budgets", "list")["budgets"][0]["id"]
    spend_nine_tenths(servers, key, provider)
    answers = len(provider.requests)
    provider.answer = lambda request, connection: connection.send(recorder.ok(recorder.openai_answer(prompt=0, completion=40)))
    with http_client(servers[0], key) as client:  # what is left, and more than it was asked for
        eventually(lambda: client.post(CHAT, json=chat_body("acme/m", max_tokens=1)).status_code == 200, "an answer", 30)
    eventually(lambda: redis.spent(line) == PICO // 100, "the other one to be told of it")
    for server in servers:
        with http_client(server, key) as client:
            refused = client.post(CHAT, json=chat_body("acme/m", max_tokens=1))
        assert refused.status_code == 429 and "budget" in refused.json()["error"]["message"], refused.text
    assert len(provider.requests) == answers + 1, "a request that is refused reaches no provider"
    eventually(lambda: len(hook.requests) >= 3, "three alerts")
    for server in servers:
        server.stop()
    assert sorted(told(hook)) == [50, 80, 100]
    assert sum(server.log().count("budget used up in part") for server in servers) == 3
    assert spent_in(postgres) == PICO // 100, "the budget and not more"


def hours_of_spend(hours, picos):
    """Rows of the sums by the hour, as a fold has them: one request an hour of a key that nobody knows any more."""
    values = ", ".join(f"({hour}, 'key_gone', 'acme', 'm', 'proprietary', '', 1, 0, 0, 10, 0, 0, 10, 0, 0, {pico // PICO}, {pico % PICO}, 0, 0, 0)" for hour, pico in zip(hours, picos))
    return f"INSERT INTO sluice.usage_hourly VALUES {values}"


def test_unusual_spend_is_told_once_by_replicas_that_look_at_the_same_moment(replicas, hook, postgres):
    servers = replicas(2, alerts={"webhook": f"{hook.url}/hook"})
    looked = eventually(lambda: postgres.ask("SELECT value FROM sluice.state WHERE name = 'watched_hours'"), "the first look")
    for server in servers:
        server.stop()
    # Two weeks at two dollars an hour, and then an hour at fifty that nobody has looked at.
    unusual = int(looked[0][0]) - 1
    postgres.ask(hours_of_spend(range(unusual - 336, unusual), [2 * PICO + hour % 7 * PICO // 100 for hour in range(336)]))
    postgres.ask(hours_of_spend([unusual], [50 * PICO]))
    postgres.ask(f"UPDATE sluice.state SET value = {unusual} WHERE name = 'watched_hours'")
    for server in servers:
        server.spawn()
    for server in servers:
        server.url = eventually(server._announced, "serve.json", 90)["url"].rstrip("/")
    eventually(lambda: int(postgres.ask("SELECT value FROM sluice.state WHERE name = 'watched_hours'")[0][0]) > unusual, "both to have looked")
    eventually(lambda: len(hook.requests) >= 1, "the alert")
    for server in servers:
        server.stop()
    events = [request.json() for request in hook.requests]
    assert [(event["event"], event["kind"], event["model"]) for event in events] == [("spend_anomaly", "cost", "m")], events
    assert sum(server.log().count("unusual spend") for server in servers) == 1
    assert [told for (told,) in postgres.ask("SELECT told FROM sluice.alert_claims")] == ["1"]


@pytest.mark.parametrize("shared", ["postgres", "redis"])
def test_an_alert_whose_teller_dies_is_told_by_another_one(request, hook, provider, shared):
    """The first teller gets no answer from the webhook and is killed: twenty seconds later another one tells."""
    silent = []

    def answer(asked, connection):
        if not silent:
            silent.append(asked)
            return connection.wait_until_peer_leaves()
        return connection.send(recorder.ok(b"{}"))

    hook.answer = answer
    alerts = {"alerts": {"webhook": f"{hook.url}/hook"}}
    if shared == "postgres":
        servers = request.getfixturevalue("replicas")(2, **alerts)
        key = budget_of_one_cent(servers[0])
    else:
        servers, key = request.getfixturevalue("on_redis_alone")(budget_of_one_cent, **alerts)
    provider.answer = lambda asked, connection: connection.send(recorder.ok(recorder.openai_answer(prompt=0, completion=220)))
    with http_client(servers[0], key) as client:  # 55 % of the budget, at the first alone
        eventually(lambda: client.post(CHAT, json=chat_body("acme/m", max_tokens=220)).status_code == 200, "an answer", 30)
    eventually(lambda: silent, "the webhook to be asked")
    servers[0].kill()
    eventually(lambda: told(hook) == [50, 50], "the other one to tell it", 60)
    assert hook.requests[0].body == hook.requests[1].body
    assert "an alert is told for a replica that has not" in servers[1].log()


# --- prices


def test_imported_prices_are_every_replicas_within_a_second_and_can_be_withdrawn(replicas, tmp_path, postgres):
    servers = replicas(2)
    catalogue = tmp_path / "litellm.json"
    catalogue.write_text(json.dumps({"gifts/large": {"litellm_provider": "gifts", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 9e-06}}))

    def known(server):
        shown = server.run_json("prices", "show", "--provider", "gifts")
        return [(price["provider"], price["model"]) for price in shown["prices"]]

    def reloads(server):
        page = httpx.get(f"{server.url}/metrics").text
        return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith('sluice_config_reloads_total{trigger="store",outcome="applied"}'))

    before = [reloads(server) for server in servers]
    assert [known(server) for server in servers] == [[], []]
    imported = servers[0].run_json("prices", "import", str(catalogue), "--apply")
    assert imported["file"] == "000001-litellm.jsonl" and imported["taken"] == 1
    eventually(lambda: all(reloads(server) > had for server, had in zip(servers, before)), "each replica to take them by itself", between_s=0.02)
    assert [known(server) for server in servers] == [[("gifts", "large")]] * 2
    assert not (servers[0].data / "prices").exists(), "they are nowhere else"
    assert servers[1].run_json("prices", "imports")["imports"][0]["withdrawn"] is False
    before = [reloads(server) for server in servers]
    servers[1].run("prices", "withdraw", "1")
    eventually(lambda: all(reloads(server) > had for server, had in zip(servers, before)), "each replica to price without them", between_s=0.02)
    assert [known(server) for server in servers] == [[], []]
    acts = [json.loads(act)["act"] for (act,) in postgres.ask("SELECT act FROM sluice.admin_acts") if "prices_" in act]
    assert acts == ["prices_imported", "prices_withdrawn"]


def test_what_a_replica_had_imported_before_it_shared_its_prices_comes_to_all(replicas, tmp_path):
    servers = replicas(2)
    for number, server in enumerate(servers):
        server.stop()
        alone = Sluice(tmp_path / f"alone-{number}", {})
        catalogue = tmp_path / f"litellm-{number}.json"
        catalogue.write_text(json.dumps({f"gifts/model-{number}": {"litellm_provider": "gifts", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 9e-06}}))
        alone.run("prices", "import", str(catalogue), "--apply")
        shutil.copytree(alone.data / "prices", server.data / "prices")
    for server in servers:
        server.start()

    def models(server):
        return sorted(price["model"] for price in server.run_json("prices", "show", "--provider", "gifts")["prices"])

    for server in servers:
        assert models(server) == ["model-0", "model-1"]
    servers[0].stop()
    servers[0].start()
    assert [one["name"] for one in servers[0].run_json("prices", "imports")["imports"]] == ["000001-litellm.jsonl", "000002-litellm.jsonl"]

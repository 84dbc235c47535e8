"""Budgets and limits of organisations, teams, users, keys and tags: never passed, told in the dialect's own shape, right after kill -9."""

import asyncio
import json
import re
from decimal import Decimal

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.invoicing import CHAT, PICO, WAYS, Invoicing, ledger_total, one_request
from harness.mock_config import PRICES, openai_vendor
from harness.raw import Wire
from harness.wait import eventually


@pytest.fixture
def server(serve, provider):
    return serve({"providers": {"acme": openai_vendor(provider.url)}, "models": {"small": ["acme/small"]},
                  "retry": {"attempts": 1}, "breaker": {"failures": 0}})


def budgets(server):
    return server.run_json("budgets", "list")["budgets"]


def in_force(server, key, wanted, body=None):
    """A running server follows within a second: asks until it does."""
    with http_client(server, key) as client:
        return eventually(lambda: (answer := client.post(CHAT, json=body or chat_body("acme/m", max_tokens=5))).status_code == wanted and answer, f"status {wanted}")


def spend(server, keys, clients, requests, model="acme/m", ways=WAYS):
    """All clients at once, each with its requests one after the other."""
    async def client_of(number, http):
        statuses = []
        for turn in range(requests):
            statuses.append(await one_request(http, keys[number % len(keys)], ways[(number + turn) % len(ways)], model))
        return statuses

    async def everybody():
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=server.url, timeout=90, limits=limits) as http:
            return await asyncio.gather(*[client_of(number, http) for number in range(clients)])

    return [status for statuses in asyncio.run(everybody()) for status in statuses]


def settled(server, invoicing):
    """Waits until the ledger has everything that was billed; then it must be exactly that."""
    return eventually(lambda: ledger_total(server) == invoicing.total(), f"the ledger to have {invoicing.total()} picodollars, not {ledger_total(server)}")


def test_200_clients_on_one_dollar_with_streams_disconnects_and_failures(server, provider):
    invoicing = Invoicing(provider, completion=780)
    server.run("orgs", "create", "acme")
    server.run("teams", "create", "red", "--org", "acme")
    keys = [server.create_key(team="red", tag="eval") for _ in range(20)]
    server.run("budgets", "set", "--team", "red", "--usd", "1")
    server.run("budgets", "set", "--org", "acme", "--usd", "1.5", "--window", "day", "--zone", "Asia/Kolkata")
    server.run("budgets", "set", "--tag", "eval", "--model", "acme/*", "--usd", "30", "--window", "30d")
    eventually(lambda: "sluice_budget_used_ratio" in httpx.get(f"{server.url}/metrics").text, "the budgets in force")
    statuses = spend(server, keys, clients=200, requests=2)
    assert statuses.count(429) > 100 and statuses.count(200) > 20, {status: statuses.count(status) for status in set(statuses)}
    assert settled(server, invoicing)
    assert invoicing.total() <= 1 * PICO, "overshoot"
    assert invoicing.total() > Decimal("0.9") * PICO, "a budget is for spending"
    for line in budgets(server):
        assert int(Decimal(line["spent_usd"]) * PICO) == invoicing.total(), line
    usage = server.run_json("usage")
    assert [(row["name"], int(Decimal(row["cost_usd"]) * PICO)) for row in usage["teams"]] == [("red", invoicing.total())]
    assert {row["name"] for row in usage["orgs"]} == {"acme"} and {row["name"] for row in usage["tags"]} == {"eval"}
    log = server.log()
    for percent in (50, 80):
        assert log.count(f'"percent":{percent},') + log.count(f"percent={percent} ") >= 1, "the team's alerts"


def going_over(serve, cheap, dear):
    """The first target costs a quarter, and what it writes is held back; the second may be asked when it has failed."""
    quarter = {"*": {"input": PRICES["input"] / 4, "output": PRICES["output"] / 4}}
    return serve({"providers": {"cheap": openai_vendor(cheap.url, prices=quarter), "dear": openai_vendor(dear.url)},
                  "models": {"both": {"candidates": ["cheap/m", "dear/m"], "hold_whole": 1}},
                  "retry": {"attempts": 2, "budget_percent": 100}, "breaker": {"failures": 0}})


def half_of_it(invoicing):
    """Half a stream, billed by both sides: usage comes with the first text, and then nothing. What is no stream fails."""
    def answer(request, connection):
        if not request.json().get("stream"):
            return connection.send(recorder.ok(b'{"error":{"message":"no"}}', status="500 Internal Server Error"))
        invoicing.bill(5, 780)
        connection.send(recorder.sse_head())
        event = json.loads(recorder.openai_event({"content": "po"})[6:])
        event["usage"] = {"prompt_tokens": 5, "completion_tokens": 780, "total_tokens": 785}
        connection.send(recorder.chunk(b"data: " + json.dumps(event).encode() + b"\n\n"))
        return connection.close()
    return answer


def test_200_clients_that_go_over_to_a_dearer_model_pass_no_budget(serve, provider):
    """The first fails, or writes half a stream: that is billed, and the request needs more than it has reserved before the second
    one may be asked."""
    cheap = recorder.Recorder()
    try:
        first, second = Invoicing(cheap, completion=780), Invoicing(provider, completion=780)
        server = going_over(serve, cheap, provider)
        server.run("teams", "create", "red")
        keys = [server.create_key(team="red") for _ in range(20)]
        server.run("budgets", "set", "--team", "red", "--usd", "1")
        eventually(lambda: "sluice_budget_used_ratio" in httpx.get(f"{server.url}/metrics").text, "the budget in force")
        cheap.answer = half_of_it(first)
        statuses = spend(server, keys, clients=200, requests=2, model="both", ways=["whole", "stream", "fail", "break"])
        assert len(provider.requests) > 20 and first.invoices, "requests went over, and had been billed before"
        assert statuses.count(429) > 100 and statuses.count(200) > 10, {status: statuses.count(status) for status in set(statuses)}
        billed = lambda: first.total() // 4 + second.total()
        eventually(lambda: ledger_total(server) == billed(), f"the ledger to have what was billed, {billed()}, not {ledger_total(server)}")
        assert billed() <= 1 * PICO, "overshoot"
        assert billed() > Decimal("0.9") * PICO, "a budget is for spending"
        assert int(Decimal(budgets(server)[0]["spent_usd"]) * PICO) == billed()
        eventually(lambda: re.search(r'sluice_budget_held_ratio\{[^}]*\} 0\n', httpx.get(f"{server.url}/metrics").text), "nothing to stay reserved")
    finally:
        cheap.stop()


@pytest.mark.parametrize("usd, goes_over", [("0.0275", False), ("0.035", True)])
def test_what_has_failed_and_the_worst_case_of_the_next_must_fit_together(serve, provider, usd, goes_over):
    """1,000 tokens of the dear model cost 0.025 USD, the half stream before it 0.0049: each fits the smaller budget, and both do not."""
    cheap = recorder.Recorder()
    try:
        first, second = Invoicing(cheap, completion=780), Invoicing(provider, completion=780)
        server = going_over(serve, cheap, provider)
        cheap.answer = half_of_it(first)
        key = server.create_key(name="tight")
        server.run("budgets", "set", "--key", "tight", "--usd", usd)
        eventually(lambda: "sluice_budget_used_ratio" in httpx.get(f"{server.url}/metrics").text, "the budget in force")
        spend(server, [key], clients=1, requests=1, model="both", ways=["stream"])
        billed = first.total() // 4 + second.total()
        eventually(lambda: ledger_total(server) == billed, f"the ledger to have what was billed, {billed}, not {ledger_total(server)}")
        assert len(cheap.requests) == 1 and len(provider.requests) == (1 if goes_over else 0)
        assert billed <= Decimal(usd) * PICO, "overshoot"
    finally:
        cheap.stop()


def test_after_kill_9_the_sums_are_the_ledgers_and_the_budget_holds(server, provider):
    invoicing = Invoicing(provider, completion=780)
    server.run("teams", "create", "red")
    key = server.create_key(team="red")
    server.run("budgets", "set", "--team", "red", "--usd", "0.5", "--window", "month", "--zone", "America/New_York")
    in_force_at_all = http_client(server, key)
    assert in_force_at_all.post(CHAT, json=chat_body("acme/m", "do=whole", max_tokens=1000)).status_code == 200
    spend(server, [key], clients=10, requests=1)
    assert settled(server, invoicing)
    before = ledger_total(server)
    with http_client(server, key) as client:  # one is under way when the process dies: it is billed, and nobody recorded it
        with client.stream("POST", CHAT, json=chat_body("acme/m", "do=leave", max_tokens=1000, stream=True)) as answer:
            next(answer.iter_bytes())
            server.kill()
    lost = invoicing.total() - before
    server.start()
    assert int(Decimal(budgets(server)[0]["spent_usd"]) * PICO) == before == ledger_total(server)
    statuses = spend(server, [key], clients=40, requests=1)
    assert 429 in statuses
    eventually(lambda: ledger_total(server) == invoicing.total() - lost, "the ledger")
    assert Decimal("0.3") * PICO < ledger_total(server) <= Decimal("0.5") * PICO
    assert int(Decimal(budgets(server)[0]["spent_usd"]) * PICO) == ledger_total(server)


# --- each refusal

def test_a_refusal_names_the_limit_in_the_clients_dialect(server):
    team = server.run_json("teams", "create", "red")
    key = server.create_key(team="red")
    line = server.run_json("budgets", "set", "--team", team["id"], "--usd", "0.000001", "--window", "week")
    refused = in_force(server, key, 429)
    error = refused.json()["error"]
    assert error["code"] == "insufficient_quota" and 'the team "red" has spent' in error["message"]
    assert "of its 0.000001 USD per week (UTC)" in error["message"] and line["id"] in error["message"] + json.dumps(error)
    with http_client(server, key) as client:
        other = client.post("/v1/messages", json=messages_body("acme/m"))
    assert other.status_code == 402 and other.json()["type"] == "error" and "red" in other.json()["error"]["message"]
    server.run("budgets", "remove", line["id"])
    assert in_force(server, key, 200)


def test_rates_and_places_of_teams_users_and_tags(server, provider):
    server.run("teams", "create", "red")
    server.run("users", "create", "ann")
    ann, bob = server.create_key(team="red", user="ann"), server.create_key(team="red")
    server.run("limits", "set", "--user", "ann", "--rpm", "1")
    first = in_force(server, ann, 429)
    assert first.json()["error"]["code"] == "requests_per_minute" and 'the user "ann"' in first.json()["error"]["message"]
    assert int(first.headers["retry-after"]) >= 1
    assert in_force(server, bob, 200)
    server.run("limits", "set", "--team", "red", "--tpm", "10")
    assert 'the team "red" has 10 per minute' in in_force(server, bob, 429).json()["error"]["message"]

    other = server.create_key()
    server.run("limits", "set", "--tag", "batch", "--concurrent", "1")
    server.run("limits", "set", "--tag", "marker", "--rpm", "1")
    with http_client(server, other, **{"x-sluice-tags": "marker"}) as client:  # one that was made later is in force, so the other is
        eventually(lambda: client.post(CHAT, json=chat_body("acme/m")).status_code == 429, "the limits to be in force")
    provider.answer = lambda request, connection: connection.wait_until_peer_leaves()
    with Wire(server.url) as held:
        held.post(CHAT, json.dumps(chat_body("acme/m", "held")).encode(), [f"authorization: Bearer {other}", "x-sluice-tags: batch"])
        eventually(lambda: any(b"held" in one.body for one in provider.requests), "the first to be under way")
        provider.answer = lambda request, connection: connection.send(recorder.ok(recorder.openai_answer()))
        with http_client(server, other, **{"x-sluice-tags": "batch"}) as client:
            second = client.post(CHAT, json=chat_body("acme/m"))
            assert second.status_code == 429 and second.json()["error"]["code"] == "concurrent_requests"
            assert client.post(CHAT, json=chat_body("acme/m"), headers={"x-sluice-tags": "interactive"}).status_code == 200
            held.close()
            assert eventually(lambda: client.post(CHAT, json=chat_body("acme/m")).status_code == 200, "the place to be free")


def test_at_the_limit_a_cheaper_model_is_asked(server, provider):
    key = server.create_key()
    line = server.run_json("budgets", "set", "--key", "key-1", "--model", "acme/big*", "--usd", "0.000001", "--downgrade", "small")
    with http_client(server, key) as client:
        answer = eventually(lambda: (one := client.post(CHAT, json=chat_body("acme/big-1", max_tokens=5))).headers.get("x-sluice-lowered-by") and one, "the limit in force")
        assert answer.status_code == 200 and answer.headers["x-sluice-lowered-by"] == line["id"]
        assert answer.headers["x-sluice-model"] == "small" and provider.requests[-1].json()["model"] == "small"
        stream = client.post(CHAT, json=chat_body("acme/big-1", max_tokens=5, stream=True))
        assert stream.headers["x-sluice-lowered-by"] == line["id"]
        assert "x-sluice-lowered-by" not in client.post(CHAT, json=chat_body("acme/other", max_tokens=5)).headers
    assert "sluice_limit_lowered_total" in httpx.get(f"{server.url}/metrics").text


def test_tags_are_counted_and_bad_ones_refused(server):
    key = server.create_key(tag="app=shop")
    with http_client(server, key) as client:
        for tags, status in [("a, b", 200), ("b", 200), ("", 200), ("has blank,x y", 400), ("x" * 65, 400), (",".join("123456789"), 400)]:
            answer = client.post(CHAT, json=chat_body("acme/m"), headers={"x-sluice-tags": tags})
            assert answer.status_code == status, (tags, answer.text)
            if status == 400:
                assert "tag" in answer.json()["error"]["message"]
    rows = eventually(lambda: (got := server.run_json("usage", "--by", "tag"))["total"]["requests"] == 3 and got["tags"], "the ledger")
    assert {row["name"]: row["requests"] for row in rows} == {"app=shop": 3, "a": 1, "b": 2}


# --- the command line

@pytest.mark.parametrize("arguments, told", [
    (["keys", "create", "--team", "nobody"], 'there is no team "nobody"'),
    (["keys", "create", "--tag", "a b"], "letters, digits"),
    (["teams", "create", "red", "--org", "nobody"], 'there is no organisation "nobody"'),
    (["teams", "remove", "nobody"], 'there is no team "nobody"'),
    (["budgets", "set", "--everybody", "--usd", "-1"], "is not an amount"),
    (["budgets", "set", "--everybody", "--usd", "1", "--window", "fortnight"], "is no window"),
    (["budgets", "set", "--everybody", "--usd", "1", "--window", "day", "--zone", "Mars/Olympus"], "is no time zone"),
    (["budgets", "set", "--everybody", "--usd", "1", "--zone", "UTC"], "goes with the calendar's"),
    (["budgets", "set", "--usd", "1"], "for whom"),
    (["budgets", "set", "--everybody", "--tag", "x", "--usd", "1"], "one of these only"),
    (["budgets", "set", "--team", "nobody", "--usd", "1"], 'there is no team "nobody"'),
    (["budgets", "set", "--everybody", "--usd", "1", "--model", "gpt-5"], "no pattern"),
    (["budgets", "set", "--everybody", "--usd", "1", "--downgrade-at", "80"], "--downgrade"),
    (["budgets", "remove", "lim_nothing"], "there is no limit"),
    (["limits", "set", "--everybody"], "how much"),
    (["limits", "set", "--everybody", "--rpm", "0"], "no whole number"),
    (["limits", "set", "--everybody", "--rpm", "1", "--tpm", "1"], "one limit"),
])
def test_bad_input_is_told_and_changes_nothing(serve, arguments, told):
    server = serve({"providers": {}})
    done = server.run(*arguments, check=False)
    assert done.returncode in (1, 2) and told in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) >= 2, "and what to do"
    assert budgets(server) == [] and server.run_json("teams", "list")["teams"] == []


def test_alerts_come_to_the_webhook_once(serve, provider):
    hook = recorder.Recorder()
    failures = []

    def answer(request, connection):
        if not failures:  # it is tried again
            failures.append(1)
            return connection.send(recorder.ok(b"", status="503 Service Unavailable"))
        return connection.send(recorder.ok(b"{}"))

    hook.answer = answer
    server = serve({"providers": {"acme": openai_vendor(provider.url)}, "alerts": {"webhook": f"{hook.url}/hooks/secret?token=secret%202&x=1"}})
    provider.answer = lambda request, connection: connection.send(recorder.ok(recorder.openai_answer(prompt=0, completion=125)))
    key = server.create_key()
    server.run("budgets", "set", "--key", "key-1", "--usd", "0.01", "--window", "day")  # answers of 0.003125 USD
    eventually(lambda: "sluice_budget_used_ratio{" in httpx.get(f"{server.url}/metrics").text, "the budget in force")
    with http_client(server, key) as client:
        for _ in range(4):
            assert client.post(CHAT, json=chat_body("acme/m", max_tokens=125)).status_code in (200, 429)
    told = eventually(lambda: len(hook.requests) >= 3 and [one.json()["percent"] for one in hook.requests], "the webhook")
    assert told[:2] == [50, 50] and sorted(set(told)) == told[1:], told
    first = hook.requests[1]
    assert first.path == "/hooks/secret?token=secret%202&x=1" and first.json()["budget_usd"] == "0.01" and first.json()["window"] == "day"
    assert "secret" not in server.run("config", "show", check=False).stdout + server.log()

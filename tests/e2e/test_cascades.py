"""Cascades and canaries: a cheap answer that cannot be used is followed by a dearer one, and a canary that is worse loses its share."""

import csv
import io
import json
import threading

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.sluice import Sluice
from harness.wait import eventually

CHAT = "/v1/chat/completions"


def body(model="both", **more):
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 64, **more}


def saying(text, finish="stop", status="200 OK"):
    answer = json.loads(recorder.openai_answer(text))
    answer["choices"][0]["finish_reason"] = finish
    return recorder.fixed(recorder.ok(json.dumps(answer).encode(), status=status))


FAILS = recorder.fixed(recorder.ok(b'{"error":{"message":"down"}}', status="503 Service Unavailable"))


@pytest.fixture(scope="module")
def sides():
    sides = {name: Recorder() for name in ("cheap", "dear", "new")}
    yield sides
    for side in sides.values():
        side.stop()


@pytest.fixture(autouse=True)
def as_new(sides):
    for side in sides.values():
        side.forget()


@pytest.fixture(scope="module")
def server(folder, sides):
    prices = {"cheap": {"input": 1, "output": 2}, "dear": {"input": 5, "output": 25}, "new": {"input": 1, "output": 1}}
    checks = ["empty", "refusal", "length", "too_short", "schema"]
    canary = {"target": "new/m", "percent": 50, "min_requests": 5, "max_error_increase_percent": 10, "max_latency_increase_percent": 10000}
    server = Sluice(folder("cascades"), {
        "breaker": {"failures": 0},
        "providers": {name: openai_vendor(side.url, prices={"*": prices[name]}) for name, side in sides.items()},
        "models": {"both": ["cheap/m", "dear/m"]},
        "workloads": [
            {"name": "tried", "match": {"headers": {"x-app": "canary"}}, "canary": canary},
            {"name": "good", "match": {"headers": {"x-app": "good"}}, "canary": {**canary, "percent": 20}},
            {"name": "mirrored", "match": {"headers": {"x-app": "mirrored"}}, "shadow": {"target": "new/m", "percent": 50, "max_in_flight": 8}},
            {"name": "echoed", "match": {"headers": {"x-app": "echoed"}}, "shadow": {"target": "new/m", "percent": 100, "max_in_flight": 8}},
            {"name": "held", "match": {"headers": {"x-app": "held"}}, "cascade": {"escalate_on": checks, "min_answer_bytes": 3, "hold_streams": True}},
            {"name": "stepwise", "match": {"models": ["both"]}, "cascade": {"escalate_on": checks, "min_answer_bytes": 3}},
        ],
    }).start()
    yield server
    server.stop()


def post(server, request, key=None, **headers):
    with http_client(server, key or server.create_key(), **headers) as client:
        return client.post(CHAT, json=request)


def test_a_good_answer_of_the_cheap_one_is_the_answer(server, sides):
    answer = post(server, body())
    assert (answer.headers["x-sluice-provider"], answer.headers["x-sluice-attempts"]) == ("cheap", "1")
    assert "x-sluice-escalated" not in answer.headers and sides["dear"].requests == []


@pytest.mark.parametrize("text, finish, check", [("", "stop", "empty"), ("I'm sorry, but I can't help with that.", "stop", "refusal"),
                                                 ("Once upon a", "length", "length"), ("No", "stop", "too_short")])
def test_an_answer_that_fails_a_check_is_followed_by_the_next_and_both_are_booked(server, sides, text, finish, check):
    sides["cheap"].answer = saying(text, finish)
    sides["dear"].answer = saying("A whole answer.")
    name = f"asks-{check}"
    answer = post(server, body(), server.create_key(name=name))
    assert answer.json()["choices"][0]["message"]["content"] == "A whole answer."
    assert answer.headers["x-sluice-provider"] == "dear"
    assert answer.headers["x-sluice-escalated"] == f"cheap/m: {check}"
    assert answer.headers["x-sluice-attempts"] == "2"
    # 7 tokens in and 5 out, at each.
    assert float(answer.headers["x-sluice-cost-usd"]) == pytest.approx((7 * 1 + 5 * 2 + 7 * 5 + 5 * 25) / 1e6)
    used = eventually(lambda: (row := server.usage_of(name)) and row["requests"] == 1 and row, "the rows in the ledger", 30)
    assert float(used["cost_usd"]) == pytest.approx((17 + 160) / 1e6)
    assert used["requests"] == 1, "it is one request"


def test_an_answer_that_is_not_the_json_that_was_asked_for_is_followed_by_the_next(server, sides):
    schema = {"type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}}}
    request = body(response_format={"type": "json_schema", "json_schema": {"name": "age", "schema": schema}})
    sides["cheap"].answer = saying('{"age":"old"}')
    sides["dear"].answer = saying('{"age":42}')
    answer = post(server, request)
    assert (answer.headers["x-sluice-provider"], answer.headers["x-sluice-escalated"]) == ("dear", "cheap/m: schema")


def speaking(*texts, finish="stop"):
    events = [recorder.openai_event({"role": "assistant", "content": ""}), *[recorder.openai_event({"content": text}) for text in texts]]
    return recorder.streaming([*events, recorder.openai_event({}, finish), recorder.openai_event({}, usage=(7, 5)), b"data: [DONE]\n\n"])


# Of each dialect: the path, a streamed request, and how to find what an answer says.
USER = [{"role": "user", "content": "Hello"}]
STREAMED = {
    "openai_chat": (CHAT, {"model": "both", "messages": USER, "stream": True}),
    "anthropic": ("/v1/messages", {"model": "both", "messages": USER, "max_tokens": 64, "stream": True}),
    "responses": ("/v1/responses", {"model": "both", "input": "Hello", "stream": True, "store": False}),
    "gemini": ("/v1beta/models/both:streamGenerateContent?alt=sse", {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}),
}


def stream(server, dialect, app, key=None):
    path, request = STREAMED[dialect]
    with http_client(server, key or server.create_key(), **{"x-app": app}) as client:
        answer = client.post(path, json=request)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer.text
    return answer


@pytest.mark.parametrize("dialect", STREAMED)
@pytest.mark.parametrize("texts, finish, check", [((), "stop", "empty"), (("I'm sorry, but ", "I can't help with that."), "stop", "refusal"),
                                                  (("Once ", "upon a"), "length", "length"), (("N", "o"), "stop", "too_short")])
def test_a_stream_that_is_held_back_is_checked_and_followed_by_the_next(server, sides, dialect, texts, finish, check):
    sides["cheap"].answer = speaking(*texts, finish=finish)
    sides["dear"].answer = speaking("A whole ", "answer.")
    name = f"holds-{dialect}-{check}"
    answer = stream(server, dialect, "held", server.create_key(name=name))
    assert (answer.headers["x-sluice-provider"], answer.headers["x-sluice-escalated"]) == ("dear", f"cheap/m: {check}")
    assert "A whole " in answer.text and "upon a" not in answer.text and "sorry" not in answer.text
    used = eventually(lambda: (row := server.usage_of(name)) and row["requests"] == 1 and row, "the rows in the ledger", 30)
    assert float(used["cost_usd"]) == pytest.approx((17 + 160) / 1e6), "both are booked"


@pytest.mark.parametrize("dialect", STREAMED)
def test_a_good_stream_that_is_held_back_is_the_answer(server, sides, dialect):
    sides["cheap"].answer = speaking("A whole ", "answer.")
    answer = stream(server, dialect, "held")
    assert answer.headers["x-sluice-provider"] == "cheap" and "x-sluice-escalated" not in answer.headers
    assert "A whole " in answer.text and sides["dear"].requests == []


def test_a_held_stream_whose_next_fails_goes_out_as_it_was(server, sides):
    sides["cheap"].answer = speaking("No")
    sides["dear"].answer = FAILS
    answer = stream(server, "openai_chat", "held")
    assert answer.headers["x-sluice-provider"] == "cheap" and '"No"' in answer.text and "[DONE]" in answer.text


def test_a_stream_that_is_not_held_back_passes_unchecked(server, sides):
    sides["cheap"].answer = speaking("No")
    answer = stream(server, "openai_chat", "stepwise")
    assert answer.headers["x-sluice-provider"] == "cheap" and sides["dear"].requests == []


def test_texts_of_streams_are_compared_with_their_shadows(server, sides):
    def compared(so_many):
        def report():
            with http_client(server) as client:
                found = {one["workload"]: one for one in client.get("/health/targets").json()["shadows"]}.get("echoed", {})
            return found if found.get("compared") == so_many else None
        return eventually(report, f"{so_many} comparisons", 30)

    sides["cheap"].answer = speaking("It is ", "Paris.")
    sides["new"].answer = speaking("It ", "is Pa", "ris.\n")
    for count, dialect in enumerate(STREAMED, 1):
        stream(server, dialect, "echoed")
        found = compared(count)
        assert (found["texts"], found["same_text"]) == (count, count), dialect
    sides["new"].answer = speaking("It is Lyon.", finish="length")
    stream(server, "openai_chat", "echoed")
    found = compared(5)
    assert (found["texts"], found["same_text"], found["client"]["cut"], found["shadow"]["cut"]) == (5, 4, 0, 1)


def test_when_the_next_fails_the_client_gets_what_there_was(server, sides):
    sides["cheap"].answer = saying("No")
    sides["dear"].answer = FAILS
    answer = post(server, body())
    assert (answer.status_code, answer.headers["x-sluice-provider"]) == (200, "cheap")
    assert answer.json()["choices"][0]["message"]["content"] == "No"


def test_a_budget_that_cannot_pay_both_stays_with_the_first(server, sides):
    sides["cheap"].answer = saying("No")
    # The dear one's worst case fits, and not with what the cheap one has cost.
    key = server.create_key(name="tight")
    server.run("budgets", "set", "--key", "tight", "--usd", "0.002", "--model", "*/m")
    asked = post(server, body(max_tokens=50), key)
    assert asked.status_code in (200, 402, 403, 429)
    used = eventually(lambda: server.usage_of("tight"), "usage", 30)
    assert float(used["cost_usd"]) <= 0.002


@pytest.mark.parametrize("stream", [False, True])
def test_the_next_has_the_place_that_the_first_had(serve, sides, stream):
    sides["cheap"].answer = lambda request, connection: (speaking if stream else saying)(
        "No" if request.json()["model"] == "small" else "A whole answer.")(request, connection)
    server = serve({"limits": {"queue_ms": 300}, "providers": {"one": openai_vendor(sides["cheap"].url, max_in_flight=1)},
                    "models": {"both": ["one/small", "one/large"]},
                    "workloads": [{"name": "held", "match": {"models": ["both"]},
                                   "cascade": {"escalate_on": ["too_short"], "min_answer_bytes": 3, "hold_streams": True}}]})
    answer = post(server, body(stream=stream))
    assert (answer.headers["x-sluice-model"], answer.headers["x-sluice-escalated"]) == ("large", "one/small: too_short")
    assert "A whole answer." in answer.text


def test_where_a_limit_leads_to_another_model_the_shadow_is_that_of_the_new_plan(serve, sides):
    """Here it has none: in the first plan everybody's calls fail, so that they are asked all the same, and in the second they are not."""
    server = serve({"breaker": {"failures": 1, "first_ms": 600_000}, "retry": {"attempts": 2, "pause_ms": 0},
                    "providers": {name: openai_vendor(side.url) for name, side in sides.items()},
                    "models": {"both": ["cheap/m", "dear/m"], "small": ["new/m"]},
                    "workloads": [{"name": "mirrored", "match": {"models": ["both"]}, "shadow": {"target": "cheap/m", "percent": 100, "max_in_flight": 8}}]})
    key = server.create_key(name="lowered")
    sides["cheap"].answer = sides["dear"].answer = FAILS
    assert post(server, body(), key).status_code >= 500
    for provider in ("cheap", "dear"):
        server.run("budgets", "set", "--key", "lowered", "--model", f"{provider}/m", "--usd", "0.000001", "--downgrade", "small")
    sides["new"].answer = saying("A whole answer.")
    eventually(lambda: post(server, body(), key).headers.get("x-sluice-lowered-by"), "the limits in force", 30)
    asked = len(sides["cheap"].requests)
    for _ in range(10):
        answer = post(server, body(), key)
        assert (answer.status_code, answer.headers["x-sluice-provider"]) == (200, "new")
    with http_client(server) as client:
        report = {one["workload"]: one for one in client.get("/health/targets").json()["shadows"]}.get("mirrored", {})
    assert len(sides["cheap"].requests) == asked and report.get("failed", 0) == report.get("skipped", 0) == 0, report


def test_a_canary_that_fails_loses_its_share_and_it_is_told(server, sides):
    sides["cheap"].answer = saying("as always")
    sides["new"].answer = FAILS
    key = server.create_key()
    for _ in range(24):
        answer = post(server, body(), key, **{"x-app": "canary"})
        assert answer.status_code == 200, "the others are its fallbacks"
    with http_client(server) as client:
        canary = {one["workload"]: one for one in client.get("/health/targets").json()["canaries"]}["tried"]
        metrics = client.get("/metrics").text
    assert canary["rolled_back"] and canary["percent"] == 0 and "of its calls fail" in canary["why"]
    asked = len(sides["new"].requests)
    for _ in range(6):
        post(server, body(), key, **{"x-app": "canary"})
    assert len(sides["new"].requests) == asked
    assert 'sluice_canary_percent{workload="tried",target="new/m"} 0' in metrics
    assert 'sluice_canary_rollbacks_total{workload="tried",target="new/m"} 1' in metrics
    assert "canary rolled back" in eventually(lambda: "canary rolled back" in server.log() and server.log(), "the line in the log", 30)


def test_a_canary_that_is_as_good_keeps_its_share(server, sides):
    sides["cheap"].answer = sides["new"].answer = saying("as always")
    key = server.create_key()
    providers = [post(server, body(), key, **{"x-app": "good"}).headers["x-sluice-provider"] for _ in range(30)]
    assert (providers.count("new"), providers.count("cheap")) == (6, 24)
    plan = server.run_json("route", "explain", "both", "--header", "x-app=good")
    assert (plan["canary"], plan["choice"]) == ("new/m", "cheap/m")


def test_a_canary_keeps_its_share_where_affinity_knows_who_has_had_the_prompt(serve, sides):
    for side in sides.values():
        side.answer = saying("as always")
    canary = {"target": "new/m", "percent": 25, "min_requests": 100, "max_error_increase_percent": 10, "max_latency_increase_percent": 10000}
    server = serve({"providers": {name: openai_vendor(side.url) for name, side in sides.items()},
                    "models": {"both": {"candidates": ["cheap/m", "dear/m"], "affinity": "prefix"}},
                    "workloads": [{"name": "tried", "match": {"models": ["both"]}, "route": "both", "canary": canary}]})
    key = server.create_key()
    long = {**body(), "messages": [{"role": "user", "content": "the same beginning " * 500}]}
    providers = [post(server, long, key).headers["x-sluice-provider"] for _ in range(20)]
    with http_client(server) as client:
        told = {one["workload"]: one for one in client.get("/health/targets").json()["canaries"]}["tried"]
    assert (told["canary"]["calls"], told["others"]["calls"]) == (5, 15)
    assert [number for number, provider in enumerate(providers, 1) if provider == "new"] == [4, 8, 12, 16, 20]


def test_a_shadow_gets_its_share_after_the_answer_and_is_billed_as_such(server, sides):
    sides["cheap"].answer = saying("as always")
    sides["new"].answer = saying("otherwise", "length")
    key = server.create_key(name="mirrored")
    for _ in range(6):
        answer = post(server, body(max_tokens=9), key, **{"x-app": "mirrored"})
        assert (answer.headers["x-sluice-provider"], answer.headers["x-sluice-attempts"]) == ("cheap", "1")
        assert float(answer.headers["x-sluice-cost-usd"]) == pytest.approx(17 / 1e6), "the shadow is not on the client's bill"

    def report():
        with http_client(server) as client:
            found = {one["workload"]: one for one in client.get("/health/targets").json()["shadows"]}.get("mirrored", {})
        return found if found.get("compared") == 3 else None

    found = eventually(report, "three comparisons", 30)
    assert (found["failed"], found["skipped"], found["texts"], found["same_text"]) == (0, 0, 3, 0)
    assert (found["client"]["cut"], found["shadow"]["cut"]) == (0, 3)
    assert float(found["shadow"]["cost_usd"]) == pytest.approx(3 * 12 / 1e6)
    assert len(sides["new"].requests) == 3
    assert all(request.header("authorization") == "Bearer vendor-key-of-openai" for request in sides["new"].requests)
    used = eventually(lambda: (row := server.usage_of("mirrored")) and float(row["cost_usd"]) > 0.000137 and row, "all rows", 30)
    assert used["requests"] == 6
    assert float(used["cost_usd"]) == pytest.approx((6 * 17 + 3 * 12) / 1e6)


def test_a_server_that_stops_waits_for_no_shadow(serve, sides):
    server = serve({"server": {"drain_timeout_ms": 600_000},
                    "providers": {name: openai_vendor(sides[name].url, prices={"*": {"input": 1, "output": 2}}) for name in ("cheap", "new")},
                    "workloads": [{"name": "mirrored", "match": {"models": ["cheap/m"]}, "shadow": {"target": "new/m", "percent": 100}}]})
    go_on = threading.Event()
    sides["new"].answer = recorder.interrupted(recorder.openai_stream(), go_on)
    sides["cheap"].answer = speaking("as always")
    assert "as always" in post(server, body("cheap/m", stream=True)).text
    eventually(lambda: sides["new"].requests, "the shadow's call")
    try:
        assert server.stop() == 0
    finally:
        go_on.set()


def test_who_has_answered_is_not_asked_again_as_the_shadow_nor_after_it_failed_as_the_canary(serve, sides):
    server = serve({"breaker": {"failures": 0}, "retry": {"attempts": 1}, "providers": {name: openai_vendor(sides[name].url) for name in ("cheap", "dear")},
                    "models": {"both": ["cheap/m", "dear/m"], "one": ["dear/m", "cheap/m"]},
                    "workloads": [{"name": "mirrored", "match": {"models": ["both"]}, "shadow": {"target": "cheap/m", "percent": 100, "max_in_flight": 8}},
                                  {"name": "tried", "match": {"models": ["one"]}, "canary": {"target": "cheap/m", "percent": 100}}]})
    key = server.create_key()
    for _ in range(5):
        assert post(server, body(), key).headers["x-sluice-provider"] == "cheap"
    with http_client(server) as client:
        report = {one["workload"]: one for one in client.get("/health/targets").json()["shadows"]}.get("mirrored", {})
    assert len(sides["cheap"].requests) == 5 and report["compared"] == 0, report
    sides["cheap"].answer = sides["dear"].answer = FAILS
    answer = post(server, body("one"), key)
    assert (answer.status_code, answer.headers["x-sluice-attempts"], len(sides["cheap"].requests)) == (503, "2", 6)


def test_a_shadow_never_gets_a_restricted_request(server, sides):
    key = server.create_key(name="secret-mirror")
    answer = post(server, body("new/m"), key, **{"x-app": "mirrored", "x-sluice-data-class": "restricted"})
    assert answer.status_code == 403
    assert sides["new"].requests == []


def test_replay_says_what_another_policy_would_have_cost(server, sides, folder):
    key = server.create_key(name="replayed")
    for _ in range(3):
        assert post(server, body("dear/m"), key).status_code == 200
    eventually(lambda: server.usage_of("replayed")["requests"] == 3, "the rows in the ledger", 30)
    draft = folder("draft") / "draft.yaml"
    config = json.loads(server.config_file.read_text())

    def replay(workloads):
        draft.write_text(json.dumps({**config, "workloads": workloads}))
        return server.run_json("route", "replay", "--policy", str(draft), "--last", "3")

    same = replay([])
    assert same["requests"] == 3 and float(same["difference"]["cost_usd"]) == 0 and same["moved"] == []
    assert float(same["actual"]["cost_usd"]) == pytest.approx(3 * 160 / 1e6)
    cheaper = replay([{"name": "saving", "match": {"keys": ["replayed"]}, "route": "both", "objective": "cheapest",
                       "require": {"providers": ["cheap"]}}])
    assert [(one["from"], one["to"], one["requests"]) for one in cheaper["moved"]] == [("dear/m", "cheap/m", 3)]
    assert float(cheaper["difference"]["cost_usd"]) == pytest.approx(3 * (17 - 160) / 1e6)
    assert cheaper["violations"] == [{"workload": "saving", "rule": "providers", "requests": 3}]
    nobody = replay([{"name": "strict", "match": {"keys": ["replayed"]}, "require": {"providers": ["cheap"]}}])
    assert nobody["unserved"] == [{"code": "workload_rules", "requests": 3}] and nobody["requests"] == 0
    unknown = replay([{"name": "content", "match": {"pii": True}, "route": "both"}])
    assert unknown["undecided_workloads"] == ["content"]
    text = server.run("route", "replay", "--policy", str(draft), "--last", "3").stdout
    assert "`content` looks at headers or texts" in text


def test_the_ledger_says_the_workload_and_replay_goes_by_it_where_it_has_no_texts(serve, sides, folder):
    prices = {"cheap": {"input": 1, "output": 2}, "dear": {"input": 5, "output": 25}}
    by_header = {"name": "marked", "match": {"headers": {"x-app": "marked"}}, "route": "both"}
    server = serve({"providers": {name: openai_vendor(sides[name].url, prices={"m": price}) for name, price in prices.items()},
                    "models": {"both": ["dear/m"], "low": ["cheap/m"]},
                    "workloads": [by_header, {"name": "second", "match": {"models": ["low"]}}]})
    key = server.create_key(name="asks")
    for app, model in (("marked", "low"), ("marked", "low"), ("other", "low"), ("other", "both")):
        assert post(server, body(model), key, **{"x-app": app}).status_code == 200
    used = eventually(lambda: (told := server.run_json("usage", "--by", "workload")) and told["total"]["requests"] == 4 and told, "the rows", 30)
    assert {one["name"]: one["requests"] for one in used["workloads"]} == {"marked": 2, "second": 1, "(none)": 1}
    assert server.run_json("usage", "--workload", "marked")["total"]["requests"] == 2
    tail = [json.loads(line) for line in server.run("logs", "tail", "--workload", "marked", "-o", "json").stdout.splitlines()]
    assert [(row["workload"], row["provider"]) for row in tail] == [("marked", "dear")] * 2
    exported = list(csv.DictReader(io.StringIO(server.run("logs", "export").stdout)))
    assert [row["workload"] for row in exported] == ["marked", "marked", "second", ""]
    charges = list(csv.DictReader(io.StringIO(server.run("logs", "export", "--rows", "focus-1.4").stdout)))
    assert {row["x_Workload"] for row in charges} == {"marked", "second", ""}

    # The replayed policy sends what was marked elsewhere; the texts and headers are gone.
    draft = folder("drafted") / "draft.yaml"
    config = json.loads(server.config_file.read_text())
    draft.write_text(json.dumps({**config, "workloads": [{**by_header, "route": "low"}]}))
    replayed = server.run_json("route", "replay", "--policy", str(draft), "--last", "4")
    assert replayed["undecided_workloads"] == ["marked"]
    assert {one["workload"]: one["requests"] for one in replayed["workloads"]} == {"marked": 2, "": 2}
    assert [(one["from"], one["to"], one["requests"]) for one in replayed["moved"]] == [("dear/m", "cheap/m", 2)]

    advice = server.run_json("advise", "--since", "1d")
    assert {one["workload"] for one in advice["workloads"]} == {"marked", "second", "dear/m"}

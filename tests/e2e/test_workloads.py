"""Workloads: which class of requests one belongs to, whom its rules leave out, and whom its objective puts first."""

import json
import random

import pytest

from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.sluice import Sluice

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
GROUNDS = ("self_hosted", "hosted_open", "proprietary")


def saying(text, model="any", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 64, **more}


@pytest.fixture(scope="module")
def sides():
    """{ground: recorder}"""
    sides = {ground: Recorder() for ground in GROUNDS}
    yield sides
    for side in sides.values():
        side.stop()


@pytest.fixture(scope="module")
def server(folder, sides):
    prices = {"self_hosted": {"kind": "self_hosted"}, "hosted_open": {"input": 1, "output": 2}, "proprietary": {"input": 5, "output": 25}}
    regions = {"self_hosted": "eu-central-1", "hosted_open": "us-east-1", "proprietary": "eu-west-1"}
    server = Sluice(folder("workloads"), {
        "providers": {ground: openai_vendor(side.url, ground=ground, region=regions[ground], prices={"*": prices[ground]})
                      for ground, side in sides.items()},
        "models": {"any": ["proprietary/m", "hosted_open/m", "self_hosted/m"], "away": ["hosted_open/m"]},
        "workloads": [
            {"name": "personal", "match": {"pii": True}, "require": {"data_class": "restricted"}},
            {"name": "european", "match": {"headers": {"x-app": "eu"}}, "require": {"regions": ["eu"]}},
            {"name": "certified", "match": {"keys": ["careful"]}, "require": {"providers": ["hosted_open"]}},
            {"name": "capped", "match": {"headers": {"x-app": "capped"}}, "require": {"max_output_usd": "2"}},
            {"name": "batchlike", "match": {"headers": {"x-app": ["bulk", "nightly"]}}, "objective": "cheapest"},
            {"name": "code", "match": {"code": True}, "route": "away"},
            {"name": "quick", "match": {"headers": {"x-app": "quick"}}, "objective": "fastest"},
        ],
    }).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def as_new(sides):
    for side in sides.values():
        side.forget()


def post(server, body, path=CHAT, key=None, **headers):
    with http_client(server, key or server.create_key(), **headers) as client:
        return client.post(path, json=body)


def test_a_request_of_no_workload_is_as_before(server):
    answer = post(server, saying("hello"))
    assert answer.headers["x-sluice-ground"] == "proprietary"
    assert "x-sluice-workload" not in answer.headers


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_personal_data_stays_at_home(server, sides, path):
    answer = post(server, saying("write to anna.schmidt@example.org"), path)
    assert (answer.status_code, answer.headers["x-sluice-ground"], answer.headers["x-sluice-workload"]) == (200, "self_hosted", "personal")
    refused = post(server, saying("write to anna.schmidt@example.org", model="away"), path)
    assert refused.status_code == 403
    assert "workload" in refused.json()["error"]["message"]
    assert sides["hosted_open"].requests + sides["proprietary"].requests == []


@pytest.mark.parametrize("refer", ["previous_response_id", "item_reference"])
def test_personal_data_of_an_earlier_turn_stays_at_home(server, sides, refer):
    key = server.create_key()
    text = "write to anna.schmidt@example.org"
    sides["self_hosted"].answer = recorder.fixed(recorder.ok(recorder.openai_answer("I write to anna.schmidt@example.org")))
    first = post(server, {"model": "any", "input": text}, "/v1/responses", key)
    assert first.headers["x-sluice-ground"] == "self_hosted"
    on = {"previous_response_id": first.json()["id"], "input": "go on"} if refer == "previous_response_id" else {
        "input": [{"type": "item_reference", "id": first.json()["output"][0]["id"]}, {"role": "user", "content": "go on"}]}
    later = post(server, {"model": "any", **on}, "/v1/responses", key)
    assert (later.status_code, later.headers["x-sluice-ground"], later.headers["x-sluice-workload"]) == (200, "self_hosted", "personal"), later.text
    assert sides["hosted_open"].requests + sides["proprietary"].requests == []


def test_rules_leave_out_whom_they_say(server):
    assert post(server, saying("hi"), **{"x-app": "eu"}).headers["x-sluice-provider"] == "proprietary"
    assert post(server, saying("hi"), **{"x-app": "capped"}).headers["x-sluice-provider"] == "hosted_open"
    assert post(server, saying("hi"), key=server.create_key(name="careful")).headers["x-sluice-provider"] == "hosted_open"


@pytest.mark.parametrize("path, body", [(CHAT, chat_body), (MESSAGES, messages_body)], ids=["openai", "anthropic"])
def test_when_nobody_keeps_the_rules_the_answer_names_them_in_the_callers_dialect(server, sides, path, body):
    refused = post(server, body("away"), path, **{"x-app": "eu"})
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert "`european`: hosted_open/m: regions (its region us-east-1 is not among eu)" in error["message"]
    assert ("code" in error) == (path == CHAT)
    assert all(side.requests == [] for side in sides.values())


def test_the_cheapest_is_asked_first_and_the_next_when_it_fails(server, sides):
    assert post(server, saying("hi"), **{"x-app": "nightly"}).headers["x-sluice-provider"] == "self_hosted"
    sides["self_hosted"].answer = recorder.fixed(recorder.ok(b'{"error":{"message":"down"}}', status="503 Service Unavailable"))
    answer = post(server, saying("hi"), **{"x-app": "bulk"})
    assert answer.headers["x-sluice-provider"] == "hosted_open"
    assert [len(sides[ground].requests) for ground in GROUNDS] == [2, 1, 0]


def test_content_chooses_the_route(server):
    answer = post(server, saying("mend this:\n```\nint main() { return 1; }\n```"))
    assert (answer.headers["x-sluice-provider"], answer.headers["x-sluice-workload"]) == ("hosted_open", "code")


def test_who_was_not_measured_is_tried_and_then_the_fastest_is_asked(server, sides):
    for side in sides.values():
        side.answer = recorder.fixed(recorder.ok(json.dumps(ANSWER).encode()))
    for _ in range(8):
        assert post(server, saying("hi"), **{"x-app": "quick"}).status_code == 200
    with http_client(server) as client:
        speeds = {one["target"]: one["token_ns"] for one in client.get("/health/targets").json()["speeds"] if one["token_ns"] >= 0}
    assert set(speeds) == {f"{ground}/m" for ground in GROUNDS}
    plan = server.run_json("route", "explain", "any", "--header", "x-app=quick")
    assert [one["name"] for one in plan["candidates"]] == sorted(speeds, key=speeds.get)


ANSWER = {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
          "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
          "usage": {"prompt_tokens": 5, "completion_tokens": 50, "total_tokens": 55}}


WITH_PDF = [{"type": "text", "text": "Sum it up"}, {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}]
WITH_SOUND = [{"type": "text", "text": "Write it down"}, {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]


@pytest.mark.parametrize("parts, provider", [([{"type": "text", "text": "a.pdf, input_audio"}], "groq"), (WITH_PDF, "openai"), (WITH_SOUND, "groq")])
def test_documents_go_to_who_reads_them_while_somebody_does(folder, sides, parts, provider):
    ours = {name: {"api_key": "k", "base_url": f"{sides[ground].url}/v1"} for name, ground in (("groq", "hosted_open"), ("openai", "proprietary"))}
    server = Sluice(folder(f"modality-{provider}-{len(parts)}"), {
        "providers": ours, "models": {"any": ["groq/gpt-oss-20b", "openai/gpt-5.4"]}}).start()
    try:
        answer = post(server, {"model": "any", "messages": [{"role": "user", "content": parts}]})
        assert (answer.status_code, answer.headers["x-sluice-provider"]) == (200, provider), "nobody is known to hear, so the first is asked"
        explained = server.run_json("route", "explain", "any", "--pdf")
        assert explained["choice"] == "openai/gpt-5.4" and explained["rejected"][0]["rule"] == "no_pdf"
    finally:
        server.stop()


def test_explain_says_the_workload_and_each_rule(server):
    plan = server.run_json("route", "explain", "any", "--header", "X-App=eu")
    assert (plan["workload"], plan["choice"]) == ("european", "proprietary/m")
    assert [(one["name"], one["rule"]) for one in plan["rejected"]] == [("hosted_open/m", "regions")]
    plan = server.run_json("route", "explain", "any", "--prompt", "call +49 30 901820")
    assert (plan["workload"], plan["data_class"], plan["choice"]) == ("personal", "restricted", "self_hosted/m")
    plan = server.run_json("route", "explain", "any", "--header", "x-app=bulk", "--tokens", "1000")
    assert plan["objective"] == "cheapest"
    assert [one["expected_usd"] for one in plan["candidates"]] == ["0.0", "0.002", "0.0175"]


def test_a_rule_that_can_never_fire_is_refused_with_its_line(server, folder):
    text = ("providers: { a: { kind: openai_compatible, base_url: 'http://127.0.0.1:9/v1', auth: none } }\n"
            "models: { one: [a/m] }\n"
            "workloads:\n"
            "  - name: everything\n"
            "  - name: never\n"
            "    match: { tools: true }\n")
    path = folder("refused") / "sluice.yaml"
    path.write_text(text)
    done = server.run("config", "validate", str(path), check=False)
    assert done.returncode != 0
    assert "sluice.yaml:5:11" in done.stdout + done.stderr and "can never be reached" in done.stdout + done.stderr


def test_restricted_requests_never_leave_home_over_random_policies_and_failures(folder, sides):
    """What the property test in C++ shows of plans, through the binary: with retries, failover and hedges, whatever fails."""
    for seed in range(6):
        dice = random.Random(seed)
        names = [f"{ground}/{model}" for ground in GROUNDS for model in ("a", "b")]
        routes = {name: {"candidates": dice.sample(names, dice.randint(2, 6)), "hedge_after_ms": dice.choice([0, 1]), "hedge_most_usd": "100",
                         "affinity": dice.choice(["off", "prefix"])} for name in ("one", "two", "three")}
        routes["home"] = ["self_hosted/a"]
        workloads = []
        for number in range(dice.randint(0, 4)):
            workload = {"name": f"w{number}", "match": {"keys": [f"k{number}"]}, "objective": dice.choice(["listed", "cheapest", "fastest"])}
            if dice.random() < 0.5:
                workload["match"]["pii"] = dice.random() < 0.5
            if dice.random() < 0.4:
                workload["route"] = dice.choice(["one", "two", "three", "home"])
            workloads.append(workload)
        server = Sluice(folder(f"policy-{seed}"), {
            "retry": {"pause_ms": 0, "attempts": 5}, "breaker": {"failures": 0 if dice.random() < 0.5 else 3, "first_ms": 20},
            "providers": {ground: openai_vendor(side.url, ground=ground) for ground, side in sides.items()},
            "models": routes, "workloads": workloads}).start()
        try:
            key_name = f"k{dice.randint(0, 4)}"
            key = server.create_key(name=key_name, data_class=dice.choice(["internal", "restricted"]))
            server.run("budgets", "set", "--key", key_name, "--usd", "0.2", "--downgrade", "one", "--downgrade-at", "1")
            home = 0
            with http_client(server, key, **{"x-sluice-data-class": "restricted"}) as client:
                for _ in range(25):
                    status = dice.choice(["200 OK", "503 Service Unavailable", "429 Too Many Requests", "500 Oops"])
                    body = json.dumps(ANSWER if status.startswith("200") else {"error": {"message": "no"}}).encode()
                    sides["self_hosted"].answer = recorder.fixed(recorder.ok(body, status=status))
                    model = dice.choice(["one", "two", "three", "home", "a", "proprietary/a", "self_hosted/b"])
                    answer = client.post(CHAT, json=saying(dice.choice(["hello", "a.b@example.org"]), model=model))
                    home += answer.status_code == 200
            assert home > 0, f"seed {seed}: nothing was answered, so nothing is shown"
            outside = sides["hosted_open"].requests + sides["proprietary"].requests
            assert outside == [], f"seed {seed}: {[request.path for request in outside]}"
        finally:
            server.stop()

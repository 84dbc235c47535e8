"""Breakers, rests, retry budgets: what is remembered of a target, and where that is seen."""

import json

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.wait import eventually

CHAT = "/v1/chat/completions"
DOWN = recorder.fixed(recorder.ok(b'{"error":{"message":"down"}}', status="503 Service Unavailable"))
UP = recorder.fixed(recorder.ok(recorder.openai_answer()))


def served(serve, stage, **settings):
    stage.vendor.forget()
    stage.fallback.forget()
    return serve({"providers": {"bad": openai_vendor(stage.vendor.url), "good": openai_vendor(stage.fallback.url)},
                  "models": {"either": ["bad/m", "good/m"], "both-bad": ["bad/m", "bad/n"]}, "retry": {"attempts": 1, "pause_ms": 0}, **settings})


def explained(server, model="either"):
    return server.run_json("route", "explain", model)


def states(server):
    return {one["target"]: one for one in httpx.get(f"{server.url}/health/targets").json()["targets"]}


def test_a_target_that_fails_is_left_alone_and_asked_again_after_a_while(serve, stage):
    server = served(serve, stage, breaker={"failures": 3, "first_ms": 60_000})
    stage.vendor.answer = DOWN
    with http_client(server, server.create_key()) as client:
        attempts = [client.post(CHAT, json=chat_body("either")).headers["x-sluice-attempts"] for _ in range(5)]
    assert attempts == ["2", "2", "2", "1", "1"] and len(stage.vendor.requests) == 3
    assert states(server)["bad/m"]["state"] == "open"
    plan = explained(server)
    assert plan["choice"] == "good/m" and plan["rejected"][0]["rule"] == "breaker_open", plan
    text = server.run("route", "explain", "either").stdout
    assert "left alone" in text
    metrics = httpx.get(f"{server.url}/metrics").text
    assert 'sluice_target_state{target="bad/m"} 2' in metrics
    assert 'sluice_target_events_total{target="bad/m",event="opened"} 1' in metrics
    assert '"target left alone"' in server.log()


def test_one_probe_closes_it(serve, stage):
    server = served(serve, stage, breaker={"failures": 2, "first_ms": 100})
    stage.vendor.answer = DOWN
    with http_client(server, server.create_key()) as client:
        for _ in range(2):
            client.post(CHAT, json=chat_body("either"))
        stage.vendor.answer = UP
        eventually(lambda: client.post(CHAT, json=chat_body("either")).headers["x-sluice-provider"] == "bad", "the probe")
        assert client.post(CHAT, json=chat_body("either")).headers["x-sluice-provider"] == "bad"
    assert states(server) == {}
    assert '"target answers again"' in server.log()


def test_when_all_are_unwell_the_least_bad_is_asked(serve, stage):
    server = served(serve, stage, breaker={"failures": 2, "first_ms": 60_000})
    stage.vendor.answer = DOWN
    with http_client(server, server.create_key()) as client:
        for _ in range(4):
            client.post(CHAT, json=chat_body("both-bad"))
        assert all(one["state"] == "open" for one in states(server).values()) and len(states(server)) == 2
        assert explained(server, "both-bad")["choice"] is not None
        stage.vendor.answer = UP
        answer = client.post(CHAT, json=chat_body("both-bad"))
    assert answer.status_code == 200 and answer.headers["x-sluice-attempts"] == "1"


def test_a_target_that_asks_to_be_left_alone_is(serve, stage):
    server = served(serve, stage)
    stage.vendor.answer = recorder.fixed(recorder.ok(b'{"error":{"message":"slow down"}}', status="429 Too Many Requests", headers=["retry-after: 60"]))
    with http_client(server, server.create_key()) as client:
        assert [client.post(CHAT, json=chat_body("either")).headers["x-sluice-attempts"] for _ in range(3)] == ["2", "1", "1"]
        assert len(stage.vendor.requests) == 1
        assert explained(server)["rejected"][0]["rule"] == "resting"
        # Alone it is asked all the same, and its own words are the answer.
        answer = client.post(CHAT, json=chat_body("bad/m"))
    assert answer.status_code == 429 and answer.headers["retry-after"] == "60"


def test_a_complaint_about_the_request_opens_nothing(serve, stage):
    server = served(serve, stage, breaker={"failures": 2})
    stage.vendor.answer = recorder.fixed(recorder.ok(b'{"error":{"message":"no such field"}}', status="400 Bad Request"))
    with http_client(server, server.create_key()) as client:
        for _ in range(5):
            assert client.post(CHAT, json=chat_body("either")).status_code == 400
    assert states(server) == {} and len(stage.vendor.requests) == 5


@pytest.mark.parametrize("status, opens", [("401 Unauthorized", True), ("402 Payment Required", True), ("403 Forbidden", False)])
def test_a_key_or_an_account_that_is_refused_opens_it_and_a_permission_does_not(serve, stage, status, opens):
    server = served(serve, stage, breaker={"failures": 2, "first_ms": 60_000})
    stage.vendor.answer = recorder.fixed(recorder.ok(b'{"error":{"message":"the account of ACME Ltd"}}', status=status))
    with http_client(server, server.create_key()) as client:
        tries = [client.post(CHAT, json=chat_body("either")).headers["x-sluice-attempts"] for _ in range(4)]
        alone = client.post(CHAT, json=chat_body("bad/m"))
    assert tries == (["2", "2", "1", "1"] if opens else ["2"] * 4)
    assert alone.status_code == 502 and "ACME" not in alone.text and "the operator must check" in alone.text
    assert (states(server)["bad/m"]["state"] == "open") if opens else states(server) == {}


def test_an_impatient_client_opens_nothing(serve, stage):
    server = served(serve, stage, breaker={"failures": 2})
    stage.vendor.answer = lambda request, connection: connection.wait_until_peer_leaves()
    with http_client(server, server.create_key(), **{"x-stainless-timeout": "0.05"}) as client:
        for _ in range(3):
            answer = client.post(CHAT, json=chat_body("bad/m"))
            assert answer.status_code == 504 and answer.json()["error"]["code"] == "provider_timeout", answer.text
    assert states(server) == {}


def test_retries_are_few_beside_requests(serve, stage):
    server = served(serve, stage, breaker={"failures": 0}, retry={"attempts": 3, "pause_ms": 0, "budget_least": 4, "budget_percent": 0})
    stage.vendor.answer = DOWN
    with http_client(server, server.create_key()) as client:
        tries = [int(client.post(CHAT, json=chat_body("bad/m")).headers["x-sluice-attempts"]) for _ in range(10)]
    assert tries == [3, 3] + [1] * 8 and len(stage.vendor.requests) == 14
    assert 'event="retry_refused"' in httpx.get(f"{server.url}/metrics").text


def test_no_retry_comes_before_it_is_asked_for(serve, stage):
    import time
    server = served(serve, stage, retry={"attempts": 2, "pause_ms": 0})
    came = []

    def answer(request, connection):
        came.append(time.monotonic())
        busy = recorder.ok(b'{"error":{"message":"slow down"}}', status="429 Too Many Requests", headers=["retry-after-ms: 300"])
        connection.send(busy if len(came) == 1 else recorder.ok(recorder.openai_answer()))
    stage.vendor.answer = answer
    with http_client(server, server.create_key()) as client:
        assert client.post(CHAT, json=chat_body("bad/m")).status_code == 200
    assert came[1] - came[0] >= 0.3, "a lower bound: a slow machine can only make it longer"


def test_a_stream_that_is_cut_counts(serve, stage):
    server = served(serve, stage, breaker={"failures": 2, "first_ms": 60_000})

    def cut(request, connection):
        connection.send(recorder.sse_head() + b"".join(recorder.chunk(event) for event in recorder.openai_stream()[:2]))
        connection.close()
    stage.vendor.answer = cut
    with http_client(server, server.create_key()) as client:
        for _ in range(2):
            assert client.post(CHAT, json=chat_body("either", stream=True)).status_code == 200
        stage.fallback.answer = recorder.streaming(recorder.openai_stream())
        answer = client.post(CHAT, json=chat_body("either", stream=True))
    assert answer.headers["x-sluice-provider"] == "good", json.dumps(states(server))

"""A second call beside the first, where a route wants that."""

import pytest

from faults.conftest import rows_of
from harness import recorder
from harness.clients import chat_body, http_client
from harness.fault_proxy import Fault
from harness.mock_config import openai_vendor

CHAT = "/v1/chat/completions"


@pytest.fixture
def server(serve, stage):
    stage.vendor.forget()
    stage.fallback.forget()
    candidates = ["bad/m", "good/m"]
    return serve({
        "providers": {"bad": openai_vendor(stage.proxy.url), "good": openai_vendor(stage.fallback.url)},
        "models": {"hedged": {"candidates": candidates, "hedge_after_ms": 30, "hedge_most_usd": "10"},
                   "dear": {"candidates": candidates, "hedge_after_ms": 30, "hedge_most_usd": "0.000001"},
                   "held": {"candidates": candidates, "hedge_after_ms": 30, "hedge_most_usd": "10", "hold_whole": 1}}})


def ask(server, key, model, **members):
    with http_client(server, key) as client:
        return client.post(CHAT, json=chat_body(model, max_tokens=50, **members))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_who_begins_first_answers_and_the_other_is_cancelled_and_billed(server, stage, stream):
    stage.proxy.set(Fault("hold"))
    stage.fallback.answer = recorder.streaming(recorder.openai_stream()) if stream else recorder.fixed(recorder.ok(recorder.openai_answer()))
    answer = ask(server, server.create_key(f"hedge {stream}", budget="1"), "hedged", stream=stream)
    assert answer.status_code == 200 and answer.headers["x-sluice-provider"] == "good", answer.text
    assert answer.headers["x-sluice-attempts"] == "2"
    assert stage.proxy.passed[0].gone.wait(30), "the loser is still connected"
    rows = rows_of(server, answer.headers["x-sluice-request-id"], lambda rows: len(rows) == 2)
    assert [(row["provider"], row["outcome"], row["final"]) for row in rows] == [("bad", "outpaced", False), ("good", "ok", True)]
    assert rows[0]["usage"]["input_tokens"] > 0 and rows[0]["usage"]["output_tokens"] == 0


def test_what_a_loser_had_made_is_billed(server, stage):
    stage.vendor.answer = recorder.streaming(recorder.openai_stream(("one ", "two ", "three")))
    stage.fallback.answer = recorder.streaming(recorder.openai_stream())
    stage.proxy.set(Fault("hold", after_events=3))
    answer = ask(server, server.create_key("made"), "held", stream=True)
    assert answer.headers["x-sluice-provider"] == "good"
    rows = rows_of(server, answer.headers["x-sluice-request-id"], lambda rows: len(rows) == 2)
    assert rows[0]["outcome"] == "outpaced" and rows[0]["usage"]["output_tokens"] > 0


def test_the_first_one_wins_when_it_is_there_in_time(server, stage):
    stage.proxy.set(None)
    answer = ask(server, server.create_key("quick"), "dear")
    assert answer.headers["x-sluice-provider"] == "bad" and len(stage.fallback.requests) == 0


def test_a_second_call_that_is_too_dear_is_not_made(server, stage):
    stage.proxy.set(Fault("hold"))
    import threading
    threading.Timer(0.3, stage.proxy.release.set).start()  # ten times as long as a hedge would wait
    answer = ask(server, server.create_key("dear"), "dear")
    assert answer.headers["x-sluice-provider"] == "bad" and len(stage.fallback.requests) == 0


def test_a_second_call_beyond_the_budget_is_not_made(server, stage):
    stage.proxy.set(Fault("hold"))
    import threading
    threading.Timer(0.3, stage.proxy.release.set).start()
    # One worst case fits (0.001455); what the other one reads beside it does not.
    answer = ask(server, server.create_key("tight", budget="0.0015"), "hedged")
    assert answer.status_code == 200 and answer.headers["x-sluice-provider"] == "bad", answer.text
    assert len(stage.fallback.requests) == 0


def test_when_both_fail_the_call_goes_on_as_without_a_hedge(server, stage):
    stage.proxy.set(Fault("hold"))
    refused = recorder.ok(b'{"error":{"message":"down"}}', status="503 Service Unavailable")
    stage.vendor.answer = recorder.fixed(refused)

    def answer_and_release(request, connection):
        stage.proxy.release.set()
        connection.send(refused)
    stage.fallback.answer = answer_and_release
    answer = ask(server, server.create_key("both"), "hedged")
    assert answer.status_code == 503 and int(answer.headers["x-sluice-attempts"]) == 3, answer.headers

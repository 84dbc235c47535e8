"""Every fault of the matrix, with the provider alone and with another candidate behind it, in both lanes."""

import json
import os
import threading
from pathlib import Path

import pytest

from faults.cases import AFTER, CASES, GOOD, WHOLE, page
from faults.conftest import rows_of
from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "failures.md"


@pytest.fixture(scope="module")
def server(served):
    return served(CASES, breaker={"failures": 0})


@pytest.fixture(scope="module")
def key(server):
    return server.create_key("matrix")


def prepare(stage, case):
    answers = list(case.answers or (GOOD[case.when],))
    stage.vendor.forget()
    stage.fallback.forget()

    def answer(request, connection):
        number = len(stage.vendor.requests) - 1
        answers[number % len(answers)](request, connection)
    stage.vendor.answer = answer
    stage.fallback.answer = case.fallback or GOOD[case.when]
    stage.proxy.set(*case.proxy)
    if case.fault == "slow first byte":  # the answer lies ready before the first byte of it goes on
        def release():
            eventually(lambda: stage.vendor.requests, "the request")
            stage.proxy.release.set()
        threading.Thread(target=release, daemon=True).start()


def ask(stage, server, key, case, model, lane):
    path = CHAT if lane == 1 else MESSAGES
    body = chat_body(model) if lane == 1 else messages_body(model)
    if case.when != WHOLE:
        body["stream"] = True
    with http_client(server, key) as client, client.stream("POST", path, json=body) as answer:
        if case.when == AFTER:
            seen = b""
            for piece in answer.iter_bytes():
                seen += piece
                if b"one " in seen:
                    stage.proxy.release.set()
            answer._content = seen  # what read() would leave
        else:
            answer.read()
        return answer


def text_of(answer, case, lane):
    """The answer's text, its roles and whether it came to its end."""
    if case.when == WHOLE:
        message = answer.json()
        return (message["choices"][0]["message"]["content"] if lane == 1 else message["content"][0]["text"]), 1, True
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {") and is_json(line[6:])]
    if lane == 1:
        deltas = [choice["delta"] for event in events for choice in event.get("choices", [])]
        return ("".join(delta.get("content") or "" for delta in deltas), sum("role" in delta for delta in deltas),
                answer.text.endswith("data: [DONE]\n\n"))
    return ("".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"),
            sum(event["type"] == "message_start" for event in events), events[-1]["type"] == "message_stop")


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def error_of(answer, lane):
    told = answer.json()
    if lane == 1:
        assert set(told["error"]) >= {"message", "type"}, told
        return told["error"].get("code")
    assert told["type"] == "error" and set(told["error"]) >= {"type", "message"}, told
    return None


def whole_text(case):
    return "pong" if case.when == WHOLE else "one two three"


def outcome_of(case, lane):
    return case.translated if lane == 2 and case.translated else case.outcome


def check_breaker(server, target, outcome):
    with http_client(server) as client:
        blamed = {one["target"]: one["failures"] for one in client.get("/health/targets").json()["targets"]}
    assert (blamed.get(target, 0) > 0) == outcome.counts, (target, blamed)


def check_bill(rows, outcome, reached):
    """One row for each try that reached the provider, the last one final, and nothing billed that was not made."""
    assert [row["attempt"] for row in rows] == list(range(1, reached + 1))
    assert [row["final"] for row in rows] == [False] * (reached - 1) + [True] * (reached > 0)
    for row in rows:
        tokens = row["usage"]["input_tokens"] + row["usage"]["output_tokens"]
        if row["outcome"] == "ok":
            continue
        assert (tokens > 0) == (outcome.billed != "nothing"), row
        assert (float(row["cost_usd"]) > 0) == (tokens > 0), row


@pytest.mark.parametrize("lane", [1, 2])
@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_alone(stage, server, key, number, lane):
    case = CASES[number]
    outcome = outcome_of(case, lane)
    if case.fallback:
        pytest.skip("is about a fallback")
    prepare(stage, case)
    answer = ask(stage, server, key, case, f"bad{number}/alone{lane}", lane)
    assert answer.status_code == (outcome.status if lane == 1 else outcome.translated_status), answer.text
    assert answer.headers["x-sluice-attempts"] == str(outcome.tries)
    if case.place == "proxy":
        assert len(stage.proxy.passed) == outcome.tries
    if answer.status_code != 200:
        code = error_of(answer, lane)
        assert lane == 2 or outcome.code is None or code == outcome.code, answer.text
        assert outcome.tries == 1 or answer.headers["x-should-retry"] == "false"
        if "with its Retry-After" in outcome.says:
            assert answer.headers["retry-after"] == "60"
    elif case.verbatim:
        assert answer.content == case.verbatim
    else:
        text, roles, ended = text_of(answer, case, lane)
        assert roles == 1, answer.text
        if outcome.in_band:
            assert not ended and '"error"' in answer.text, answer.text
            assert text == "one ", answer.text
        else:
            assert text == whole_text(case) and ended, answer.text
    reached = 0 if case.place != "proxy" else outcome.tries
    rows = rows_of(server, answer.headers["x-sluice-request-id"], lambda rows: len(rows) >= reached and (not reached or rows[-1]["final"]))
    check_bill(rows, outcome, reached)
    check_breaker(server, f"bad{number}/alone{lane}", outcome)
    assert (rows[-1]["outcome"] == "ok" if rows else False) == (outcome.status == 200 and not outcome.in_band)


@pytest.mark.parametrize("lane", [1, 2])
@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_with_a_fallback(stage, server, key, number, lane):
    case = CASES[number]
    outcome = outcome_of(case, lane)
    prepare(stage, case)
    answer = ask(stage, server, key, case, f"case{number}lane{lane}", lane)
    if case.fallback:
        assert answer.status_code == (outcome.status if lane == 1 else outcome.translated_status), answer.text
        assert len(stage.fallback.requests) == 1
        return
    if not outcome.rescued and outcome.status == 200 and outcome.tries == 2:  # flapping: the fallback is nearer than a second try
        outcome = type(outcome)(200, 1, rescued=True)
    assert len(stage.fallback.requests) == (1 if outcome.rescued else 0)
    if not outcome.rescued:
        assert answer.status_code == (outcome.status if lane == 1 else outcome.translated_status), answer.text
        return
    assert answer.status_code == 200 and answer.headers["x-sluice-provider"] == "good", answer.text
    assert answer.headers["x-sluice-attempts"] == "2"
    if case.place == "proxy":
        assert len(stage.proxy.passed) == 1
    text, roles, ended = text_of(answer, case, lane)
    assert (text, roles, ended) == (whole_text(case), 1, True), answer.text
    reached = (case.place == "proxy") + 1
    rows = rows_of(server, answer.headers["x-sluice-request-id"], lambda rows: len(rows) >= reached)
    assert [row["provider"] for row in rows] == [f"bad{number}"] * (reached - 1) + ["good"]
    assert rows[-1]["outcome"] == "ok" and rows[-1]["final"] and rows[-1]["usage"]["input_tokens"] == 7


def test_a_late_answer_reaches_nobody(stage, server, key):
    """The provider answers after we gave up, and the next request has an answer of its own."""
    number = next(n for n, case in enumerate(CASES) if case.fault == "answers after we gave up" and case.when == WHOLE)
    prepare(stage, CASES[number])
    stage.vendor.answer = recorder.fixed(recorder.ok(recorder.openai_answer("late")))
    assert ask(stage, server, key, CASES[number], f"bad{number}/m", 1).status_code == 504
    assert stage.proxy.passed[0].gone.wait(30), "the connection is still open"
    stage.proxy.release.set()
    stage.proxy.fault = lambda at: None
    stage.vendor.answer = recorder.fixed(recorder.ok(recorder.openai_answer("mine")))
    answer = ask(stage, server, key, CASES[number], f"bad{number}/m", 1)
    assert answer.json()["choices"][0]["message"]["content"] == "mine"


def test_the_page_is_made_of_the_cases():
    made = page()
    if os.environ.get("GOLDEN_UPDATE"):
        PAGE.write_text(made)
    assert PAGE.exists() and PAGE.read_text() == made, "run GOLDEN_UPDATE=1 ./dev test faults and review the difference"

"""How hard a request is, learned from answers that have failed their checks: recorded, trained, configured, and used."""

import json
import random

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.sluice import Sluice
from harness.wait import eventually

CHAT = "/v1/chat/completions"
WORDS = ["letter", "summer", "please", "bread", "house", "river", "green", "table"]


def post(server, text, key, **headers):
    with http_client(server, key, **headers) as client:
        return client.post(CHAT, json={"model": "both", "messages": [{"role": "user", "content": text}], "max_tokens": 64})


def cheap_answer(request, connection):
    """Whoever asks the cheap one to prove something gets nothing."""
    asked = json.loads(request.body)["messages"][-1]["content"]
    connection.send(recorder.ok(recorder.openai_answer("" if "prove" in asked else "A whole answer.")))


@pytest.fixture(scope="module")
def sides():
    sides = {name: Recorder() for name in ("cheap", "dear")}
    sides["cheap"].answer = cheap_answer
    sides["dear"].answer = recorder.fixed(recorder.ok(recorder.openai_answer("Proven.")))
    yield sides
    for side in sides.values():
        side.stop()


def configuration(sides, **more):
    return {
        "breaker": {"failures": 0},
        "providers": {name: openai_vendor(side.url, prices={"*": {"input": 1, "output": 2}}) for name, side in sides.items()},
        "models": {"both": ["cheap/m", "dear/m"], "strong": ["dear/m"]},
        **more,
    }


LEARNS = {"name": "learns", "match": {"headers": {"x-app": "learns"}}, "learn": True, "cascade": {"escalate_on": ["empty"]}}


def test_a_score_is_learned_from_what_was_recorded_and_then_decides(folder, sides):
    place = folder("difficulty")
    server = Sluice(place, configuration(sides, workloads=[LEARNS, {"name": "rest", "cascade": {"escalate_on": ["empty"]}}])).start()
    try:
        key = server.create_key()
        dice = random.Random(7)
        texts = [" ".join(dice.choices(WORDS, k=5)) + (" prove" if i % 2 else "") for i in range(240)]

        # Too few: it says so, and how many there are.
        post(server, texts[0], key, **{"x-app": "learns"})
        early = eventually(lambda: (done := server.run("route", "train", check=False)) and "1 checked" in done.stderr and done, "a record", 30)
        assert early.returncode != 0 and "too few to learn from: 200 are needed" in early.stderr

        with http_client(server, key, **{"x-app": "learns"}) as client:
            for text in texts[1:]:
                answer = client.post(CHAT, json={"model": "both", "messages": [{"role": "user", "content": text}], "max_tokens": 64})
                assert answer.headers["x-sluice-provider"] == ("dear" if "prove" in text else "cheap")
        # What does not ask to be learned from is checked and not kept.
        post(server, "prove that nothing of this is kept", key)

        eventually(lambda: "on 240 checked" in server.run("route", "train", check=False).stderr and
                   sum(one["requests"] for one in server.run_json("route", "workloads")) == 241, "all records", 30)
        told = {one["workload"]: one for one in server.run_json("route", "workloads")}
        learns = told["learns"]
        assert (learns["requests"], learns["checked"], learns["failed_checks"], learns["escalated"]) == (240, 240, 120, 120)
        assert (learns["input_tokens"], learns["unpriced"]) == (240 * 7, 0)
        assert float(learns["cost_usd"]) == pytest.approx((240 + 120) * (7 * 1 + 5 * 2) / 1e6), "both answers of those that were escalated"
        assert told["rest"]["requests"] == 1 and told["rest"]["mean_difficulty"] is None

        file = place / "score.json"
        trained = server.run_json("route", "train", "--to", str(file))
        assert (trained["target"], trained["failed"]) == ("cheap/m", 120)
        assert trained["auc"] > 0.95
        assert json.loads(file.read_text())["target"] == "cheap/m"
        records = b"".join(path.read_bytes() for path in (server.data / "audit").rglob("*") if path.is_file())
        assert b"learns" in records and b"bread" not in records, "no text is kept"
    finally:
        server.stop()

    hard = {"name": "hard", "match": {"min_difficulty_percent": 60}, "route": "strong"}
    server = Sluice(folder("difficulty-used"), configuration(sides, difficulty={"model": str(file)}, workloads=[hard])).start()
    try:
        key = server.create_key()
        asked = post(server, "please house river green table prove", key)
        assert (asked.headers["x-sluice-workload"], asked.headers["x-sluice-provider"]) == ("hard", "dear")
        easy = post(server, "please house river green table bread", key)
        assert "x-sluice-workload" not in easy.headers and easy.headers["x-sluice-provider"] == "cheap"
        said = server.run_json("route", "explain", "both", "--prompt", "please house river green table prove")
        assert said["workload"] == "hard" and said["difficulty"] > 0.6
        said = server.run_json("route", "explain", "both", "--prompt", "please house river green table bread")
        assert said["workload"] is None and said["difficulty"] < 0.4
        def line_of_hard():
            lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
            return next((one for one in lines if one.get("workload") == "hard"), None)
        line = eventually(line_of_hard, "the log line", 30)
        assert float(line["difficulty"]) > 0.6
        told = {one["workload"]: one for one in server.run_json("route", "workloads", "--last", "2")}
        assert told["hard"]["mean_difficulty"] > 0.6 and told[None]["requests"] == 1
    finally:
        server.stop()


def test_a_score_that_cannot_be_read_stops_the_start_and_says_where(folder, sides):
    place = folder("difficulty-wrong")
    wrong = place / "wrong.json"
    wrong.write_text('{"format":"sluice difficulty","version":9}')
    server = Sluice(place, configuration(sides, difficulty={"model": str(wrong)}))
    said = server.run("config", "validate", str(server.config_file), check=False)
    assert said.returncode != 0 and "not of version 1" in said.stderr and "train it again" in said.stderr, said

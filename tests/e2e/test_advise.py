"""Traffic as a recorded trace has it, served over mock vendors; then what `sluice advise`, `plan` and `plan replay` make of the ledger."""

import csv
import io
import itertools
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.places import shared_data
from harness.recorder import Recorder, ok, openai_stream, streaming
from harness.wait import eventually

CHAT = "/v1/chat/completions"
CALLS = 60
# Thresholds, a cache price, a price per request and hours of the day that are always one of the two.
PRICES = {"big": [
    {"input": 5.0, "cache_read": 0.5, "output": 25.0, "request": 0.0001, "hours": "00:00-12:00",
     "tiers": [{"prompt_tokens": 12000, "op": "gt", "input": 10.0, "cache_read": 1.0, "output": 37.5}]},
    {"input": 4.0, "cache_read": 0.4, "output": 20.0, "request": 0.0001, "hours": "12:00-00:00",
     "tiers": [{"prompt_tokens": 12000, "op": "gt", "input": 8.0, "cache_read": 0.8, "output": 30.0}]}],
    "small": {"input": 0.30, "output": 0.50}}
PLAN = """\
plan: What runs
draws: 200
options:
  - { name: a host, ground: hosted_open, price: { input: 0.10, output: 0.40, source: an offer }, quality: { ours: 0.9 } }
workloads:
  - { name: assistant, tokens_per_month: 1M, mix: 3:1, quality: { ours: 0.8 } }
"""


def trace():
    path = shared_data() / "traces/mooncake_conversation_trace.jsonl"
    if not path.exists():
        pytest.skip(f"the trace is not at {path}")
    with path.open() as lines:
        return [json.loads(line) for line in itertools.islice(lines, CALLS)]


def as_the_trace_says(request, connection):
    """Usage as the request's `user` field asks for it: prompt/cached/completion."""
    prompt, cached, completion = (int(n) for n in request.json()["user"].split("/"))
    connection.send(ok(json.dumps({
        "id": "c", "object": "chat.completion", "created": 1790000000, "model": request.json()["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
                  "prompt_tokens_details": {"cached_tokens": cached}}}).encode()))


@pytest.fixture
def served(serve):
    """(server, the rows that it served): two routes, the second of which fails over from a vendor that refuses."""
    rows = trace()
    vendor, refusing = Recorder(), Recorder()
    vendor.answer = as_the_trace_says
    refusing.answer = lambda request, connection: connection.send(
        ok(b'{"error":{"message":"full","type":"server_error"}}', status="503 Service Unavailable"))
    server = serve({
        "providers": {"one": openai_vendor(vendor.url, prices=PRICES), "down": openai_vendor(refusing.url, prices=PRICES)},
        "models": {"assistant": ["one/big"], "letters": ["down/big", "one/small"]}})
    key = server.create_key("asks")
    seen = set()
    with http_client(server, key) as client:
        for number, row in enumerate(rows):
            held = len(list(itertools.takewhile(seen.__contains__, row["hash_ids"])))
            seen.update(row["hash_ids"])
            cached = min(held * 512, row["input_length"])
            user = f"{row['input_length']}/{cached}/{row['output_length']}"
            answer = client.post(CHAT, json=chat_body("letters" if number % 4 == 3 else "assistant", user=user))
            assert answer.status_code == 200, answer.text
    eventually(lambda: server.run_json("usage")["total"]["requests"] == CALLS, "the ledger's rows")
    yield server, rows
    vendor.stop()
    refusing.stop()


def test_after_a_replayed_trace_the_advice_costs_today_what_the_ledger_has(served, tmp_path):
    server, rows = served
    total = server.run_json("usage", "--since", "1d")["total"]
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    advice = server.run_json("advise", str(plan), "--since", "1d", "--by", "route")
    assert advice["current"]["cost_usd"] == total["cost_usd"]
    assert Decimal(total["cost_usd"]) > 0
    by_name = {one["workload"]: one for one in advice["workloads"]}
    assert set(by_name) == {"assistant", "letters"}
    assert sum(Decimal(one["cost_usd"]) for one in advice["workloads"]) == Decimal(total["cost_usd"])
    # The route's own calls: what the vendor that refused was asked is no work, and cost nothing.
    assert by_name["assistant"]["from"] == "one/big"
    assert by_name["letters"]["from"] == "one/small"
    assert by_name["assistant"]["to"] == "a host" and Decimal(by_name["assistant"]["saves_usd_per_month"]) > 0
    assert by_name["assistant"]["when"] == "if_shown"
    assert any("a week of traffic" in text for text in by_name["assistant"]["missing"])
    assert any("no quality is asked for" in text for text in by_name["letters"]["missing"])
    assert "should stand at" in server.run("advise", str(plan), "--since", "1d", "--by", "route").stdout.lower()

    replayed = server.run_json("plan", "replay", "--ledger", "--since", "1d")
    assert replayed["recorded_usd"] == replayed["priced_usd"] == total["cost_usd"]
    assert replayed["identical"] is True and replayed["unpriced"] == 0 and replayed["differences"] == []

    # The planner's bill at the host is what these calls cost there, by the month.
    planned = server.run_json("plan", str(plan), "--ledger", "--since", "1d", "--by", "route")
    tokens = [(r["input_length"], r["output_length"]) for n, r in enumerate(rows) if n % 4 != 3]
    there = sum(Decimal(i) * Decimal("0.1") + Decimal(o) * Decimal("0.4") for i, o in tokens) / 10**6
    cost = next(c for c in planned["costs"] if c["workload"] == "assistant")
    line = next(o for o in cost["options"] if o["option"] == "a host")
    here = next(o for o in cost["options"] if o["option"] == "one/big")
    was = Decimal(by_name["assistant"]["cost_usd"])
    # Both scale by the same month, so their ratio is the ratio of the exact sums, to the rounded cents.
    assert float(Decimal(line["usd_per_month"]) / Decimal(here["usd_per_month"])) == pytest.approx(float(there / was), rel=1e-3)


def test_the_ledgers_own_export_replays_to_the_same_sum(served, tmp_path):
    server, _ = served
    total = server.run_json("usage")["total"]["cost_usd"]
    for form in ("csv", "jsonl"):
        path = tmp_path / f"calls.{form}"
        server.run("logs", "export", "--to", str(path))
        replayed = server.run_json("plan", "replay", "--trace", str(path), "--config", str(server.config_file))
        assert replayed["recorded_usd"] == replayed["priced_usd"] == total, form
        assert replayed["identical"] is True and replayed["faults"]["rows"] == 0
    # A row that was cut is named, counted and left out; the others stay.
    rows = list(csv.reader(io.StringIO((tmp_path / "calls.csv").read_text())))
    lost = Decimal(rows[5][rows[0].index("cost_usd")])
    text = (tmp_path / "calls.csv").read_text().splitlines(keepends=True)
    (tmp_path / "cut.csv").write_text("".join([*text[:5], text[5][:20] + "\n", *text[6:]]))
    replayed = server.run_json("plan", "replay", "--trace", str(tmp_path / "cut.csv"), "--config", str(server.config_file))
    assert replayed["faults"]["rows"] == 1 and replayed["faults"]["named"][0]["line"] == 6
    assert Decimal(replayed["recorded_usd"]) == Decimal(total) - lost


def test_what_is_not_there_is_said(serve):
    server = serve({"providers": {}})
    empty = server.run("advise", check=False)
    assert empty.returncode != 0 and "the ledger has no calls since 30d" in empty.stderr
    both = server.run("plan", "--ledger", "--trace", "x.csv", check=False)
    assert both.returncode == 2 and "name either --ledger or --trace" in both.stderr


OWN = """\
plan: An engine of one's own
draws: 200
pools:
  - { name: rack, gpu: H100, gpus: 8, price_usd: 250k, most_nodes: 200 }
options:
  - { name: own, pool: rack, model: llama-3.1-70b, quality: { ours: 0.9 } }
workloads:
  - { name: assistant, tokens_per_month: 1M, mix: 3:1, quality: { ours: 0.8 }, ttft_p95_ms: 20000 }
"""


def own_engine(planned, workload):
    cost = next(c for c in planned["costs"] if c["workload"] == workload)
    return next(o for o in cost["options"] if o["option"] == "own")["sizing"]


def test_the_ledgers_arrivals_are_replayed_at_an_own_engine(served, tmp_path):
    server, rows = served
    plan = tmp_path / "plan.yaml"
    plan.write_text(OWN)
    # Of one span of time: what is asked a moment later must be the same answer in other forms.
    until = datetime.now(timezone.utc) + timedelta(minutes=1)
    span = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (until - timedelta(days=1), until)]
    flags = ("plan", str(plan), "--ledger", "--since", span[0], "--until", span[1], "--by", "route")
    planned = server.run_json(*flags)
    sizing = own_engine(planned, "assistant")
    replayed = sizing["replay"]
    # Its own calls; what was asked of a vendor that refused is no arrival.
    assert replayed["calls"] == replayed["of"] == sum(n % 4 != 3 for n in range(len(rows)))
    assert own_engine(planned, "letters")["replay"]["calls"] == sum(n % 4 == 3 for n in range(len(rows)))
    assert replayed["limit_is"] == "first token" and replayed["limit_ms"] == 20000
    assert replayed["holds"] and replayed["within"] >= 0.95
    assert replayed["slots"] == sizing["slots"] >= replayed["slots_needed"] >= 1
    # Sixty calls in a second or two want more places than their month's mean does.
    assert replayed["raised"] == (sizing["bound_by"] == "replay") == (replayed["slots"] > replayed["slots_by_formula"])
    assert own_engine(planned, "letters")["replay"]["limit_is"] == "wait"
    table = server.run(*flags).stdout
    assert "The recorded arrivals replayed with that size" in table and replayed["says"] in table
    assert replayed["says"] in server.run(*flags, "-o", "html").stdout


@pytest.mark.parametrize("name", ["AzureLLMInferenceTrace_code.csv", "AzureLLMInferenceTrace_conv.csv"])
def test_a_traces_arrivals_are_replayed_and_the_size_holds_for_them(serve, tmp_path, name):
    path = shared_data() / "traces" / name
    if not path.exists():
        pytest.skip(f"the trace is not at {path}")
    server = serve({"providers": {}})
    plan = tmp_path / "plan.yaml"
    # A limit at which waiting, not the prompt, decides.
    plan.write_text(OWN.replace("name: assistant", "name: one/model").replace("20000", "3000"))
    planned = server.run_json("plan", str(plan), "--trace", str(path), "--as", "one/model")
    sizing = own_engine(planned, "one/model")
    replayed = sizing["replay"]
    with path.open() as lines:
        assert replayed["calls"] == sum(line[0].isdigit() for line in lines)
    assert replayed["holds"] and replayed["within"] >= 0.95
    assert sizing["slots"] == replayed["slots"] >= replayed["slots_needed"] > 1
    assert sizing["utilisation"] <= 0.85
    assert sizing["nodes"] == pytest.approx(sizing["slots"] / sizing["slots_a_node"], rel=0.01)
    nodes = next(n for n in planned["placement"]["nodes"] if n["pool"] == "rack")["nodes"]
    assert nodes >= sizing["nodes"]


SHORT = """\
plan: Short answers, a tight limit
draws: 200
pools:
  - { name: rack, gpu: H100, gpus: 1, price_usd: 35k, most_nodes: 200 }
options:
  - { name: own, pool: rack, model: llama-3.1-8b }
workloads:
  - { name: one/model, tokens_per_month: 1M, mix: 3:1, ttft_p95_ms: 400, tpot_ms: 9 }
"""


def test_bursts_that_the_formula_does_not_know_raise_the_size_and_its_cost(serve, tmp_path):
    path = shared_data() / "traces/AzureLLMInferenceTrace_code.csv"
    if not path.exists():
        pytest.skip(f"the trace is not at {path}")
    server = serve({"providers": {}})
    plan = tmp_path / "plan.yaml"
    plan.write_text(SHORT)
    planned = server.run_json("plan", str(plan), "--trace", str(path), "--as", "one/model")
    sizing = own_engine(planned, "one/model")
    replayed = sizing["replay"]
    # Its busiest second has 26 times the mean.
    assert replayed["raised"] and sizing["bound_by"] == "replay"
    assert replayed["within_by_formula"] < 0.95 <= replayed["within"]
    assert sizing["slots"] == replayed["slots_needed"] > 1.2 * replayed["slots_by_formula"]
    assert replayed["first_token_p95_ms"] <= 400
    own = next(o for o in planned["costs"][0]["options"] if o["option"] == "own")
    node = Decimal(planned["pools"][0]["node_usd_per_month"])
    assert float(own["usd_per_month"]) == pytest.approx(float(node) * sizing["slots"] / sizing["slots_a_node"], rel=1e-4)


def test_a_size_of_nonsense_is_refused_with_its_place(serve, tmp_path):
    server = serve({"providers": {}})
    plan = tmp_path / "plan.yaml"
    plan.write_text(OWN.replace("ttft_p95_ms: 20000", "ttft_p95_ms: 2, arrival_scv: 0"))
    refused = server.run("plan", str(plan), check=False)
    assert refused.returncode == 1
    assert "it looks like seconds: then write 2000" in refused.stderr
    assert "`arrival_scv` of the workload `assistant` must lie between 0.01 and 1000, not 0" in refused.stderr
    assert "plan.yaml:8:" in refused.stderr


def test_a_calibration_takes_its_slots_from_the_configuration_or_the_flag(serve):
    vendor = Recorder()
    vendor.answer = streaming(openai_stream(usage=(40, 5)))
    own = {"ground": "self_hosted", "prices": {"*": {"kind": "self_hosted"}}}
    server = serve({"providers": {"vllm": openai_vendor(vendor.url, **own)}, "models": {"own": ["vllm/m"]}})
    refused = server.run("plan", "calibrate", "own", "--for", "1s", check=False)
    assert refused.returncode == 2, refused.stderr
    assert "vllm/m is no engine of the configuration" in refused.stderr and "--slots 8" in refused.stderr
    # The mock's prompts are all of one length: the calls were made, and no law can be told from them.
    measured = server.run("plan", "calibrate", "own", "--for", "1s", "--slots", "8", check=False)
    assert measured.returncode == 1 and "all prompts have 40 to 40 fresh tokens" in measured.stderr, measured.stderr
    vendor.stop()

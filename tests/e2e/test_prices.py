"""Prices that come while a server runs, and the ledger's past at the prices that are known later."""

import json

import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.wait import eventually

CHAT = "/v1/chat/completions"
PRICED = {"one": {"models": {"gpt-mock": {"cost": {"input": 1000, "output": 2000}}}}}


@pytest.fixture
def side():
    one = Recorder()
    yield one
    one.stop()


def ask(server, key):
    with http_client(server, key) as client:
        answer = client.post(CHAT, json=chat_body("one/gpt-mock"))
        assert answer.status_code == 200, answer.text
        return answer.headers.get("x-sluice-cost-usd")


def totals(server):
    return server.run_json("usage")["total"]


def unpriced(url):
    vendor = openai_vendor(url)
    vendor.pop("prices", None)
    return vendor


def test_an_import_is_in_force_after_a_reload_and_repricing_mends_what_came_before(serve, side, tmp_path):
    server = serve({"providers": {"one": unpriced(side.url)}})
    key = server.create_key("asks")
    assert ask(server, key) == "unpriced", "nobody knows the price yet"
    eventually(lambda: totals(server)["unpriced"] == 1, "the unpriced row")

    catalogue = tmp_path / "api.json"
    catalogue.write_text(json.dumps(PRICED))
    report = server.run_json("prices", "import", str(catalogue), "--apply")
    assert report["taken"] == 1 and report["quarantined"] == 0
    assert "in force after" in server.run("reload").stdout
    # The recorder answers with 7 and 5 tokens.
    asked = [1]
    eventually(lambda: asked.append(1) or ask(server, key) == "0.017", "the imported price")

    priced_before = eventually(lambda: (now := totals(server))["requests"] == len(asked) and now, "the ledger")
    done = server.run_json("prices", "reprice", "--from", "1h")
    assert done["first_prices"] == priced_before["unpriced"] >= 1 and done["differences"] == 0
    after = totals(server)
    assert after["unpriced"] == 0
    assert after["requests"] == priced_before["requests"]
    assert float(after["cost_usd"]) == pytest.approx(0.017 * after["requests"])
    assert server.run_json("prices", "reprice", "--from", "1h")["corrections"] == 0
    assert server.is_running()


def test_a_recorded_stream_costs_what_the_gateway_says_it_costs(serve, side, tmp_path):
    server = serve({"providers": {"one": unpriced(side.url) | {"prices": {"gpt-mock": {"input": 1000, "output": 2000}}}}})
    key = server.create_key("asks")
    with http_client(server, key) as client:
        answer = client.post(CHAT, json=chat_body("one/gpt-mock"))
    recorded = tmp_path / "answer.json"
    recorded.write_bytes(answer.content)
    bill = server.run_json("prices", "explain", "--provider", "one", "--model", "gpt-mock", "--response", str(recorded))
    assert bill["total_usd"] == answer.headers["x-sluice-cost-usd"] == "0.017"
    assert [(line["class"], line["quantity"]) for line in bill["lines"]] == [("input", 7), ("output", 5)]
    stream = tmp_path / "stream.txt"
    stream.write_text('data: {"model":"gpt-mock","choices":[{"delta":{"content":"x"}}]}\n\n'
                      'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\ndata: [DONE]\n\n')
    bill = server.run_json("prices", "explain", "--provider", "one", "--response", str(stream))
    assert bill["stream"] and bill["model"] == "gpt-mock" and bill["total_usd"] == "0.017"


@pytest.mark.parametrize("text", ['{"one":', '{"one": {"models": []}}', "[1, 2]", "", "prices: 1"])
def test_a_malformed_import_is_named_and_changes_nothing(serve, side, tmp_path, text):
    server = serve({"providers": {"one": unpriced(side.url)}, "models": {"m": ["one/gpt-mock"]}})
    (tmp_path / "odd.json").write_text(text)
    done = server.run("prices", "import", str(tmp_path / "odd.json"), "--apply", check=False)
    assert done.returncode != 0 and "odd.json" in done.stderr, done.stderr
    assert server.run_json("prices", "show", "--provider", "one")["prices"] == []

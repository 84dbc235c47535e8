"""Attempts that failed: who bills them, what the client is told, who is asked again."""

import json
import time

import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import PRICES, openai_vendor
from harness.wait import eventually

CHAT = "/v1/chat/completions"


@pytest.fixture
def pair():
    both = recorder.Recorder(), recorder.Recorder()
    yield both
    for one in both:
        one.stop()


def served(serve, pair, prices=PRICES, **settings):
    first, second = pair
    return serve({"providers": {"one": openai_vendor(first.url, prices={"*": prices}), "two": openai_vendor(second.url, prices={"*": prices})},
                  "models": {"either": ["one/m", "two/m"]}, **settings})


def refusing(status, headers=()):
    body = json.dumps({"error": {"message": "org-secret has no access", "type": "x", "param": "org-secret", "code": "account_of_org-secret"}}).encode()
    return recorder.fixed(recorder.ok(body, status=status, headers=headers))


def test_a_refused_attempt_costs_nothing_where_each_request_has_a_price(serve, pair):
    server = served(serve, pair, {**PRICES, "request": 0.5})
    pair[0].answer = refusing("500 Internal Server Error")
    with http_client(server, server.create_key("fee", budget="10")) as client:
        answer = client.post(CHAT, json=chat_body("either"))
        assert answer.status_code == 200 and float(answer.headers["x-sluice-cost-usd"]) == pytest.approx(0.50016)
        pair[1].answer = refusing("500 Internal Server Error")
        failed = client.post(CHAT, json=chat_body("either"))
    assert failed.status_code >= 500 and float(failed.headers["x-sluice-cost-usd"]) == 0
    used = eventually(lambda: (row := server.usage_of("fee"))["requests"] == 2 and row, "the ledger")
    assert float(used["cost_usd"]) == pytest.approx(0.50016)


def test_the_cost_that_the_client_is_told_has_the_attempts_that_were_at_work(serve, pair):
    server = served(serve, pair, retry={"answer_timeout_ms": 300, "attempts": 2})
    pair[0].answer = lambda request, connection: connection.wait_until_peer_leaves()
    with http_client(server, server.create_key("slow")) as client:
        answer = client.post(CHAT, json=chat_body("either"))
    assert answer.status_code == 200 and answer.headers["x-sluice-attempts"] == "2"
    used = eventually(lambda: (row := server.usage_of("slow"))["requests"] and row, "the ledger")
    assert float(answer.headers["x-sluice-cost-usd"]) == pytest.approx(float(used["cost_usd"])) and used["cost_usd"] > 0
    logged = [json.loads(line) for line in server.log().splitlines() if '"request"' in line and line.startswith("{")]
    assert all("org-secret" not in line for line in map(str, logged))


def test_failing_over_does_not_pass_the_budget(serve, pair):
    prompt = "word " * 20_000  # about 25,000 tokens, 0.125 USD
    server = served(serve, pair, retry={"answer_timeout_ms": 300, "attempts": 2})
    pair[0].answer = lambda request, connection: connection.wait_until_peer_leaves()
    body = {**chat_body("either"), "max_tokens": 5, "messages": [{"role": "user", "content": prompt}]}
    with http_client(server, server.create_key("tight", budget="0.3")) as client:
        answer = client.post(CHAT, json=body)
        assert answer.status_code == 504, answer.text
    assert not pair[1].requests
    with http_client(server, server.create_key("ample", budget="6")) as client:
        assert client.post(CHAT, json=body).status_code == 200


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "403 Forbidden"])
def test_what_a_provider_says_of_the_operators_account_is_not_for_clients(serve, pair, status):
    server = served(serve, pair)
    pair[0].answer = refusing(status, headers=["openai-organization: org-secret"])
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("one/m"))
        assert answer.status_code >= 400 and "org-secret" not in answer.text + str(answer.headers) and "operator" in answer.text
        pair[0].answer = recorder.fixed(recorder.ok(recorder.openai_answer(), headers=["openai-organization: org-secret", "x-other: kept"]))
        answer = client.post(CHAT, json=chat_body("one/m"))
    assert "org-secret" not in str(answer.headers) and answer.headers["x-other"] == "kept"


def test_one_that_asks_to_be_left_alone_does_not_speak_for_the_others(serve, pair):
    server = served(serve, pair, retry={"attempts": 3, "pause_ms": 1})
    pair[0].answer = refusing("429 Too Many Requests", headers=["retry-after: 60"])
    answers = iter([refusing("503 Service Unavailable"), recorder.fixed(recorder.ok(recorder.openai_answer()))])
    pair[1].answer = lambda request, connection: next(answers)(request, connection)
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("either"))
    assert (answer.status_code, len(pair[0].requests), len(pair[1].requests)) == (200, 1, 2)


def test_a_redirect_is_a_wrong_address_and_asked_once(serve, pair):
    server = served(serve, pair)
    pair[0].answer = recorder.fixed(recorder.ok(b"", status="301 Moved Permanently", headers=["location: https://elsewhere/"]))
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("one/m"))
    assert answer.status_code == 502 and "base_url" in answer.text and len(pair[0].requests) == 1


def test_a_connection_that_breaks_late_is_an_attempt_of_its_own(serve, pair):
    server = served(serve, pair, retry={"attempts": 1})
    with http_client(server, server.create_key()) as client:
        assert client.post(CHAT, json=chat_body("one/m")).status_code == 200

        def works_and_dies(request, connection):
            time.sleep(1.5)
            connection.close()
        pair[0].answer = works_and_dies
        answer = client.post(CHAT, json=chat_body("one/m"))
    assert answer.status_code == 502 and len(pair[0].requests) == 2


def test_an_answer_that_comes_before_the_body_is_out_is_the_answer(serve):
    import socket
    import threading
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse_early():
        sock, _ = listener.accept()
        sock.recv(1024)
        body = b'{"error":{"message":"too large","type":"invalid_request_error"}}'
        sock.sendall(recorder.ok(body, status="413 Content Too Large"))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 20):
            if threading.current_thread().stopped.is_set():
                break
        sock.close()
    thread = threading.Thread(target=refuse_early, daemon=True)
    thread.stopped = threading.Event()
    thread.stopped.set()
    thread.start()
    server = serve({"providers": {"one": openai_vendor("http://127.0.0.1:%d" % listener.getsockname()[1])}})
    body = {"model": "one/m", "messages": [{"role": "user", "content": "x" * (20 << 20)}]}
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=body)
    listener.close()
    assert (answer.status_code, answer.json()["error"]["message"]) == (413, "too large")

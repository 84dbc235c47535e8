"""`sluice upgrade` under load: no request refused, no stream cut, budgets exact, and a bad new program changes nothing."""

import json
import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import cost_pico, openai_vendor
from harness.places import sluice_binary
from harness.sluice import Sluice
from harness.wait import eventually

CHAT = "/v1/chat/completions"
UPGRADES = 5
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(content, **members):
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **members}
    body.setdefault("choices", [{"index": 0, "delta": {"content": content}, "finish_reason": None}])
    data = b"data: " + json.dumps(body).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


class Vendor:
    """Answers at once; a stream whose prompt is `wait` goes on when the test says so, piece by piece."""

    def __init__(self):
        self.recorder = recorder.Recorder()
        self.recorder.answer = self._answer
        self.go_on = threading.Semaphore(0)

    def _answer(self, request, connection):
        body = request.json()
        if body["model"] == "broken":
            return connection.send(recorder.ok(b'{"error":{"message":"no"}}', status="500 Broken"))
        if not body.get("stream"):
            return connection.send(recorder.ok(recorder.openai_answer("fine")))
        connection.send(HEAD + event("a"))
        for piece in ("b", "c"):
            if body["messages"][0]["content"] == "wait":
                self.go_on.acquire(timeout=120)
            connection.send(event(piece))
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        done = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
        connection.send(event("", choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]) + event("", choices=[], usage=usage) + done)


@pytest.fixture
def vendor():
    vendor = Vendor()
    yield vendor
    vendor.go_on.release(100)
    vendor.recorder.stop()


@pytest.fixture
def binary(tmp_path):
    """A copy of the program, which a test may put another in the place of."""
    path = tmp_path / "bin" / "sluice"
    path.parent.mkdir()
    shutil.copy2(sluice_binary(), path)
    return path


@pytest.fixture
def server(tmp_path, vendor, binary):
    class Upgradable(Sluice):
        def command(self):
            return [str(binary)] + super().command()[1:]

    server = Upgradable(tmp_path / "server", {"providers": {"oai": openai_vendor(vendor.recorder.url)}, "server": {"idle_timeout_ms": 2_000}}).start()
    yield server
    server.stop()


def read_stream(client, prompt, most=5):
    """The pieces of a streamed answer, and whether it came to its end marker."""
    pieces, ended = [], False
    with client.stream("POST", CHAT, json=chat_body("oai/m", prompt, stream=True, max_tokens=most)) as answer:
        if answer.status_code != 200:
            answer.read()
            return answer.status_code, answer.text
        for line in answer.iter_lines():
            if line == "data: [DONE]":
                ended = True
            elif line.startswith("data: "):
                pieces += [choice["delta"].get("content", "") for choice in json.loads(line[6:])["choices"]]
    return 200, "".join(pieces) if ended else "cut: " + "".join(pieces)


def test_five_upgrades_under_load_refuse_nobody_and_cut_nothing(server, vendor):
    key = server.create_key("loaded")
    done, wrong, over = [], [], threading.Event()

    def ask(keeps_connection, streams):
        client = http_client(server, key)
        while not over.is_set():
            try:
                if streams:
                    status, text = read_stream(client, "go")
                    good = (status, text) == (200, "abc")
                else:
                    answer = client.post(CHAT, json=chat_body("oai/m", max_tokens=5))
                    status, text = answer.status_code, answer.text
                    good = status == 200
                (done if good else wrong).append((status, text))
            except httpx.TransportError as error:
                wrong.append((type(error).__name__, str(error)))
            if not keeps_connection:
                client.close()
                client = http_client(server, key)
        client.close()

    processes = [server.pid]
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask, keeps, streams) for keeps in (True, False) for streams in (True, False)]
        with http_client(server, key) as patient:
            waiting = pool.submit(read_stream, patient, "wait")
            for number in range(UPGRADES):
                before = len(done)
                eventually(lambda: len(done) >= before + 40, "forty answers")
                processes.append(server.upgrade())
                if number == 1:
                    vendor.go_on.release()  # the stream from before the first upgrade goes on in the first process ...
                if number == 0:
                    refused = server.run("upgrade", check=False)
                    assert refused.returncode != 0 and "not over" in refused.stderr, "its predecessor is at that stream still"
                    vendor.go_on.release(2)
                    assert waiting.result(60) == (200, "abc")
                eventually(server.predecessor_has_ended, "the predecessor's end")
            over.set()
        for one in asking:
            one.result(60)
    assert not wrong, wrong[:3]
    assert len(set(processes)) == UPGRADES + 1
    asked = len(done) + 1
    usage = eventually(lambda: (row := server.usage_of("loaded"))["requests"] == asked and row, f"{asked} rows")
    assert usage["cost_usd"] == Decimal(asked * cost_pico(7, 5)) / 10**12


def test_a_budget_is_exact_across_upgrades(server):
    key = server.create_key("thrifty", budget="0.05")
    paid, refused, wrong = [], [], []

    def ask():
        with http_client(server, key) as client:
            while not refused:
                try:
                    answer = client.post(CHAT, json=chat_body("oai/m", max_tokens=5))
                except httpx.TransportError as error:
                    wrong.append(repr(error))
                    continue
                if answer.status_code == 200:
                    paid.append(Decimal(answer.headers["x-sluice-cost-usd"]))
                elif "budget" in answer.text:
                    refused.append(answer.text)
                else:
                    wrong.append(answer.text)

    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask) for _ in range(6)]
        for _ in range(2):
            before = len(paid)
            eventually(lambda: refused or len(paid) >= before + 20, "twenty answers")
            server.upgrade()
            eventually(server.predecessor_has_ended, "the predecessor's end")
        for one in asking:
            one.result(120)
    assert not wrong, wrong[:3]
    with http_client(server, key) as client:  # what was reserved when the first was refused has come back
        while (answer := client.post(CHAT, json=chat_body("oai/m", max_tokens=5))).status_code == 200:
            paid.append(Decimal(answer.headers["x-sluice-cost-usd"]))
    spent = sum(paid)
    assert spent <= Decimal("0.05")
    usage = eventually(lambda: (row := server.usage_of("thrifty"))["requests"] == len(paid) and row, "the rows")
    assert usage["cost_usd"] == spent
    assert f"has spent {spent.normalize():f} and reserved 0" in answer.text, answer.text


def test_what_a_stream_has_reserved_stays_reserved_in_the_new_process(server, vendor):
    most = 2_000  # tokens, which cost 0.05: two of them do not fit
    key = server.create_key("narrow", budget="0.06")
    with http_client(server, key) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read_stream, client, "wait", most)
        eventually(lambda: vendor.recorder.requests, "the stream at the vendor")
        before = httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("oai/m", max_tokens=most))
        assert "reserved 0.05" in before.json()["error"]["message"], before.text
        server.upgrade()
        after = httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("oai/m", max_tokens=most))
        assert after.json()["error"]["message"] == before.json()["error"]["message"], "the new one knows what the stream has reserved"
        vendor.go_on.release(2)
        assert waiting.result(60) == (200, "abc")
        eventually(server.predecessor_has_ended, "the predecessor's end")
    assert eventually(lambda: (row := server.usage_of("narrow"))["requests"] == 1 and row, "the stream's row")["cost_usd"] == Decimal(cost_pico(7, 5)) / 10**12


def test_a_rate_is_not_there_twice_because_of_an_upgrade(server):
    key = server.create_key("steady", rpm=1)

    def ask():
        return httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("oai/m", max_tokens=5))

    assert [ask().status_code for _ in range(2)] == [200, 429]
    server.upgrade()
    again = ask()
    assert again.status_code == 429 and 0 < int(again.headers["retry-after"]) <= 60, again.text


def test_the_tokens_of_a_running_stream_count_in_the_new_process_and_come_back_at_its_end(server, vendor):
    key = server.create_key("steady", tpm=1_000)

    def ask():
        return httpx.post(f"{server.url}{CHAT}", headers={"authorization": f"Bearer {key}"}, json=chat_body("oai/m", max_tokens=930)).status_code

    with http_client(server, key) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read_stream, client, "wait", 930)
        eventually(lambda: vendor.recorder.requests, "the stream at the vendor")
        assert ask() == 429
        server.upgrade()
        assert ask() == 429, "the new one knows what the stream has taken"
        vendor.go_on.release(2)
        assert waiting.result(60) == (200, "abc")
        eventually(server.predecessor_has_ended, "the predecessor's end")
    assert ask() == 200, "it has taken 12, and the others are back"


def test_who_is_left_alone_before_an_upgrade_is_left_alone_after_it(server, vendor):
    server.write_config({"providers": {"oai": openai_vendor(vendor.recorder.url)}, "retry": {"attempts": 1},
                         "breaker": {"failures": 2, "first_ms": 120_000}})
    server.run("reload")

    def left_alone():
        return [(one["target"], one["state"]) for one in httpx.get(f"{server.url}/health/targets").json()["targets"]]

    with http_client(server, server.create_key()) as client:
        for _ in range(2):
            assert client.post(CHAT, json=chat_body("oai/broken")).status_code == 500
    assert left_alone() == [("oai/broken", "open")]
    server.upgrade()
    assert left_alone() == [("oai/broken", "open")]
    assert 'sluice_target_state{target="oai/broken"} 2' in httpx.get(f"{server.url}/metrics").text


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 3\n", "not a program at all", None])
def test_a_new_program_that_fails_changes_nothing(server, binary, program):
    key = server.create_key("steady")
    binary.unlink()
    if program is not None:
        binary.write_text(program)
        binary.chmod(0o755)
    refused = server.run("upgrade", check=False)
    assert refused.returncode == 1 and ("did not take over" in refused.stderr or "cannot start" in refused.stderr), refused.stderr
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("oai/m")).status_code == 200
    shutil.copy2(sluice_binary(), binary)
    server.upgrade()
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("oai/m")).status_code == 200
    eventually(lambda: server.usage_of("steady")["requests"] == 2, "both rows")


def test_a_new_configuration_with_errors_is_refused_with_its_errors(server):
    server.write_config({"models": {"fast": ["nobody/m"]}})
    refused = server.run("upgrade", check=False)
    assert refused.returncode == 1 and "configuration has errors" in refused.stderr, refused.stderr
    assert server.is_ready()


def test_sigusr2_upgrades_too_and_a_stop_ends_both_processes(server, vendor):
    key = server.create_key()
    with http_client(server, key) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read_stream, client, "wait")
        eventually(lambda: vendor.recorder.requests, "the stream at the vendor")
        os.kill(server.pid, signal.SIGUSR2)
        eventually(lambda: "took over" in server.log(), "the new process")
        server.heir = json.loads((server.data / "serve.json").read_text())["pid"]
        assert server.heir != server.pid
        os.kill(server.heir, signal.SIGTERM)
        vendor.go_on.release(2)
        assert waiting.result(60) == (200, "abc"), "a stop lets it finish"
        server.stop()
    assert not (server.data / "serve.json").exists()

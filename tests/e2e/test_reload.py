"""The configuration is read again while requests run: as a whole or not at all, and nobody notices but those who should."""

import json
import signal
import threading

import httpx
import pytest

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.wait import eventually

CHAT = "/v1/chat/completions"


@pytest.fixture
def sides():
    both = Recorder(), Recorder()
    yield both
    for side in both:
        side.stop()


def config(sides, to="one", **more):
    one, two = sides
    return {"providers": {"one": openai_vendor(one.url), "two": openai_vendor(two.url)}, "models": {"chat": [f"{to}/gpt-mock"]}, **more}


def answered_by(server, key):
    with http_client(server, key) as client:
        answer = client.post(CHAT, json=chat_body("chat"))
        assert answer.status_code == 200, answer.text
        return answer.headers["x-sluice-provider"]


def metric(server, line):
    """The value of the series that begins so; None when there is none."""
    for text in httpx.get(f"{server.url}/metrics").text.splitlines():
        if text.startswith(f"{line} "):
            return float(text.rsplit(" ", 1)[1])
    return None


def by_verb(server):
    done = server.run("reload")
    assert "in force after" in done.stdout


def by_signal(server):
    server.process.send_signal(signal.SIGHUP)


def by_file(server):
    del server  # the file has changed: nothing else is needed


@pytest.mark.parametrize("how", [by_verb, by_signal, by_file])
def test_a_changed_route_is_in_force_without_a_restart(serve, sides, how):
    server = serve(config(sides))
    key = server.create_key("asks")
    assert answered_by(server, key) == "one"
    server.write_config(config(sides, "two"))
    how(server)
    eventually(lambda: answered_by(server, key) == "two", "the new route")
    assert server.is_running()


def test_a_file_that_is_written_in_place_is_seen_too(serve, sides):
    server = serve(config(sides))
    key = server.create_key("asks")
    server.config_file.write_text(json.dumps(config(sides, "two")))
    eventually(lambda: answered_by(server, key) == "two", "the new route")


def test_watching_can_be_switched_off(serve, sides):
    quiet = {"server": {"watch_config": False}}
    server = serve(config(sides, **quiet))
    key = server.create_key("asks")
    server.write_config(config(sides, "two", **quiet))
    with pytest.raises(AssertionError, match="gave up waiting"):
        eventually(lambda: answered_by(server, key) == "two", "what must not come", timeout_s=1)
    by_verb(server)
    assert answered_by(server, key) == "two"


def test_a_stream_that_runs_keeps_the_configuration_that_it_began_with(serve, sides):
    go_on = threading.Event()
    sides[0].answer = recorder.interrupted(recorder.openai_stream(), go_on)
    server = serve(config(sides))
    key = server.create_key("streams")
    with http_client(server, key) as client, client.stream("POST", CHAT, json=chat_body("chat", stream=True)) as answer:
        parts = answer.iter_bytes()
        received = next(parts)
        # Its provider is not even in the new configuration.
        server.write_config({"providers": {"two": openai_vendor(sides[1].url)}, "models": {"chat": ["two/gpt-mock"]}})
        by_verb(server)
        assert answered_by(server, key) == "two"
        go_on.set()
        received += b"".join(parts)
        assert received.endswith(b"data: [DONE]\n\n")
    usage = eventually(lambda: (row := server.usage_of("streams"))["requests"] == 2 and row, "both requests' entries")
    assert usage["cost_usd"] > 0


def test_a_kept_provider_connection_and_a_keys_limit_survive_a_reload(serve, sides):
    server = serve(config(sides, server={"threads": 1}))
    key = server.create_key("limited", rpm=2)
    assert answered_by(server, key) == "one"
    server.write_config(config(sides, server={"threads": 1}, retry={"attempts": 2}))
    by_verb(server)
    assert answered_by(server, key) == "one"
    assert {request.connection for request in sides[0].requests} == {0}, "the pool was emptied"
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("chat")).status_code == 429, "the key's counter was forgotten"


def test_a_wrong_configuration_changes_nothing_and_every_error_is_told_everywhere(serve, sides):
    server = serve(config(sides))
    key = server.create_key("asks")
    assert metric(server, "sluice_config_errors") == 0
    server.write_config('providers:\n  one: { kind: soap, base_url: "http://127.0.0.1:1/v1" }\nmodels:\n  chat: [on/gpt-mock]\n  far: [groq/llama-4-scout]\n')
    done = server.run("reload", check=False)
    assert done.returncode == 1
    assert "stays in force" in done.stderr
    places = [f"{server.config_file}:{place}" for place in ("2:16", "4:10", "5:3")]
    for place in places:
        assert place in done.stderr
    eventually(lambda: all(place in server.log() for place in places), "the places in the log")
    assert answered_by(server, key) == "one"
    assert metric(server, "sluice_config_errors") == 3
    assert metric(server, 'sluice_config_reloads_total{trigger="call",outcome="refused"}') >= 1

    findings = json.loads(server.run("reload", "-o", "json", check=False).stdout)
    assert not findings["applied"]
    errors = [(finding["line"], finding["column"]) for finding in findings["findings"] if finding["severity"] == "error"]
    assert errors == [(2, 16), (4, 10), (5, 3)]

    server.write_config(config(sides, "two"))
    eventually(lambda: answered_by(server, key) == "two", "the mended configuration")
    assert metric(server, "sluice_config_errors") == 0


def test_what_needs_a_restart_is_named_and_the_rest_is_in_force(serve, sides):
    server = serve(config(sides))
    server.write_config(config(sides, "two", server={"threads": 7, "max_body_bytes": 2000}))
    done = server.run("reload")
    assert "needs a restart: server.threads" in done.stdout
    assert metric(server, "sluice_config_needs_restart") == 1
    with http_client(server, server.create_key("asks")) as client:
        assert client.post(CHAT, json=chat_body("chat", "x" * 4000)).status_code == 413


def test_a_server_without_a_file_and_no_server_say_so(serve, tmp_path):
    server = serve(None)
    done = server.run("reload", check=False)
    assert done.returncode == 1 and "without a configuration file" in done.stderr
    server.stop()
    done = server.run("reload", check=False)
    assert done.returncode == 3 and "no sluice is serving" in done.stderr


def test_hundreds_of_reloads_under_load_lose_no_request(serve, sides):
    server = serve(config(sides))
    key = server.create_key("loaded")
    statuses, stop = [], threading.Event()

    def ask():
        with http_client(server, key) as client:
            while not stop.is_set():
                statuses.append(client.post(CHAT, json=chat_body("chat")).status_code)
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for i in range(200):
        server.write_config(config(sides, ("one", "two")[i % 2], retry={"attempts": 1 + i % 3}))
        server.process.send_signal(signal.SIGHUP)
    by_verb(server)  # it is answered after the signals
    eventually(lambda: len(statuses) > 100, "some answers")
    stop.set()
    for asker in askers:
        asker.join()
    assert set(statuses) == {200}
    usage = eventually(lambda: (row := server.usage_of("loaded"))["requests"] == len(statuses) and row, "an entry for each")
    assert usage["requests"] == len(statuses)

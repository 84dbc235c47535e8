"""kill -9 of the engine: its requests fail cleanly or fail over, it comes back by itself, others do not notice; and
kill -9 of Sluice leaves no engine behind."""

import os
import signal
import threading

import httpx
import pytest

from conftest import ENGINE_MODEL
from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import openai_vendor
from harness.processes import children_of, is_alive, wait_until_gone
from harness.recorder import Recorder
from harness.sluice import Sluice
from harness.wait import eventually

pytestmark = pytest.mark.engine
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
STORY = "Tell me a very long story about the sea."


@pytest.fixture(scope="module")
def other_ground():
    provider = Recorder()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def server(folder, needs_engine, other_ground):
    """The real engine, and beside it a provider that never fails."""
    started = Sluice(folder("kill-engine"), {
        "providers": {"steady": openai_vendor(other_ground.url)},
        "models": {"home-first": [ENGINE_MODEL, "steady/gpt-mock"]},
    }, engine="auto").start()
    wait_for_engine(started)
    yield started
    if started.is_running():
        started.stop()


def engine_of(server):
    """The one engine process of this server."""
    found = [child for child in children_of(server.pid) if is_alive(child)]
    assert len(found) == 1, f"{len(found)} child processes"
    return found[0]


def wait_for_engine(server):
    """Waits until the local model answers."""
    key = server.create_key()
    with http_client(server, key) as client:
        eventually(lambda: client.post(CHAT, json=chat_body(ENGINE_MODEL, max_tokens=1)).status_code == 200, "the engine to answer")


def kill_engine(server):
    process = engine_of(server)
    os.kill(process[0], signal.SIGKILL)
    return process


@pytest.mark.parametrize("path, body", [(CHAT, chat_body), (MESSAGES, messages_body)], ids=["openai", "anthropic"])
def test_a_stream_whose_engine_is_killed_ends_in_an_error_of_its_dialect_and_the_engine_is_back(server, path, body):
    with http_client(server, server.create_key()) as client:
        with client.stream("POST", path, json=body(ENGINE_MODEL, STORY, stream=True, max_tokens=2000)) as answer:
            assert answer.status_code == 200
            lines = answer.iter_lines()
            seen = [next(line for line in lines if "delta" in line)]
            killed = kill_engine(server)
            try:
                seen += list(lines)
            except httpx.RemoteProtocolError:
                pass  # the broken end of a chunked body is no success either
    text = "\n".join(seen)
    assert '"error"' in text
    assert "[DONE]" not in text and "message_stop" not in text
    wait_for_engine(server)
    assert engine_of(server) != killed


def test_requests_on_another_provider_do_not_notice(server, other_ground):
    go_on = threading.Event()

    other_ground.answer = recorder.interrupted(recorder.openai_stream(), go_on)
    with http_client(server, server.create_key()) as client:
        with client.stream("POST", CHAT, json=chat_body("steady/gpt-mock", stream=True)) as answer:
            parts = answer.iter_bytes()
            received = next(parts)
            kill_engine(server)
            other_ground.forget()
            assert client.post(CHAT, json=chat_body("steady/gpt-mock")).status_code == 200
            go_on.set()
            received += b"".join(parts)
    assert received.endswith(b"data: [DONE]\n\n")
    wait_for_engine(server)


def test_while_the_engine_is_away_the_next_candidate_answers(server, other_ground):
    other_ground.forget()
    with http_client(server, server.create_key()) as client:
        kill_engine(server)
        answer = client.post(CHAT, json=chat_body("home-first", max_tokens=4))
        assert answer.status_code == 200
        eventually(lambda: client.post(CHAT, json=chat_body("home-first", max_tokens=4)).headers["x-sluice-ground"] == "self_hosted",
                   "the engine to be first choice again")


def test_killing_the_engine_again_and_again_does_not_wear_it_out(server):
    for _ in range(3):
        kill_engine(server)
        wait_for_engine(server)


def test_kill_9_of_sluice_leaves_no_engine_and_the_next_start_works(server):
    engine = engine_of(server)
    server.kill()
    wait_until_gone([engine], "the engine to end after its Sluice")
    server.start()
    wait_for_engine(server)


def test_sigterm_ends_the_engine_too(server):
    engine = engine_of(server)
    assert server.stop() == 0
    assert not is_alive(engine)

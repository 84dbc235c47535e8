"""A configuration in the store: pushed once, in force at every process within a second; taken back as fast."""

import json
import time

import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.sluice import Sluice
from harness.wait import eventually

CHAT = "/v1/chat/completions"


@pytest.fixture
def replicas(tmp_path, provider, postgres):
    started = []

    def make(number, **env):
        config = {"store": {"backend": "postgres", "url": "${BOOKS_URL}", "configuration": "store"},
                  "providers": {"oai": openai_vendor(provider.url)}}
        server = Sluice(tmp_path / f"replica-{number}", config, env={"BOOKS_URL": postgres.url, **env})
        started.append(server)
        return server

    yield make
    for server in started:
        if server.is_running():
            server.stop()


def status(server, key, model):
    with http_client(server, key) as client:
        return client.post(CHAT, json=chat_body(model)).status_code


def write(folder, provider, **more):
    path = folder / "pushed.yaml"
    path.write_text(json.dumps({"providers": {"oai": openai_vendor(provider.url)}, **more}))
    return str(path)


def in_force_everywhere(servers, key, model, wanted):
    """Seconds until every server answers so; a slow machine makes it longer, so it is printed and not compared."""
    pushed = time.monotonic()
    for server in servers:
        eventually(lambda: status(server, key, model) == wanted, f"{model} to be {wanted}", between_s=0.01)
    return time.monotonic() - pushed


def test_what_is_pushed_at_one_is_in_force_at_all_and_can_be_taken_back(tmp_path, provider, replicas):
    one, other = replicas(0), replicas(1)
    one.start()
    other.start()
    servers = [one, other]
    key = one.create_key("k")
    assert [status(server, key, "oai/gpt-mock") for server in servers] == [200, 200], "the file counts until something is pushed"
    assert status(one, key, "fast") == 404

    told = one.run_json("config", "push", write(tmp_path, provider, models={"fast": ["oai/gpt-mock"]}), "--said", "a route")
    assert told["generation"] == 1
    print(f"pushed: in force at both after {in_force_everywhere(servers, key, 'fast', 200) * 1000:.0f} ms")
    other.run("config", "push", write(tmp_path, provider, models={"quick": ["oai/gpt-mock"]}))
    in_force_everywhere(servers, key, "quick", 200)
    in_force_everywhere(servers, key, "fast", 404)

    # One that starts later takes the newest, whatever its file says.
    late = replicas(2)
    late.start()
    assert status(late, key, "quick") == 200
    late.run("config", "rollback")
    print(f"rolled back: {in_force_everywhere([*servers, late], key, 'fast', 200) * 1000:.0f} ms")
    history = one.run_json("config", "history")["generations"]
    assert [(each["generation"], each["said"]) for each in history] == [(3, "back to generation 1"), (2, ""), (1, "a route")]
    assert json.loads(one.run("config", "pull", "2").stdout)["models"] == {"quick": ["oai/gpt-mock"]}


def test_what_is_not_valid_is_not_pushed_and_what_one_cannot_take_leaves_it_as_it_is(tmp_path, provider, replicas):
    one, other = replicas(0, TARGET="oai/gpt-mock"), replicas(1)
    one.start()
    other.start()
    key = one.create_key("k")
    broken = one.run("config", "push", write(tmp_path, provider, models={"fast": ["nobody/nothing"]}), check=False)
    assert broken.returncode != 0 and "nobody" in broken.stderr
    assert one.run_json("config", "history")["generations"] == []

    # What it refers to is set at one of them only.
    one.run("config", "push", write(tmp_path, provider, models={"fast": ["${TARGET}"]}))
    eventually(lambda: "the configuration was not taken" in other.log(), "the other one to say so")
    assert status(other, key, "oai/gpt-mock") == 200 and status(other, key, "fast") == 404
    # And such a server does not start.
    late = replicas(2)
    late.spawn()
    assert late.process.wait(60) == 1
    assert "generation 1" in late.log() and "TARGET is not set" in late.log()
    other.run("config", "push", write(tmp_path, provider, models={"quick": ["oai/gpt-mock"]}))
    in_force_everywhere([one, other], key, "quick", 200)

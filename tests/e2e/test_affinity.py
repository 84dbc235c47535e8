"""Several providers of one model: conversations and sessions stay where they began, and go on when their place fails."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from harness import recorder
from harness.clients import http_client
from harness.fault_proxy import Fault, FaultProxy
from harness.mock_config import openai_vendor

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def fleet():
    vendors = [recorder.Recorder() for _ in range(3)]
    proxies = [FaultProxy(vendor.port) for vendor in vendors]
    yield vendors, proxies
    for one in proxies + vendors:
        one.stop()


@pytest.fixture()
def server(serve, fleet):
    vendors, proxies = fleet
    for vendor, proxy in zip(vendors, proxies):
        vendor.forget()
        proxy.set()
    names = [f"replica{number}" for number in range(3)]
    route = {"candidates": [f"{name}/m" for name in names]}
    return serve({"providers": {name: openai_vendor(proxy.url) for name, proxy in zip(names, proxies)}, "retry": {"attempts": 1},
                  "models": {"sticky": {**route, "affinity": "prefix"}, "listed": route,
                             "sessions": {**route, "affinity": "session", "session_header": "X-My-Session"}}})


def ask(client, model, turns, **more):
    body = {"model": model, "messages": [{"role": "user", "content": text} for text in turns]}
    answer = client.post(CHAT, json=body, **more)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-sluice-provider"]


def test_a_conversation_stays_where_it_began_and_the_load_is_even(server):
    key = server.create_key()
    with http_client(server, key) as client:
        talks = [[letter * 3_000] for letter in "abcdef"]
        homes = [ask(client, "sticky", talk) for talk in talks]
        assert sorted(homes) == sorted(["replica0", "replica1", "replica2"] * 2)
        for turn in range(3):
            for talk, home in reversed(list(zip(talks, homes))):  # not the order in which the least loaded take turns
                talk.append(f"and {turn}?" * 20)
                assert ask(client, "sticky", talk) == home
        assert {ask(client, "listed", talk) for talk in talks} == {"replica0"}, "off is the order of the list"
    metrics = httpx.get(f"{server.url}/metrics").text
    for name in ("replica0/m", "replica1/m", "replica2/m"):
        assert f'sluice_affinity_requests_total{{target="{name}",why="least_loaded"}} 2' in metrics
        assert f'sluice_affinity_requests_total{{target="{name}",why="knows_prompt"}} 6' in metrics
        assert f'sluice_affinity_under_way{{target="{name}"}} 0' in metrics
    assert 'sluice_affinity_prompt_bytes_total{which="known"}' in metrics


def test_a_session_stays_together_by_its_header_or_its_cache_key(server):
    with http_client(server, server.create_key()) as client:
        homes = {name: ask(client, "sessions", ["hi"], headers={"x-my-session": name}) for name in ("one", "two", "three")}
        assert len(set(homes.values())) == 3
        for name, home in homes.items():
            for text in ("a", "b"):
                assert ask(client, "sessions", [text], headers={"x-my-session": name}) == home
        body = {"model": "sessions", "prompt_cache_key": "p", "messages": [{"role": "user", "content": "hi"}]}
        assert len({client.post(CHAT, json=body).headers["x-sluice-provider"] for _ in range(4)}) == 1


def test_a_conversation_whose_place_fails_goes_on_elsewhere_and_stays_there(server, fleet):
    _, proxies = fleet
    with http_client(server, server.create_key()) as client:
        talk = ["q" * 3_000]
        home = ask(client, "sticky", talk)
        proxies[int(home[-1])].set(Fault("reset"))
        elsewhere = ask(client, "sticky", talk + ["and?"])
        assert elsewhere != home
        proxies[int(home[-1])].set()
        assert ask(client, "sticky", talk + ["and?", "and then?"]) in (home, elsewhere), "both have had its beginning"


def test_one_conversation_asked_many_times_at_once_does_not_all_go_to_one(server):
    with http_client(server, server.create_key()) as client, ThreadPoolExecutor(12) as pool:
        homes = list(pool.map(lambda _: ask(client, "sticky", ["z" * 50_000]), range(30)))
    assert len(set(homes)) > 1


def test_explain_says_who_shares(server):
    said = server.run("route", "explain", "sticky").stdout
    assert "one of the 2 that share its requests" in said and "affinity    prefix: numbers 1 to 3" in said
    assert "X-My-Session".lower() in server.run("route", "explain", "sessions").stdout
    assert "affinity" not in server.run("route", "explain", "listed").stdout

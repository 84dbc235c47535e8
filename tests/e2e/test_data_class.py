"""Restricted data stays home: a request marked `restricted`, by its key or by its header, reaches self-hosted ground only."""

import pytest

from harness import recorder
from harness.clients import chat_body, http_client, messages_body
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.sluice import Sluice

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@pytest.fixture(scope="module")
def grounds(folder):
    """A Sluice with one provider on each ground: (server, {ground: recorder})."""
    sides = {ground: Recorder() for ground in ("self_hosted", "hosted_open", "proprietary")}
    server = Sluice(folder("grounds"), {
        "providers": {ground: openai_vendor(side.url, ground=ground) for ground, side in sides.items()},
        "models": {
            "home-last": ["proprietary/m", "hosted_open/m", "self_hosted/m"],
            "never-home": ["proprietary/m", "hosted_open/m"],
        },
    }).start()
    yield server, sides
    server.stop()
    for side in sides.values():
        side.stop()


@pytest.fixture(autouse=True)
def as_new(grounds):
    for side in grounds[1].values():
        side.forget()


@pytest.fixture(params=["by-key", "by-header"])
def restricted(request, grounds):
    """A client whose requests are restricted: (client)."""
    server, _ = grounds
    if request.param == "by-key":
        client = http_client(server, server.create_key(data_class="restricted"))
    else:
        client = http_client(server, server.create_key(), **{"x-sluice-data-class": "restricted"})
    with client:
        yield client


def outside(grounds):
    return grounds[1]["hosted_open"].requests + grounds[1]["proprietary"].requests


@pytest.mark.parametrize("path, body", [(CHAT, chat_body), (MESSAGES, messages_body)], ids=["openai", "anthropic"])
def test_a_restricted_request_goes_to_the_self_hosted_candidate_whatever_the_order(grounds, restricted, path, body):
    answer = restricted.post(path, json=body("home-last"))
    assert answer.status_code == 200
    assert answer.headers["x-sluice-ground"] == "self_hosted"
    assert outside(grounds) == []


@pytest.mark.parametrize("path, body", [(CHAT, chat_body), (MESSAGES, messages_body)], ids=["openai", "anthropic"])
@pytest.mark.parametrize("model", ["never-home", "proprietary/m", "hosted_open/m"])
def test_a_restricted_request_without_a_self_hosted_candidate_is_refused_and_nobody_hears_of_it(grounds, restricted, path, body, model):
    answer = restricted.post(path, json=body(model))
    assert answer.status_code == 403
    assert "restricted" in answer.json()["error"]["message"]
    assert outside(grounds) == []


def test_a_restricted_request_does_not_leave_when_home_fails(grounds, restricted):
    grounds[1]["self_hosted"].answer = recorder.fixed(recorder.ok(b'{"error":{"message":"down"}}', status="503 Service Unavailable"))
    answer = restricted.post(CHAT, json=chat_body("home-last"))
    assert answer.status_code >= 500
    assert outside(grounds) == []


def test_a_header_can_make_a_request_stricter_and_never_laxer(grounds):
    server, _ = grounds
    key = server.create_key(data_class="restricted")
    with http_client(server, key, **{"x-sluice-data-class": "public"}) as client:
        assert client.post(CHAT, json=chat_body("never-home")).status_code == 403
    assert outside(grounds) == []


def turn(client, model, **members):
    return client.post("/v1/responses", json={"model": model, "input": "and now?", **members})


def test_what_goes_on_from_a_restricted_response_stays_home(grounds):
    server, _ = grounds
    with http_client(server, server.create_key()) as client:
        secret = client.post("/v1/responses", json={"model": "home-last", "input": "a secret"}, headers={"x-sluice-data-class": "restricted"}).json()
        said = next(item["id"] for item in secret["output"] if item["type"] == "message")
        second = turn(client, "home-last", previous_response_id=secret["id"])
        assert second.status_code == 200 and second.headers["x-sluice-ground"] == "self_hosted"
        for standing_on in ({"previous_response_id": secret["id"]}, {"previous_response_id": second.json()["id"]},
                            {"input": [{"type": "item_reference", "id": said}, {"role": "user", "content": "and now?"}]}):
            refused = turn(client, "never-home", **standing_on)
            assert refused.status_code == 403 and "goes on from is restricted" in refused.json()["error"]["message"]
        assert outside(grounds) == []
        open_one = turn(client, "never-home").json()
        assert turn(client, "never-home", previous_response_id=open_one["id"]).status_code == 200


def test_a_data_class_that_does_not_exist_is_400(grounds):
    server, _ = grounds
    with http_client(server, server.create_key(), **{"x-sluice-data-class": "restrictd"}) as client:
        answer = client.post(CHAT, json=chat_body("home-last"))
    assert answer.status_code == 400 and "restrictd" in answer.json()["error"]["message"]
    assert outside(grounds) == []


def test_an_open_request_goes_to_the_first_candidate(grounds):
    server, _ = grounds
    with http_client(server, server.create_key()) as client:
        answer = client.post(CHAT, json=chat_body("home-last"))
    assert answer.headers["x-sluice-ground"] == "proprietary"

"""Links that lead inside: an engine of one's own would open them from within the network, so they are refused for it, in
every client's dialect and over both lanes; whoever stands outside reaches nothing inside."""

import json

import pytest

from harness import recorder
from harness.clients import http_client
from harness.mock_config import openai_vendor
from harness.recorder import Recorder
from harness.sluice import Sluice

INSIDE = "http://169.254.169.254/latest/meta-data/"
PNG = "data:image/png;base64,iVBORw0KGgo="


def chat(model, link):
    part = {"type": "image_url", "image_url": {"url": link}}
    return "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]}


def responses(model, link):
    part = {"type": "input_image", "image_url": link}
    return "/v1/responses", {"model": model, "input": [{"role": "user", "content": [{"type": "input_text", "text": "see"}, part]}]}


def messages(model, link):
    part = {"type": "image", "source": {"type": "url", "url": link}}
    return "/v1/messages", {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]}


def gemini(model, link):
    part = {"fileData": {"mimeType": "image/png", "fileUri": link}}
    return f"/v1beta/models/{model}:generateContent", {"contents": [{"role": "user", "parts": [{"text": "see"}, part]}]}


DIALECTS = [chat, responses, messages, gemini]
TRANSLATED = [chat, responses, messages]  # Google's files by their links have no other form


@pytest.fixture(scope="module")
def sides():
    sides = {"own": Recorder(), "away": Recorder(), "trusting": Recorder()}
    for side in sides.values():
        side.answer = recorder.fixed(recorder.ok(recorder.openai_answer()))
    yield sides
    for side in sides.values():
        side.stop()


@pytest.fixture(scope="module")
def server(folder, sides):
    server = Sluice(folder("links"), {
        "providers": {
            "own": openai_vendor(sides["own"].url, ground="self_hosted"),
            "trusting": openai_vendor(sides["trusting"].url, ground="self_hosted", internal_links=["Files.internal"]),
            "away": openai_vendor(sides["away"].url, ground="hosted_open", prices={"*": {"input": 1, "output": 2}}),
        },
        "models": {"any": ["own/m", "away/m"]},
    }).start()
    yield server
    server.stop()


@pytest.fixture
def post(server):
    with http_client(server, server.create_key()) as client:
        yield lambda call: client.post(call[0], json=call[1])


@pytest.mark.parametrize("link", [INSIDE, "http://0x7f.1/a.png", "http://[::ffff:10.0.0.1]/a.png", "http://x@localhost:1/a.png",
                                  "file:///etc/passwd", "gopher://127.0.0.1:6379/_", "http://a.example\\@10.0.0.1/"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_own_engine_is_not_told_to_open_a_link_inside(post, sides, dialect, link):
    before = len(sides["own"].requests)
    answer = post(dialect("own/m", link))
    assert answer.status_code == 400, answer.text
    assert "inside the network" in answer.json()["error"]["message"]
    assert len(sides["own"].requests) == before


@pytest.mark.parametrize("path", ["/tmp/x.png", "/etc/passwd", "models/secret", " " * 5000 + "/etc/passwd"])
@pytest.mark.parametrize("dialect", TRANSLATED)
def test_a_path_is_no_link_that_an_own_engine_opens(post, sides, dialect, path):
    before = len(sides["own"].requests)
    answer = post(dialect("own/m", path))
    assert answer.status_code == 400 and "inside the network" in answer.text
    assert len(sides["own"].requests) == before


@pytest.mark.parametrize("dialect", TRANSLATED)
def test_where_one_outside_can_serve_it_that_one_is_asked(post, sides, dialect):
    own, away = len(sides["own"].requests), len(sides["away"].requests)
    assert post(dialect("any", INSIDE)).status_code == 200
    assert (len(sides["own"].requests), len(sides["away"].requests)) == (own, away + 1)


@pytest.mark.parametrize("dialect", TRANSLATED)
def test_public_links_and_bytes_go_to_an_own_engine_as_before(post, sides, dialect):
    for link in ["https://example.com/a.png", *([PNG] if dialect is not messages else [])]:
        before = len(sides["own"].requests)
        assert post(dialect("own/m", link)).status_code == 200
        assert len(sides["own"].requests) == before + 1


@pytest.mark.parametrize("dialect", TRANSLATED)
def test_a_host_that_the_operator_lists_may_be_opened_and_no_other(post, dialect):
    assert post(dialect("trusting/m", "http://files.internal/a.png")).status_code == 200
    assert post(dialect("trusting/m", INSIDE)).status_code == 400


def test_what_an_earlier_turn_had_goes_to_no_own_engine_either(post, sides):
    first = post(responses("away/m", INSIDE))
    assert first.status_code == 200
    own = len(sides["own"].requests)
    later = {"model": "own/m", "input": "and now?", "previous_response_id": first.json()["id"]}
    answer = post(("/v1/responses", later))
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "internal_link", answer.text
    assert len(sides["own"].requests) == own
    assert post(("/v1/responses", {**later, "model": "away/m"})).status_code == 200


@pytest.mark.parametrize("purpose", ["batch", "user_data"])
def test_the_requests_of_a_batch_are_looked_at_too(server, sides, purpose):
    def upload(to, link):
        lines = b"\n".join(json.dumps({"url": path, "body": body}).encode() for path, body in (chat("m", PNG), chat("m", link)))
        with http_client(server, server.create_key(), **{"x-sluice-provider": to}) as client:
            return client.post("/v1/files", data={"purpose": purpose}, files={"file": ("b.jsonl", lines)})

    sides["own"].forget()
    refused = upload("own", INSIDE)
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "internal_link", refused.text
    assert sides["own"].requests == []
    assert upload("own", "https://example.com/a.png").status_code == 200
    assert upload("away", INSIDE).status_code == 200
    assert upload("trusting", "http://files.internal/a.png").status_code == 200


def test_what_comes_in_parts_goes_to_no_own_engine(server, sides):
    """A link may stand across two parts, where nobody sees it."""
    upload = {"purpose": "user_data", "filename": "b.jsonl", "bytes": 100, "mime_type": "text/jsonl"}
    sides["own"].forget()
    for to, status in (("own", 400), ("trusting", 400), ("away", 200)):
        with http_client(server, server.create_key(), **{"x-sluice-provider": to}) as client:
            answer = client.post("/v1/uploads", json=upload)
            assert answer.status_code == status, (to, answer.text)
            assert status == 200 or "not taken in parts" in answer.json()["error"]["message"]
            batch = client.post("/v1/uploads", json={**upload, "purpose": "batch"})
            assert (batch.status_code, batch.json()["error"]["param"]) == (400, "purpose"), to
    assert sides["own"].requests == []


def test_what_is_kept_for_a_later_request_is_looked_at_too(server, sides):
    item = {"role": "user", "content": [{"type": "input_image", "image_url": INSIDE}]}
    sides["own"].forget()
    for to, status in (("own", 400), ("away", 200)):
        with http_client(server, server.create_key(), **{"x-sluice-provider": to}) as client:
            assert client.post("/v1/conversations", json={"items": [item]}).status_code == status
    assert sides["own"].requests == []


def test_what_a_tool_was_called_with_is_nobodys_link(post):
    call = {"id": "c1", "type": "function", "function": {"name": "open", "arguments": '{"image_url":"%s"}' % INSIDE}}
    path, body = chat("own/m", PNG)
    body["messages"] += [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": INSIDE}]
    body["metadata"] = {"image_url": INSIDE}
    assert post((path, body)).status_code == 200

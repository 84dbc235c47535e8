"""What bad input gets: the client dialect's own error with the right status, words that help, and nothing on the bill."""

import json

import pytest

from harness.clients import chat_body, http_client, messages_body
from harness.raw import Wire
from harness.wait import eventually

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
DIALECTS = pytest.mark.parametrize("path", [CHAT, MESSAGES], ids=["openai", "anthropic"])


def body_for(path, **members):
    return chat_body("mockai/gpt-mock", **members) if path == CHAT else messages_body("mockant/claude-mock", **members)


def assert_error(response, path, status, *words):
    """The answer is an error of the path's dialect whose message holds each of the words."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    assert response.headers["x-sluice-request-id"].startswith("req_")
    body = response.json()
    if path == MESSAGES:
        assert body["type"] == "error" and body["error"]["type"]
    else:
        assert set(body["error"]) == {"message", "type", "param", "code"}
    message = body["error"]["message"]
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"
    return body["error"]


# --- bodies

@DIALECTS
@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'"text"', b"null", b'{"model": }', b'{"model":"a","messages":[]} trailing', b"\xff\xfe", b'{"model":"a\x00"}',
    b'{"model":1e400}', b'{"a":' * 5000 + b"1" + b"}" * 5000,
], ids=["empty", "cut", "array", "string", "null", "no-value", "trailing", "not-utf8", "nul", "huge-number", "deep"])
def test_a_body_that_is_no_json_object_is_400(http, path, body):
    assert_error(http.post(path, content=body, headers={"content-type": "application/json"}), path, 400)


@DIALECTS
@pytest.mark.parametrize("change, word", [
    ({"model": None}, "model"), ({"model": 7}, "model"), ({"model": ""}, "model"),
    ({"messages": None}, "messages"), ({"messages": {}}, "messages"), ({"messages": []}, "messages"), ({"messages": ["hi"]}, "messages"),
    ({"stream": "yes"}, "stream"), ({"max_tokens": "many"}, "max_tokens"), ({"max_tokens": -1}, "max_tokens"),
], ids=str)
def test_a_wrong_type_or_value_is_400_and_names_the_field(http, path, change, word):
    body = {**body_for(path), **change}
    assert_error(http.post(path, json=body), path, 400, word)


@pytest.mark.parametrize("path, missing", [(CHAT, "model"), (CHAT, "messages"), (MESSAGES, "model"), (MESSAGES, "messages"), (MESSAGES, "max_tokens")])
def test_a_missing_field_is_400_and_named(http, path, missing):
    body = body_for(path)
    del body[missing]
    assert_error(http.post(path, json=body), path, 400, missing)


def test_a_tool_result_for_a_call_that_nobody_made_is_400_and_names_it_when_translated(http):
    messages = [{"role": "user", "content": "weather"}, {"role": "tool", "tool_call_id": "call_nobody", "content": "sunny"}]
    assert_error(http.post(CHAT, json={"model": "mockant/claude-mock", "messages": messages}), CHAT, 400, "call_nobody")


@DIALECTS
def test_a_body_above_the_limit_is_413_before_it_is_read(serve, aimock_config, path):
    server = serve({**aimock_config, "server": {"max_body_bytes": 65536}})
    with http_client(server, server.create_key()) as client:
        assert_error(client.post(path, json=body_for(path, padding="x" * 70000)), path, 413, "65536")
        assert client.post(path, json=body_for(path)).status_code == 200
        with Wire(server.url) as wire:  # announced, never sent: the answer may not wait for it
            wire.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
                      "Content-Type: application/json\r\nContent-Length: 9000000000\r\n\r\n".encode())
            assert wire.read().status == 413
        with Wire(server.url) as wire:  # chunked: only the bytes tell
            wire.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
                      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + b"11170\r\n" + b" " * 70000)
            assert wire.read().status == 413


# --- models, keys, limits

@DIALECTS
def test_an_unknown_model_is_404_with_the_nearest_name(http, path):
    body = {**body_for(path), "model": "after-bussy"}
    assert_error(http.post(path, json=body), path, 404, "after-bussy", "after-busy")


@DIALECTS
@pytest.mark.parametrize("headers", [
    {}, {"authorization": "Bearer sk-sluice-wrong"}, {"authorization": "Basic eDp5"}, {"authorization": "Bearer"}, {"x-api-key": ""},
    {"x-api-key": "sk-sluice-wrong"}, {"authorization": "Bearer " + "x" * 5000},
], ids=["none", "unknown", "basic", "empty-bearer", "empty", "unknown-x-api-key", "very-long"])
def test_a_missing_or_unknown_key_is_401_and_tells_how_to_get_one(anonymous, path, headers):
    error = assert_error(anonymous.post(path, json=body_for(path), headers=headers), path, 401)
    assert "sluice keys create" in error["message"]


@DIALECTS
def test_every_way_to_send_the_key_is_accepted(anonymous, key, path):
    for headers in ({"authorization": f"Bearer {key}"}, {"Authorization": f"bearer {key}"}, {"x-api-key": key},
                    {"x-api-key": key, "anthropic-version": "2023-06-01"},
                    {"authorization": f"Bearer {key}", "anthropic-version": "2026-10-21"}):
        assert anonymous.post(path, json=body_for(path), headers=headers).status_code == 200


def test_two_keys_that_differ_are_401(anonymous, gateway, key):
    other = gateway.create_key("other")
    response = anonymous.post(CHAT, json=body_for(CHAT), headers={"authorization": f"Bearer {key}", "x-api-key": other})
    assert_error(response, CHAT, 401)


@DIALECTS
def test_a_key_over_its_rate_is_429_with_retry_after(gateway, path):
    with http_client(gateway, gateway.create_key(rpm=2)) as client:
        statuses = [client.post(path, json=body_for(path)).status_code for _ in range(2)]
        refused = client.post(path, json=body_for(path))
    assert statuses == [200, 200]
    assert_error(refused, path, 429, "2")
    assert 0 < int(refused.headers["retry-after"]) <= 60


@DIALECTS
def test_a_key_over_its_token_rate_is_429(gateway, path):
    with http_client(gateway, gateway.create_key(tpm=10)) as client:
        refused = client.post(path, json={**body_for(path), "max_tokens": 500})
    assert_error(refused, path, 429, "token")


@pytest.mark.parametrize("path, status", [(CHAT, 429), (MESSAGES, 402)], ids=["openai", "anthropic"])
def test_a_key_over_its_budget_is_refused_before_the_call(gateway, aimock, path, status):
    text = f"too dear by {path}"
    with http_client(gateway, gateway.create_key(f"small {status}", budget="0.0001")) as client:
        # 64 generated tokens at 25 USD per million may cost 0.0016 USD, sixteen times the budget.
        refused = client.post(path, json={**body_for(path, text=text), "max_tokens": 64})
    assert_error(refused, path, status, "budget")
    assert aimock.requests(containing=text) == []


def test_a_budget_is_never_overshot(gateway):
    # Each answer costs 160 microdollars; the budget has room for at most six of them, and less for the worst case.
    with http_client(gateway, gateway.create_key("ten", budget="0.001")) as client:
        statuses = [client.post(CHAT, json=chat_body("mockai/gpt-mock", max_tokens=8)).status_code for _ in range(10)]
    answered = statuses.count(200)
    assert 1 <= answered <= 6 and set(statuses[answered:]) == {429}
    usage = eventually(lambda: (row := gateway.usage_of("ten"))["requests"] == answered and row, "the ledger")
    assert usage["cost_usd"] * 10**12 == answered * 160_000_000


# --- paths and methods

@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/chat", "/v1/chat/completions/", "/v1/videos", "/dashboard", "/../etc/passwd"])
def test_an_unsupported_path_is_404_in_openai_shape_and_named(http, path):
    assert_error(http.post(path, json={}), path, 404)


def test_an_unsupported_path_of_an_anthropic_client_is_404_in_anthropic_shape(http):
    response = http.post("/v1/messages/nothing", json={}, headers={"anthropic-version": "2023-06-01"})
    assert_error(response, MESSAGES, 404, "/v1/messages/nothing")


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/v1/embeddings", "POST"), ("PUT", MESSAGES, "POST"), ("DELETE", CHAT, "POST"), ("POST", "/v1/models", "GET"), ("POST", "/health/live", "GET")])
def test_an_unsupported_method_is_405_and_says_what_is_allowed(http, method, path, allow):
    response = http.request(method, path)
    assert response.status_code == 405
    assert allow in [method.strip() for method in response.headers["allow"].split(",")]


def test_the_probes_of_real_clients_do_no_harm(anonymous):
    for path in ("/api/hello", "/"):
        response = anonymous.head(path)
        assert response.status_code in (200, 404) and response.content == b""
    assert anonymous.get("/health/live").status_code == 200, "the connection is no longer good after HEAD"


def test_a_query_string_does_not_change_the_path(http):
    assert http.post(MESSAGES + "?beta=true", json=body_for(MESSAGES)).status_code == 200


# --- the bill

@DIALECTS
def test_nothing_of_all_this_is_billed(gateway, aimock, path):
    name = f"innocent {path}"
    key = gateway.create_key(name)
    text = f"never sent to {path}"
    with http_client(gateway, key) as client:
        bad = [
            client.post(path, content=b"{"), client.post(path, json={**body_for(path, text=text), "messages": text}),
            client.post(path, json={**body_for(path, text=text), "model": "no-such"}), client.post(path + "/nothing", json=body_for(path, text=text)),
            client.put(path, json=body_for(path, text=text)),
        ]
        assert [response.status_code for response in bad] == [400, 400, 404, 404, 405]
        assert client.post(path, json=body_for(path)).status_code == 200
    # Entries reach the ledger in order: when the one good request is there, the bad ones would be, too.
    usage = eventually(lambda: (row := gateway.usage_of(name))["requests"] >= 1 and row, "the good request's entry")
    assert usage["requests"] == 1 and usage["cost_usd"] * 10**12 == 160_000_000
    assert aimock.requests(containing=text) == []


def test_a_revoked_key_is_401_within_a_second_and_its_usage_stays(gateway):
    key = gateway.create_key("leaver")
    with http_client(gateway, key) as client:
        assert client.post(CHAT, json=body_for(CHAT)).status_code == 200
        gateway.run("keys", "revoke", "leaver")
        refused = eventually(lambda: (response := client.post(CHAT, json=body_for(CHAT))).status_code != 200 and response, "the refusal")
    assert_error(refused, CHAT, 401, "revoked")
    assert json.dumps(gateway.run_json("keys", "list", "--all")).count("leaver") == 1
    assert gateway.usage_of("leaver")["requests"] >= 1

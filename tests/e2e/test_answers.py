"""What every answer carries, and the endpoints that Sluice answers by itself: models, health, metrics."""

import re

import pytest

from harness.clients import anthropic_client, chat_body, google_client, http_client, messages_body
from harness.mock_config import openai_vendor

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ALWAYS = ("x-sluice-request-id",)
ANSWERED = ALWAYS + ("x-sluice-provider", "x-sluice-model", "x-sluice-ground", "x-sluice-attempts", "x-sluice-overhead-us")


@pytest.mark.parametrize("path, body", [
    (CHAT, chat_body("mockai/gpt-mock")), (CHAT, chat_body("mockant/claude-mock")), (CHAT, chat_body("mockai/gpt-mock", stream=True)),
    (CHAT, chat_body("mockant/claude-mock", stream=True)), (MESSAGES, messages_body("mockant/claude-mock")),
    (MESSAGES, messages_body("mockai/gpt-mock")), (MESSAGES, messages_body("mockant/claude-mock", stream=True)),
    (MESSAGES, messages_body("mockai/gpt-mock", stream=True))])
def test_every_answer_says_who_gave_it(http, path, body):
    answer = http.post(path, json=body)
    assert answer.status_code == 200
    for name in ANSWERED:
        assert answer.headers.get(name), f"{name} is missing"
    assert answer.headers["x-sluice-attempts"] == "1"


def test_request_ids_differ(http):
    first, second = http.post(CHAT, json=chat_body("mockai/gpt-mock")), http.post(CHAT, json=chat_body("mockai/gpt-mock"))
    assert first.headers["x-sluice-request-id"] != second.headers["x-sluice-request-id"]
    assert re.fullmatch(r"req_[0-9A-Z]{26}", first.headers["x-sluice-request-id"])


@pytest.mark.parametrize("path, name", [(CHAT, "x-request-id"), (MESSAGES, "request-id")], ids=["openai", "anthropic"])
def test_the_sdks_find_the_id_in_answers_and_refusals(http, anonymous, path, name):
    body = messages_body("mockant/claude-mock") if path == MESSAGES else chat_body("mockai/gpt-mock")
    other = {**body, "model": "mockai/gpt-mock" if path == MESSAGES else "mockant/claude-mock"}
    for answer in (http.post(path, json=body), http.post(path, json=other), http.post(path, json={**body, "stream": True})):
        assert answer.status_code == 200 and answer.headers[name]
    refused = anonymous.post(path, json=body)
    assert refused.status_code == 401 and refused.headers[name] == refused.headers["x-sluice-request-id"]


def test_a_parameter_that_the_other_dialect_lacks_is_refused_or_named_never_lost(http, aimock):
    dropped = http.post(CHAT, json=chat_body("mockant/claude-mock", "seeded", seed=7))
    assert dropped.status_code == 200 and "seed" in dropped.headers["x-sluice-dropped-params"].split(",")
    refused = http.post(CHAT, json=chat_body("mockant/claude-mock", "biased", logprobs=True, top_logprobs=3))
    assert refused.status_code == 400 and "logprobs" in refused.json()["error"]["message"]
    assert aimock.requests(containing="biased") == []
    kept = http.post(CHAT, json=chat_body("mockai/gpt-mock", seed=7))
    assert kept.headers["x-sluice-dropped-params"] == ""
    odd = http.post(CHAT, json=chat_body("mockant/claude-mock", "odd", **{"x\r\ny: z": 1, "": 2}))
    assert odd.status_code == 200 and odd.headers["x-sluice-dropped-params"] == 'x??y: z,""' and "y" not in odd.headers


@pytest.mark.parametrize("model", ["mockai/gpt-mock", "mockant/claude-mock"])
@pytest.mark.parametrize("path, body", [
    (CHAT, chat_body), ("/v1/messages", messages_body), ("/v1/responses", lambda model, **members: {"model": model, "input": "Hello", **members}),
    ("/v1beta/models/MODEL:streamGenerateContent?alt=sse", lambda model, **members: {"contents": [{"parts": [{"text": "Hello"}]}]})])
def test_a_stream_tells_proxies_to_pass_it_on_as_it_comes(http, model, path, body):
    answer = http.post(path.replace("MODEL", model), json=body(model, stream=True))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer.text
    assert (answer.headers["x-accel-buffering"], answer.headers["cache-control"]) == ("no", "no-cache")


def test_models_are_listed_in_the_shape_of_the_client(http):
    openai_list = http.get("/v1/models").json()
    assert openai_list["object"] == "list"
    assert all(set(model) >= {"id", "object", "created", "owned_by"} and model["object"] == "model" for model in openai_list["data"])
    assert "after-busy" in [model["id"] for model in openai_list["data"]]
    anthropic_list = http.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()
    assert set(anthropic_list) >= {"data", "has_more", "first_id", "last_id"}
    assert all(set(model) >= {"type", "id", "display_name", "created_at"} and model["type"] == "model" for model in anthropic_list["data"])
    assert [model["id"] for model in anthropic_list["data"]] == [model["id"] for model in openai_list["data"]]


def test_models_are_listed_in_pages_by_the_sdks_that_ask_for_some(gateway, key):
    with http_client(gateway, key) as http:
        all_of_them = [model["id"] for model in http.get("/v1/models").json()["data"]]
        claude_code = http.get("/v1/models?limit=1000", headers={"anthropic-version": "2023-06-01"}).json()
        odd = [http.get("/v1/models?limit=0", headers={"anthropic-version": "2023-06-01"}), http.get("/v1beta/models?pageToken=nobody")]
    assert [model["id"] for model in claude_code["data"]] == all_of_them and not claude_code["has_more"]
    assert [answer.status_code for answer in odd] == [400, 400]
    claude = anthropic_client(gateway, key)
    first = claude.models.list(limit=2)
    assert [model.id for model in first.data] == all_of_them[:2] and first.has_more and first.last_id == all_of_them[1]
    assert [model.id for model in first] == all_of_them
    assert [model.id for model in claude.models.list(limit=2, before_id=all_of_them[3]).data] == all_of_them[1:3]
    google = google_client(gateway, key)
    assert [model.name for model in google.models.list(config={"page_size": 2})] == ["models/" + name for name in all_of_them]
    assert len(google.models.list(config={"page_size": 2}).page) == 2
    google.close()


@pytest.mark.parametrize("headers", [{}, {"anthropic-version": "2023-06-01"}], ids=["openai", "anthropic"])
def test_one_model_is_found_as_the_sdks_write_it_in_the_path(serve, headers):
    server = serve({"providers": {"acme": openai_vendor("http://127.0.0.1:9", models=["gpt-mock"])}})
    with http_client(server, server.create_key()) as http:
        for written in ("acme/gpt-mock", "acme%2Fgpt-mock", "acme%2fgpt%2Dmock"):
            assert http.get(f"/v1/models/{written}", headers=headers).json()["id"] == "acme/gpt-mock"
        for unknown in ("acme%2Fnobody", "acme%2", "acme%zzgpt-mock", "%00"):
            refused = http.get(f"/v1/models/{unknown}", headers=headers)
            assert refused.status_code == 404 and refused.json()["error"]["message"]
            assert ("type" in refused.json()) == bool(headers)


def test_models_are_not_for_strangers(anonymous):
    assert anonymous.get("/v1/models").status_code == 401
    assert anonymous.get("/v1/models", headers={"anthropic-version": "2023-06-01"}).json()["type"] == "error"


def test_health_and_metrics_answer_without_a_key(gateway):
    with http_client(gateway) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 200
        metrics = client.get("/metrics")
    assert metrics.status_code == 200 and metrics.headers["content-type"].startswith("text/plain")
    samples = [line for line in metrics.text.splitlines() if line and not line.startswith("#")]
    assert samples and all(re.fullmatch(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eE]+|.* (NaN|[+-]Inf)', line) for line in samples)


def test_metrics_show_the_state_of_the_books(gateway):
    with http_client(gateway) as client:
        lines = client.get("/metrics").text.splitlines()
    for log in ("ledger", "audit"):
        assert f'sluice_store_lost_records_total{{log="{log}"}} 0' in lines
        assert f'sluice_store_degraded{{part="{log}"}} 0' in lines
        assert any(line.startswith(f'sluice_store_queued_bytes{{log="{log}"}} ') for line in lines)


def test_metrics_count_the_requests(gateway, http):
    def answered():
        with http_client(gateway) as client:
            lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("sluice_requests_total{")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    before = answered()
    http.post(CHAT, json=chat_body("mockai/gpt-mock"))
    assert answered() >= before + 1

"""Scripts for LiteLLM's proxy against Sluice: its own Python client for keys, and requests as its documentation has them."""

import httpx
import pytest

from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.wait import eventually

CHAT = "/v1/chat/completions"


@pytest.fixture
def server(serve, provider):
    return serve({"providers": {"acme": openai_vendor(provider.url)}, "models": {"small": ["acme/small"]}})


@pytest.fixture
def master(server):
    """What LiteLLM calls the master key."""
    return server.run_json("admin-keys", "create", "--role", "owner")["key"]


@pytest.fixture
def api(server, master):
    with http_client(server, master) as client:
        yield client


def call(server, key):
    with http_client(server, key) as client:
        return client.post(CHAT, json=chat_body("acme/m", max_tokens=5)).status_code


def test_a_key_lives_as_the_documentation_of_virtual_keys_says(server, api):
    team = api.post("/team/new", json={"team_alias": "red", "max_budget": 50, "budget_duration": "30d"}).json()
    assert (team["team_alias"], team["max_budget"], team["budget_duration"], team["spend"]) == ("red", 50, "30d", 0)
    user = api.post("/user/new", json={"user_email": "ann@example.com", "user_role": "internal_user"}).json()
    made = api.post("/key/generate", json={
        "key_alias": "app", "team_id": team["team_id"], "user_id": user["user_id"], "duration": "30d", "max_budget": 2.5, "rpm_limit": 100, "tags": ["night"],
        "models": [], "metadata": {"user": "ann@example.com"}})
    assert made.headers["x-sluice-dropped-params"] == "metadata"
    key = made.json()
    assert key["key"].startswith("sk-") and key["max_budget"] == 2.5 and key["expires"].endswith("Z")
    assert call(server, key["key"]) == 200

    info = api.get("/key/info", params={"key": key["key"]}).json()
    assert info["key"] == key["token"] and info["info"]["key_alias"] == "app" and "sk-" not in str(info)
    updated = api.post("/key/update", json={"key": key["key"], "max_budget": 4, "rpm_limit": 7}).json()
    assert (updated["max_budget"], updated["rpm_limit"]) == (4, 7)
    assert api.post("/key/block", json={"key": key["key"]}).json()["blocked"] is True
    assert call(server, key["key"]) == 401
    assert api.post("/key/unblock", json={"key": key["key"]}).json()["blocked"] is False
    assert call(server, key["key"]) == 200

    listed = api.get("/key/list", params={"team_id": team["team_id"], "return_full_object": "true"}).json()
    assert (listed["total_count"], listed["total_pages"], listed["keys"][0]["key_alias"]) == (1, 1, "app")
    assert api.get("/key/list", params={"size": 1, "page": 2}).json()["current_page"] == 2

    eventually(lambda: api.get("/global/spend").json()["spend"] > 0 and len(api.get("/spend/logs").json()) == 2, "two rows and their spend")
    spend = api.get("/global/spend").json()["spend"]
    assert sum(row["spend"] for row in api.get("/spend/logs", params={"api_key": key["key"]}).json()) == pytest.approx(spend)
    assert [row["key_alias"] for row in api.get("/spend/keys").json()] == ["app"]
    assert api.get("/spend/tags").json() == [{"individual_request_tag": "night", "log_count": 2, "total_spend": pytest.approx(spend)}]
    assert api.get("/team/info", params={"team_id": team["team_id"]}).json()["team_info"]["spend"] == pytest.approx(spend)
    assert api.get("/user/info", params={"user_id": user["user_id"]}).json()["user_info"]["spend"] == pytest.approx(spend)

    assert api.post("/team/delete", json={"team_ids": [team["team_id"]]}).status_code == 400, "it has a key"
    assert api.post("/key/delete", json={"keys": [key["key"]]}).json() == {"deleted_keys": [key["token"]]}
    assert call(server, key["key"]) == 401
    acts = httpx.get(f"{server.url}/admin/v1/acts", headers=dict(api.headers)).json()["data"]
    assert acts[0]["act"]["act"] == "key_revoked" and acts[0]["act"]["by"].startswith("adm_")


def test_a_budget_of_a_team_holds(server, api):
    team = api.post("/team/new", json={"team_alias": "red"}).json()
    key = api.post("/key/generate", json={"team_id": team["team_id"]}).json()["key"]
    assert call(server, key) == 200
    assert api.post("/team/update", json={"team_id": team["team_id"], "max_budget": 0}).json()["data"]["max_budget"] == 0
    assert call(server, key) == 429
    assert [one["team_alias"] for one in api.get("/team/list").json()] == ["red"]


def test_a_budget_that_comes_later_counts_what_was_spent_before(server, api):
    key = api.post("/key/generate", json={"key_alias": "app"}).json()["key"]
    assert call(server, key) == 200
    assert api.post("/key/update", json={"key": "app", "max_budget": 0.000000000001}).status_code == 200
    assert call(server, key) == 429


def test_models_are_the_configurations(api):
    assert {"model_name": "small", "litellm_params": {"model": "acme/small"}} == {
        name: value for name, value in api.get("/model/info").json()["data"][0].items() if name != "model_info"}
    refused = api.post("/model/new", json={"model_name": "x", "litellm_params": {"model": "openai/x"}})
    assert refused.status_code == 501 and "sluice.yaml" in refused.json()["error"]["message"]


def test_errors_have_litellms_shape_and_nobody_else_is_let_in(server, api):
    assert api.post("/key/generate", json={"models": ["gpt-4"]}).json()["error"]["param"] == "models"
    assert httpx.get(f"{server.url}/key/list").status_code == 401
    virtual = server.create_key("app")
    assert httpx.get(f"{server.url}/key/list", headers={"authorization": f"Bearer {virtual}"}).json()["error"]["code"] == "401"


def test_litellms_own_client_makes_lists_and_deletes_keys(server, master, monkeypatch):
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else its import asks the network
    from litellm.proxy.client.keys import KeysManagementClient

    client = KeysManagementClient(server.url, master)
    made = client.generate(key_alias="app", duration="24h")
    assert call(server, made["key"]) == 200
    assert [key["key_alias"] for key in client.list(return_full_object=True, page=1, size=100)["keys"]][-1] == "app"
    assert client.delete(key_aliases=["app"])["deleted_keys"] == [made["token"]]
    assert call(server, made["key"]) == 401

"""The administration's API: closed to everybody else, each role by the table, every answer as its OpenAPI file says."""

import json
import re

import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from harness import recorder
from harness.clients import chat_body, http_client
from harness.mock_config import openai_vendor
from harness.places import REPO
from harness.wait import eventually

CHAT = "/v1/chat/completions"
FILE = json.loads((REPO / "docs/reference/admin-openapi.json").read_text())
ROLES = ("owner", "admin", "member", "viewer", "auditor")
# Without the pages of the sign-in, which ask for no role: test_sign_in.py has them.
OPERATIONS = [(method.upper(), path, operation) for path, item in FILE["paths"].items() for method, operation in item.items()
              if "x-resource" in operation]
COVERED = set()  # operations whose good answer a test of this module has seen and checked


def table_of_roles():
    """(resource, verb) -> the roles that may, from the page of the reference."""
    table = {}
    for line in (REPO / "docs/reference/roles.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) >= 7 and set(cells[2:7]) <= {"yes", "-"}:
            table[cells[0], cells[1]] = {role for role, may in zip(ROLES, cells[2:7]) if may == "yes"}
    return table


def operation_of(method, path):
    for its_method, pattern, operation in OPERATIONS:
        if its_method == method and re.fullmatch(re.sub(r"\\\{id\\\}", "[^/]+", re.escape(pattern)), path):
            return pattern, operation
    return None, None


def check_schema(answer):
    """The answer against the schema that the file gives for it."""
    method, path = answer.request.method, answer.request.url.path
    pattern, operation = operation_of(method, path)
    if operation is None:
        assert answer.status_code in (401, 403, 404, 405), f"{method} {path}"
        schema = FILE["components"]["schemas"]["Problem"]
    elif str(answer.status_code) in operation["responses"]:
        schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        assert answer.headers["content-type"] == "application/json"
        COVERED.add((method, pattern))
    else:
        assert answer.status_code >= 400, f"{method} {path} answered {answer.status_code}, which the file does not have"
        schema = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    validator = jsonschema.Draft202012Validator({**schema, "components": FILE["components"]})
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json())]
    assert not errors, f"{method} {path}: {errors}"


class Api(httpx.Client):
    """A client whose every answer is checked."""

    def __init__(self, server, key=None, url=None):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        super().__init__(base_url=url or server.url, headers=headers, timeout=90)

    def request(self, method, url, **options):
        answer = super().request(method, url, **options)
        check_schema(answer)
        return answer


def admin_key(server, role="owner", *flags):
    return server.run_json("admin-keys", "create", "--role", role, *flags)["key"]


@pytest.fixture
def server(serve, provider):
    return serve({"providers": {"acme": openai_vendor(provider.url)}, "models": {"small": ["acme/small"]}})


@pytest.fixture
def owner(server):
    with Api(server, admin_key(server)) as api:
        yield api


def test_the_file_is_a_good_one_and_the_server_serves_it(owner):
    validate(FILE)
    assert owner.get("/admin/v1/openapi.json").json() == FILE


def test_every_route_is_closed_to_whoever_is_no_administrator(server):
    virtual = server.create_key("app")
    for credential in (None, virtual, "sk-admin-sluice-" + "a" * 48, "x"):
        with Api(server, credential) as api:
            for method, path, _ in OPERATIONS:
                answer = api.request(method, path.replace("{id}", "none"))
                assert answer.status_code == 401, f"{method} {path} with {credential and credential[:16]}"
                assert answer.headers["www-authenticate"] == "Bearer"
    refused = httpx.get(f"{server.url}/metrics").text
    assert re.search(r'sluice_admin_requests_total\{route="none",status="401"\} \d+', refused)
    eventually(lambda: "administration refused" in server.log(), "the refusal in the log")


def test_each_role_may_what_the_table_says_and_nothing_else(server):
    table = table_of_roles()
    assert {(op["x-resource"], op["x-verb"]) for _, _, op in OPERATIONS} == set(table), "each row is a route's, and each route's pair is a row"
    for role in ROLES:
        with Api(server, admin_key(server, role)) as api:
            for method, path, operation in OPERATIONS:
                answer = api.request(method, path.replace("{id}", "none"))
                refused = answer.status_code == 403 and answer.json().get("code") == "role_not_sufficient"
                may = role in table[operation["x-resource"], operation["x-verb"]]
                assert refused != may, f"{role}: {method} {path}: {answer.status_code} {answer.text}"


def test_an_administration_key_calls_no_model(server):
    with http_client(server, admin_key(server)) as client:
        assert client.post(CHAT, json=chat_body("small")).status_code == 401


def test_a_key_is_made_used_blocked_rotated_and_revoked(server, owner):
    assert owner.post("/admin/v1/organisations", json={"name": "acme"}).status_code == 201
    assert owner.post("/admin/v1/teams", json={"name": "red", "organisation": "acme"}).json()["organisation"].startswith("org_")
    assert owner.post("/admin/v1/users", json={"name": "ann", "organisation": "acme"}).status_code == 201
    made = owner.post("/admin/v1/keys", json={"name": "app", "team": "red", "user": "ann", "tags": ["batch"], "budget_usd": "5", "rpm": 100}).json()

    def status(key):
        with http_client(server, key) as client:
            return client.post(CHAT, json=chat_body("acme/m", max_tokens=5)).status_code

    assert status(made["key"]) == 200, "it is good as soon as the answer is there"
    assert owner.get("/admin/v1/keys/app").json()["state"] == "active"
    assert owner.patch("/admin/v1/keys/app", json={"rpm": 200}).json()["rpm"] == 200
    owner.post("/admin/v1/keys/app/block")
    assert status(made["key"]) == 401
    owner.post("/admin/v1/keys/app/unblock")
    assert status(made["key"]) == 200
    rotated = owner.post(f"/admin/v1/keys/{made['id']}/rotate").json()
    assert rotated["id"] == made["id"] and rotated["key"] != made["key"]
    assert status(made["key"]) == 401
    assert status(rotated["key"]) == 200
    assert owner.delete("/admin/v1/keys/app").json()["state"] == "revoked"
    assert status(rotated["key"]) == 401
    assert [key["name"] for key in owner.get("/admin/v1/keys", params={"team": "red", "revoked": True}).json()["data"]] == ["app"]
    known = server.run_json("keys", "list", "--all")["keys"]
    assert made["id"] in [key["id"] for key in known], "what the API makes the command line shows"
    assert made["key"] not in server.log() and rotated["key"] not in server.log()
    for kind in ("users/ann", "teams/red", "organisations/acme"):
        assert owner.get(f"/admin/v1/{kind}").status_code == 200
        assert owner.delete(f"/admin/v1/{kind}").status_code == 200


def test_a_limit_that_the_api_sets_holds_at_once_and_usage_is_told_by_owner(server, owner):
    owner.post("/admin/v1/teams", json={"name": "red"})
    key = owner.post("/admin/v1/keys", json={"name": "app", "team": "red", "tags": ["night"]}).json()["key"]
    with http_client(server, key) as client:
        assert client.post(CHAT, json=chat_body("acme/m", max_tokens=5)).status_code == 200
        limit = owner.post("/admin/v1/limits", json={"scope": "team", "subject": "red", "usd": "0", "window": "day", "zone": "Europe/Berlin"}).json()
        assert client.post(CHAT, json=chat_body("acme/m", max_tokens=5)).status_code == 429
        assert owner.get(f"/admin/v1/limits/{limit['id']}").json()["usd"] == "0.0"
        assert owner.get("/admin/v1/limits", params={"scope": "team"}).json()["data"][0]["subject_name"] == "red"
        owner.delete(f"/admin/v1/limits/{limit['id']}")
        assert client.post(CHAT, json=chat_body("acme/m", max_tokens=5)).status_code == 200

    def both():
        usage = owner.get("/admin/v1/usage", params={"by": "team", "tag": "night", "model": "acme/m"}).json()
        return usage["total"]["requests"] == 2 and usage

    usage = eventually(both, "both requests in the usage")
    assert usage["data"][0]["name"] == "red" and usage["data"][0]["cost_usd"] == usage["total"]["cost_usd"]
    assert owner.get("/admin/v1/usage", params={"tag": "day"}).json()["total"]["requests"] == 0
    periods = {"before_since": "2026-01-01", "before_until": "2026-01-02", "since": "2026-01-02", "until": "2099-01-01", "by": "team"}
    explained = owner.get("/admin/v1/usage/explain", params=periods).json()
    assert explained["total"]["after_usd"] == usage["total"]["cost_usd"] and explained["data"][0]["name"] == "red"
    page = owner.get("/admin/v1/ledger", params={"limit": 1, "team": "red"}).json()
    assert page["data"][0]["key_name"] == "app" and page["next"]
    second = owner.get("/admin/v1/ledger", params={"limit": 1, "team": "red", "cursor": page["next"]}).json()
    assert second["data"][0]["row"] < page["data"][0]["row"]


def test_a_team_sees_its_own_and_nothing_else(server, owner):
    for team in ("red", "blue"):
        owner.post("/admin/v1/teams", json={"name": team})
    keys = {team: owner.post("/admin/v1/keys", json={"name": f"{team}-app", "team": team}).json()["key"] for team in ("red", "blue")}
    for key in keys.values():
        with http_client(server, key) as client:
            assert client.post(CHAT, json=chat_body("acme/m", max_tokens=5)).status_code == 200
    eventually(lambda: owner.get("/admin/v1/usage").json()["total"]["requests"] == 2, "both requests in the usage")
    with Api(server, admin_key(server, "auditor", "--team", "red")) as red:
        assert [key["name"] for key in red.get("/admin/v1/keys").json()["data"]] == ["red-app"]
        assert [row["name"] for row in red.get("/admin/v1/usage").json()["data"]] == ["red-app"]
        assert red.get("/admin/v1/usage").json()["total"]["requests"] == 1
        assert {row["key_name"] for row in red.get("/admin/v1/ledger").json()["data"]} == {"red-app"}
        assert red.get("/admin/v1/keys/blue-app").status_code == 404
        assert red.get("/admin/v1/usage", params={"key": "blue-app"}).status_code == 400
        assert red.get("/admin/v1/acts").status_code == 403
    with Api(server, admin_key(server, "member", "--team", "red")) as member:
        assert member.post("/admin/v1/keys", json={"name": "new"}).json()["team"].startswith("team_")
        assert member.post("/admin/v1/keys", json={"name": "other", "team": "blue"}).status_code == 400


def test_every_change_is_in_the_record_with_who_made_it(server, owner):
    me = owner.get("/admin/v1/whoami").json()
    owner.post("/admin/v1/teams", json={"name": "red"})
    owner.post("/admin/v1/keys", json={"name": "app", "team": "red"})
    owner.post("/admin/v1/limits", json={"scope": "key", "subject": "app", "rpm": 5})
    other = owner.post("/admin/v1/administrators", json={"name": "second", "role": "viewer"}).json()
    owner.delete(f"/admin/v1/administrators/{other['id']}")
    assert [one["name"] for one in owner.get("/admin/v1/administrators", params={"revoked": True}).json()["data"]][-1] == "second"
    acts = owner.get("/admin/v1/acts", params={"limit": 5}).json()
    done = [entry["act"]["act"] for entry in acts["data"]]
    assert done == ["admin_key_revoked", "admin_key_created", "limit_set", "key_created", "team_created"]
    assert {entry["act"]["by"] for entry in acts["data"]} == {me["id"]}
    older = owner.get("/admin/v1/acts", params={"cursor": acts["next"]}).json()
    assert older["data"][0]["number"] < acts["data"][-1]["number"]
    assert "os_user_id" in older["data"][0]["act"], "the command line's have the operating system's user"


def test_a_request_that_comes_again_does_nothing_again(owner):
    first = owner.post("/admin/v1/keys", json={"name": "app"}, headers={"idempotency-key": "one"})
    again = owner.post("/admin/v1/keys", json={"name": "app"}, headers={"idempotency-key": "one"})
    assert (again.status_code, again.json()["id"], again.json()["key"]) == (201, first.json()["id"], None)
    assert again.headers["idempotency-replayed"] == "true"
    assert owner.post("/admin/v1/keys", json={"name": "b"}, headers={"idempotency-key": "one"}).status_code == 409


def test_prices_are_listed_explained_and_compared(owner):
    page = owner.get("/admin/v1/prices", params={"provider": "openai", "limit": 2}).json()
    assert len(page["data"]) == 2 and page["next"]
    answer = json.loads(recorder.openai_answer(prompt=1000, completion=10))
    bill = owner.post("/admin/v1/prices/explain", params={"provider": "acme", "model": "m"}, content=json.dumps(answer)).json()
    assert bill["state"] == "metered" and bill["total_usd"] and len(bill["lines"]) >= 2
    catalogue = {"gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}}
    review = owner.post("/admin/v1/prices/compare", params={"format": "litellm"}, content=json.dumps(catalogue)).json()
    assert review["applied"] is False and review["added"] + review["changed"] + review["same"] >= 1
    assert owner.post("/admin/v1/prices/compare", content=b"no catalogue").status_code == 400


def test_models_and_health_are_to_be_looked_at(owner):
    models = owner.get("/admin/v1/models", params={"provider": "acme"}).json()
    assert [route["candidates"] for route in models["routes"] if route["name"] == "small"] == [["acme/small"]]
    assert owner.get("/admin/v1/health").json()["ready"] is True


def test_a_page_elsewhere_and_a_name_of_nobody_are_refused(server):
    key = admin_key(server)
    with Api(server, key) as api:
        assert api.get("/admin/v1/whoami", headers={"origin": "https://evil.example"}).status_code == 403
        assert api.get("/admin/v1/whoami", headers={"origin": "null"}).status_code == 403
        assert api.get("/admin/v1/whoami", headers={"host": "evil.example"}).status_code == 403
        assert api.get("/admin/v1/whoami", headers={"origin": server.url}).status_code == 200


def test_bodies_have_a_bound_and_who_is_not_let_in_is_not_read(server, owner):
    large = b'{"name":"' + b"a" * 300_000 + b'"}'
    assert owner.post("/admin/v1/keys", content=large).status_code == 413
    with Api(server) as nobody:
        assert nobody.post("/admin/v1/prices/compare", content=b"x" * 1_000_000).status_code == 401


def test_it_has_an_address_of_its_own_when_the_configuration_says_so(serve):
    server = serve({"admin": {"listen": "127.0.0.1:0"}})
    own = eventually(lambda: re.search(r'administration listens","address":"([^"]+)"', server.log()), "its address in the log").group(1)
    key = admin_key(server)
    assert httpx.get(f"{server.url}/admin/v1/whoami", headers={"authorization": f"Bearer {key}"}).status_code == 404
    with Api(server, key, url=f"http://{own}") as api:
        assert api.get("/admin/v1/whoami").json()["role"] == "owner"
    assert httpx.get(f"http://{own}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code == 404
    assert server.stop() == 0


def test_it_can_be_turned_off(serve):
    server = serve({"admin": {"enabled": False}})
    assert httpx.get(f"{server.url}/admin/v1/whoami", headers={"authorization": f"Bearer {admin_key(server)}"}).status_code == 404


def test_every_operation_has_been_answered_well_and_checked():
    """Last in this file, whose tests run in one process (tests/run.sh): what no test above has asked successfully is not shown to work."""
    missing = {(method, path) for method, path, _ in OPERATIONS} - COVERED
    if len(COVERED) < 5:
        pytest.skip("the tests above have not run")
    assert not missing, f"no test has seen a good answer of {missing}"

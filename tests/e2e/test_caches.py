"""Google's cached contents: kept by Google AI or in an account of Google Cloud, and known to their tenant alone."""

import itertools
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from google import genai
from google.genai import errors, types

from harness import recorder
from harness.clients import google_client, http_client
from harness.mock_config import PRICES, openai_vendor
from harness.node import run_node
from harness.wait import eventually

ACCOUNT = "/v1/projects/p/locations/eu"
TOKEN = json.dumps({"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}).encode()
SYSTEM = "You know this book by heart."


class Google:
    """Caches of two accounts: of Google AI below /v1beta, and of Google Cloud below its project. Lists have two on a page."""

    def __init__(self):
        self.numbers = itertools.count(1)
        self.caches = {"": {}, "projects/42/locations/eu/": {}}
        self.recorder = recorder.Recorder()
        self.recorder.answer = self.answer

    def answer(self, request, connection):
        if request.path == "/token":
            connection.send(recorder.ok(TOKEN))
            return
        status, body = self.serve(request)
        kind = "text/event-stream" if isinstance(body, bytes) else "application/json"
        connection.send(recorder.ok(body if isinstance(body, bytes) else json.dumps(body).encode(), content_type=kind, status=status))

    def serve(self, request):
        url, method = urlsplit(request.path), request.line.split(" ")[0]
        # Google Cloud names projects by their numbers, whatever they were asked by.
        account, prefix = ("projects/42/locations/eu/", ACCOUNT) if url.path.startswith(ACCOUNT) else ("", "/v1beta")
        things, path = self.caches[account], url.path.removeprefix(prefix)
        if not path.startswith("/cachedContents"):
            return self.generate(request, path, account)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        one = path.removeprefix("/cachedContents").removeprefix("/")
        if not one and method == "POST":
            asked = request.json()
            name = f"{account}cachedContents/c{next(self.numbers):02}"
            things[name] = {"name": name, "model": asked["model"], "displayName": asked.get("displayName", ""), "createTime": "2026-11-27T00:00:00Z",
                            "updateTime": "2026-11-27T00:00:00Z", "expireTime": "2096-11-27T01:00:00.5Z", "usageMetadata": {"totalTokenCount": 32768}}
            return "200 OK", things[name]
        if not one:
            first, size = int(query.get("pageToken", "at-0").removeprefix("at-")), min(int(query.get("pageSize", 2)), 2)
            page = list(things.values())[first:first + size]
            more = {"nextPageToken": f"at-{first + size}"} if first + size < len(things) else {}
            return "200 OK", {**({"cachedContents": page} if page else {}), **more}
        name = f"{account}cachedContents/{one}"
        if name not in things:
            return "404 Not Found", {"error": {"code": 404, "message": "no such cache", "status": "NOT_FOUND"}}
        if method == "DELETE":
            del things[name]
            return "200 OK", {}
        if method == "PATCH":
            things[name] = {**things[name], "expireTime": "2096-11-28T00:00:00Z", "asked": [query.get("updateMask"), request.json()]}
        return "200 OK", things[name]

    def generate(self, request, path, account):
        asked = request.json()
        whole = asked.get("generateContentRequest", asked)
        name = whole.get("cachedContent", "")
        known = name.replace("projects/p/", "projects/42/")
        if name and known not in self.caches[account]:
            return "403 Forbidden", {"error": {"code": 403, "message": f"no permission for {name}", "status": "PERMISSION_DENIED"}}
        if path.endswith(":countTokens"):
            return "200 OK", {"totalTokens": 32775, "cachedContentTokenCount": 32768}
        answer = {"candidates": [{"content": {"role": "model", "parts": [{"text": f"from {name or 'nothing'}"}]}, "finishReason": "STOP", "index": 0}],
                  "usageMetadata": {"promptTokenCount": 32775, "cachedContentTokenCount": 32768, "candidatesTokenCount": 5, "totalTokenCount": 32780},
                  "modelVersion": "gemini-mock", "responseId": "r1"}
        return "200 OK", b"data: " + json.dumps(answer).encode() + b"\r\n\r\n" if "stream" in path else answer


@pytest.fixture
def google():
    side = Google()
    yield side
    side.recorder.stop()


@pytest.fixture
def server(serve, google, service_account):
    side = google.recorder
    return serve({"providers": {
        "gemini": {"base_url": f"{side.url}/v1beta", "api_key": "vendor-key-of-gemini", "models": ["gemini-mock"], "prices": {"*": PRICES}},
        "vertex": {"base_url": f"{side.url}{ACCOUNT}/publishers/google", "google_key_file": str(service_account(f"{side.url}/token")),
                   "models": ["gemini-mock"], "prices": {"*": PRICES}},
        "oai": openai_vendor(side.url)},
        "models": {"book": ["oai/gpt-mock", "vertex/gemini-mock", "gemini/gemini-mock"]}})


@pytest.fixture
def client_of(server):
    made = []

    def make(key=None):
        made.append(google_client(server, key or server.create_key()))
        return made[-1]
    yield make
    for one in made:
        one.close()


def made_of(client, model="gemini/gemini-mock", **config):
    return client.caches.create(model=model, config=types.CreateCachedContentConfig(
        contents="a long book", system_instruction=SYSTEM, ttl="3600s", **config))


def sent(google):
    """The last request that was not for a token."""
    return [request for request in google.recorder.requests if request.path != "/token"][-1]


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_a_cache_is_made_read_prolonged_and_deleted(client_of, google, provider):
    client = client_of()
    cache = made_of(client, f"{provider}/gemini-mock", display_name="book")
    account = "projects/p/locations/eu/publishers/google/" if provider == "vertex" else ""
    path = f"{ACCOUNT}/cachedContents" if provider == "vertex" else "/v1beta/cachedContents"
    request = sent(google)
    assert (request.path, request.json()["model"]) == (path, f"{account}models/gemini-mock")
    assert request.json()["systemInstruction"]["parts"][0]["text"] == SYSTEM and request.json()["ttl"] == "3600s"
    assert request.header("authorization" if provider == "vertex" else "x-goog-api-key") in ("Bearer ya29.token", "vendor-key-of-gemini")
    # No account is told, and the model's name is one that can be asked for.
    assert (cache.name, cache.model) == ("cachedContents/c01", f"models/{provider}/gemini-mock")
    assert (cache.display_name, cache.usage_metadata.total_token_count) == ("book", 32768)
    assert client.caches.get(name=cache.name).model == cache.model
    assert client.caches.update(name=cache.name, config=types.UpdateCachedContentConfig(ttl="7200s")).expire_time.day == 28
    assert sent(google).line.startswith("PATCH ") and sent(google).json() == {"ttl": "7200s"}
    client.caches.delete(name=cache.name)
    assert sent(google).path == f"{path}/c01" and not any(google.caches.values())
    with pytest.raises(errors.ClientError) as gone:
        client.caches.get(name=cache.name)
    assert gone.value.code == 404


@pytest.mark.parametrize("provider, name", [("gemini", "cachedContents/c01"), ("vertex", "projects/p/locations/eu/cachedContents/c01")])
@pytest.mark.parametrize("asked_for", ["cache.model", "book"])
def test_a_request_that_names_a_cache_goes_where_the_cache_is(client_of, provider, name, asked_for):
    client = client_of()
    cache = made_of(client, f"{provider}/gemini-mock")
    model = cache.model if asked_for == "cache.model" else asked_for
    config = types.GenerateContentConfig(cached_content=cache.name)
    answer = client.models.generate_content(model=model, contents="Who is it?", config=config)
    assert answer.text == f"from {name}" and answer.usage_metadata.cached_content_token_count == 32768
    assert "".join(chunk.text or "" for chunk in client.models.generate_content_stream(model=model, contents="Who?", config=config)) == f"from {name}"


@pytest.mark.parametrize("member", ["cachedContent", "cached_content"])
def test_tokens_are_counted_with_the_cache(server, client_of, google, member):
    key = server.create_key()
    cache = made_of(client_of(key), "vertex/gemini-mock")
    body = {"generateContentRequest": {"model": "models/vertex/gemini-mock", "contents": [{"parts": [{"text": "hi"}]}], member: cache.name}}
    with http_client(server, key) as client:
        answer = client.post("/v1beta/models/vertex/gemini-mock:countTokens", json=body)
    assert answer.status_code == 200 and answer.json()["totalTokens"] == 32775, answer.text
    assert sent(google).json()["generateContentRequest"][member] == "projects/p/locations/eu/cachedContents/c01"


def test_nobody_else_knows_of_it(server, client_of, google):
    owner, other = client_of(), client_of()
    cache = made_of(owner)
    asked = len(google.recorder.requests)
    answers = set()
    for unknown in (cache.name, "cachedContents/never", "cachedContents/", "projects/p/locations/eu/cachedContents/c01"):
        config = types.GenerateContentConfig(cached_content=unknown)
        calls = [lambda: other.models.generate_content(model="gemini/gemini-mock", contents="Who?", config=config),
                 lambda: list(other.models.generate_content_stream(model="gemini/gemini-mock", contents="Who?", config=config))]
        if unknown.count("/") == 1 and not unknown.endswith("/"):
            calls += [lambda: other.caches.get(name=unknown), lambda: other.caches.delete(name=unknown),
                      lambda: other.caches.update(name=unknown, config=types.UpdateCachedContentConfig(ttl="1s"))]
        for call in calls:
            with pytest.raises(errors.ClientError) as refused:
                call()
            assert refused.value.code == 404, refused.value
            answers.add(refused.value.message.replace(unknown.rpartition("/")[2] or unknown, "ID").replace(unknown.rpartition("/")[0] + "/", ""))
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    with http_client(server, server.create_key()) as client:
        # Escaped, in the proto's spelling, within a request to be counted, and twice.
        for hidden in (json.dumps({**body, "cachedContent": cache.name}).replace("cachedC", "\\u0063achedC"), json.dumps({**body, "cached_content": cache.name})):
            assert client.post("/v1beta/models/gemini/gemini-mock:generateContent", content=hidden).status_code == 404
        counted = json.dumps({"generateContentRequest": {**body, "cachedContent": cache.name}})
        assert client.post("/v1beta/models/gemini/gemini-mock:countTokens", content=counted).status_code == 404
        twice = json.dumps({**body, "cachedContent": cache.name, "cached_content": "cachedContents/c02"})
        assert client.post("/v1beta/models/gemini/gemini-mock:generateContent", content=twice).status_code == 400
    assert len(google.recorder.requests) == asked
    assert owner.caches.get(name=cache.name).name == cache.name


def test_a_list_has_the_callers_own_over_all_pages(client_of):
    owner, other = client_of(), client_of()
    assert list(owner.caches.list()) == []
    own = []
    for number in range(7):
        made = made_of(owner if number % 3 == 0 else other)
        if number % 3 == 0:
            own.append(made.name)
    listed = list(owner.caches.list(config=types.ListCachedContentsConfig(page_size=2)))
    assert [one.name for one in listed] == own and {one.model for one in listed} == {"models/gemini/gemini-mock"}
    assert list(client_of().caches.list()) == []


def test_another_providers_model_cannot_have_it(client_of):
    client = client_of()
    cache = made_of(client)
    for model in ("oai/gpt-mock", "vertex/gemini-mock"):
        with pytest.raises(errors.ClientError) as refused:
            client.models.generate_content(model=model, contents="Who?", config=types.GenerateContentConfig(cached_content=cache.name))
        assert refused.value.code == 400 and "keeps" in refused.value.message, refused.value


def test_who_makes_a_cache_must_name_a_model_that_can_have_one(server, client_of, google):
    client = client_of()
    for model, code in (("oai/gpt-mock", 404), ("nobody/gemini-mock", 404)):
        with pytest.raises(errors.ClientError) as refused:
            made_of(client, model)
        assert refused.value.code == code and "model" in refused.value.message
    with http_client(server, server.create_key()) as plain:
        assert plain.post("/v1beta/cachedContents", json={"contents": []}).status_code == 400
        assert plain.put("/v1beta/cachedContents/c01", json={}).status_code in (404, 405)
        assert plain.get("/v1beta/cachedContents/a%2Fb").status_code == 404
    assert not google.recorder.requests


def test_a_route_makes_it_where_a_cache_can_be(client_of, google):
    assert made_of(client_of(), "book").model == "models/vertex/gemini-mock"


def test_both_versions_of_the_path_are_the_same(server):
    key = server.create_key()
    with http_client(server, key) as client:
        body = {"model": "models/gemini/gemini-mock", "contents": [{"parts": [{"text": "a long book"}]}]}
        name = client.post("/v1/cachedContents", json=body).json()["name"]
        assert client.get(f"/v1beta/{name}").json()["name"] == client.get(f"/v1/{name}").json()["name"] == name
        assert client.get("/v1/cachedContents").json()["cachedContents"][0]["name"] == name
        assert client.delete(f"/v1/{name}").json() == {}
        refused = client.get(f"/v1/{name}")
    assert refused.status_code == 404 and refused.json()["error"]["status"] == "NOT_FOUND"


def test_restricted_data_is_not_cached_and_a_budget_buys_no_cache(server, client_of, google):
    for key, said in ((server.create_key(data_class="restricted"), "self-hosted"), (server.create_key("thrifty", budget="1"), "price")):
        with pytest.raises(errors.ClientError, match=said) as refused:
            made_of(client_of(key))
        assert refused.value.code == 403
    assert not google.recorder.requests


def test_the_ledger_says_that_nobody_knows_the_price(server, client_of):
    made_of(client_of(server.create_key("maker")))
    used = eventually(lambda: (row := server.usage_of("maker"))["requests"] and row, "the ledger")
    assert used["unpriced"] == 1, used


def test_the_node_sdk_finds_what_is_kept_for_it(server, google, tmp_path):
    run_node("caches.test.mjs", tmp_path, SLUICE_URL=server.url, SLUICE_KEY=server.create_key(), SLUICE_OTHER_KEY=server.create_key())
    assert "sk-sluice" not in str([request.head for request in google.recorder.requests])

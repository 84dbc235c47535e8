"""Google's batches, which are their tenant's alone, and its tuned models, which are the account's."""

import io
import json

import pytest
from google.genai import errors, types

from harness import recorder
from harness.clients import google_client, http_client
from harness.google_keeper import ANSWER, BOOK, GoogleKeeper
from harness.mock_config import PRICES, cost_pico, gemini_vendor, openai_vendor
from harness.node import run_node
from harness.wait import eventually

MODEL = "gemini/gemini-mock"
INLINE = [{"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "metadata": {"key": "one"}}]


@pytest.fixture
def google():
    side = GoogleKeeper()
    yield side
    side.recorder.stop()


@pytest.fixture
def server(serve, google, service_account):
    side = google.recorder
    return serve({"providers": {
        "gemini": gemini_vendor(side.url), "oai": openai_vendor(side.url),
        "vertex": {"base_url": f"{side.url}/v1/projects/p/locations/eu/publishers/google", "google_key_file": str(service_account(f"{side.url}/token")),
                   "models": ["gemini-mock"], "prices": {"*": PRICES}}},
        "models": {"any": ["oai/gpt-mock", "vertex/gemini-mock", MODEL]}})


@pytest.fixture
def client_of(server):
    made = []

    def make(key=None):
        made.append(google_client(server, key or server.create_key()))
        return made[-1]
    yield make
    for one in made:
        one.close()


def uploaded(client, lines):
    content = b"\n".join(json.dumps(line).encode() for line in lines)
    return client.files.upload(file=io.BytesIO(content), config=types.UploadFileConfig(mime_type="application/jsonl"))


def line_about(text, **members):
    return {"key": "one", "request": {"contents": [{"role": "user", "parts": [{"text": text}]}], **members}}


def line_with_file(uri):
    return {"key": "one", "request": {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": uri, "mimeType": "text/plain"}}]}]}}


def refused(call, code=404):
    with pytest.raises(errors.ClientError) as error:
        call()
    assert error.value.code == code, error.value
    return error.value.message


@pytest.mark.parametrize("model", [MODEL, "any"])
def test_a_batch_is_made_looked_at_listed_cancelled_and_deleted(client_of, google, model):
    client = client_of()
    job = client.batches.create(model=model, src=INLINE, config={"display_name": "night"})
    [request] = google.recorder.requests
    assert request.path == "/v1beta/models/gemini-mock:batchGenerateContent" and request.header("x-goog-api-key") == "vendor-key-of-gemini"
    assert request.json()["batch"]["displayName"] == "night"
    assert (job.name, job.display_name, job.model) == ("batches/b01", "night", "models/gemini/gemini-mock")
    same = client.batches.get(name=job.name)
    assert same.state == types.JobState.JOB_STATE_SUCCEEDED and same.model == job.model
    [answer] = same.dest.inlined_responses
    assert answer.response.text == "pong" and answer.metadata == {"key": "one"}
    assert [(one.name, one.model) for one in client.batches.list()] == [(job.name, job.model)]
    client.batches.cancel(name=job.name)
    assert client.batches.get(name=job.name).state == types.JobState.JOB_STATE_CANCELLED
    client.batches.delete(name=job.name)
    assert not google.batches
    refused(lambda: client.batches.get(name=job.name))


def test_the_requests_of_a_batch_name_its_model_in_the_providers_words_or_none(client_of, google):
    client = client_of()
    client.batches.create(model=MODEL, src=[{**INLINE[0], "model": MODEL}, INLINE[0]])
    first, second = google.recorder.requests[-1].json()["batch"]["inputConfig"]["requests"]["requests"]
    assert first["request"]["model"] == "models/gemini-mock" and "model" not in second["request"]
    asked = len(google.recorder.requests)
    assert "another model" in refused(lambda: client.batches.create(model=MODEL, src=[{**INLINE[0], "model": "gemini/other"}]), 400)
    assert len(google.recorder.requests) == asked


def test_embeddings_in_a_batch(client_of, google):
    client = client_of()
    job = client.batches.create_embeddings(model=MODEL, src={"inlined_requests": {"contents": ["Hello"]}})
    assert google.recorder.requests[-1].path == "/v1beta/models/gemini-mock:asyncBatchEmbedContent"
    assert client.batches.get(name=job.name).name == job.name


def test_requests_from_a_file_and_their_results_in_another(client_of, google):
    owner, other = client_of(), client_of()
    source = uploaded(owner, [line_about("Hello")])
    job = owner.batches.create(model=MODEL, src=source.name)
    assert google.recorder.requests[-1].json()["batch"]["inputConfig"]["fileName"] == source.name
    results = owner.batches.get(name=job.name).dest.file_name
    assert owner.files.download(file=results) == BOOK
    for call in (lambda: other.files.download(file=results), lambda: other.files.get(name=results), lambda: other.batches.create(model=MODEL, src=source.name)):
        refused(call)


def test_batches_are_their_tenants_alone(server, client_of, google):
    mine, same, other = (client_of(server.create_key(tenant=tenant)) for tenant in ("a", "a", "b"))
    jobs = [client.batches.create(model=MODEL, src=INLINE) for client in (mine, other, mine, other, mine)]
    assert [job.name for job in same.batches.list()] == [jobs[n].name for n in (0, 2, 4)]
    assert [job.name for job in other.batches.list()] == [jobs[n].name for n in (1, 3)]
    before = len(google.recorder.requests)
    for call in (other.batches.get, other.batches.cancel, other.batches.delete):
        assert refused(lambda: call(name=jobs[0].name)).replace(jobs[0].name[8:], "ID") == refused(lambda: call(name="batches/never")).replace("never", "ID")
    assert len(google.recorder.requests) == before, "nothing of this reached Google"
    same.batches.cancel(name=jobs[0].name)


def test_what_a_batch_names_is_its_owners(server, client_of, google):
    owner, other = client_of(), client_of()
    secret = owner.files.upload(file=io.BytesIO(BOOK), config=types.UploadFileConfig(mime_type="text/plain"))
    inline = [{"contents": [{"role": "user", "parts": [{"file_data": {"file_uri": secret.uri, "mime_type": "text/plain"}}]}]}]
    assert owner.batches.create(model=MODEL, src=inline).name
    assert owner.batches.create(model=MODEL, src=uploaded(owner, [line_with_file(secret.uri)]).name).name
    stolen = [uploaded(other, [line_about("Hello"), line]) for line in
              (line_with_file(secret.uri), line_about("Hello", cachedContent="cachedContents/c1"), line_with_file(secret.uri)["request"])]
    before = len(google.recorder.requests)
    refused(lambda: other.batches.create(model=MODEL, src=inline))
    for source in stolen:
        assert "not known to be the caller's" in refused(lambda: other.batches.create(model=MODEL, src=source.name), 400)
    with http_client(server, server.create_key()) as client:
        for spelt in ({"batch": {"input_config": {"file_name": secret.name}}}, {"batch": {"inputConfig": {"fileName": secret.uri}}},
                      {"batch": {"input_config": {"requests": {"requests": [{"request": {"cached_content": "cachedContents/c1"}}]}}}}):
            assert client.post(f"/v1beta/models/{MODEL}:batchGenerateContent", json=spelt).status_code == 404, spelt
    assert len(google.recorder.requests) == before


def test_requests_that_came_in_pieces_are_not_known_to_be_the_callers(client_of, google):
    client = client_of()
    filler = line_about("x" * 100_000)
    source = uploaded(client, [filler] * 100)  # more than the 8 MB that the SDK sends at once
    assert len(google.recorder.requests) == 3
    assert "one piece" in refused(lambda: client.batches.create(model=MODEL, src=source.name), 400)


def test_a_budget_buys_no_batch_and_other_keys_have_one_without_a_price(server, client_of, google):
    thrifty = client_of(server.create_key("thrifty", budget="1"))
    assert "price" in refused(lambda: thrifty.batches.create(model=MODEL, src=INLINE), 403)
    assert not google.recorder.requests
    client = client_of(server.create_key("free"))
    job = client.batches.create(model=MODEL, src=INLINE)
    client.batches.get(name=job.name)
    used = eventually(lambda: (row := server.usage_of("free"))["requests"] == 2 and row, "the ledger")
    assert (used["unpriced"], used["cost_usd"]) == (1, 0)


def test_google_cloud_has_its_batches_in_buckets(client_of, google):
    client = client_of()
    assert "there is no model 'vertex/gemini-mock'" in refused(lambda: client.batches.create(model="vertex/gemini-mock", src=INLINE))
    assert not google.recorder.requests


def test_a_key_for_restricted_data_makes_no_batch(server, client_of, google):
    client = client_of(server.create_key(data_class="restricted"))
    refused(lambda: client.batches.create(model=MODEL, src=INLINE), 403)
    assert not google.recorder.requests


def test_batches_without_a_version_of_googles_own(server, google):
    with http_client(server) as client:
        client.headers["x-goog-api-key"] = server.create_key()
        made = client.post(f"/v1/models/{MODEL}:batchGenerateContent", json={"batch": {"inputConfig": {"requests": {"requests": []}}}})
        assert made.status_code == 200, made.text
        assert client.get(f"/v1/{made.json()['name']}").json()["name"] == made.json()["name"]
        for method, path in (("POST", "/v1/batches"), ("GET", "/v1/batches/b01:cancel"), ("POST", "/v1/batches/b01"), ("DELETE", "/v1/batches")):
            assert client.request(method, path, json={}).status_code == 404, (method, path)
        assert client.get(f"/v1/models/{MODEL}:batchGenerateContent").status_code == 405


def test_tuned_models_are_listed_looked_at_and_asked(server, client_of, google):
    tuned = {"name": "tunedModels/poet-1", "displayName": "Poet", "baseModel": "models/gemini-mock", "state": "ACTIVE"}

    def answer(request, connection):
        body = ANSWER if request.path.endswith(":generateContent") else {"tunedModels": [tuned]} if "/poet-1" not in request.path else tuned
        connection.send(recorder.ok(json.dumps(body).encode()))
    google.recorder.answer = answer
    client = client_of(server.create_key("poets"))
    assert [model.name for model in client.models.list(config={"query_base": False})] == ["tunedModels/poet-1"]
    assert client.models.get(model="tunedModels/poet-1").display_name == "Poet"
    assert client.models.generate_content(model="tunedModels/poet-1", contents="Hello").text == "pong"
    assert client.models.generate_content(model="models/gemini/tunedModels/poet-1", contents="Hello").text == "pong"
    assert [request.path.split("?")[0] for request in google.recorder.requests] == [
        "/v1beta/tunedModels", "/v1beta/tunedModels/poet-1", "/v1beta/tunedModels/poet-1:generateContent", "/v1beta/tunedModels/poet-1:generateContent"]
    used = eventually(lambda: (row := server.usage_of("poets"))["requests"] == 4 and row, "the ledger")
    assert used["cost_usd"] * 10**12 == 2 * cost_pico(9, 5)
    with http_client(server, server.create_key()) as plain:
        assert plain.post("/v1/tunedModels/poet-1:generateContent", json={"contents": [{"parts": [{"text": "Hello"}]}]}).status_code == 200
        for method in ("DELETE", "PATCH", "POST"):
            assert plain.request(method, "/v1beta/tunedModels/poet-1", json={}).status_code == 404


def test_the_sdk_for_node_does_all_of_it(server, google, tmp_path):
    run_node("google_batches.test.mjs", tmp_path, SLUICE_URL=server.url, SLUICE_KEY=server.create_key(), SLUICE_OTHER_KEY=server.create_key())
    assert not google.batches

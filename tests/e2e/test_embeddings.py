"""Embeddings between OpenAI's API and Gemini's: either client, either provider, one price."""

import base64
import json
import struct

import pytest

from harness import recorder
from harness.clients import http_client, openai_client
from harness.mock_config import gemini_vendor, openai_vendor
from harness.wait import eventually

VECTORS = [[0.1, -0.25, 1e-7], [0.5, 0.0, -1.0]]
GEMINI = json.dumps({"embeddings": [{"values": vector} for vector in VECTORS]}).encode()
OPENAI = json.dumps({"object": "list", "model": "m", "usage": {"prompt_tokens": 8, "total_tokens": 8},
                     "data": [{"object": "embedding", "index": i, "embedding": VECTORS[i]} for i in (1, 0)]}).encode()


def texts(*words):
    return {"requests": [{"model": "models/x/m", "content": {"parts": [{"text": word}]}} for word in words]}


@pytest.fixture
def goog():
    provider = recorder.Recorder()
    provider.answer = recorder.fixed(recorder.ok(GEMINI))
    yield provider
    provider.stop()


@pytest.fixture
def oai():
    provider = recorder.Recorder()
    provider.answer = recorder.fixed(recorder.ok(OPENAI))
    yield provider
    provider.stop()


@pytest.fixture
def server(serve, goog, oai):
    return serve({"providers": {"goog": gemini_vendor(goog.url), "oai": openai_vendor(oai.url)}})


def test_openais_client_embeds_with_gemini(server, goog):
    with openai_client(server, server.create_key("embeds", budget="1")) as client:
        answer = client.embeddings.create(model="goog/m", input=["ping", "pong"], dimensions=3)
        floats = client.embeddings.create(model="goog/m", input=["ping", "pong"], encoding_format="float")
    assert goog.requests[0].path == "/v1beta/models/m:batchEmbedContents"
    assert goog.requests[0].json() == {"requests": [
        {"model": "models/m", "content": {"parts": [{"text": word}]}, "outputDimensionality": 3} for word in ("ping", "pong")]}
    for got in (answer, floats):
        assert [one.embedding for one in got.data] == [pytest.approx(vector) for vector in VECTORS]
        assert (got.usage.prompt_tokens, got.model) == (2, "m")
    used = eventually(lambda: (row := server.usage_of("embeds"))["requests"] == 2 and row, "the ledger")
    assert (used["requests"], used["input_tokens"], used["output_tokens"]) == (2, 4, 0) and used["cost_usd"] > 0


def test_base64_is_little_endian_float32(server, goog):
    goog.answer = recorder.fixed(recorder.ok(json.dumps({"embeddings": [{"values": VECTORS[0]}], "usageMetadata": {"promptTokenCount": 5}}).encode()))
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/embeddings", json={"model": "goog/m", "input": "ping", "encoding_format": "base64", "user": "u"})
    packed = base64.b64decode(answer.json()["data"][0]["embedding"])
    assert struct.unpack("<3f", packed) == pytest.approx(VECTORS[0])
    assert answer.json()["usage"] == {"prompt_tokens": 5, "total_tokens": 5} and "x-sluice-estimated" not in answer.headers
    assert answer.headers["x-sluice-dropped-params"] == "user"


@pytest.mark.parametrize(("body", "param"), [({"input": [1, 2]}, "input[0]"), ({"input": [[1], [2]]}, "input[0]"),
                                            ({"input": "x", "dimensions": 0}, "dimensions"), ({"input": "x", "encoding_format": "hex"}, "encoding_format")])
def test_what_gemini_cannot_embed_is_refused_by_name(server, goog, body, param):
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/embeddings", json={"model": "goog/m", **body})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param) and not goog.requests


def test_an_answer_with_too_few_vectors_is_no_answer(server, goog):
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1/embeddings", json={"model": "goog/m", "input": ["a", "b", "c"]})
    assert answer.status_code == 502 and "2 embeddings for 3 inputs" in answer.text


def test_geminis_client_and_provider_understand_each_other(server, goog):
    body = b'{ "content":{"parts":[{"text":"ping"}]}, "model":"models/goog/m", "taskType":"CLUSTERING"}'
    goog.answer = recorder.fixed(recorder.ok(b'{"embedding":{"values":[1]}}'))
    with http_client(server, server.create_key()) as client:
        answer = client.post("/v1beta/models/goog/m:embedContent", content=body, headers={"content-type": "application/json"})
        client.post("/v1beta/models/goog/m:batchEmbedContents", json=texts("a", "b"))
    assert answer.content == b'{"embedding":{"values":[1]}}' and answer.headers["x-sluice-cost-usd"]
    assert (goog.requests[0].path, goog.requests[0].body) == ("/v1beta/models/m:embedContent", body.replace(b"goog/m", b"m"))
    assert [one["model"] for one in goog.requests[1].json()["requests"]] == ["models/m", "models/m"]


def test_geminis_client_embeds_with_openais_api(server, oai):
    with http_client(server, server.create_key()) as client:
        batch = texts("a", "b")
        batch["requests"][0].update(outputDimensionality=3, taskType="CLUSTERING")
        uneven = client.post("/v1beta/models/oai/m:batchEmbedContents", json=batch)
        batch["requests"][1].update(outputDimensionality=3)
        answer = client.post("/v1beta/models/oai/m:batchEmbedContents", json=batch)
        image = client.post("/v1beta/models/oai/m:embedContent", json={"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}})
    assert uneven.status_code == 400 and "requests[1].outputDimensionality" in uneven.text
    assert image.status_code == 400 and "content.parts" in image.text
    assert [one["values"] for one in answer.json()["embeddings"]] == [pytest.approx(vector) for vector in VECTORS]
    assert answer.headers["x-sluice-dropped-params"] == "taskType"
    assert [(request.path, request.json()) for request in oai.requests] == [
        ("/v1/embeddings", {"model": "m", "input": ["a", "b"], "dimensions": 3, "encoding_format": "float"})]

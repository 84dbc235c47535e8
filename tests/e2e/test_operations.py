"""OpenAI's calls whose models stand in no catalogue: a name alone, and the API's own default, are its vendor's."""

import json

import pytest

from harness import recorder
from harness.clients import http_client, openai_client
from harness.mock_config import openai_vendor

MODERATION = {"id": "modr-1", "model": "omni-moderation-latest", "results": [
    {"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}]}
IMAGE = {"created": 1, "data": [{"b64_json": "aGk="}]}


@pytest.fixture
def server(serve, provider):
    return serve({"providers": {"openai": {"base_url": f"{provider.url}/v1", "api_key": "sk-vendor"}, "other": openai_vendor(provider.url)}})


@pytest.fixture
def client(server):
    with openai_client(server, server.create_key()) as one:
        yield one


def test_a_moderation_needs_no_model(client, provider):
    provider.answer = recorder.fixed(recorder.ok(json.dumps(MODERATION).encode()))
    answer = client.moderations.with_raw_response.create(input="x")
    assert answer.headers["x-sluice-provider"] == "openai" and answer.parse().id == "modr-1"
    assert provider.requests[0].json() == {"model": "omni-moderation-latest", "input": "x"}


@pytest.mark.parametrize("model, asked", [("gpt-image-1", "openai"), ("openai/gpt-image-1", "openai"), ("other/gpt-image-1", "other")])
def test_an_image_is_made_by_a_model_of_any_name(client, provider, model, asked):
    provider.answer = recorder.fixed(recorder.ok(json.dumps(IMAGE).encode()))
    answer = client.images.with_raw_response.generate(prompt="x", model=model)
    assert answer.headers["x-sluice-provider"] == asked and answer.parse().data[0].b64_json == "aGk="
    assert provider.requests[0].json()["model"] == "gpt-image-1" and answer.headers["x-sluice-translated"] == "false"


@pytest.mark.parametrize("call", [
    lambda client: client.images.with_raw_response.generate(prompt="x", model="other/any"),
    lambda client: client.audio.speech.with_raw_response.create(model="other/any", input="hello", voice="alloy"),
    lambda client: client.audio.transcriptions.with_raw_response.create(model="other/any", file=("a.wav", b"RIFF"))], ids=["image", "speech", "transcription"])
def test_what_is_not_counted_has_no_cost_instead_of_none(client, provider, call):
    provider.answer = recorder.fixed(recorder.ok(json.dumps({**IMAGE, "text": "hi"}).encode()))
    assert call(client).headers["x-sluice-cost-usd"] == "unpriced", "a token of output has a price, and nobody says how many there are"
    provider.answer = recorder.fixed(recorder.ok(json.dumps({**IMAGE, "text": "hi", "usage": {"input_tokens": 30, "output_tokens": 10, "total_tokens": 40}}).encode()))
    assert call(client).headers["x-sluice-cost-usd"] == "0.0004", "30 tokens at 5 USD and 10 at 25 USD a million"


def test_a_conversation_needs_a_model_that_is_known(server, provider):
    with http_client(server, server.create_key()) as http:
        answer = http.post("/v1/chat/completions", json={"model": "nobody-knows", "messages": [{"role": "user", "content": "x"}]})
        star = http.post("/v1/chat/completions", json={"model": "other/*", "messages": [{"role": "user", "content": "x"}]})
    assert (answer.status_code, star.status_code) == (404, 404) and not provider.requests

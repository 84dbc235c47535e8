"""Embeddings, legacy completions and moderations with the official SDK: passed on as they are, priced and recorded."""

import json

import openai
import pytest

from harness import recorder
from harness.clients import openai_client
from harness.wait import eventually

EMBEDDER = "mockai/text-embedding-3-small"


@pytest.fixture
def client(gateway, key):
    return openai_client(gateway, key)


def test_embeddings_come_in_both_encodings_and_in_order(client):
    # Without an encoding the SDK asks for base64 and decodes it itself.
    default = client.embeddings.create(model=EMBEDDER, input=["one", "two", "three"])
    floats = client.embeddings.create(model=EMBEDDER, input=["one", "two", "three"], encoding_format="float")
    assert [item.index for item in default.data] == [0, 1, 2]
    assert default.data[1].embedding == pytest.approx(floats.data[1].embedding, rel=1e-5)


def test_embeddings_of_tokens_with_dimensions_arrive_as_they_were_sent_and_are_recorded(recording):
    server, oai, _ = recording
    oai.forget()
    oai.answer = recorder.fixed(recorder.ok(json.dumps({
        "object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}],
        "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode()))
    key = server.create_key("embedder")
    raw = openai_client(server, key).embeddings.with_raw_response.create(
        model="oai/e", input=[[1, 2, 3]], dimensions=2, encoding_format="float", user="u")
    assert raw.parse().data[0].embedding == [0.5, -0.5]
    (request,) = oai.requests
    assert request.path == "/v1/embeddings"
    assert request.json() == {"model": "e", "input": [[1, 2, 3]], "dimensions": 2, "encoding_format": "float", "user": "u"}
    assert raw.headers["x-sluice-cost-usd"] == "0.000015"  # 3 tokens at 5 USD a million
    row = eventually(lambda: (row := server.usage_of("embedder"))["requests"] and row, "the request in the usage")
    assert (row["input_tokens"], row["output_tokens"]) == (3, 0)


def test_a_provider_without_embeddings_is_not_asked(client):
    with pytest.raises(openai.BadRequestError, match="no such call") as refused:
        client.embeddings.create(model="mockant/claude-mock", input="x")
    assert refused.value.code == "unsupported_feature" and refused.value.param == "model"


def test_moderations_pass_through(client):
    assert client.moderations.create(model="mockai/omni-moderation-latest", input="a kind word").results[0].flagged is False


def test_a_legacy_completion_goes_on_where_the_prompt_ends(engine_gateway, engine_key):
    completions = openai_client(engine_gateway, engine_key).completions
    raw = completions.with_raw_response.create(model="auto", prompt="One, two, three, four,", max_tokens=8, temperature=0)
    answer = raw.parse()
    assert answer.choices[0].text.strip() and 0 < answer.usage.completion_tokens <= 8
    assert raw.headers["x-sluice-ground"] == "self_hosted"


def test_a_legacy_completion_streams(engine_gateway, engine_key):
    completions = openai_client(engine_gateway, engine_key).completions
    chunks = list(completions.create(model="auto", prompt="One, two, three, four,", max_tokens=8, temperature=0, stream=True,
                                     stream_options={"include_usage": True}))
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices).strip()
    assert chunks[-1].usage.completion_tokens <= 8

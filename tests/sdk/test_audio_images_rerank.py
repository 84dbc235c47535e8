"""Sound, images and rerank with the official SDK: forms and bytes pass as they are, priced where the provider tells its usage."""

import json

import httpx
import openai
import pytest

from harness import recorder
from harness.clients import openai_client
from harness.wait import eventually

SOUND = bytes(range(256)) * 40


@pytest.fixture
def oai(recording):
    _, oai, _ = recording
    oai.forget()
    return oai


@pytest.fixture
def client(recording):
    server, _, _ = recording
    return openai_client(server, server.create_key())


def answer_with(oai, body, **arguments):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    oai.answer = recorder.fixed(recorder.ok(data, **arguments))


def test_a_transcription_sends_the_same_form_with_another_model(oai, client):
    answer_with(oai, {"text": "hello", "usage": {"type": "tokens", "input_tokens": 30, "output_tokens": 10, "total_tokens": 40}})
    raw = client.audio.transcriptions.with_raw_response.create(
        model="oai/whisper", file=("a model.wav", SOUND, "audio/wav"), language="en")
    assert raw.parse().text == "hello"
    (request,) = oai.requests
    assert request.path == "/v1/audio/transcriptions"
    boundary = request.header("content-type").partition("boundary=")[2].encode()
    parts = request.body.split(b"--" + boundary)
    assert sum(SOUND in part for part in parts) == 1
    assert any(b'name="model"' in part and part.endswith(b"\r\n\r\nwhisper\r\n") for part in parts)
    assert b"oai/whisper" not in request.body
    assert raw.headers["x-sluice-cost-usd"] == "0.0004"  # 30 tokens at 5 USD and 10 at 25 USD a million


def test_a_transcription_as_text_comes_as_text(oai, client):
    answer_with(oai, b"hello\n", content_type="text/plain; charset=utf-8")
    assert client.audio.transcriptions.create(
        model="oai/whisper", file=("a.wav", SOUND), response_format="text").strip() == "hello"


def test_a_transcription_streams_and_its_usage_is_recorded(recording, oai):
    server, _, _ = recording
    events = [b'data: {"type":"transcript.text.delta","delta":"hel"}\n\n',
              b'data: {"type":"transcript.text.done","text":"hello","usage":{"type":"tokens","input_tokens":14,"output_tokens":3,"total_tokens":17}}\n\n']
    oai.answer = recorder.streaming(events)
    client = openai_client(server, server.create_key("listener"))
    got = list(client.audio.transcriptions.create(model="oai/whisper", file=("a.wav", SOUND), stream=True))
    assert [event.type for event in got] == ["transcript.text.delta", "transcript.text.done"]
    row = eventually(lambda: (row := server.usage_of("listener"))["requests"] and row, "the request in the usage")
    assert (row["input_tokens"], row["output_tokens"]) == (14, 3)


def test_speech_comes_as_the_bytes_that_the_provider_sent(oai, client):
    answer_with(oai, SOUND, content_type="audio/mpeg")
    raw = client.audio.speech.with_raw_response.create(model="oai/tts", input="hello", voice="alloy")
    assert raw.content == SOUND and raw.headers["content-type"] == "audio/mpeg"
    assert oai.requests[0].json() == {"model": "tts", "input": "hello", "voice": "alloy"}


def test_sound_that_breaks_off_is_cut_and_gets_nothing_added(oai, client):
    def answer(request, connection):
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 999999\r\n\r\n" + SOUND)
        connection.close()

    oai.answer = answer
    with httpx.stream("POST", f"{client.base_url}audio/speech", headers={"authorization": f"Bearer {client.api_key}"},
                      json={"model": "oai/tts", "input": "x", "voice": "alloy"}) as response:
        got = b""
        with pytest.raises(httpx.RemoteProtocolError):
            for piece in response.iter_raw():
                got += piece
    assert got == SOUND


def test_images_pass_and_an_edit_without_a_model_gets_the_default(recording, oai, client):
    answer_with(oai, {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": {
        "input_tokens": 100, "output_tokens": 20, "total_tokens": 120, "input_tokens_details": {"text_tokens": 100, "image_tokens": 0}}})
    raw = client.images.with_raw_response.generate(model="oai/gpt-image-2", prompt="a cat")
    assert raw.parse().data[0].b64_json == "AAAA" and raw.headers["x-sluice-cost-usd"] == "0.001"
    client.images.edit(model="oai/gpt-image-2", image=[("a.png", SOUND), ("b.png", SOUND)], prompt="a dog")
    assert oai.requests[1].path == "/v1/images/edits" and oai.requests[1].body.count(SOUND) == 2
    with pytest.raises(openai.NotFoundError, match="dall-e-2"):
        client.images.create_variation(image=("a.png", SOUND))


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_rerank_passes_below_each_of_its_paths(recording, oai, path):
    server, _, _ = recording
    answer_with(oai, {"results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 12}})
    answer = httpx.post(server.url + path, headers={"authorization": f"Bearer {server.create_key()}"},
                        json={"model": "oai/rerank-v4", "query": "q", "documents": ["a", "b"]})
    assert answer.json()["results"][0]["index"] == 1 and answer.headers["x-sluice-cost-usd"] == "0.00006"
    assert oai.requests[0].path == "/v1/rerank"


def test_a_form_that_cannot_be_read_is_refused_before_anybody_is_called(recording, oai):
    server, _, _ = recording
    headers = {"authorization": f"Bearer {server.create_key()}", "content-type": "multipart/form-data; boundary=b"}
    for body, said in [(b"--b\r\n", "the form cannot be read"), (b"--b--\r\n", "model")]:
        answer = httpx.post(f"{server.url}/v1/audio/transcriptions", headers=headers, content=body)
        assert answer.status_code == 400 and said in answer.json()["error"]["message"], answer.text
    assert not oai.requests

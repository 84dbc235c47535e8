"""Google's official Python SDK over a provider of its own dialect and over three that are not."""

import pytest
from google.genai import errors, types

from harness.clients import WEATHER_SCHEMA, google_client

TEXT = "Hello from the mock, in more than one chunk"
FOREIGN = ["mockai/gpt-mock", "mockant/claude-mock", "mockresp/gpt-mock"]
every_provider = pytest.mark.parametrize("model", ["mockgem/gemini-mock", *FOREIGN])
WEATHER = types.Tool(function_declarations=[
    types.FunctionDeclaration(name="get_weather", description="The weather in a city", parameters_json_schema=WEATHER_SCHEMA)])


@pytest.fixture
def models(gateway, key):
    client = google_client(gateway, key)
    yield client.models
    client.close()


@every_provider
def test_text_with_usage(models, model):
    answer = models.generate_content(model=model, contents="Hello")
    assert answer.text == TEXT and answer.candidates[0].finish_reason == types.FinishReason.STOP
    assert (answer.usage_metadata.prompt_token_count, answer.usage_metadata.candidates_token_count) == (7, 5)


@every_provider
def test_a_stream_comes_in_pieces_and_ends_with_usage(models, model):
    chunks = list(models.generate_content_stream(model=model, contents="Hello"))
    assert "".join(chunk.text or "" for chunk in chunks) == TEXT
    assert sum(1 for chunk in chunks if chunk.text) > 1, "the text came in one piece"
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert chunks[-1].usage_metadata.total_token_count == 12


@every_provider
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_whole_tool_loop(models, model, streamed):
    def ask(contents):
        config = types.GenerateContentConfig(tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))
        if not streamed:
            return models.generate_content(model=model, contents=contents, config=config).candidates[0].content.parts
        chunks = models.generate_content_stream(model=model, contents=contents, config=config)
        return [part for chunk in chunks for part in (chunk.candidates[0].content.parts or [])]

    conversation = [types.UserContent("What is the weather in Paris?")]
    parts = ask(conversation)
    (call,) = [part.function_call for part in parts if part.function_call]
    assert (call.name, call.args) == ("get_weather", {"city": "Paris", "unit": "celsius"})
    result = types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny, 21 degrees"}))
    conversation += [types.ModelContent([part for part in parts if part.function_call]), types.UserContent([result])]
    assert "".join(part.text or "" for part in ask(conversation)) == "It is sunny in Paris."


@pytest.mark.parametrize("model", FOREIGN)
def test_the_sdk_calls_the_function_itself_and_answers_from_its_result(models, model):
    asked = []

    def get_weather(city: str, unit: str = "celsius") -> str:
        """The weather in a city."""
        asked.append((city, unit))
        return "sunny"

    answer = models.generate_content(
        model=model, contents="What is the weather in Paris?", config=types.GenerateContentConfig(tools=[get_weather]))
    assert asked == [("Paris", "celsius")] and answer.text == "It is sunny in Paris."


@every_provider
def test_tokens_are_counted_and_longer_texts_have_more(models, model):
    short, long = (models.count_tokens(model=model, contents="river " * words).total_tokens for words in (5, 50))
    assert 0 < short < long


@pytest.mark.parametrize("model, status", [("no-such-model", 404), ("mockai/busy", 429), ("mockant/broken", 500)])
def test_errors_have_googles_shape_and_the_status(models, model, status):
    with pytest.raises(errors.APIError) as caught:
        models.generate_content(model=model, contents="Hello")
    assert caught.value.code >= 500 if status == 500 else caught.value.code == status
    assert caught.value.status and caught.value.message

"""LangChain's chat models of three vendors, and both of OpenAI's APIs, over every mock vendor."""

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

TEXT = "Hello from the mock, in more than one chunk"

CLIENTS = {
    "chat": lambda url, key, model: ChatOpenAI(base_url=f"{url}/v1", api_key=key, model=model, max_retries=0, stream_usage=True),
    "responses": lambda url, key, model: ChatOpenAI(base_url=f"{url}/v1", api_key=key, model=model, max_retries=0, use_responses_api=True),
    "anthropic": lambda url, key, model: ChatAnthropic(base_url=url, api_key=key, model=model, max_retries=0, max_tokens=64),
    "google": lambda url, key, model: ChatGoogleGenerativeAI(base_url=url, api_key=key, model=model, max_retries=0),
}


@tool
def get_weather(city: str, unit: str = "celsius") -> str:
    """The weather in a city."""
    return f"sunny in {city}, 21 degrees {unit}"


@pytest.fixture(params=["mockai/gpt-mock", "mockant/claude-mock", "mockgem/gemini-mock", "mockbed/claude-mock"])
def model(request):
    return request.param


@pytest.fixture(params=CLIENTS)
def chat(request, gateway, key, model):
    return CLIENTS[request.param](gateway.url, key, model)


def test_text_and_its_stream(chat):
    answer = chat.invoke("Hello")
    assert answer.text == TEXT
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (7, 5)
    pieces = list(chat.stream("Hello"))
    assert "".join(piece.text for piece in pieces) == TEXT and len(pieces) > 2


def test_a_tool_loop(chat):
    conversation = [HumanMessage("What is the weather in Paris?")]
    with_tools = chat.bind_tools([get_weather])
    first = with_tools.invoke(conversation)
    (call,) = first.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris", "unit": "celsius"})
    result = ToolMessage(content=get_weather.invoke(call["args"]), tool_call_id=call["id"], name=call["name"])
    assert with_tools.invoke([*conversation, first, result]).text == "It is sunny in Paris."

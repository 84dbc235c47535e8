"""Official SDK clients that talk to a running Sluice. No retries of their own, so that each test sees each answer."""

import anthropic
import httpx
import openai
from google import genai
from google.genai import types as genai_types


def openai_client(server, key, **options):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0, timeout=90, **options)


def google_client(server, key):
    return genai.Client(api_key=key, http_options=genai_types.HttpOptions(base_url=server.url, timeout=90_000))


def anthropic_client(server, key, **options):
    return anthropic.Anthropic(base_url=server.url, api_key=key, max_retries=0, timeout=90, **options)


def http_client(server, key=None, **headers):
    """Plain HTTP with the key as a bearer token."""
    if key:
        headers["authorization"] = f"Bearer {key}"
    return httpx.Client(base_url=server.url, headers=headers, timeout=90)


def chat_body(model, text="Hello", **members):
    return {"model": model, "messages": [{"role": "user", "content": text}], **members}


def messages_body(model, text="Hello", **members):
    return {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": text}], **members}


WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city"],
}
OPENAI_WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather in a city", "parameters": WEATHER_SCHEMA}}
ANTHROPIC_WEATHER = {"name": "get_weather", "description": "The weather in a city", "input_schema": WEATHER_SCHEMA}

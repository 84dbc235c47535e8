"""The configuration that puts mock vendors behind Sluice. One place, so that a changed setting is changed once."""

import socket

# USD per million tokens and picodollars per token: 1 USD per million tokens is 1,000,000 picodollars per token.
PRICES = {"input": 5.00, "output": 25.00}
INPUT_PICO = 5_000_000
OUTPUT_PICO = 25_000_000


def cost_pico(input_tokens, output_tokens):
    """What an answer of a mock vendor costs, in picodollars."""
    return input_tokens * INPUT_PICO + output_tokens * OUTPUT_PICO


def openai_vendor(url, **settings):
    """A provider that speaks OpenAI Chat Completions at `url` (a root without /v1). Every model of it is priced."""
    return {"kind": "openai_compatible", "base_url": f"{url}/v1", "api_key": "vendor-key-of-openai", "prices": {"*": PRICES}, **settings}


def anthropic_vendor(url, **settings):
    """A provider that speaks Anthropic Messages at `url`."""
    return {"kind": "anthropic_compatible", "base_url": f"{url}/v1", "api_key": "vendor-key-of-anthropic", "prices": {"*": PRICES}, **settings}


def responses_vendor(url, **settings):
    """A provider that speaks OpenAI Responses at `url`."""
    return {"kind": "responses_compatible", "base_url": f"{url}/v1", "api_key": "vendor-key-of-responses", "prices": {"*": PRICES}, **settings}


def gemini_vendor(url, **settings):
    """A provider that speaks Gemini's generateContent at `url`."""
    return {"kind": "gemini_compatible", "base_url": f"{url}/v1beta", "api_key": "vendor-key-of-gemini", "prices": {"*": PRICES}, **settings}


def bedrock_vendor(url, **settings):
    """A provider that speaks Bedrock's Converse at `url`."""
    return {"kind": "bedrock_converse", "base_url": url, "prices": {"*": PRICES},
            "aws": {"access_key_id": "id-at-amazon", "secret_access_key": "secret-at-amazon", "region": "eu-west-1"}, **settings}


class RefusedPort:
    """A port at which every connection is refused: bound, so that nobody else gets it, and not listening."""

    def __init__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._socket.getsockname()[1]

    def close(self):
        self._socket.close()

"""A mock vendor that asks an agent for one tool call, and a Sluice in front of it."""

import json

import pytest

from harness.agents import SECRET, TOOLS, Job
from harness.mock_config import anthropic_vendor, bedrock_vendor, gemini_vendor, openai_vendor, responses_vendor
from harness.sluice import Sluice
from harness.vendors import Aimock


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


@pytest.fixture
def agent_server(tmp_path, job):
    """agent_server(agent) -> a Sluice with a key, in front of a vendor that speaks OpenAI's Chat Completions as `oai`, Anthropic's
    Messages as `ant`, OpenAI's Responses as `resp`, Gemini's API as `gem` and Bedrock's Converse as `bed`; its model `agent-model` asks for the agent's tool once and then answers from the result."""
    started = []

    def start(agent):
        tool, arguments = TOOLS[agent]
        arguments = {name: value.format(note=job.note) for name, value in arguments.items()}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        fixtures = tmp_path / "fixtures.json"
        fixtures.write_text(json.dumps({"fixtures": [
            {"match": {"hasToolResult": True, "toolResultContains": SECRET}, "response": {"content": f"DONE: the word is {SECRET}.", "usage": usage}},
            {"match": {"model": "agent-model", "userMessage": "secret word", "hasToolResult": False},
             "response": {"toolCalls": [{"name": tool, "arguments": arguments}], "usage": usage}},
            {"match": {}, "response": {"content": "A title", "usage": usage}}]}))
        vendor = Aimock(tmp_path / "aimock", fixtures)
        server = Sluice(tmp_path / "sluice", {
            "providers": {"oai": openai_vendor(vendor.url), "ant": anthropic_vendor(vendor.url), "resp": responses_vendor(vendor.url),
                          "gem": gemini_vendor(vendor.url), "bed": bedrock_vendor(vendor.url)},
            "models": {"side-model": ["oai/side-model"]},
        }).start()
        started.extend([server, vendor])
        return server, server.create_key(agent), vendor

    yield start
    for one in started:
        one.stop()

"""The Anthropic Node SDK's own tests, out of a checkout of its repository, through Sluice, against what the Python SDK's stand against
(test_anthropic_python.py).

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import pytest

from harness.messages_vendor import messages_vendor
from harness.mock_config import PRICES
from harness.published import Part, one_run, specification
from harness.published_node import NodeSuite, checkout
from harness.sluice import Sluice

OTHER_FALLBACKS = "OpenRouter has a parameter `fallbacks` of another type"
VERSION = "0.120.0"  # of the checkout that the numbers are of
PARTS = {
    "messages": Part(["messages/messages.test.ts", "beta/messages/messages.test.ts", "models.test.ts", "beta/models.test.ts"], 26, {
        "beta/messages/messages.test.ts resource messages create: required and optional params": OTHER_FALLBACKS}),
    "batches and files": Part(["messages/batches.test.ts", "beta/messages/batches.test.ts", "files.test.ts", "beta/files.test.ts"], 36),
}


@pytest.fixture(scope="module")
def suite(folder):
    specification("openrouter")
    return NodeSuite(folder("sdk"), checkout("anthropics/anthropic-sdk-typescript"), "@anthropic-ai/sdk", "my-anthropic-api-key", VERSION)


@pytest.fixture(scope="module")
def server(folder, suite):
    """(a Sluice in front of the mock, a key of it)"""
    vendor = messages_vendor(folder)
    models = {"model_id", "after_id", "before_id"}.union(*(suite.models_in(part.files) for part in PARTS.values()))
    server = Sluice(folder("suite-sluice"), {
        "providers": {"anthropic": {"base_url": f"{vendor.url}/v1", "api_key": "vendor-key", "prices": {"*": PRICES}}},
        "models": {model: [f"anthropic/{model}"] for model in sorted(models)},
    }).start()
    yield server, server.create_key("suite")
    server.stop()
    vendor.stop()


@one_run
@pytest.mark.parametrize("part", PARTS)
def test_the_sdks_own_tests_pass(suite, server, part):
    suite.run(PARTS[part], server[0].url, server[1], "", {"anthropic-version": "2026-10-21"})

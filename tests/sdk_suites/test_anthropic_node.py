"""The Anthropic Node SDK's own tests, out of a checkout of its repository, through Sluice, against what the Python SDK's stand against
(test_anthropic_python.py).

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import pytest

from harness.published import Part, one_run, specification
from harness.published_node import NodeSuite, checkout

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


@one_run
@pytest.mark.parametrize("part", PARTS)
def test_the_sdks_own_tests_pass(suite, anthropic_server, part):
    server, key = anthropic_server
    suite.run(PARTS[part], server.url, key, "", {"anthropic-version": "2026-10-21"})

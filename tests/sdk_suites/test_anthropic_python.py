"""The Anthropic Python SDK's own tests through Sluice. Anthropic publishes no specification: messages are checked by a mock made from
OpenRouter's, which has the same call; batches, files and counts are answered by hand as Anthropic documents them. The SDK's client
refuses what its types do not allow.

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import pytest

from harness.published import Part, PublishedSuite, one_run, specification

STREAM = "what the mock streams has not the form of Anthropic's events"
OTHER_FALLBACKS = "OpenRouter has a parameter `fallbacks` of another type"
PARTS = {
    "messages": Part(["test_messages.py", "beta/test_messages.py", "test_models.py", "beta/test_models.py"], 165, {
        "test_deprecated_model_warning": "it asks for models that are no longer there", "create_overload_2": STREAM, "all_params_overload_2": STREAM,
        "beta/test_messages.py::TestMessages::test_method_create_with_all_params": OTHER_FALLBACKS,
        "beta/test_messages.py::TestAsyncMessages::test_method_create_with_all_params": OTHER_FALLBACKS}),
    "batches and files": Part(["messages/test_batches.py", "beta/messages/test_batches.py", "test_files.py", "beta/test_files.py"], 474),
}


@pytest.fixture(scope="module")
def suite(folder):
    specification("openrouter")
    return PublishedSuite(folder("sdk"), "anthropic-2.12.0", "my-anthropic-api-key", plugins=["tests._alias_httpx"])


@one_run
@pytest.mark.parametrize("part", PARTS)
def test_the_sdks_own_tests_pass(suite, anthropic_server, part):
    server, key = anthropic_server
    suite.run(PARTS[part], server.url, key, "", "/v1/files", {"anthropic-version": "2026-10-21"})

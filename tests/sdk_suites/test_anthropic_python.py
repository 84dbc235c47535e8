"""The Anthropic Python SDK's own tests through Sluice. Anthropic publishes no specification: messages are checked by a mock made from
OpenRouter's, which has the same call; batches, files and counts are answered by hand as Anthropic documents them. The SDK's client
refuses what its types do not allow.

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import pytest

from harness.messages_vendor import messages_vendor
from harness.mock_config import PRICES
from harness.published import Part, PublishedSuite, one_run, specification
from harness.sluice import Sluice

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
    suite.run(PARTS[part], server[0].url, server[1], "", "/v1/files", {"anthropic-version": "2026-10-21"})

"""The Anthropic Python SDK's own tests through Sluice. Anthropic publishes no specification: messages are checked by a mock made from
OpenRouter's, which has the same call; batches, files and counts are answered by hand as Anthropic documents them. The SDK's client
refuses what its types do not allow.

All of the SDK's tests of the calls that Sluice has run here, but those named in `left_out`."""

import re

import pytest

from harness.mock_config import PRICES
from harness.published import Part, PublishedSuite, one_run, specification
from harness.sluice import Sluice
from harness.spec_vendor import SpecVendor

STREAM = "what the mock streams has not the form of Anthropic's events"
OTHER_FALLBACKS = "OpenRouter has a parameter `fallbacks` of another type"
PARTS = {
    "messages": Part(["test_messages.py", "beta/test_messages.py", "test_models.py", "beta/test_models.py"], 165, {
        "test_deprecated_model_warning": "it asks for models that are no longer there", "create_overload_2": STREAM, "all_params_overload_2": STREAM,
        "beta/test_messages.py::TestMessages::test_method_create_with_all_params": OTHER_FALLBACKS,
        "beta/test_messages.py::TestAsyncMessages::test_method_create_with_all_params": OTHER_FALLBACKS}),
    "batches and files": Part(["messages/test_batches.py", "beta/messages/test_batches.py", "test_files.py", "beta/test_files.py"], 474),
}
TIME = "2026-10-21T12:00:00Z"
FILE = {"type": "file", "id": "file_1", "filename": "a.txt", "mime_type": "text/plain", "size_bytes": 1, "created_at": TIME, "downloadable": True}
BATCH = {
    "type": "message_batch", "id": "msgbatch_1", "processing_status": "in_progress", "created_at": TIME, "expires_at": TIME,
    "archived_at": None, "cancel_initiated_at": None, "ended_at": None, "results_url": None,
    "request_counts": {"canceled": 0, "errored": 0, "expired": 0, "processing": 1, "succeeded": 0}}
ANSWERS = {
    r"POST /v1/messages/count_tokens": {"input_tokens": 7, "context_management": {"original_input_tokens": 7}},
    r"POST /v1/messages/batches(/[^/]+/cancel)?|GET /v1/messages/batches/[^/]+": BATCH,
    r"GET /v1/messages/batches": {"data": [BATCH], "has_more": False, "first_id": BATCH["id"], "last_id": BATCH["id"]},
    r"DELETE /v1/messages/batches/[^/]+": {"type": "message_batch_deleted", "id": BATCH["id"]},
    r"POST /v1/files|GET /v1/files/[^/]+": FILE,
    r"GET /v1/files": {"data": [FILE], "has_more": False, "first_id": FILE["id"], "last_id": FILE["id"], "next_page": None},
    r"DELETE /v1/files/[^/]+": {"type": "file_deleted", "id": FILE["id"]},
}


def by_hand(method, path):
    return next((answer for asked, answer in ANSWERS.items() if re.fullmatch(asked, f"{method} {path}")), None)


@pytest.fixture(scope="module")
def suite(folder):
    specification("openrouter")
    return PublishedSuite(folder("sdk"), "anthropic-2.12.0", "my-anthropic-api-key", plugins=["tests._alias_httpx"])


@pytest.fixture(scope="module")
def server(folder, suite):
    """(a Sluice in front of the mock, a key of it)"""
    text = specification("openrouter").read_text()
    before, paths, after = re.fullmatch(r"(.*^paths:\n)(.*?)(^[a-z].*)?", text, re.S | re.M).groups()
    spec = folder("openrouter") / "openapi.yaml"
    spec.write_text(before + re.sub(r"^  /", "  /v1/", paths, flags=re.M) + (after or ""))
    vendor = SpecVendor(folder("spec"), spec, by_hand)
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

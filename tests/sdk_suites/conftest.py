"""A Sluice in front of each vendor whose SDKs' own tests run here, in Python and in Node. A module has `suite` and `PARTS`."""

import pytest

from harness.messages_vendor import messages_vendor
from harness.mock_config import PRICES
from harness.published import specification
from harness.sluice import Sluice
from harness.spec_vendor import SpecVendor


@pytest.fixture(scope="module")
def models(request, suite):
    """The names of models that the module's tests use."""
    return set().union(*(suite.models_in(part.files) for part in request.module.PARTS.values()))


def in_front_of(vendor, name, base_url, folder, models):
    server = Sluice(folder("suite-sluice"), {
        "providers": {name: {"base_url": base_url, "api_key": "vendor-key", "prices": {"*": PRICES}}},
        "models": {model: [f"{name}/{model}"] for model in sorted(models)},
    }).start()
    yield server, server.create_key("suite")
    server.stop()
    vendor.stop()


@pytest.fixture(scope="module")
def openai_server(folder, models):
    """(a Sluice in front of OpenAI's specification, a key of it)"""
    vendor = SpecVendor(folder("spec"), specification("openai"))
    named_by_no_call = {"omni-moderation-latest", "dall-e-2", "gpt-image-1.5"}
    yield from in_front_of(vendor, "openai", vendor.url, folder, models | named_by_no_call)


@pytest.fixture(scope="module")
def anthropic_server(folder, models):
    """(a Sluice in front of what plays Anthropic, a key of it)"""
    vendor = messages_vendor(folder)
    named_in_paths = {"model_id", "after_id", "before_id"}
    yield from in_front_of(vendor, "anthropic", f"{vendor.url}/v1", folder, models | named_in_paths)

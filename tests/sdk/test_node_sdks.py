"""Runs the official Node SDKs' tests in tests/sdk_node against the same servers as the Python ones."""

import pytest

from harness.node import run_node


@pytest.mark.parametrize("file", ["openai.test.mjs", "anthropic.test.mjs", "google.test.mjs", "ai_sdk.test.mjs"])
def test_node_sdks_over_mock_vendors(file, tmp_path, gateway, key):
    run_node(file, tmp_path, SLUICE_URL=gateway.url, SLUICE_KEY=key)


@pytest.mark.engine
def test_node_sdks_on_the_real_engine(tmp_path, engine_gateway, engine_key):
    run_node("engine.test.mjs", tmp_path, SLUICE_URL=engine_gateway.url, SLUICE_KEY=engine_key)

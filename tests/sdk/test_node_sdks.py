"""Runs the official Node SDKs' tests in tests/sdk_node against the same servers as the Python ones."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.places import node_binary, node_dir

HERE = Path(__file__).resolve().parents[1] / "sdk_node"


def run_node(file, tmp_path, server, key):
    # Node looks for packages from the importing file upwards, so the file runs beside its packages.
    copy = tmp_path / file
    copy.write_bytes((HERE / file).read_bytes())
    (tmp_path / "node_modules").symlink_to(node_dir() / "node_modules")
    done = subprocess.run(
        [node_binary(), "--test", "--test-reporter=spec", str(copy)], capture_output=True, text=True, timeout=110,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SLUICE_URL": server.url, "SLUICE_KEY": key})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout and "pass 0" not in done.stdout


@pytest.mark.parametrize("file", ["openai.test.mjs", "anthropic.test.mjs", "google.test.mjs", "ai_sdk.test.mjs"])
def test_node_sdks_over_mock_vendors(file, tmp_path, gateway, key):
    run_node(file, tmp_path, gateway, key)


@pytest.mark.engine
def test_node_sdks_on_the_real_engine(tmp_path, engine_gateway, engine_key):
    run_node("engine.test.mjs", tmp_path, engine_gateway, engine_key)

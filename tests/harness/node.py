"""Runs a file of tests/sdk_node: tests in JavaScript, with the packages that tests/setup.sh has installed."""

import os
import subprocess
from pathlib import Path

from harness.places import node_binary, node_dir

HERE = Path(__file__).resolve().parents[1] / "sdk_node"


def run_node(file, tmp_path, **variables):
    # Node looks for packages from the importing file upwards, so the file runs beside its packages.
    copy = tmp_path / file
    copy.write_bytes((HERE / file).read_bytes())
    (tmp_path / "node_modules").symlink_to(node_dir() / "node_modules")
    done = subprocess.run(
        [node_binary(), "--test", "--test-reporter=spec", str(copy)], capture_output=True, text=True, timeout=110,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout and "pass 0" not in done.stdout

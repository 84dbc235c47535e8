"""An SDK's own published tests, run in a process of their own against a server of ours."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.places import shared_data, suites_dir
from harness.sluice import clean_environment
from harness.spec_vendor import MAKE

PLUGINS = Path(__file__).resolve().parents[1] / "sdk_suites"
LONGEST_RUN_S = 280  # a run takes five to thirty seconds; a busy machine takes longer


def specification(vendor):
    """Its OpenAPI document; skips where it is not."""
    path = shared_data() / "specs" / vendor / "openapi.yaml"
    if not path.is_file():
        pytest.skip(f"the specification is not at {path} (SLUICE_SHARED_DATA names the folder above)")
    if not suites_dir().is_dir():
        pytest.skip("the SDKs' own tests are not in the cache folder: run tests/setup.sh")
    return path


one_run = pytest.mark.timeout(LONGEST_RUN_S + 20)


@dataclass
class Part:
    """Test files that run together, how many tests must pass, and which are left out by a part of their name, each with its reason."""

    files: list
    passed: int
    left_out: dict = field(default_factory=dict)


class PublishedSuite:
    """The tests of an SDK's source distribution, with a key of ours where they have one of their own."""

    def __init__(self, folder: Path, sdk, own_key, plugins=()):
        self._source = folder / sdk
        self._own_key = own_key
        self._plugins = [part for plugin in plugins for part in ("-p", plugin)]
        shutil.copytree(suites_dir() / sdk / "tests", self._source / "tests")
        shutil.copy(suites_dir() / sdk / "pyproject.toml", self._source)

    def models_in(self, files):
        """The names of models that these tests use."""
        texts = [(self._source / "tests/api_resources" / file).read_text() for file in files]
        return {model for text in texts for model in re.findall(r'"?model"?[=:] ?"([^"]+)"', text)}

    def run(self, part: Part, url, key, base_path, ids_at, ids_headers=None):
        """Runs the part's files with `url` + `base_path` as the SDK's base URL, and fails unless they pass as the part says.

        What the tests name by an id is made first, by uploads to `url` + `ids_at` (see own_ids.py)."""
        conftest = self._source / "tests" / "conftest.py"
        text = conftest.read_text()
        assert self._own_key in text or key in text
        conftest.write_text(text.replace(self._own_key, key))
        report = self._source / "out.xml"
        settings = {"url": url + ids_at, "headers": {"authorization": f"Bearer {key}", **(ids_headers or {})}, "make": MAKE,
                    "left_out": list(part.left_out)}
        done = subprocess.run(
            [suites_dir() / "python/bin/python", "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *self._plugins, "-p", "own_ids",
             "--timeout", "60", "--tb=short", f"--junitxml={report}", *(f"tests/api_resources/{file}" for file in part.files)],
            cwd=self._source, capture_output=True, text=True, timeout=LONGEST_RUN_S,
            env={**clean_environment(self._source), "TEST_API_BASE_URL": url + base_path, "PYTHONDONTWRITEBYTECODE": "1",
                 "PYTHONPATH": str(PLUGINS), "OWN_IDS": json.dumps(settings), "PATH": os.environ["PATH"]})
        assert done.returncode == 0, done.stdout[:9000] + done.stdout[-3000:] + done.stderr[-2000:]
        suite = ElementTree.parse(report).getroot().find("testsuite")
        passed = int(suite.get("tests")) - int(suite.get("skipped"))
        assert passed == part.passed, f"{passed} passed"

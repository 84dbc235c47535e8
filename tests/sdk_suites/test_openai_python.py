"""The OpenAI Python SDK's own tests through Sluice. Behind it stands a strict mock made from the official specification: it refuses
every request that the specification does not allow, and the SDK's client refuses every such answer."""

import os
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from harness.mock_config import PRICES
from harness.places import shared_data, suites_dir
from harness.sluice import Sluice, clean_environment
from harness.vendors import Steady

SDK = "openai-3.54.0"
# The calls that Sluice takes part in. What lives at a vendor under an id (stored completions, files) is not among them.
SUITES = [
    ("chat/test_completions.py", "create"),
    ("test_completions.py", "create"),
    ("test_embeddings.py", "create"),
    ("test_moderations.py", "create"),
    ("test_models.py", "list or retrieve"),
    ("audio/test_speech.py", "create"),
    ("audio/test_transcriptions.py", "create"),
    ("audio/test_translations.py", "create"),
    ("test_images.py", "create or edit or generate"),
]

DEFAULT_MODELS = {"omni-moderation-latest", "dall-e-2", "gpt-image-1.5"}  # of calls that name none


@pytest.fixture(scope="module")
def spec():
    path = shared_data() / "specs" / "openai" / "openapi.yaml"
    if not path.is_file():
        pytest.skip(f"OpenAI's specification is not at {path} (SLUICE_SHARED_DATA names the folder above)")
    if not suites_dir().is_dir():
        pytest.skip("the SDKs' own tests are not in the cache folder: run tests/setup.sh")
    return path


@pytest.fixture(scope="module")
def suite_server(folder, spec):
    """(the SDK's source with a key that Sluice knows, the server)"""
    steady = Steady(folder("steady"), spec)
    source = folder("sdk") / SDK
    shutil.copytree(suites_dir() / SDK / "tests", source / "tests")
    shutil.copy(suites_dir() / SDK / "pyproject.toml", source)
    models = sorted(DEFAULT_MODELS | {model for path, _ in SUITES
                     for model in re.findall(r'model="([^"]+)"', (source / "tests/api_resources" / path).read_text())})
    server = Sluice(folder("suite-sluice"), {
        "providers": {"spec": {"kind": "openai_compatible", "base_url": steady.url, "api_key": "vendor-key", "prices": {"*": PRICES}}},
        "models": {model: [f"spec/{model}"] for model in models},
    }).start()
    conftest = source / "tests" / "conftest.py"
    text = conftest.read_text()
    assert 'api_key = "My API Key"' in text
    conftest.write_text(text.replace('api_key = "My API Key"', f'api_key = "{server.create_key("suite")}"'))
    yield source, server
    server.stop()
    steady.stop()


@pytest.mark.parametrize("path, chosen", SUITES, ids=[path for path, _ in SUITES])
def test_the_sdks_own_tests_pass(suite_server, tmp_path, path, chosen):
    source, server = suite_server
    done = subprocess.run(
        [suites_dir() / "python/bin/python", "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "--timeout", "60",
         "--tb=short", "-k", chosen, f"--junitxml={tmp_path}/out.xml", f"tests/api_resources/{path}"],
        cwd=source, capture_output=True, text=True, timeout=110,
        env={**clean_environment(tmp_path), "TEST_API_BASE_URL": f"{server.url}/v1", "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    suite = ElementTree.parse(tmp_path / "out.xml").getroot().find("testsuite")
    assert int(suite.get("tests")) - int(suite.get("skipped")) >= 8, "hardly any of them ran"

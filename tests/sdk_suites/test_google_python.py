"""google-genai's own tests of its calls of models, in the mode that sends requests. Google publishes no specification that a
mock could check them by, and its recorded answers are not shipped, so a mock answers all of them with one text: many tests want
another answer and fail with or without Sluice between. What counts is that each one that passes without it passes with it."""

import json
import os
import re
import shutil
import subprocess
from xml.etree import ElementTree

import httpx
import pytest

from harness import recorder
from harness.mock_config import gemini_vendor
from harness.places import suites_dir
from harness.published import LONGEST_RUN_S, PLUGINS, one_run, specification
from harness.sluice import Sluice, clean_environment

SDK = "google_genai-3.4.0"
FILES = [f"models/test_{name}.py" for name in ("generate_content", "generate_content_cached_content", "embed_content")]
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364f80f0001010100"
                      "18dd8db00000000049454e44ae426082")
PASSED = 90


@pytest.fixture(scope="module")
def source(folder):
    specification("openai")  # the suites are set up where the specifications are
    source = folder("google") / SDK
    shutil.copytree(suites_dir() / SDK, source)
    data = source / "google/genai/tests/data"
    data.mkdir(exist_ok=True)
    for name in ("google.png", "checkerboard.png", "google.jpg", "google_homepage.png"):
        (data / name).write_bytes(PIXEL)
    for name in ("story.pdf", "animal.mp4", "pixel.m4a", "voice_sample.wav"):
        (data / name).write_bytes(b"%PDF-1.4 x")
    return source


def start_run(source, name, url, key, version):
    (source / "replays").mkdir(exist_ok=True)
    return subprocess.Popen(
        [suites_dir() / "python/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "genai_base_url", "--mode", "api",
         "-o", "asyncio_mode=auto", "-o", "consider_namespace_packages=true", "--tb=line", "--timeout", "60", f"--junitxml={source / name}",
         *(f"google/genai/tests/{file}" for file in FILES)],
        cwd=source, stdout=(source / f"{name}.log").open("wb"), stderr=subprocess.STDOUT,
        env={**clean_environment(source), "PYTHONPATH": str(PLUGINS), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"],
             "GOOGLE_API_KEY": key, "GOOGLE_GEMINI_BASE_URL": url, "GENAI_API_VERSION": version, "GOOGLE_CLOUD_PROJECT": "p",
             "GOOGLE_CLOUD_LOCATION": "global", "GOOGLE_GENAI_RUN_GEMINI_ONLY_IN_API_MODE": "1",
             "GOOGLE_GENAI_REPLAYS_DIRECTORY": str(source / "replays")})


def passed(run, report):
    run.wait(LONGEST_RUN_S)
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return {f"{case.get('classname')}.{case.get('name')}" for case in cases if not len(case.findall("*"))}


def make_cache(source, server, config, key):
    """The cache that the tests name is this key's: another vendor's answer makes it, then the mock plays the vendor."""
    name = re.search(r"MLDEV_CACHED_CONTENT_NAME = '([^']+)'", (source / "google/genai/tests" / FILES[1]).read_text()).group(1)
    made = {"name": f"cachedContents/{name}", "model": "models/gemini-2.5-flash", "expireTime": "2096-11-27T00:00:00Z"}
    vendor = recorder.Recorder()
    vendor.answer = lambda request, connection: connection.send(recorder.ok(json.dumps(made).encode()))
    try:
        server.write_config({**config, "providers": {"goog": gemini_vendor(vendor.url)}})
        server.run("reload")
        model = next(iter(config["models"]))
        answer = httpx.post(f"{server.url}/v1beta/cachedContents", headers={"x-goog-api-key": key}, json={"model": f"models/{model}"}, timeout=30)
        assert answer.json()["name"] == made["name"], answer.text
    finally:
        server.write_config(config)
        server.run("reload")
        vendor.stop()


@one_run
def test_what_passes_without_sluice_passes_with_it(source, folder, aimock):
    names = {name for file in FILES for name in re.findall(r"""['"](gemini-[a-z0-9.-]+)['"]""", (source / "google/genai/tests" / file).read_text())}
    config = {"providers": {"goog": gemini_vendor(aimock.url)}, "models": {name: [f"goog/{name}"] for name in sorted(names)}}
    server = Sluice(folder("google-sluice"), config).start()
    try:
        key = server.create_key()
        make_cache(source, server, config, key)
        without = start_run(source, "without.xml", aimock.url, "any", "v1beta")
        with_it = start_run(source, "with.xml", server.url, key, "v1")
        first, second = passed(without, source / "without.xml"), passed(with_it, source / "with.xml")
    finally:
        server.stop()
    assert first - second == set(), (source / "with.xml.log").read_text()[-6000:]
    assert len(second) == PASSED

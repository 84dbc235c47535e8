"""google-genai's own tests of its calls of models, in the mode that sends requests. Google publishes no specification that a
mock could check them by, and its recorded answers are not shipped, so a mock answers all of them with one text: many tests want
another answer and fail with or without Sluice between. What counts is that each one that passes without it passes with it."""

import os
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from harness.mock_config import gemini_vendor
from harness.places import suites_dir
from harness.published import LONGEST_RUN_S, PLUGINS, one_run, specification
from harness.sluice import Sluice, clean_environment

SDK = "google_genai-3.4.0"
FILES = [f"models/test_{name}.py" for name in ("generate_content", "generate_content_cached_content", "embed_content")]
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6364f80f0001010100"
                      "18dd8db00000000049454e44ae426082")
PASSED = 88


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


@one_run
def test_what_passes_without_sluice_passes_with_it(source, folder, aimock):
    names = {name for file in FILES for name in re.findall(r"""['"](gemini-[a-z0-9.-]+)['"]""", (source / "google/genai/tests" / file).read_text())}
    server = Sluice(folder("google-sluice"), {"providers": {"goog": gemini_vendor(aimock.url)},
                                              "models": {name: [f"goog/{name}"] for name in sorted(names)}}).start()
    try:
        without = start_run(source, "without.xml", aimock.url, "any", "v1beta")
        with_it = start_run(source, "with.xml", server.url, server.create_key(), "v1")
        first, second = passed(without, source / "without.xml"), passed(with_it, source / "with.xml")
    finally:
        server.stop()
    # These name caches that nobody has made through Sluice, and such a name goes to no vendor (e2e/test_caches.py makes them).
    lost = {name for name in first - second if "cached_content" not in name}
    assert lost == set(), (source / "with.xml.log").read_text()[-6000:]
    assert len(second) == PASSED

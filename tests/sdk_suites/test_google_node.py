"""@google/genai's own tests that ask a server, out of a checkout of its repository, through Sluice. The checkout holds what Google's servers
answered to each of their requests, and gives it again only for the request as it was recorded: what Sluice changes on the way has no answer.

Those of the Live API are not run, which Sluice has not, nor those in `LEFT_OUT`. Some fail without Sluice as well: nobody has recorded the
answers about Google's files. What counts is that each one that passes without it passes with it."""

import json
import subprocess
import threading
from pathlib import Path

import pytest

from harness import recorder
from harness.mock_config import gemini_vendor
from harness.places import node_binary, node_suites_dir
from harness.published import LONGEST_RUN_S, PLUGINS, one_run
from harness.published_node import checkout, copy_of
from harness.sluice import Sluice, clean_environment

FILES = ["client", "chats", "afc", "mcp"]
LEFT_OUT = {
    "Vertex": "Google Cloud's API is another one: the account is in the path, and tokens are its keys",
    "headers in the sdkHttpResponse for each chunk": "what was recorded is a stream without one event, which is a failure of the provider's here",
}
VERSION = "2.18.0"  # of the checkout that the number is of
PASSED = 48
NOT_RECORDED = b'{"error":{"code":501,"message":"nobody has recorded this","status":"UNIMPLEMENTED"}}'


class Recordings:
    """A vendor that has one answer for each recorded request, known by its path and its JSON; a request that was recorded more often gets
    them in turn."""

    def __init__(self, folder: Path):
        self._answers = {}
        self._lock = threading.Lock()
        self.models = set()
        for file in sorted(folder.glob("*.json")):
            for each in json.loads(file.read_text())["interactions"]:
                path, body = each["request"]["url"], each["request"]["bodySegments"][0]
                if "/projects/" in path:
                    continue
                self.models.add(path.split("/models/")[1].split(":")[0])
                self._answers.setdefault(self._key(path, body), []).append(each["response"])
        self._recorder = recorder.Recorder()
        self._recorder.answer = self._answer
        self.url = self._recorder.url

    def stop(self):
        self._recorder.stop()

    @staticmethod
    def _key(path, body):
        return path.split("/", 2)[2], json.dumps(body, sort_keys=True)  # Sluice asks one version of the API

    def _answer(self, request, connection):
        with self._lock:
            known = self._answers.get(self._key(request.path, request.json() if request.body else None))
            if known is None:
                connection.send(recorder.ok(NOT_RECORDED, status="501 Not Implemented"))
                return
            answer = known[0]
            known.append(known.pop(0))
        parts = [json.dumps(part).encode() for part in answer.get("bodySegments") or []]
        stream = answer["headers"]["Content-Type"] == "text/event-stream" and answer["statusCode"] == 200
        body = b"".join(b"data: " + part + b"\r\n\r\n" for part in parts) if stream else b"".join(parts)
        left_out = ("Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection")
        head = [f"HTTP/1.1 {answer['statusCode']} OK", *(f"{name}: {value}" for name, value in answer["headers"].items() if name not in left_out)]
        connection.send("\r\n".join([*head, f"Content-Length: {len(body)}"]).encode() + b"\r\n\r\n" + body)


@pytest.fixture(scope="module")
def source(folder):
    source = copy_of(checkout("googleapis/js-genai"), folder("google") / "js-genai", ("src", "test", "package.json", "tsconfig.json"))
    (source / "test/system/test_server.ts").write_text(  # the part of Google's own program is played here
        "export async function setupTestServer() {}\nexport async function shutdownTestServer() {}\n")
    subprocess.run(
        [node_suites_dir() / "node_modules/esbuild/bin/esbuild", *(f"test/system/node/{name}_test.ts" for name in FILES), "--bundle", "--format=esm",
         "--platform=node", "--packages=external", "--outdir=bundles", "--out-extension:.js=.mjs", "--log-level=error"],
        cwd=source, check=True, timeout=LONGEST_RUN_S)
    return source


def passed(source, name, url, key):
    """The names of the tests that pass against `url`, and what the run printed."""
    report = source / f"{name}.json"
    done = subprocess.run(
        [node_binary(), node_suites_dir() / "node_modules/jasmine/bin/jasmine.js", "--random=false", f"--reporter={PLUGINS / 'jasmine_report.mjs'}",
         f"--filter=^(?!.*({'|'.join(LEFT_OUT)}))", "bundles/*.mjs"],
        cwd=source, capture_output=True, text=True, timeout=LONGEST_RUN_S,
        env={**clean_environment(source), "GOOGLE_API_KEY": key, "GEMINI_API_KEY": key, "GOOGLE_GEMINI_BASE_URL": url, "PASSED": str(report)})
    assert report.is_file(), done.stdout + done.stderr
    return set(json.loads(report.read_text())), done.stdout


@one_run
def test_what_passes_without_sluice_passes_with_it(source, folder):
    recordings = Recordings(source / "test/system/recordings")
    server = Sluice(folder("google-sluice"), {
        "providers": {"goog": gemini_vendor(recordings.url)}, "models": {name: [f"goog/{name}"] for name in sorted(recordings.models)}}).start()
    try:
        without, _ = passed(source, "without", recordings.url, "any")
        with_it, printed = passed(source, "with", server.url, server.create_key())
    finally:
        server.stop()
        recordings.stop()
    assert without - with_it == set(), printed[-6000:]
    if json.loads((source / "package.json").read_text())["version"] == VERSION:
        assert len(with_it) == PASSED

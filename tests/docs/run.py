"""Runs the commands in docs/guides/*.md, so that no guide rots. Usage: tests/docs/run.py [--junit FILE] [GUIDE...]

A fenced block with the word `run` after its language is executed with bash, in order, in one scratch folder per guide:
    ```bash run         must end with status 0 (the shell keeps its variables until the guide's end)
    ```bash start       starts a server in the background and waits until it says that it is ready
    ```text expect      each of its lines occurs in the output of the block before; `...` stands for anything
    ```yaml file=NAME   is written to NAME; so are json, python and the like
Other blocks are for reading. `./dev serve` becomes the built binary, `./dev new-provider` writes into the scratch folder, and 127.0.0.1:8080 the port that it really has.
"""
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+) (run|start|expect|file=\S+)\n(.*?)^```$", re.M | re.S)
READY_SECONDS = 90
BLOCK_SECONDS = 120
ADDRESS = "127.0.0.1:8080"
ANY_CERTIFICATE = ssl.create_default_context()  # to see that a server is ready; the guides' own commands look at it
ANY_CERTIFICATE.check_hostname, ANY_CERTIFICATE.verify_mode = False, ssl.CERT_NONE


class Wrong(Exception):
    """What is not as the guide says."""


class Guide:
    """One guide's shell, scratch folder and server."""

    def __init__(self, binary):
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-guide-"))
        self.address, self.server, self.output = ADDRESS, None, ""
        (self.folder / "bin").mkdir()
        (self.folder / "bin/sluice").symlink_to(binary)
        self.environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        self.environment |= {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "SLUICE_DATA": f"{self.folder}/data",
                             "SLUICE_LISTEN": "127.0.0.1:0"}
        self.saved = self.folder / "environment"
        self.saved.write_text("")

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(30)

    def words(self, text):
        return (text.replace("./dev serve", "exec sluice serve").replace(ADDRESS, self.address)
                .replace("./dev new-provider", f"{sys.executable} {ROOT}/tools/new_provider.py --root ."))

    def run(self, text):
        """One block in a shell that begins with the variables that the last one left."""
        script = f". {self.saved}\nset -euo pipefail\n{self.words(text)}\nexport -p >{self.saved}\n"
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BLOCK_SECONDS)
        self.output = done.stdout
        if done.returncode:
            raise Wrong(f"ended with status {done.returncode}:\n{text}\nIt printed:\n{done.stdout}")

    def start(self, text):
        self.stop()
        log = self.folder / "serve.log"
        announced = self.folder / "data/serve.json"
        announced.unlink(missing_ok=True)
        script = f". {self.saved}\n{self.words(text)}"
        with open(log, "w") as out:
            self.server = subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.environment,
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self.output = log.read_text()
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise Wrong(f"does not get ready:\n{text}\nIt printed:\n{self.output}")
            try:
                url = json.loads(announced.read_text())["url"]
                urllib.request.urlopen(f"{url}/health/ready", timeout=5, context=ANY_CERTIFICATE).close()
                break
            except (OSError, ValueError):
                time.sleep(0.1)
        self.address = url.split("//")[1].rstrip("/")
        # It is ready a moment before it says so.
        self.output = log.read_text()
        while "\nTry:" not in self.output and time.monotonic() < deadline:
            time.sleep(0.1)
            self.output = log.read_text()
        if key := re.search(r"sk-sluice-\w+", self.output):
            self.environment["SLUICE_API_KEY"] = key[0]

    def expect(self, text):
        for line in filter(None, self.words(text).splitlines()):
            pattern = ".*?".join(re.escape(part.strip()) for part in line.split("..."))
            if not re.search(pattern, self.output):
                raise Wrong(f"the output lacks the line\n{line}\nIt was:\n{self.output}")


def follow(path, binary):
    """The number of blocks that were followed; raises Wrong."""
    guide, count = Guide(binary), 0
    try:
        for count, (_, kind, text) in enumerate(BLOCK.findall(path.read_text()), 1):
            if kind.startswith("file="):
                (guide.folder / kind[5:]).write_text(guide.words(text))
            else:
                getattr(guide, kind)(text)
    except subprocess.TimeoutExpired as error:
        raise Wrong(f"took more than {BLOCK_SECONDS} s:\n{error.cmd[-1]}") from error
    finally:
        guide.close()
    return count


def main(arguments):
    report = None
    if arguments[:1] == ["--junit"]:
        report, arguments = arguments[1], arguments[2:]
    binary = Path(os.environ.get("SLUICE_BINARY") or ROOT / "build/release/sluice")
    guides = [Path(a) for a in arguments] or sorted((ROOT / "docs/guides").glob("*.md"))
    suite, failed = xml.Element("testsuite", name="docs"), 0
    for path in guides:
        case = xml.SubElement(suite, "testcase", classname="guide", name=path.stem)
        try:
            print(f"{path.name}: {follow(path, binary)} blocks are as they say")
        except Wrong as error:
            failed += 1
            print(f"{path.name}: {error}")
            xml.SubElement(case, "failure").text = str(error)
    if report:
        xml.ElementTree(suite).write(report)
    return 1 if failed or not guides else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Mock vendors: two third-party programs that play OpenAI and Anthropic, each on a port of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from harness.places import node_binary, node_dir
from harness.sluice import clean_environment
from harness.wait import eventually

START_S = 60.0


def listening_port(pid):
    """The TCP port that a process listens on; None while there is none."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(descriptor))
        except OSError:
            pass
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            return int(fields[1].split(":")[1], 16)
    return None


class Vendor:
    """A mock's process. `url` is its root, without /v1."""

    def __init__(self, command, folder: Path, address):
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "log"
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=clean_environment(folder))
        self.url = eventually(lambda: self._find(address), f"{command[0]} to print its address", START_S)

    def _find(self, address):
        text = self._log.read_text(errors="replace")
        assert self.process.poll() is None, f"it ended:\n{text}"
        found = re.search(address, text)
        return found and found.group(1)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Aimock(Vendor):
    """@copilotkit/aimock: both dialects from one file of fixtures; keeps a journal of the requests it received."""

    def __init__(self, folder: Path, fixtures: Path):
        program = node_dir() / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
        super().__init__(
            [node_binary(), str(program), "-p", "0", "-f", str(fixtures), "--journal-max", "0"],
            folder, r"listening on (http://[0-9.:]+)")

    def requests(self, containing=""):
        """The requests received so far whose body holds `containing`, oldest first."""
        journal = httpx.get(f"{self.url}/__aimock/journal", params={"limit": 100000}, timeout=30).json()
        return [entry for entry in journal if containing in json.dumps(entry["body"])]


class Steady(Vendor):
    """@stdy/cli: checks every request against an OpenAPI document and makes up an answer that fits it. Its paths have no /v1."""

    def __init__(self, folder: Path, spec: Path):
        binary = next((node_dir() / "node_modules" / "@stdy").glob("cli-linux-*/bin/steady"))
        binary.chmod(0o755)
        formats = [f"--validator-{place}-{kind}-format=brackets" for place in ("query", "form") for kind in ("array", "object")]
        super().__init__([str(binary), "--host", "127.0.0.1", "-p", "0", "--no-color", "-q", *formats, str(spec)], folder, "(Ready to accept)")
        # It takes any free port and says 0.
        self.url = f"http://127.0.0.1:{eventually(lambda: listening_port(self.process.pid), 'the port of steady', START_S)}"
        eventually(lambda: httpx.get(f"{self.url}/_x-steady/health").status_code == 200, "steady to be healthy", START_S)


class Katan(Vendor):
    """llm-katan in echo mode: answers with what it was told, and refuses a wrong vendor key."""

    OPENAI_KEY = "katan-openai-key"
    ANTHROPIC_KEY = "katan-anthropic-key"

    def __init__(self, folder: Path, *flags):
        super().__init__(
            [sys.executable, "-m", "llm_katan.cli", "--model", "echo", "--backend", "echo", "--host", "127.0.0.1", "--port", "0",
             "--providers", "openai,anthropic", "--disable-dashboard", "--stats-file", str(folder / "stats.json"),
             "--validate-keys", "--api-keys", f"openai={self.OPENAI_KEY},anthropic={self.ANTHROPIC_KEY}", *flags],
            folder, r"Uvicorn running on (http://[0-9.:]+)")

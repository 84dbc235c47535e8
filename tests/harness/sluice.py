"""A running `sluice serve` on a port of its own with a data directory of its own, and the CLI beside it."""

import json
import os
import re
import signal
import subprocess
from decimal import Decimal
from pathlib import Path

import httpx

from harness.places import CACHE, sluice_binary
from harness.wait import eventually

START_S = 90.0
STOP_S = 30.0


class DidNotStart(AssertionError):
    """`sluice serve` ended instead of serving. `status` and `output` are what it left."""

    def __init__(self, status, output):
        super().__init__(f"sluice serve ended with status {status}:\n{output}")
        self.status = status
        self.output = output


def clean_environment(home: Path, extra=None) -> dict:
    """An environment without the caller's provider keys and settings, so that nothing reaches a real vendor."""
    keep = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "SLUICE_LLAMA_SERVER")
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env["HOME"] = str(home)
    env["SLUICE_CACHE"] = str(CACHE)
    env.update(extra or {})
    return env


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Sluice:
    """One server. Starting, stopping and killing it are the test's business; files stay until pytest removes them."""

    def __init__(self, folder: Path, config=None, engine="none", env=None, listen="127.0.0.1:0", data=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = Path(data or self.folder / "data")
        self.config_file = None
        if config is not None:
            self.config_file = self.folder / "sluice.yaml"
            self.write_config(config)
        self.engine = engine
        self.listen = listen
        self.env = clean_environment(self.folder, env)
        self.process = None
        self.heir = None  # the id of the process that the last upgrade has started
        self.url = None
        self._unnamed_keys = 0
        self._log = self.folder / "serve.log"

    # --- the server's life

    def write_config(self, config):
        """`config` is a dict, written as JSON, which is YAML too; or YAML text."""
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        new = self.config_file.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.config_file)  # a server that watches it never sees half of it

    def command(self):
        command = [str(sluice_binary()), "serve", "--listen", self.listen, "--data", str(self.data), "--engine", self.engine]
        return command + (["--config", str(self.config_file)] if self.config_file else [])

    def spawn(self, **popen):
        """Starts the process and returns at once."""
        announcement = self.data / "serve.json"
        if announcement.exists():
            announcement.unlink()
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **popen)
        return self

    def start(self, ready=True, **popen):
        """Starts the server and waits until it announces its address and, with `ready`, until it can answer."""
        self.spawn(**popen)
        self.url = eventually(self._announced, "serve.json", START_S)["url"].rstrip("/")
        if ready:
            eventually(self.is_ready, f"{self.url}/health/ready to say 200; log:\n{self.log()}", START_S)
        return self

    def _announced(self):
        status = self.process.poll()
        if status is not None:
            raise DidNotStart(status, self.log())
        try:
            announcement = json.loads((self.data / "serve.json").read_text())
        except (OSError, json.JSONDecodeError):
            return None
        return announcement if announcement["pid"] == self.process.pid else None

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def upgrade(self):
        """`sluice upgrade`; what is asked and stopped from here on is the new process. Returns its id."""
        self.heir = self.run_json("upgrade")["pid"]
        return self.heir

    def predecessor_has_ended(self):
        """Whether the process that this server was started with, or upgraded from, has finished."""
        return not (self.data / "control.sock").exists() or "the server before has ended" in self.log().rsplit("took over", 1)[-1]

    def stop_heir(self):
        """Asks the process of the last upgrade to end, and waits until it and those before it have."""
        if self.heir is None:
            return
        try:
            os.kill(self.heir, signal.SIGTERM)
        except ProcessLookupError:
            pass
        eventually(lambda: not _runs(self.heir), f"the end of process {self.heir}; log:\n{self.log()}", STOP_S)
        self.heir = None

    def stop(self):
        """Asks it to end (SIGTERM) and returns its exit status. Harmless when it has ended already."""
        self.stop_heir()
        if self.process is None:
            return None
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"sluice did not end within {STOP_S:g} s of SIGTERM; log:\n{self.log()}") from None

    def kill(self):
        """kill -9, and waits until the process is gone."""
        self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    # --- the CLI on the same data directory

    def run(self, *arguments, check=True, stdin="", env=None, timeout=60):
        """Runs a verb of the CLI and returns the finished process (stdout and stderr as text)."""
        # A running server tells these verbs its configuration by itself.
        needs_config = arguments[0] in ("route", "models", "doctor") and self.config_file and not self.is_running()
        config = ["--config", str(self.config_file)] if needs_config else []
        done = subprocess.run(
            [str(sluice_binary()), *arguments, "--data", str(self.data), *config], env={**self.env, **(env or {})},
            input=stdin, capture_output=True, text=True, timeout=timeout, cwd=self.folder)
        if check:
            assert done.returncode == 0, f"{done.args} ended with status {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def run_json(self, *arguments):
        return json.loads(self.run(*arguments, "-o", "json").stdout)

    def create_key(self, name=None, **options):
        """Creates a virtual key and returns it. Options as the CLI has them: budget="1.00", rpm=3, data_class="restricted".

        Names are unique; without one the key gets the next number.
        """
        if name is None:
            self._unnamed_keys += 1
            name = f"key-{self._unnamed_keys}"
        flags = [part for option, value in options.items() for part in (f"--{option.replace('_', '-')}", str(value))]
        return self.run_json("keys", "create", "--name", name, *flags)["key"]

    def usage_of(self, key_name):
        """What the ledger holds for the key of that name: requests, tokens and cost_usd as Decimal; zeros when nothing."""
        rows = [row for row in self.run_json("usage")["keys"] if row["name"] == key_name]
        row = rows[0] if rows else {"requests": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": "0"}
        return {**row, "cost_usd": Decimal(str(row["cost_usd"]))}


def first_key_in(text):
    """The virtual keys that a text shows, in order."""
    return re.findall(r"sk-sluice-[A-Za-z0-9_-]+", text)

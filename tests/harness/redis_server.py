"""A redis-server of its own on a Unix socket: started, killed, stopped in its tracks and started anew at will."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness.wait import eventually


class Redis:
    """`keeps`: what it knows is on disk before it answers, and there again after kill -9."""

    def __init__(self, folder: Path, keeps=False):
        if not shutil.which("redis-server"):
            pytest.skip("redis-server is not installed: ./dev setup does that")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "redis.sock"
        self.keeps = keeps
        self.process = None

    @property
    def url(self):
        return f"unix:{self.socket}"

    def start(self):
        log = open(self.folder / "redis.log", "ab")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(self.folder),
             "--appendonly", "yes" if self.keeps else "no", "--appendfsync", "always"], stdout=log, stderr=log)
        log.close()
        eventually(lambda: self.call("PING") == "PONG", "redis-server to answer")
        return self

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.socket.unlink(missing_ok=True)

    def stand_still(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def call(self, *words):
        done = subprocess.run(["redis-cli", "-s", str(self.socket), "--raw", *map(str, words)], capture_output=True, text=True, timeout=30)
        return done.stdout.strip() if done.returncode == 0 else None

    def hash(self, key):
        words = (self.call("HGETALL", key) or "").split("\n")
        return dict(zip(words[::2], words[1::2]))

    # --- what Sluice keeps there

    def spent(self, limit, prefix="{sluice}:"):
        """Picodollars of all processes together, in all buckets, with what is assumed of lost ones."""
        return sum(int(amount) for amount in self.hash(f"{prefix}t:{limit}").values())

    def leased(self, limit, prefix="{sluice}:"):
        return sum(int(amount) for amount in self.hash(f"{prefix}h:{limit}").values())

"""Command-line agents: where their programs are, the job they get, and the tool that each of them reads a file with."""

import os
import platform
import subprocess
from pathlib import Path

from harness.places import agents_dir, node_binary
from harness.sluice import clean_environment

QUESTION = "What is the secret word in note.txt?"
SECRET = "PERIWINKLE-42"
LONGEST_RUN_S = 100  # a run takes two to five seconds; a busy machine with two cores takes longer

# Each agent has another name for the tool that reads a file. `{note}` is the path of the note.
TOOLS = {
    "claude": ("Read", {"file_path": "{note}"}),
    "opencode": ("read", {"filePath": "{note}"}),
    "codex": ("exec_command", {"cmd": "cat note.txt"}),
    "gemini": ("read_file", {"file_path": "{note}"}),
}


def node_path() -> str:
    """PATH with a Node that is new enough for the agents that are JavaScript."""
    return f"{Path(node_binary()).parent}:{os.environ['PATH']}"


def agent_binary(name) -> Path:
    """Its native program, or its launcher; the packages' own installers are not run."""
    modules = agents_dir() / "node_modules"
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    path = {
        "claude": modules / f"@anthropic-ai/claude-code-linux-{machine}/claude",
        "opencode": modules / "opencode-linux-x64-baseline/bin/opencode",
        "codex": modules / ".bin/codex",
        "gemini": modules / ".bin/gemini",
    }[name]
    path.resolve().chmod(0o755)  # npm sets the bit only for what it links
    return path


class Job:
    """A folder with a note to be read, and a home of its own for every run."""

    def __init__(self, folder: Path):
        self.folder = folder / "job"
        self.folder.mkdir(parents=True)
        self.note = self.folder / "note.txt"
        self.note.write_text(f"the secret word is {SECRET}\n")
        self.home = folder / "home"
        self.home.mkdir()

    def run(self, *command, **variables):
        """What the agent printed. It fails when the agent does."""
        done = subprocess.run(
            [str(part) for part in command], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST_RUN_S,
            env={**clean_environment(self.home), "HOME": str(self.home), **variables})
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

"""Child processes as /proc shows them: who was there, and whether that same process is still there."""

from pathlib import Path

from harness.wait import eventually


def children_of(pid):
    """(pid, start time) of each child; the start time tells a process from a later one with the same number."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) and stat[0] == pid:
            found.append((int(entry.name), stat[1]))
    return found


def is_alive(process):
    """Whether a process that children_of() named still runs; a zombie does not."""
    pid, started = process
    stat = _stat(pid)
    return stat is not None and stat[1] == started and stat[2] != "Z"


def wait_until_gone(processes, what):
    eventually(lambda: not any(is_alive(process) for process in processes), what)


def _stat(pid):
    """(parent, start time, state), or None when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[19]), fields[0]

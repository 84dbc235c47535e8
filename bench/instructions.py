"""Instructions per request and per stream event, counted by callgrind and held against bench/instructions.json.

Usage: ./dev test instructions [--update]

Time on a shared machine says little about a change of two per cent; the number of instructions says all. Counted is the
thread that serves requests, with fixed work on 8 connections; the kernel is not counted. More than the tolerance above
the budget fails. What is better by as much is said, so that somebody lowers the budget (--update does). Paced events are
counted and not judged: how many of them share a wake-up is the machine's, not the code's.
"""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from answers import ANSWERS, KINDS, short_body
from rig import BUILD, rig

BUDGETS = Path(__file__).with_name("instructions.json")
CONNECTIONS = 8
NOT_JUDGED = {"stream event"}
# name, provider's answer, request body bytes, requests, events of one answer (0: count per request)
WORK = [
    ("request, 1 KB", "chat", 1024, 800, 0),
    ("request, 20 KB", "chat", 20 * 1024, 400, 0),
    ("stream event", "paced", 1024, 32, 100),
    ("stream event, burst", "burst", 1024, 64, 100),
]


def count(bench, gateway, request, requests):
    """Instructions that the serving thread needs for so many requests."""
    path, out = bench.folder / "request", bench.folder / "callgrind"
    path.write_bytes(request)
    load = [BUILD / "bench_load", "count"]
    pid = gateway.pids[0]
    run = lambda *command: subprocess.run([*map(str, command)], check=True, capture_output=True)
    run(*load, CONNECTIONS * 4, gateway.port, CONNECTIONS, path)  # connections and buffers are there
    for old in bench.folder.glob("callgrind.*"):
        old.unlink()
    run("callgrind_control", "-z", pid)
    answered = json.loads(run(*load, requests, gateway.port, CONNECTIONS, path).stdout)
    run("callgrind_control", "-d", pid)
    if answered["errors"]:
        raise SystemExit(f"instructions: {answered['errors']} answers were no 200")
    seen = []  # other threads have a reactor, too, with nothing to do
    for dump in bench.folder.glob("callgrind.*"):
        text = dump.read_text(errors="replace")
        if "sluice::net::Reactor::run()" in text:
            seen.append((int(re.search(r"^(?:totals|summary): (\d+)", text, re.M).group(1)), dump))
    if seen:
        total, dump = max(seen)
        return total, answered["answers"], dump
    raise SystemExit(f"instructions: callgrind left no dump of the serving thread in {out}.*")


def main():
    if not shutil.which("valgrind"):
        print("instructions: SKIPPED, there is no valgrind here (./dev setup installs it)")
        return 0
    known = json.loads(BUDGETS.read_text())
    tolerance, budgets, seen, worse = known["tolerance_percent"], known["budgets"], {}, 0
    with rig(ANSWERS) as bench:
        binary = bench.folder / "sluice"  # valgrind cannot read what clang 19 writes for debuggers
        subprocess.run(["strip", "--strip-debug", "-o", binary, BUILD / "sluice"], check=True)
        valgrind = ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={bench.folder}/callgrind"]
        gateway = bench.sluice(KINDS, valgrind, binary, "server: { threads: 1 }\n")
        for name, answer, body_bytes, requests, events in WORK:
            total, answers, dump = count(bench, gateway, gateway.request(answer, short_body(body_bytes, events > 0, gateway.model(answer))), requests)
            per = seen[name] = round(total / (answers * max(events, 1)))
            budget = budgets.get(name, per)
            percent = 100 * (per - budget) / budget
            verdict = "ok"
            if name in NOT_JUDGED:
                verdict = "not judged"
            elif percent > tolerance:
                worse += 1
                kept = Path(shutil.copy(dump, BUILD / f"{answer}.callgrind"))
                verdict = f"TOO MANY: see callgrind_annotate --inclusive=yes {kept}"
            elif percent < -tolerance:
                verdict = "better: lower the budget with ./dev test instructions --update"
            print(f"{name:22} {per:8,} instructions, budget {budget:8,} ({percent:+.1f} %, tolerance {tolerance} %)  {verdict}", flush=True)
    if "--update" in sys.argv:
        BUDGETS.write_text(json.dumps({"tolerance_percent": tolerance, "budgets": seen}, indent=2) + "\n")
        return 0
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

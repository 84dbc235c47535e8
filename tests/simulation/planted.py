#!/usr/bin/env python3
"""Plants bugs on purpose into a copy of the tree, one at a time, and asks the simulation whether it finds them.

`planted.py` does it (minutes: each bug is a build), `planted.py --check` only says whether every bug can still be planted."""

import argparse
import pathlib
import shutil
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "planted"
SEEDS = 600


class Bug(NamedTuple):
    what: str
    file: str
    old: str  # stands once in the file
    new: str


ADMIT, ACCOUNT, EXCHANGE = "src/gateway/admit/admit.cpp", "src/store/account.cpp", "src/gateway/exchange.cpp"
REPLY, CLIENT = "src/gateway/call/reply.cpp", "src/http/client.cpp"
BUGS = [
    Bug("a request that ends keeps what it had reserved and not used", ADMIT,
        "if (part.reserved > Money()) state.account.give_back(part.reserved);", ""),
    Bug("a request that ends does not give its place back", ADMIT,
        "if (has_key_place_) principal_->state().in_flight.fetch_sub(1, std::memory_order_relaxed);", ""),
    Bug("what was spent is booked twice", ACCOUNT, "  add(end_us, cost);\n", "  add(end_us, cost + cost);\n"),
    Bug("a budget is looked at and not compared with what the request may cost", ACCOUNT,
        "if (committed > limit || amount > limit - committed) return false;", "if (committed > limit) return false;"),
    Bug("the header that restricts data is read and forgotten", "src/gateway/guard/guard.cpp",
        "verdict.data_class = stricter(question.key_class, *asked);", "(void)asked;"),
    Bug("an attempt that failed leaves no row", EXCHANGE, "if (!failure.reached) return;", "return;"),
    Bug("every attempt is the final one", EXCHANGE, "store::LedgerEntry row = entry(*failure.attempt, number, final);",
        "store::LedgerEntry row = entry(*failure.attempt, number, final || number > 0);"),
    Bug("reported usage is passed over for an estimate", EXCHANGE, "if (told.reported) return told;", ""),
    Bug("a cost is booked and its row is not written", "src/gateway/account/account.cpp", "books.ledger->append(record);",
        "store::Appended::queued;"),
    Bug("a request whose client has left is not recorded", EXCHANGE, "  const AuditRecord done = record();",
        "  if (error_ && error_->kind == ErrorKind::client_gone) co_return;\n  const AuditRecord done = record();"),
    Bug("what came before a stream's first token is not passed on", "src/gateway/call/call.cpp", "outcome.held = std::move(step.held);", ""),
    Bug("a stream that was cut is taken for a whole one", REPLY,
        "    if (!watcher_->failed() && !watcher_->complete()) return std::unexpected(incomplete());\n", ""),
    Bug("a translated stream that was cut is taken for a whole one", REPLY,  # two lines refuse it, each would do
        "    CHECK_OK(decoder_->finish(events_));\n    CHECK_OK(encode(out));\n    if (!finished_) return std::unexpected(incomplete());\n",
        "    (void)decoder_->finish(events_);\n    CHECK_OK(encode(out));\n"),
    Bug("the end marker that a provider forgot is not added", REPLY, "out.append(watcher_->end_marker());", "(void)out;"),
    Bug("a provider's second goodbye is passed on", REPLY, "bool finished() const override { return watcher_->finished(); }",
        "bool finished() const override { return false; }"),
    Bug("nobody is told that the client has left", "src/net/stream.cpp", "if (on_hangup_) on_hangup_->fire();", ""),
    Bug("a connection is kept with an unread answer on it", CLIENT,
        "if (connection_ && connection_->complete && connection_->keep_alive && connection_->input.empty())",
        "if (connection_ && connection_->keep_alive)"),
    Bug("an answer's last bytes are left out", CLIENT, "complete = left == 0;", "complete = left <= 8;"),
    Bug("the last chunk of a stream is forgotten", "src/http/server.cpp", "append_last_chunk(end, trailers);", "(void)trailers;"),
    Bug("a row's tokens are swapped on their way to the disk", "src/store/ledger_entry.cpp",
        "  for (const auto count : counts) to.varint(recorded(entry.usage.*count));",
        "  for (const auto count : std::array{counts[0], counts[1], counts[2], counts[3], counts[5], counts[4]})\n"
        "    to.varint(recorded(entry.usage.*count));"),
]


def can_be_planted(bug: Bug) -> bool:
    return (ROOT / bug.file).read_text().count(bug.old) == 1


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=COPY, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def build() -> str:
    """What went wrong; empty when all is well."""
    done = run("ninja", "-C", "build/release", "simulate")
    return "" if done.returncode == 0 else done.stdout[-1500:]


def copy_tree() -> None:
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True, check=True, stdout=subprocess.PIPE)
    for name in files.stdout.splitlines():
        source, target = ROOT / name, COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)
    (COPY / "build").mkdir(exist_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="plant nothing; say which bugs no longer fit the code")
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="plant these alone, by their numbers")
    lost = [bug for bug in BUGS if not can_be_planted(bug)]
    for bug in lost:
        print(f"cannot be planted any more, {bug.file} has changed: {bug.what}")
    arguments = parser.parse_args()
    if arguments.check or lost:
        return 1 if lost else 0

    copy_tree()
    if not (COPY / "build/release/build.ninja").is_file():
        run("cmake", "--preset", "release")
    if trouble := build():
        print(trouble)
        return 1
    found = 0
    chosen = arguments.only or range(1, len(BUGS) + 1)
    for number, bug in enumerate(BUGS, 1):
        if number not in chosen:
            continue
        file = COPY / bug.file
        sound = file.read_text()
        file.write_text(sound.replace(bug.old, bug.new))
        if trouble := build():
            verdict = f"DOES NOT BUILD: {trouble}"
        else:
            told = run("timeout", "300", "build/release/simulate", "--seeds", str(SEEDS))
            first = next((line for line in told.stdout.splitlines() if line.startswith("seed ")), "")
            caught = told.returncode != 0
            found += caught
            verdict = f"found ({first or 'it does not even run'})" if caught else "NOT FOUND"
        file.write_text(sound)
        print(f"{number:2} of {len(BUGS)}  {bug.what}: {verdict}", flush=True)
    print(f"{found} of {len(chosen)} planted bugs found")
    return 0 if found >= len(chosen) - 2 else 1


if __name__ == "__main__":
    sys.exit(main())

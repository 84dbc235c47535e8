"""Sums up a folder of test results: NAME.rc, NAME.log and, where a job could write one, NAME.xml in JUnit's form.

Prints each failure with its output, then one closing line alone: "N passed, N failed[, N skipped]". Exits non-zero on
a failure, and when nothing ran: a run without tests proves nothing.
"""
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

LOG_LINES = 60  # of a job that died without naming a test: enough for a sanitizer's report


def cases(path):
    """(name, verdict, text) of each test in one JUnit file."""
    for case in xml.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
        faults = case.findall("failure") + case.findall("error")
        skip = case.find("skipped")
        if faults:
            yield name, "failed", "\n".join(f"{f.get('message') or ''}\n{f.text or ''}".strip() for f in faults)
        elif skip is not None or case.get("status") == "notrun" or case.get("result") == "skipped":
            yield name, "skipped", (skip.get("message") or skip.text or "") if skip is not None else ""
        else:
            yield name, "passed", ""


def tail(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(lines[-LOG_LINES:])


def tally(folder):
    """(counts, failures): failures as (job, test, text)."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    failures, skips = [], []
    for rc in sorted(folder.glob("*.rc")):
        job, report = rc.name[:-3], rc.with_suffix(".xml")
        found = []
        if report.exists() and report.stat().st_size:
            try:
                found = list(cases(report))
            except xml.ParseError as error:
                failures.append((job, "report", f"{report.name} is not XML: {error}"))
                counts["failed"] += 1
        for name, verdict, text in found:
            counts[verdict] += 1
            if verdict == "failed":
                failures.append((job, name, text))
            if verdict == "skipped":
                skips.append((job, name, text))
        status = int(rc.read_text().strip() or 1)
        if status and not any(verdict == "failed" for _, verdict, _ in found):
            why = {124: "ran out of time", 137: "was killed"}.get(status, f"ended with status {status}")
            failures.append((job, "the program itself", f"{why}\n{tail(rc.with_suffix('.log'))}"))
            counts["failed"] += 1
        elif not status and not found:
            counts["passed"] += 1
    return counts, failures, skips


def main():
    counts, failures, skips = tally(Path(sys.argv[1]))
    for job, name, text in skips:
        print(f"skipped: {job}: {name}: {' '.join(text.split())[:200]}")
    for job, name, text in failures:
        print(f"\nFAILED {job}: {name}")
        print("\n".join("    " + line for line in text.splitlines()))
    if failures:
        print()
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

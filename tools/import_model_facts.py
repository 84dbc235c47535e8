"""Brings what is true of a model wherever it stands up to a checkout of models.dev (MIT). Usage: tools/import_model_facts.py FOLDER [ROOT]

FOLDER has models/MAKER/MODEL.toml: limits, abilities, and `benchmarks`, which name the test, the value and the page where it
stands. A row of data/models gets the facts that it lacks: there models.dev's list of the host says no other. Of the tests the best
known come in, at most MOST for a model, at its maker's row where there is one; a test that stands there already is left alone,
whatever its value. A second run changes nothing.
"""
import json
import re
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

from import_models_dev import decimal, id_of, read
from import_litellm import text_of

MOST = 4
# In the order in which they are wanted: their names as the catalogue writes them.
TESTS = [(re.compile(pattern, re.I), name) for pattern, name in (
    ("^swe.bench verified", "SWE-bench Verified"), ("^gpqa", "GPQA Diamond"), ("^terminal.bench hard", "Terminal-Bench Hard"),
    ("^terminal.bench", "Terminal-Bench"), ("^swe.bench pro", "SWE-bench Pro"), ("^mmlu.pro", "MMLU-Pro"),
    ("^humanity", "Humanity's Last Exam"), ("^livecodebench", "LiveCodeBench"), ("^swe.bench multilingual", "SWE-bench Multilingual"),
    ("^aider polyglot", "Aider Polyglot"), ("^scicode", "SciCode"), ("^swe.atlas", "SWE-Atlas"),
    ("artificial analysis coding index", "Artificial Analysis Coding Index"))]
MAKERS = {"google": "gemini", "zhipuai": "zai", "moonshotai": "moonshot"}  # models.dev's name of a maker: Sluice's


def wanted(said):
    """(place in TESTS, name, value, source) of each test, the most wanted first; of several runs of one the first."""
    found = {}
    for test in said.get("benchmarks", []):
        place = next((n for n, (pattern, _) in enumerate(TESTS) if pattern.search(test["name"])), None)
        if place is None or not test.get("source"):
            continue
        version = test.get("version") or next(iter(re.findall(r"\d\.\d$", test["name"])), "")
        how = [test[key] for key in ("dataset", "harness", "variant") if test.get(key)]
        if test["name"].startswith("SWE-Atlas "):
            how.insert(0, test["name"].removeprefix("SWE-Atlas "))
        name = f"{TESTS[place][1]} {version}".strip() + (f" ({', '.join(how)})" if how else "")
        found.setdefault(place, (name, decimal(test["score"]), test["source"]))
    return [found[place] for place in sorted(found)]


def facts(said):
    takes, limit = said.get("modalities", {}).get("input", []), said.get("limit") or {}
    found = {"released": said.get("release_date"), "context": limit.get("context"), "max_output": limit.get("output"),
             "tools": said.get("tool_call"), "structured_output": said.get("structured_output"), "reasoning": said.get("reasoning"),
             "images": "image" in takes, "audio": "audio" in takes, "video": "video" in takes, "pdf": "pdf" in takes}
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", found["released"] or ""):
        found["released"] = None
    return {key: str(value).lower() for key, value in found.items() if value}


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    root = Path(arguments[1] if len(arguments) == 2 else Path(__file__).resolve().parents[1]) / "data/models"
    tests = {}
    for path in sorted(Path(arguments[0]).glob("models/*/*.toml")):
        said = tomllib.loads(path.read_text(), parse_float=Decimal)
        maker = MAKERS.get(path.parent.name, path.parent.name)
        before = tests.get(id_of(path.stem), (maker, [], {}))
        tests[id_of(path.stem)] = (maker, before[1] or wanted(said), facts(said) | before[2])
    files = {path: read(path, "models", "") for path in sorted(root.glob("*.yaml"))}
    has = {}  # what stands there, at whatever provider: a result counts for all of them
    for _, rows in files.values():
        for row in rows:
            has[row.get("id")] = has.get(row.get("id"), "") + row.keys.get("benchmarks", "")
    for path, (start, rows) in sorted(files.items(), key=lambda one: one[0].stem not in {maker for maker, *_ in tests.values()}):
        texts = []
        for row in rows:
            maker, found, known = tests.get(row.get("id"), ("", [], {}))
            there, keys = has.get(row.get("id"), ""), dict(row.keys)
            if "context" not in keys:  # then the list of the host says nothing of its own
                keys |= {key: value for key, value in known.items() if key not in keys}
            elif "max_output" not in keys and int(known.get("max_output", 0)) <= int(keys["context"]) and keys.get("kind") != "embedding":
                keys |= {key: value for key, value in known.items() if key == "max_output"}
            new = [test for test in found if test[0].split(" (")[0] not in there][:max(0, MOST - there.count("metric:"))]
            elsewhere = maker != path.stem and root / f"{maker}.yaml" in files and any(
                row.get("id") == one.get("id") for one in files[root / f"{maker}.yaml"][1])
            if new and not elsewhere:
                written = ", ".join(f"{{ metric: {json.dumps(name, ensure_ascii=False)}, value: {value}, source: {json.dumps(source)} }}"
                                    for name, value, source in new)
                stood = keys.get("benchmarks", "[]").strip()[1:-1].strip()
                has[row.get("id")] = there + written
                keys["benchmarks"] = f"[{stood + ', ' if stood else ''}{written}]"
            texts.append(row.text if keys == row.keys else text_of(keys))
        if texts != [row.text for row in rows]:
            path.write_text(start + "models:\n" + "".join(texts))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Checks the tree for house rules that no compiler knows. Usage: tools/tidy.py [ROOT]

Looks at the files that git knows (tracked, or new and not ignored); each violation is one line: file, place, what to do.
"""
import ast
import re
import subprocess
import sys
from pathlib import Path

MAX_LINES = 800  # near this a file has a second noun inside
TEXT = {".cpp", ".h", ".py", ".sh", ".md", ".txt", ".cmake", ".yaml", ".yml", ".json", ".js", ".mjs", ".toml", ""}
CODE = {".cpp", ".h", ".py", ".sh", ".js", ".mjs", ".cmake"}
# Spelled in two halves, so that this file does not accuse itself.
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}~/])/(" + "|".join(["wo" + "rk", "ro" + "ot", "home/" + r"\w+"]) + r")(/|\b)(?!-)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
DATA = ("tests/golden/", "tests/fixtures/", "data/", "LICENSE")  # recorded or taken over as they are


def tracked(root):
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
                             check=True, capture_output=True, text=True).stdout
    return [name for name in listing.splitlines() if (root / name).is_file()]


def check_text(name, text):
    """Faults of one file's text."""
    faults, suffix = [], Path(name).suffix
    lines = text.splitlines()
    if suffix in CODE and len(lines) > MAX_LINES:
        faults.append(f"{name}: {len(lines)} lines; split it by its nouns (at most {MAX_LINES}).")
    for number, line in enumerate(lines, 1):
        if MARKS.search(line):
            faults.append(f"{name}:{number}: a leftover mark; do it now or file an issue.")
        if MACHINE_PATH.search(line):
            faults.append(f"{name}:{number}: a path of one machine; make it relative or a variable.")
        if "\t" in line and suffix in (".cpp", ".h", ".py", ".md", ".cmake"):
            faults.append(f"{name}:{number}: a tab; use spaces.")
        if line != line.rstrip():
            faults.append(f"{name}:{number}: blanks at the end of the line.")
    if text and not text.endswith("\n"):
        faults.append(f"{name}: the last line has no line end.")
    return faults


def check_imports(name, text):
    """What a Python file imports and does not use."""
    faults = []
    for node in ast.walk(ast.parse(text)):
        for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
            word = (alias.asname or alias.name).split(".")[0]
            if len(re.findall(rf"\b{word}\b", text)) == 1:
                faults.append(f"{name}:{node.lineno}: {word} is imported and not used.")
    return faults


def check_links(root, name, text):
    """Relative links of a Markdown file that lead nowhere."""
    faults = []
    for match in LINK.finditer(FENCE.sub("", text)):
        target = (match[1] or match[2]).split("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (root / name).parent.joinpath(target).exists():
            faults.append(f"{name}: the link to {target} leads nowhere.")
    return faults


def check_named_things(root, names):
    """Files, metrics and flags that a page names and nobody has. Records of decisions and the changelog tell of what was."""
    sources = "\n".join((root / name).read_text(errors="replace") for name in names
                        if (Path(name).suffix in CODE or name == "dev") and not name.startswith(DATA))
    paths = {path for name in names for path in (Path(name), *Path(name).parents)}
    things = {"/".join(path.parts[start:]) for path in paths for start in range(len(path.parts))}
    metrics, flags = set(re.findall(r"\bsluice_\w+", sources)), set(re.findall(r"--[a-z][\w-]*", sources))

    def is_known(word):
        if word.startswith("--"):
            return word in flags
        if word.startswith("sluice_"):
            return any(metric.startswith(word) for metric in metrics)
        return word.rstrip("/") in things or f"#include <{word}>" in sources

    faults = []
    for name in names:
        if not name.endswith(".md") or name.startswith("docs/adr/") or name == "CHANGELOG.md":
            continue
        for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", (root / name).read_text())):
            named = re.findall(r"\bsluice_\w+", code)
            if code.startswith(("sluice ", "./dev ", "--")):
                named += re.findall(r"(?<!\w)--[a-z][\w-]*", code)
            if re.fullmatch(r"[a-z][a-z0-9_./-]*\.(h|cpp|py|sh|mjs|cmake)|(src|docs|data|tests|tools|bench|examples)/[a-z0-9_./-]*", code):
                named.append(code)
            faults += [f"{name}: there is no {word}." for word in named if not is_known(word)]
    return faults


def check_readmes(names):
    """Every folder of src/ that holds sources explains itself; a testing/ belongs to the one above it."""
    folders = {str(Path(name).parent) for name in names if name.startswith("src/") and name.endswith((".cpp", ".h"))}
    return [f"{folder}/README.md: is missing; say why the module exists and what belongs there."
            for folder in sorted(folders - {"src"}) if not folder.endswith("/testing") and f"{folder}/README.md" not in names]


def check_named_tests(root):
    """Tests that the page of odd cases names and nobody has."""
    page = root / "docs/reference/odd-cases.md"
    if not page.exists():
        return []
    sources = "\n".join(path.read_text() for folder in ("src", "tests/golden") for path in (root / folder).rglob("*_test.cpp"))
    faults = []
    for name in re.findall(r"`(\w+\.\w+|[\w/]+\.py::\w+)`", page.read_text()):
        file, _, function = name.partition("::")
        if function:
            known = (root / file).exists() and re.search(rf"^def {function}\(", (root / file).read_text(), re.M)
        else:
            known = re.search(r"TEST(_F|_P)?\(" + name.replace(".", r",\s*") + r"\)", sources)
        if not known:
            faults.append(f"docs/reference/odd-cases.md: there is no test {name}.")
    return faults


def check_changelog(root):
    path = root / "CHANGELOG.md"
    if path.exists() and re.search(r"^## \[?Unreleased\]?", path.read_text(), re.M):
        return []
    return ["CHANGELOG.md: has no section 'Unreleased'."]


def check(root):
    names = tracked(root)
    faults = check_readmes(set(names)) + check_changelog(root) + check_named_tests(root) + check_named_things(root, names)
    for name in names:
        if name.startswith(DATA) or Path(name).suffix not in TEXT:
            continue
        text = (root / name).read_text(errors="replace")
        faults += check_text(name, text)
        if name.endswith(".md"):
            faults += check_links(root, name, text)
        if name.endswith(".py"):
            faults += check_imports(name, text)
    return faults


if __name__ == "__main__":
    found = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    print("\n".join(found) or "tidy: nothing to say")
    sys.exit(1 if found else 0)

"""Holds the sources to the layers that src/CMakeLists.txt declares. Usage: tools/layers.py [ROOT]

Three rules: a module includes only modules of its DEPS; a library from outside is included in one folder only (WALLS);
ARCHITECTURE.md's folder table names exactly the folders that exist. Each violation is explained in one sentence.
"""
import re
import sys
from pathlib import Path

# A header from outside, and the one module that may include it.
WALLS = [
    (re.compile(r"sys/epoll\.h"), "net"),
    (re.compile(r"openssl/ssl\.h|openssl/err\.h"), "net"),
    (re.compile(r"ares\w*\.h"), "net"),
    (re.compile(r"sqlite3\.h"), "store"),
    (re.compile(r"libpq-.*"), "store"),
    (re.compile(r"simdjson.*"), "json"),
    (re.compile(r"yaml\.h"), "yaml"),
    (re.compile(r"CLI/.*"), "cli"),
    (re.compile(r"wslay/.*"), "http"),
    (re.compile(r"nghttp2/.*"), "http"),
    (re.compile(r"coin/.*"), "plan"),
]
MODULE = re.compile(r"^\s*sluice_module\(\s*(\S+)\s+(\S+)([^)]*)\)", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
ROW = re.compile(r"^\|\s*`(src/[\w/]+)/`", re.M)


def read_modules(cmake):
    """{folder: (name, {names it may include})}, comments left out."""
    text = re.sub(r"#.*", "", cmake)
    modules = {}
    for name, folder, rest in MODULE.findall(text):
        words, deps, inside = rest.split(), set(), False
        for word in words:
            if word in ("DEPS", "LIBS", "TEST_DEPS"):
                inside = word == "DEPS"
            elif inside:
                deps.add(word)
        modules[folder] = (name, deps)
    return modules


def module_of(path, modules):
    """The innermost declared folder that holds this path below src/, or None."""
    folder = path.rpartition("/")[0]
    while folder and folder not in modules:
        folder = folder.rpartition("/")[0]
    return folder or None


def check_file(path, text, modules, root):
    """Sentences about one file; `path` is relative to src/."""
    home = module_of(path, modules)
    if home is None:
        return [] if "/" not in path else [
            f"src/{path}: its folder is not declared; add a sluice_module(...) line to src/CMakeLists.txt."]
    name, deps = modules[home]
    faults = []
    for include in INCLUDE.findall(text):
        for wall, owner in WALLS:
            if wall.fullmatch(include) and name != owner:
                faults.append(f"src/{path}: includes <{include}>, which only {owner}/ may; go through {owner}/'s own headers.")
        if not (root / "src" / include).exists():
            continue
        target = module_of(include, modules)
        if target is None or target == home:
            continue
        target_name = modules[target][0]
        if target_name not in deps:
            faults.append(f"src/{path}: {name} includes \"{include}\", but {target_name} is not in its DEPS "
                          f"(it may include: {', '.join(sorted(deps)) or 'nothing'}).")
    return faults


def check_cycles(modules):
    deps = {name: wanted for name, wanted in modules.values()}
    faults = [f"src/CMakeLists.txt: {name} depends on {dep}, which is declared after it or not at all."
              for position, (name, wanted) in enumerate(deps.items())
              for dep in sorted(wanted) if dep not in list(deps)[:position]]
    return faults


def check_table(root, modules):
    table = root / "ARCHITECTURE.md"
    if not table.exists():
        return ["ARCHITECTURE.md: is missing; it holds the table of folders."]
    listed = set(ROW.findall(table.read_text()))
    there = {f"src/{folder}" for folder in modules if (root / "src" / folder).is_dir()}
    return [f"ARCHITECTURE.md: its folder table lacks `{folder}/`." for folder in sorted(there - listed)] + [
        f"ARCHITECTURE.md: its folder table names `{folder}/`, which is not a module." for folder in sorted(listed - there)]


def check(root):
    modules = read_modules((root / "src/CMakeLists.txt").read_text())
    faults = check_cycles(modules)
    for file in sorted((root / "src").rglob("*")):
        if file.suffix in (".cpp", ".h"):
            faults += check_file(str(file.relative_to(root / "src")), file.read_text(), modules, root)
    return faults + check_table(root, modules)


if __name__ == "__main__":
    found = check(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    print("\n".join(found) or "layers: every include is allowed")
    sys.exit(1 if found else 0)

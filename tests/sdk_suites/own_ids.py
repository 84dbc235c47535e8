"""A plugin of the SDKs' own test runs (it runs inside them): whatever a test names exists before it and is this key's; and what the
outer test leaves out by name is not collected. Settings come as OWN_IDS, JSON: url, headers, make, left_out."""

import ast
import inspect
import json
import os
import re
import textwrap

import httpx

SETTINGS = json.loads(os.environ["OWN_IDS"])
made = set()
client = httpx.Client(headers=SETTINGS["headers"], timeout=60)


def names_in(function):
    """Every string of its source that could be an id."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in strings if re.fullmatch(r"[A-Za-z0-9._:-]{2,128}", text)}


def pytest_runtest_setup(item):
    names = names_in(item.function)
    if "delete" in item.name:
        made.difference_update(names)  # an earlier test may have deleted it
    for name in sorted(names - made):
        answer = client.post(SETTINGS["url"], files={"file": (SETTINGS["make"] + name, b"1")}, data={"purpose": "assistants"})
        answer.raise_for_status()
        made.add(name)


def pytest_runtest_teardown(item):
    if "delete" in item.name:
        made.difference_update(names_in(item.function))


def pytest_collection_modifyitems(config, items):
    def is_left_out(item):
        return any(part in item.nodeid for part in SETTINGS["left_out"])
    config.hook.pytest_deselected(items=[item for item in items if is_left_out(item)])
    items[:] = [item for item in items if not is_left_out(item)]

"""Walks the schema of a request property by property: for each one the smallest valid request that sets it, and the same without it."""

import functools
import json
import re
from dataclasses import dataclass, replace

MARK = "zqmarkzq"  # base64, too
FILLER = "fillfill"
MOST_WORDS = 10  # of an enumeration


@dataclass(eq=False)
class Probe:
    """One property with one value.

    `kind` says how one sees that it has arrived: a text or a number is found again, a word makes a difference. A group only leads to
    what it holds."""

    path: str  # "messages[user].content[image_url].image_url.detail": in brackets is which of several forms an element has
    kind: str
    value: object
    body: dict
    without: dict | None
    inner: object = None

    @functools.cached_property
    def children(self):
        return self.inner() if self.inner else []

    @functools.cached_property
    def names(self):
        """Its path as messages give it: what an element is may be left out of it, or be a part of it."""
        names = [""]
        for piece in re.findall(r"\[[^\]]*\]|[^\[\]]+", self.path):
            tag = piece.strip("[]") if piece.startswith("[") else None
            names = [name + more for name in names for more in (("", f".{tag}") if tag else ("",) if tag == "" else (piece,))]
        # What holds its own kind is most often named once: content in content, tools in a group of tools.
        return [*names, *(re.sub(r"\b(content|tools)\.\1\b", r"\1", name) for name in names)]


@dataclass(frozen=True)
class _Place:
    """Where a value goes. `put(value, model)` is the whole request; `model` is the request whose company it shall have."""

    path: str
    put: object
    needed: bool
    seen: tuple


class Walk:
    """`hints` are (regular expression of a path, value): what stands there instead of what the schema says; MARK in it is the probe's
    text. `complete(body, like)` adds to a request what the members of `like` need beside them."""

    def __init__(self, schemas, root, base, hints=(), complete=lambda body, like: body, left_out=()):
        self._schemas = schemas
        self._root = root
        self._base = base
        self._hints = [(re.compile(pattern), json.dumps(value)) for pattern, value in hints]
        self._complete = complete
        self._left_out = left_out

    @functools.cached_property
    def probes(self):
        place = _Place("", lambda value: {**self._base, **value}, True, ())
        return [probe for schema, seen in self._forms(self._root, ()) for probe in self._members(schema, place, seen, {})]

    # --- schemas

    def _find(self, reference, within=""):
        name = reference.rsplit("/", 1)[-1]
        while within:
            if f"{within}.{name}" in self._schemas:
                return f"{within}.{name}"
            within = within.rpartition(".")[0]
        return name

    def _forms(self, schema, seen):
        """The forms that a value may have: (schema without references, names of what it is made of)."""
        if "$ref" in schema:
            name = self._find(schema["$ref"], schema.get("within", ""))
            if name not in self._schemas:  # of a specification that is not at hand
                return [({"type": "object"}, seen)]
            return [] if name in seen else self._forms(self._schemas[name], (*seen, name))
        if "allOf" in schema:
            return self._merged(schema, seen)
        forms = []
        for key in ("anyOf", "oneOf"):
            for one in schema.get(key, ()):
                own = {"default": schema["default"]} if "default" in schema else {}
                forms += [({**own, **form}, names) for form, names in self._forms(one, seen)]
        if forms:
            return forms
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return [form for kind in kinds for form in self._forms({**schema, "type": kind}, seen)]
        return [] if kinds == "null" or schema.get("not") == {} else [(schema, seen)]

    def _merged(self, schema, seen):
        merged = {"properties": {}, "required": list(schema.get("required", ()))}
        for part in [*schema["allOf"], {key: value for key, value in schema.items() if key not in ("allOf", "required")}]:
            for form, names in self._forms(part, seen)[:1]:
                seen = (*seen, *(name for name in names if name not in seen))
                merged = {**merged, **form, "properties": {**merged["properties"], **form.get("properties", {})},
                          "required": merged["required"] + list(form.get("required", ()))}
        if not merged["properties"]:
            merged.pop("properties")
        return [(merged, seen)]

    @staticmethod
    def _kind(schema):
        if "enum" in schema or "const" in schema:
            return "enum"
        return schema.get("type") or ("object" if "properties" in schema else "any")

    @staticmethod
    def _words(schema):
        return [word for word in schema.get("enum", [schema.get("const")]) if word is not None]

    def _tag(self, schema):
        """What tells an element from those of other forms."""
        for member in ("type", "role"):
            for form, _ in self._forms(schema.get("properties", {}).get(member, {"not": {}}), ()):
                if self._kind(form) == "enum" and len(self._words(form)) == 1:
                    return str(self._words(form)[0])
        return schema.get("tag", "")

    def _hint(self, path, word):
        for pattern, value in self._hints:
            if pattern.search(path):
                return json.loads(value.replace("MARK", word))
        return None

    def _least(self, schema, path, seen):
        """The smallest value."""
        hint = self._hint(path, FILLER)
        if hint is not None:
            return hint
        forms = self._forms(schema, seen)
        if not forms:
            return {}
        form, names = forms[0]
        kind = self._kind(form)
        if kind == "enum":
            return self._words(form)[0]
        if kind == "object":
            return self._least_object(form, path, names)
        if kind == "array":
            return [self._least(form["items"], f"{path}[]", names) for _ in range(form.get("minItems", 0))]
        return {"string": FILLER, "any": FILLER, "boolean": True}.get(kind, max(1, int(float(form.get("minimum", 1)))))

    def _least_object(self, form, path, seen):
        hint = self._hint(path, FILLER)
        if isinstance(hint, dict):
            return hint
        members = form.get("properties", {})
        return {name: self._least(members[name], _inside(path, name), seen) for name in form.get("required", ()) if name in members}

    # --- probes

    def _members(self, schema, place, seen, least):
        probes = []
        needed = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            path = _inside(place.path, name)
            if path in self._left_out or member.get("readOnly"):
                continue
            inner = _Place(path, functools.partial(_put_member, place.put, least, name), name in needed, seen)
            probes += self._at(member, inner)
        return probes

    def _at(self, schema, place):
        """The probes of a member or an element, in all of its forms."""
        probes = []
        forms = self._forms(schema, place.seen)
        hint = self._hint(place.path, MARK)
        if hint is not None and not any(form.get("properties") for form, _ in forms):
            return [self._probe(place, "text" if MARK in json.dumps(hint) else "word", hint)]
        for form, seen in forms:
            tag = self._tag(form) if len(forms) > 1 and self._kind(form) == "object" else ""
            own = replace(place, path=f"{place.path}[{tag}]") if tag else place
            probes += self._of_form(form, own, seen)
        return probes

    def _probe(self, place, kind, value, other=None, inner=None):
        body = place.put(value)
        without = None if place.needed and other is None else place.put(other if place.needed else _Absent)
        done = self._complete(body, body)
        return Probe(place.path, kind, value, done, self._complete(without, body) if without is not None else None, inner)

    def _of_form(self, form, place, seen):
        kind = self._kind(form)
        if kind == "enum":
            return self._of_enum(form, place)
        if kind == "boolean":
            return [self._probe(place, "word", value, not value) for value in (True, False) if value != form.get("default")]
        if kind in ("integer", "number"):
            return [self._probe(place, "number", _distinctive(form, kind))]
        if kind == "array":
            return self._of_array(form, place, seen)
        if kind == "object" and form.get("properties"):
            return self._of_object(form, place, seen)
        if kind == "object":
            inner = form.get("additionalProperties")
            counts = isinstance(inner, dict) and inner.get("type") in ("integer", "number")
            if form.get("additionalProperties") is False or inner is None and not form.get("description") and form.get("properties") == {}:
                return [self._probe(place, "word", {})]
            return [self._probe(place, "number", {"1037": 37})] if counts else [self._probe(place, "text", {MARK: MARK})]
        return [self._probe(place, "text", MARK)]

    def _of_enum(self, form, place):
        words = self._words(form)
        if len(words) == 1 and place.needed:
            return []
        tried = [word for word in words if word != form.get("default")][:MOST_WORDS]
        return [self._probe(place, "word", word, next((one for one in words if one != word), None)) for word in tried]

    def _of_array(self, form, place, seen):
        probes = []
        fill = max(0, form.get("minItems", 0) - 1)
        for item, names in self._forms(form.get("items", {}), seen):
            path = f"{place.path}[{self._tag(item)}]"
            least = self._least(item, path, names)
            put = functools.partial(_put_element, place.put, [least] * fill)
            probes += self._at(item, _Place(path, put, False, names))
        return probes

    def _of_object(self, form, place, seen):
        least = self._least_object(form, place.path, seen)
        inner = functools.partial(self._members, form, _Place(place.path, place.put, False, seen), seen, least)
        # One that says something by being there makes a difference; others may say nothing yet.
        speaks = self._tag(form) or all(self._is_said(form, name) for name in form["properties"])
        return [self._probe(place, "word" if speaks and not place.needed else "group", least, inner=inner)]

    def _is_said(self, form, name):
        """Whether a member says nothing but what its object is."""
        forms = self._forms(form["properties"][name], ())
        return name in form.get("required", ()) and len(forms) == 1 and self._kind(forms[0][0]) == "enum" and len(self._words(forms[0][0])) == 1


class _Absent:
    """Stands for no value."""


def _put_member(put, least, name, value):
    members = {key: other for key, other in least.items() if key != name}
    return put(members if value is _Absent else {**members, name: value})


def _put_element(put, fill, value):
    return put(fill if value is _Absent else [value, *fill])


def _inside(path, name):
    return f"{path}.{name}" if path else name


def _distinctive(form, kind):
    least, most = (None if form.get(bound) is None else float(form[bound]) for bound in ("minimum", "maximum"))
    value = 0.37 if kind == "number" else 37
    if least is not None and value < least:
        value = least + 13
    if most is not None and value > most:
        value = most - 3 if most > 3 else most
    return int(value) if kind == "integer" else value

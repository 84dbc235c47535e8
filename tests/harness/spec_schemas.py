"""The vendors' own descriptions of their requests, all as JSON Schema: OpenAPI documents, the types of an SDK, and protocol buffers.

A set of schemas is {name: schema}; a `$ref` ends in such a name."""

import re
import types
import typing
from pathlib import Path

import typing_extensions
import yaml


def of_openapi(path: Path):
    """The schemas of an OpenAPI document."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_bytes(), Loader=loader)["components"]["schemas"]


# --- the TypedDicts of an SDK

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", list: "array", dict: "object"}


def of_typed_dict(root):
    """The schemas of a TypedDict and of all that it refers to."""
    schemas = {}
    waiting = [root]

    def schema_of(hint):
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Annotated, typing_extensions.Required, typing_extensions.NotRequired):
            return schema_of(arguments[0])
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [schema_of(one) for one in arguments if one is not None]}
        if origin in (typing.Literal, typing_extensions.Literal):
            return {"enum": list(arguments)}
        if hint in _PLAIN:
            return {"type": _PLAIN[hint]}
        if typing_extensions.is_typeddict(hint):
            name = f"{hint.__module__}.{hint.__name__}".replace("/", "_")
            if name not in schemas and hint not in waiting:
                waiting.append(hint)
            return {"$ref": name}
        if origin is not None and issubclass(origin, dict) or getattr(origin, "__name__", "") == "Mapping":
            return {"type": "object", "additionalProperties": schema_of(arguments[1])}
        if origin is not None:
            return {"type": "array", "items": schema_of(arguments[0])}
        return {} if hint in (object, typing.Any) else {"not": {}}  # a file, which JSON has not

    while waiting:
        described = waiting.pop()
        hints = typing_extensions.get_type_hints(described, include_extras=True)
        needed = [name for name, hint in hints.items()
                  if typing.get_origin(hint) is typing_extensions.Required or (described.__total__ and name in described.__required_keys__)]
        schemas[f"{described.__module__}.{described.__name__}"] = {
            "type": "object", "properties": {name: schema_of(hint) for name, hint in hints.items()}, "required": needed}
    return schemas


# --- protocol buffers

_SCALARS = {"string": {"type": "string"}, "bytes": {"type": "string", "format": "byte"}, "bool": {"type": "boolean"},
            "int32": {"type": "integer"}, "int64": {"type": "integer"}, "float": {"type": "number"}, "double": {"type": "number"},
            "google.protobuf.Struct": {"type": "object"}, "google.protobuf.Value": {}, "google.protobuf.Duration": {"type": "string"},
            "google.protobuf.Timestamp": {"type": "string"}, "google.type.LatLng": {"type": "object"}}
_FIELD = re.compile(r"(?:(optional|repeated) +)?(map *< *[\w.]+ *, *[\w.]+ *>|[\w.]+) +(\w+) *= *\d+ *(\[[^;]*\])? *;")


def camel(name):
    return re.sub(r"_(\w)", lambda found: found.group(1).upper(), name)


def of_protos(paths):
    """The schemas of messages in their JSON form. A `oneof` is one member of those that it has."""
    schemas = {}
    for path in paths:
        text = re.sub(r"//[^\n]*", "", path.read_text())
        _messages(" ".join(text.split()), "", schemas)
    return schemas


def _blocks(text):
    """(keyword, name, body) of each block at the top of a text, and the text without them."""
    blocks, rest, at = [], "", 0
    while found := re.compile(r"\b(message|enum|oneof|service) +(\w+) *\{").search(text, at):
        rest += text[at:found.start()]
        end, depth = found.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        blocks.append((found.group(1), found.group(2), text[found.end():end - 1]))
        at = end
    return blocks, rest + text[at:]


def _messages(text, outer, schemas):
    for keyword, name, body in _blocks(text)[0]:
        full = f"{outer}.{name}" if outer else name
        if keyword == "enum":
            schemas[full] = {"type": "string", "enum": [word for word in re.findall(r"(\w+) *= *\d+", body) if not word.endswith("_UNSPECIFIED")]}
        elif keyword == "message":
            inner, own = _blocks(body)
            _messages(body, full, schemas)
            properties, required = _fields(own, full, schemas)
            choices = [(choice, _fields(members, full, schemas)[0]) for kind, choice, members in inner if kind == "oneof"]
            schemas[full] = _with_choices(properties, required, choices)


def _with_choices(properties, required, choices):
    plain = {"type": "object", "properties": properties, "required": required}
    optional = {name: schema for choice, members in choices[1:] for name, schema in members.items()}
    if not choices:
        return plain
    plain["properties"] |= optional
    return {"anyOf": [{"type": "object", "tag": name, "properties": {**plain["properties"], name: schema}, "required": [*required, name]}
                      for name, schema in choices[0][1].items()]}


def _fields(text, message, schemas):
    properties, required = {}, []
    for label, kind, name, options in _FIELD.findall(text):
        named = {"type": "object"} if kind.startswith("map") else {"$ref": kind, "within": message}
        schema = _SCALARS.get(kind, named)
        properties[camel(name)] = {"type": "array", "items": schema} if label == "repeated" else schema
        if "REQUIRED" in options:
            required.append(camel(name))
    return properties, required

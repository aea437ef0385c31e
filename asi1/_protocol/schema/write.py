"""Writes the JSON Schema of a shape, in the strict form that the API asks for."""

from __future__ import annotations

import re

from collections import Counter
from typing import Any

from ..._models.base_types import JSON
from ..._models.json_text import json_text
from .bounds import keywords_of
from .scalars import TEXT
from .shapes import (
    Array,
    Choices,
    Definition,
    Field,
    Foreign,
    FreeObject,
    NoDefault,
    Object,
    Row,
    Scalar,
    Shape,
    Union,
    allows_null,
)
from .strict import mapped


__all__ = ["json_schema"]

_REF = "#/$defs/"
_TYPE_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
_PLAIN = {"string", "integer", "number", "boolean"}


def json_schema(shape: Shape) -> dict[str, Any]:
    """
    Return the JSON Schema of *shape*.

    A class that is used once is written where it is used; all others are in ``$defs``.
    """
    writer = _Writer()
    return _inlined(writer.write(shape), writer.definitions)


class _Writer:
    """Writes schemas; the schema of each class is written once, into `definitions`."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self._names: dict[object, str] = {}
        self._foreign_schemas: dict[int, dict[str, Any]] = {}

    def write(self, shape: Shape, description: str = "") -> dict[str, Any]:
        """Return the schema of *shape*; for a class, a ``$ref`` to its definition."""
        schema = self._write(shape)
        description = description or shape.description
        return schema | {"description": description} if description else schema

    def _write(self, shape: Shape) -> dict[str, Any]:
        match shape:
            case Scalar():
                return {**shape.schema, **keywords_of(shape)}
            case Choices():
                return _of_choices(shape)
            case Array():
                items = self.write(shape.item)
                return {"type": "array", "items": items, **keywords_of(shape)}
            case Row():
                return self._row(shape)
            case FreeObject():
                return self._free_object(shape)
            case Union():
                return self._union(shape)
            case Object():
                return self._object(shape.definition)
            case Foreign():
                return self._foreign(shape)
        return {}

    def _row(self, shape: Row) -> dict[str, Any]:
        """Return the schema of a `Row`, an array: strict schemas have no tuples."""
        count = len(shape.items)
        parts: list[dict[str, Any]] = []
        for part in map(self.write, shape.items):
            if part not in parts:
                parts.append(part)
        schema = {"type": "array", "minItems": count, "maxItems": count}
        if len(parts) > 1:
            order = "; ".join(each.name for each in shape.items)
            schema["description"] = f"The items in this order: {order}."
            return schema | {"items": {"anyOf": parts}}
        return schema | {"items": parts[0] if parts else {"type": "null"}}

    def _free_object(self, shape: FreeObject) -> dict[str, Any]:
        schema = {"type": "object", "additionalProperties": self.write(shape.item)}
        if shape.key is not TEXT:
            schema["propertyNames"] = self.write(shape.key)
        return schema | keywords_of(shape)

    def _union(self, shape: Union) -> dict[str, Any]:
        parts = [self.write(each) for each in shape.members if not _is_null(each)]
        schema = parts[0] if len(parts) == 1 else {"anyOf": parts}
        return _nullable(schema) if len(parts) < len(shape.members) else schema

    def _object(self, definition: Definition) -> dict[str, Any]:
        if definition not in self._names:
            name = self._names[definition] = self._free_name(definition.name)
            # Reserves the class's name and position before `_body` adds the classes
            # inside it.
            self.definitions[name] = {}
            self.definitions[name] = self._body(definition)
        return {"$ref": _REF + self._names[definition]}

    def _body(self, definition: Definition) -> dict[str, Any]:
        text = definition.description
        return {
            "type": "object",
            **({"description": text} if text else {}),
            "properties": {each.key: self._field(each) for each in definition.fields},
            "required": [each.key for each in definition.fields],
            "additionalProperties": False,
        }

    def _field(self, field: Field) -> dict[str, Any]:
        description = field.description
        if field.default is not NoDefault:
            default = f"Default: {json_text(field.default)}."
            before = f"{description.rstrip('.')}. " if description else ""
            description = before + default
        schema = self.write(field.shape, description)
        if field.required or allows_null(field.shape):
            return schema
        return _nullable(schema)

    def _foreign(self, shape: Foreign) -> dict[str, Any]:
        """Return another library's schema, with definitions renamed to unused names."""
        known = self._foreign_schemas.get(id(shape.schema))
        if known is not None:
            return known
        schema = dict(shape.schema)
        definitions = schema.pop("$defs", {})
        names = {old: self._free_name(old) for old in definitions}
        self.definitions |= {new: {} for new in names.values()}

        def renamed(part: dict[str, Any]) -> dict[str, Any]:
            name = part.get("$ref", "").removeprefix(_REF)
            return {**part, "$ref": _REF + names[name]} if name in names else part

        for old, new in names.items():
            self.definitions[new] = mapped(definitions[old], renamed)
        schema = self._foreign_schemas[id(shape.schema)] = mapped(schema, renamed)
        return schema

    def _free_name(self, name: str) -> str:
        base = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "Type"
        number, name = 1, base
        while name in self.definitions:
            number += 1
            name = f"{base}_{number}"
        return name


def _is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.schema["type"] == "null"


def _of_choices(shape: Choices) -> dict[str, Any]:
    values: list[JSON] = [value for _, value in shape.values]
    kinds = list(dict.fromkeys(_TYPE_NAMES[kind] for kind, _ in shape.values))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if "enum" in schema:
        if None in schema["enum"]:
            return schema
        kinds = kind if isinstance(kind, list) else [kind]
        return {**schema, "type": [*kinds, "null"], "enum": [*schema["enum"], None]}
    if isinstance(kind, str) and kind in _PLAIN:
        return {**schema, "type": [kind, "null"]}
    if schema.keys() == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    outer = {"description": schema["description"]} if "description" in schema else {}
    inner = {key: value for key, value in schema.items() if key != "description"}
    return {"anyOf": [inner, {"type": "null"}], **outer}


def _inlined(
    root: dict[str, Any], definitions: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return *root*; a definition that is used only once is inlined at its use."""
    uses: Counter[str] = Counter()

    def count(part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in part:
            uses[part["$ref"].removeprefix(_REF)] += 1
        return part

    for schema in (root, *definitions.values()):
        mapped(schema, count)

    def inline(part: dict[str, Any]) -> dict[str, Any]:
        name = part.get("$ref", "").removeprefix(_REF)
        if name not in definitions:
            return part
        rest = {key: value for key, value in part.items() if key != "$ref"}
        if uses[name] == 1:
            return {**mapped(definitions[name], inline), **rest}
        return {"anyOf": [{"$ref": part["$ref"]}], **rest} if rest else part

    body = mapped(root, inline)
    if "$ref" in root and "$ref" in body:  # a schema's top level must not be a $ref
        body = mapped(definitions[root["$ref"].removeprefix(_REF)], inline)
    shared = [name for name in definitions if uses[name] > 1]
    kept = {name: mapped(definitions[name], inline) for name in shared}
    return {**body, "$defs": kept} if kept else body

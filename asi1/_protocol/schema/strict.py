"""
The strict subset of JSON Schema: the schemas that the API can enforce. In the subset
each object has ``additionalProperties: false`` and requires all of its keys, and each
value has a type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..._models.base_types import JSON


__all__ = ["is_strict", "made_strict", "mapped"]

# Keywords of JSON Schema that the API's strict subset does not allow.
_UNSUPPORTED = {
    *("allOf", "oneOf", "not", "if", "then", "else"),
    *("dependentRequired", "dependentSchemas", "dependencies"),
    *("patternProperties", "propertyNames", "unevaluatedProperties"),
    *("minProperties", "maxProperties", "prefixItems", "additionalItems"),
    *("contains", "minContains", "maxContains", "unevaluatedItems", "uniqueItems"),
}
_ONE_OF_THEM = {"type", "enum", "const", "anyOf", "$ref"}


def mapped(
    schema: JSON, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """
    Return *schema* after *change* was applied to all schemas inside it, innermost
    first.
    """
    new: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs", "definitions", "patternProperties"}:
            new[key] = {name: _each(part, change) for name, part in value.items()}
        elif key in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            new[key] = [_each(part, change) for part in value]
        elif key in {"items", "additionalProperties", "propertyNames", "not"}:
            new[key] = _each(value, change)
        else:
            new[key] = value
    return change(new)


def _each(part: JSON, change: Callable[[dict[str, Any]], dict[str, Any]]) -> JSON:
    return mapped(part, change) if isinstance(part, dict) else part


def is_strict(schema: Mapping[str, JSON]) -> bool:
    """Return whether *schema* is in the strict subset, which the API can enforce."""
    verdicts: list[bool] = []

    def judge(part: dict[str, Any]) -> dict[str, Any]:
        verdicts.append(_is_strict_part(part))
        return part

    mapped(dict(schema), judge)
    return schema.get("type") == "object" and all(verdicts)


def _is_strict_part(part: Mapping[str, JSON]) -> bool:
    if part.keys() & _UNSUPPORTED or not part.keys() & _ONE_OF_THEM:
        return False
    types = part.get("type")
    types = types if isinstance(types, list) else [types]
    if "array" in types and not isinstance(part.get("items"), dict):
        return False
    if "object" not in types and "properties" not in part:
        return True
    keys = set(part.get("properties", {}))
    return (
        part.get("additionalProperties") is False
        and set(part.get("required", ())) == keys
    )


def made_strict(schema: Mapping[str, JSON]) -> dict[str, Any]:
    """Return another library's *schema*, made strict as far as possible."""
    return mapped(dict(schema), _made_strict_part)


def _made_strict_part(part: dict[str, Any]) -> dict[str, Any]:
    part.pop("default", None)
    part.pop("discriminator", None)
    if "oneOf" in part and "anyOf" not in part:
        part["anyOf"] = part.pop("oneOf")
    if len(part.get("allOf", ())) == 1:
        part = {**part.pop("allOf")[0], **part}
    if "properties" in part:
        part.setdefault("additionalProperties", False)
        part["required"] = list(part["properties"])
    return part

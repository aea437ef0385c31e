"""
`Model.model_dump`, which programs written for OpenAI's client call. Loaded when a
program calls it.
"""

from __future__ import annotations

import json

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from .base_types import JSON
from .json_text import json_text


__all__ = ["REPEATED", "dumped", "dumped_text", "keeper"]

# Keys of a tool call that are not sent back, since they repeat other keys: the index,
# and the function in the form that older servers send.
REPEATED = ("index", "tool_name", "args")

# The keys of the model's message that a later request sends back. The API may refuse
# other fields of its own answers.
_SENT_BACK = ("role", "content", "tool_calls", "function_call", "refusal")
# Options of pydantic that change nothing in an object of JSON values.
_WITHOUT_EFFECT = {
    *("by_alias", "context", "ensure_ascii", "exclude_computed_fields", "fallback"),
    *("round_trip", "serialize_as_any", "warnings"),
}
_NAMES = (set, frozenset, list, tuple, type(None))
# Fields whose empty value OpenAI's client keeps, and does not turn into None.
_NEVER_NONE = {"arguments", "content", "choices", "id", "index", "model", "name"}


def dumped(
    model: Any, *, left_out: Collection[str], exclude_none: bool
) -> dict[str, Any]:
    """
    Return *model* as a dict of JSON values, with all its fields.

    Args:
        model: An object of a subclass of `Model`.
        left_out: The names of the fields that are not in the JSON form of any object.
        exclude_none: Leaves out values that are None and, from a message, the keys that
            no later request sends back.
    """
    values: dict[str, Any] = _all_fields(model, left_out)
    if not exclude_none:
        return values
    filled: dict[str, Any] = _without_none(values)
    if all(kind.__name__ != "ChatMessage" for kind in type(model).__mro__):
        return filled
    message = {key: filled[key] for key in _SENT_BACK if key in filled}
    if message.get("tool_calls"):
        for call in message["tool_calls"]:
            for key in REPEATED:
                call.pop(key, None)
    return message


def dumped_text(value: JSON, indent: int | None) -> str:
    """Return *value* as JSON text; *indent*: in spaces, None for a single line."""
    text = json_text(value)
    if indent is None:
        return text
    return json.dumps(json.loads(text), indent=indent, ensure_ascii=False)


def keeper(
    include: object, exclude: object, options: Mapping[str, object]
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """
    Return the function that leaves only the wanted keys in a dict.

    Raises:
        TypeError: As for `Model.model_dump`.
    """
    for name, names in {"include": include, "exclude": exclude}.items():
        if not isinstance(names, _NAMES):
            raise TypeError(f"{name}: must be a set of names of the object's own keys")
    for name, value in options.items():
        if name not in _WITHOUT_EFFECT and value not in (None, False):
            raise TypeError(
                f"{name}: asi1 does not support this option of pydantic; exclude_none,"
                " exclude_unset, include and exclude are supported"
            )
    left_out: Any = exclude or ()

    def keep(dump: dict[str, Any]) -> dict[str, Any]:
        kept: Any = dump if include is None else include
        return {k: v for k, v in dump.items() if k in kept and k not in left_out}

    return keep


def _all_fields(model: Any, left_out: Collection[str]) -> dict[str, Any]:
    sent: dict[str, Any] = model.to_dict()
    values: dict[str, Any] = {}
    for field in attrs.fields(type(model)):
        if field.name in left_out or not field.init:
            continue
        name = field.metadata.get("wire", field.name)
        value = getattr(model, field.name)
        if hasattr(type(value), "model_dump"):
            values[name] = _all_fields(value, left_out)
        elif value and isinstance(value, tuple | list) and attrs.has(type(value[0])):
            values[name] = [_all_fields(item, left_out) for item in value]
        elif name in sent:
            values[name] = sent[name]
        elif isinstance(value, bytes):
            values[name] = b64encode(value).decode()
        elif value == () and name in _NEVER_NONE:
            values[name] = []
        else:
            values[name] = value if value or name in _NEVER_NONE else None
    return sent | values


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value

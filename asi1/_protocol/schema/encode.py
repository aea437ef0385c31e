"""Converts Python values to JSON values: the reverse of decoding."""

from __future__ import annotations

import datetime as dt
import sys

from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any

from ..._models.base_types import JSON
from ..._models.json_text import dump_json, json_text, replace_surrogates_in
from .annotations import unwrap
from .fields import fields_of, has_fields
from .scalars import duration_text


__all__ = ["encoded", "encoded_text"]


def encoded(value: Any) -> JSON:
    """
    Return the JSON value of *value*; its fields get the names that they have in JSON.

    Raises:
        ValueError: JSON cannot express a part of *value*; the message names the part's
            type.
    """
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, Enum):
        return encoded(value.value)
    cls: Any = type(value)
    if has_fields(cls):
        names = _keys_of(cls)
        return {
            key: encoded(getattr(value, attribute))
            for attribute, key in names
            if hasattr(value, attribute)  # the value of an InitVar is not stored
        }
    if isinstance(value, Mapping):
        return {_key(key): encoded(each) for key, each in value.items()}
    if isinstance(value, list | tuple | AbstractSet | deque):
        return [encoded(each) for each in value]
    return _encoded_scalar(value)


def encoded_text(value: JSON) -> str:
    """
    Return *value*, a result of `encoded`, as JSON text; lone surrogates become U+FFFD.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    text = json_text(value)
    # orjson writes NaN as null, and the standard library writes it as a name.
    if any(name in text for name in ("null", "NaN", "Infinity")):
        dump_json(replace_surrogates_in(value))  # raises for NaN or Infinity
    return text


def _encoded_scalar(value: Any) -> JSON:
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    if isinstance(value, dt.date | dt.time):  # datetime is a subclass of date
        return value.isoformat()
    cls = type(value)
    if isinstance(value, Decimal) or (cls.__module__, cls.__name__) == ("uuid", "UUID"):
        return str(value)
    for plain in (int, float, str):
        if isinstance(value, plain):
            return plain(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if hasattr(cls, "__struct_fields__"):
        return sys.modules["msgspec"].to_builtins(value)
    raise ValueError(f"a value of type {cls.__name__} has no form in JSON")


def _key(key: object) -> str:
    plain = encoded(key)
    if not isinstance(plain, str):
        kind = type(key).__name__
        raise ValueError(f"a key is not a str but {kind}")  # noqa: TRY004
    return plain


@lru_cache(maxsize=256)
def _keys_of(cls: Any) -> tuple[tuple[str, str], ...]:
    """Return the attribute and the name in JSON of each field of *cls*."""
    return tuple(
        (each.attribute, unwrap(each.annotation, {})[1].rename or each.key)
        for each in fields_of(cls, {cls.__name__: cls})
    )

"""
JSON in and out: what JSON cannot hold is refused, and nothing else.

orjson does the work. It reads integers of more than 64 bits as floats, cannot write
them, and writes NaN as null, so what may hold one of these is read or written by the
standard library, or looked through.
"""

from __future__ import annotations

import json
import math
import re

from collections.abc import Mapping

import orjson

from .base_types import JSON


__all__ = [
    "dump_json",
    "json_text",
    "load_json",
    "peek_json",
    "replace_surrogates",
    "replace_surrogates_in",
]

# 19 digits may be an integer of more than 64 bits.
_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else byte for byte in range(256))
_LONG_NUMBER = b"0" * 19
# Deeper values can be read, and then neither copied nor written.
_DEEPEST = 200
# Of text above this size the values are counted first: in memory a value can be many
# times as large as its text.
_LARGE = 256 * 1024
_MOST_VALUES = 1_000_000
_MOST_CONTAINERS = 200_000
# A text that does not end reaches to the end: each of its quotes would be tried else.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


# Reads JSON text as orjson does: fast, but integers of more than 64 bits become floats,
# and the depth is not looked at.
peek_json = orjson.loads


def load_json(data: bytes) -> JSON:
    """
    Read JSON text; of repeated keys the last counts.

    Lone surrogates are let through, since models do write them.

    Raises:
        ValueError: It is no JSON, nests deeper than 200 levels, has more values than
            an answer can have, or holds NaN, Infinity, or a number that Python refuses
            to read.
    """
    if len(data) > _LARGE:
        _count(data)
    value = _load(data)
    if data.count(b"[") + data.count(b"{") > _DEEPEST and _too_deep(value):
        raise ValueError("nested too deep")
    return value


def _load(data: bytes) -> JSON:
    if _LONG_NUMBER not in data.translate(_DIGITS):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
    try:
        return json.loads(data, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _count(data: bytes) -> None:
    """Raise ValueError for too many values; those that are texts are looked into."""
    for _ in range(2):
        containers = data.count(b"[") + data.count(b"{")
        values = containers + data.count(b",")
        if values <= _MOST_VALUES and containers <= _MOST_CONTAINERS:
            return
        data = _STRING.sub(b"", data)
    raise ValueError("too many values")


def _no_number(name: str) -> JSON:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _too_deep(value: JSON) -> bool:
    # One iterator for each level, so that a flat value costs nothing.
    levels = [iter([value])]
    while levels:
        for item in levels[-1]:
            if isinstance(item, dict | list):
                if len(levels) > _DEEPEST:
                    return True
                levels.append(iter(item.values() if isinstance(item, dict) else item))
                break
        else:
            levels.pop()
    return False


def dump_json(value: JSON) -> bytes:
    """
    Write *value* as JSON text; objects with a ``to_dict`` and mappings are written too.

    Raises:
        ValueError: It holds something that JSON cannot, such as a set, NaN, a key that
            is no text, or half a surrogate pair; the message says what.
    """
    try:
        data = orjson.dumps(value, default=_default)
        if b"null" in data:  # which NaN becomes
            _check(value)
    except orjson.JSONEncodeError as error:
        return _dump_slowly(value, str(error))
    return data


def _dump_slowly(value: JSON, reason: str) -> bytes:
    try:
        _check(value)
        text = json.dumps(
            value, default=_default, ensure_ascii=False, separators=(",", ":")
        )
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half a surrogate pair") from None
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except TypeError:
        raise ValueError(reason) from None


def _check(value: JSON) -> None:
    """Raise ValueError for what the standard library would write all the same."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r:.80} is no text")  # noqa: TRY004
            _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item)


def _default(value: object) -> JSON:
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None:
        return to_dict()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def json_text(value: JSON) -> str:
    """Write a value that came from JSON; lone surrogates are escaped."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # or an integer of more than 64 bits
        return json.dumps(value, separators=(",", ":"))


def replace_surrogates(text: str) -> str:
    """Return *text* with halves of surrogate pairs, which no UTF-8 holds, as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def replace_surrogates_in(value: JSON) -> JSON:
    """Apply `replace_surrogates` to every str in *value*, keys included."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, Mapping):
        return {
            replace_surrogates(name): replace_surrogates_in(member)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [replace_surrogates_in(item) for item in value]
    return value

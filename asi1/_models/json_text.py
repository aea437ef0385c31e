"""
Reads and writes JSON; refuses only values that JSON cannot express, or that are too
large or too deeply nested.

orjson does most of the work. But orjson reads integers of more than 64 bits as floats,
cannot write such integers, and writes NaN as null. So the standard library handles data
that may contain long integers, and data that may contain NaN is checked first.
"""

from __future__ import annotations

import json
import math
import re

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

import orjson

from .base_types import JSON


__all__ = [
    "MAX_CONTAINERS",
    "MAX_DEPTH",
    "MAX_VALUES",
    "dump_json",
    "has_long_number",
    "has_surrogates",
    "json_bytes",
    "json_text",
    "load_json",
    "load_slowly",
    "peek_json",
    "replace_surrogates",
    "replace_surrogates_in",
    "too_deep",
]

# Translates digits to "0", to find long integers, which orjson turns into floats.
_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else byte for byte in range(256))
_LONG_NUMBER = b"0" * 19
# If only every sixth byte is read, a run of 19 digits still gives three digits in a
# row.
_STEP = 6
_SAMPLE = b"0" * (len(_LONG_NUMBER) // _STEP)
# The types of values that contain no other values, and are never NaN.
_PLAIN = frozenset({str, int, bool, type(None)})
# Maximum levels of nesting: deeper values can be read, but not copied or written.
MAX_DEPTH = 200
# In memory, values can be many times larger than their JSON text. So in a JSON text of
# more than `_LARGE` bytes, all values are counted before parsing, and the arrays and
# objects (the containers) also by themselves.
_LARGE = 256 * 1024
MAX_VALUES = 1_000_000
MAX_CONTAINERS = 200_000
# Matches a surrogate: its escape, lone or in a pair, or its bytes, which UTF-8 forbids.
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
# An unterminated string matches to the end of the data. Otherwise the regex would try
# again at each escaped quote in the string, in quadratic time.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)


# Reads JSON with orjson alone: fast, but integers of more than 64 bits become floats,
# and the depth is not checked.
peek_json = orjson.loads


def load_json(data: bytes, *, surrogates: bool = False) -> JSON:
    """
    Parse JSON; if an object repeats a key, the last value is used.

    Args:
        data: JSON text, in which lone surrogates are accepted, since models write them.
        surrogates: Whether lone surrogates are kept; otherwise they become U+FFFD.

    Raises:
        ValueError: *data* is not valid JSON, is nested deeper than 200 levels, has more
            values than an answer can have, or contains NaN, Infinity, or a number that
            Python refuses to read.
    """
    if len(data) > _LARGE:
        _check_value_count(data)
    value = _load(data, surrogates=surrogates)
    if _has_many_containers(data) and too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _has_many_containers(data: bytes) -> bool:
    """Whether *data* has enough brackets for a value that is nested too deeply."""
    if len(data) <= 2 * MAX_DEPTH:
        return False
    # In CPython 3.11, `bytes.count` reads byte by byte, but `bytes.replace` searches
    # many bytes at once. So brackets are removed, and the lengths are compared.
    lists = data.replace(b"[", b"", MAX_DEPTH + 1)
    objects = data.replace(b"{", b"", MAX_DEPTH + 1)
    return 2 * len(data) - len(lists) - len(objects) > MAX_DEPTH


def has_surrogates(data: bytes) -> bool:
    """Whether JSON text may have lone surrogates; if False, it certainly has none."""
    # The search for bytes comes first, since it is faster than the pattern.
    found = b"\\ud" in data or b"\\uD" in data or b"\xed" in data
    return found and _SURROGATE.search(data) is not None


def _load(data: bytes, *, surrogates: bool) -> JSON:
    if not has_long_number(data):
        try:
            return orjson.loads(data)  # orjson raises an error for a lone surrogate
        except orjson.JSONDecodeError:
            pass
    return load_slowly(data, surrogates=surrogates)


def has_long_number(data: bytes) -> bool:
    """Whether *data* has so many digits in a row that orjson may return a float."""
    # For most data, every sixth byte is enough to see that there is no such run.
    if _SAMPLE not in data[::_STEP].translate(_DIGITS):
        return False
    return _LONG_NUMBER in data.translate(_DIGITS)


def load_slowly(data: bytes, *, surrogates: bool = False) -> JSON:
    """Parse JSON as `load_json` does, but with the standard library, not orjson."""
    if not surrogates and has_surrogates(data):
        from .surrogates import without_surrogates  # noqa: PLC0415 - rarely needed

        data, _ = without_surrogates(data)
    try:
        return json.loads(
            data, parse_constant=_refuse_constant, parse_float=_parse_float
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _check_value_count(data: bytes) -> None:
    """Raise ValueError for too many values; commas in strings are not counted."""
    for _ in range(2):
        containers = data.count(b"[") + data.count(b"{")
        if containers <= MAX_CONTAINERS and (
            len(data) <= MAX_VALUES or containers + data.count(b",") <= MAX_VALUES
        ):
            return
        data = _STRING.sub(b"", data)
    raise ValueError("too many values")


def _refuse_constant(name: str) -> JSON:
    raise ValueError(f"{name} is not valid JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def too_deep(value: JSON) -> bool:
    """Whether *value* is nested deeper than `MAX_DEPTH` levels."""
    # The list has one iterator per level of nesting, so a flat list takes no extra
    # memory.
    levels = [iter([value])]
    while levels:
        for item in levels[-1]:
            if isinstance(item, dict | list):
                if len(levels) > MAX_DEPTH:
                    return True
                levels.append(iter(item.values() if isinstance(item, dict) else item))
                break
        else:
            levels.pop()
    return False


def dump_json(value: JSON) -> bytes:
    """
    Return *value* as JSON; mappings and objects with a ``to_dict`` become JSON objects.

    Raises:
        ValueError: *value* contains something that JSON cannot express, such as a set,
            NaN, a key that is not a str, or a lone surrogate; the message names it.
    """
    try:
        data = orjson.dumps(value, default=_default)
        # orjson writes NaN as null. The str "null", which JSON Schemas contain, is not
        # NaN.
        nulls = data.count(b"null")
        if nulls and nulls > data.count(b'"null"'):
            _check_writable(value)
    except orjson.JSONEncodeError as error:
        return _dump_slowly(value, str(error))
    return data


def _dump_slowly(value: JSON, reason: str) -> bytes:
    try:
        _check_writable(value)
        text = json.dumps(
            value, default=_default, ensure_ascii=False, separators=(",", ":")
        )
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a str contains a lone surrogate") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except TypeError:
        raise ValueError(reason) from None


def _check_writable(value: JSON) -> None:
    """Raise ValueError for NaN, infinity, and a key that is not a str."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not valid JSON")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"a key is not a str but {type(key).__name__}")  # noqa: TRY004
    for item in _parts(value):
        if type(item) not in _PLAIN:
            _check_writable(item)


def _parts(value: JSON) -> Iterable[JSON]:
    """Return the values inside *value*, or the value that is written in place of it."""
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Enum):
        return (value.value,)
    if is_dataclass(value):  # orjson writes the public fields of a dataclass
        names = [each.name for each in fields(value) if each.name[0] != "_"]
        return [getattr(value, name, None) for name in names]
    return (value.to_dict(),) if hasattr(value, "to_dict") else ()


def _default(value: object) -> JSON:
    to_dict = getattr(value, "to_dict", None)
    if to_dict is not None:
        return to_dict()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def json_text(value: JSON) -> str:
    """Return *value*, parsed from JSON, as JSON text; lone surrogates become U+FFFD."""
    return json_bytes(value).decode()


def json_bytes(value: JSON) -> bytes:
    """Return `json_text` as bytes, which is faster for long strings."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # a lone surrogate, or an int above 64 bits
        return json.dumps(replace_surrogates_in(value), separators=(",", ":")).encode()


def replace_surrogates(text: str) -> str:
    """Return *text* with each lone surrogate, which UTF-8 cannot encode, as U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def replace_surrogates_in(value: JSON) -> JSON:
    """Apply `replace_surrogates` to every str in *value*, keys included."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if type(value) is dict or isinstance(value, Mapping):
        return {
            replace_surrogates(name): replace_surrogates_in(member)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [replace_surrogates_in(item) for item in value]
    return value

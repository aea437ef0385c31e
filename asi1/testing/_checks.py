"""
Checks the arguments with which a test scripts replies, in the test's own thread.

Without these checks, a mistake would raise in the fake's thread, and the test would
only see a lost connection.
"""

from __future__ import annotations

import re

from collections.abc import Mapping
from typing import Any

from .._models.json_text import dump_json
from .._settings.validators import Check, number, or_none, string, whole_number


__all__ = [
    "OPTION_CHECKS",
    "encodable",
    "ensure",
    "header_fields",
    "header_strings",
    "header_value",
    "json_object",
    "json_value",
    "one_of",
    "pairs",
    "status_code",
    "strings",
    "tool_problem",
    "valid",
    "wait_time",
]


_BREAKS = {"\r", "\n", "\0"}
# Matches a token of RFC 9110, section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)


def ensure(name: str, value: object, check: Check, *kinds: type) -> None:
    """
    Raise if *check* finds a problem with the argument *name*.

    Raises:
        ValueError: There is a problem, and *value* has one of the types *kinds*.
        TypeError: There is a problem, and *value* has another type.
    """
    if problem := check(value):
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        error = ValueError if fits else TypeError
        raise error(f"{name}: {problem}, not {value!r:.80}")


def valid(check: Check, *kinds: type) -> Any:
    """Return an attrs validator that raises as `ensure` does."""

    def validate(_: object, attribute: Any, value: object) -> None:
        ensure(attribute.name, value, check, *kinds)

    return validate


def wait_time(value: Any) -> str | None:
    """Return why *value* is not a wait in seconds, infinity included; None if it is."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return None if real and value >= 0 else "must be a number of seconds from 0"


def status_code(value: Any) -> str | None:
    """Return why *value* is not a whole number of three digits; None if it is."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = whole and 100 <= value <= 999
    return None if fits else "must be a whole number from 100 to 999"


def one_of(*values: str) -> Check:
    """Return the check that a value is one of *values*."""

    def check(value: Any) -> str | None:
        listed = ", ".join(map(repr, values))
        return None if value in values else f"must be one of {listed}"

    return check


def encodable(value: Any) -> str | None:
    """Return why *value* is not a str that UTF-8 can encode; None if it is."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return "contains a lone surrogate"
    except AttributeError:
        return string(value)
    return string(value)


def strings(value: Any) -> str | None:
    """Return why *value* is not a tuple of str; None if it is."""
    return next(filter(None, map(encodable, value)), None)


def header_value(value: Any) -> str | None:
    """Return why *value* cannot be the value of a header; None if it can."""
    problem = string(value)
    if problem is None and (max(value, default=" ") > "\xff" or _BREAKS & {*value}):
        problem = "must be in Latin-1, without line breaks"
    return problem


def _number_or_header(value: Any) -> str | None:
    return header_value(value) and number(0)(value)


def header_strings(value: Any) -> str | None:
    """Return why *value* does not map strings to strings; None if it does."""
    fits = isinstance(value, Mapping) and all(
        isinstance(part, str) for pair in value.items() for part in pair
    )
    return None if fits else "must be a mapping of str to str"


def header_fields(value: Any) -> str | None:
    """Return why *value* does not map names of headers to values; None if it does."""
    if problem := header_strings(value):
        return problem
    for name, each in value.items():
        if not _TOKEN.fullmatch(name):
            return "must have names of letters, digits and hyphens"
        if problem := header_value(each):
            return problem.replace("must be", f"{name} must be")
    return None


def pairs(value: Any) -> str | None:
    """Return why *value* is not a tuple of header names and values; None if it is."""
    fits = isinstance(value, tuple | list) and all(
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(
            isinstance(part, str) and max(part, default="") <= "\xff" for part in pair
        )
        for pair in value
    )
    return None if fits else "must be pairs of str in Latin-1"


def json_value(value: Any) -> str | None:
    """Return why *value* cannot be encoded as JSON; None if it can."""
    try:
        dump_json(value)
    except ValueError as exc:
        return f"is not JSON ({exc})"
    return None


def json_object(value: Any) -> str | None:
    """Return why *value* is not a mapping that JSON can encode; None if it is."""
    if not isinstance(value, Mapping):
        return "must be a mapping"
    return json_value(dict(value))


# For each annotation of a fault's option: the check of the option's value, and the
# types that the value may have.
OPTION_CHECKS: Mapping[str, tuple[Check, tuple[type, ...]]] = {
    "int": (whole_number(0), (int, float)),
    "int | None": (or_none(whole_number(0)), (int, float)),
    "float": (number(0), (int, float)),
    "float | None": (or_none(number(0)), (int, float)),
    "float | str": (_number_or_header, (int, float, str)),
    "str": (header_value, (str,)),
    "Mapping[str, Any] | None": (or_none(json_object), (Mapping,)),
}


def tool_problem(messages: object) -> str | None:
    """
    Return why a service would refuse the tool calls and results in *messages*; None if
    no service would.

    A call needs an id and a function's name; a result needs the id of a call before it.
    """
    known: set[object] = set()
    for place, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            continue
        calls = message.get("tool_calls")
        for at, call in enumerate(calls if isinstance(calls, list) else ()):
            name = f"messages[{place}].tool_calls[{at}]"
            if not _is_named(call, "id"):
                return f"{name}.id: must not be empty"
            if "custom" not in call and not _is_named(call.get("function"), "name"):
                return f"{name}.function.name: must not be empty"
            known.add(call["id"])
        if message.get("role") == "tool":
            name = f"messages[{place}].tool_call_id"
            if not _is_named(message, "tool_call_id"):
                return f"{name}: must not be empty"
            if message["tool_call_id"] not in known:
                return f"{name}: no call before it has this id"
    return None


def _is_named(value: object, key: str) -> bool:
    named: object = value.get(key) if isinstance(value, dict) else None
    return isinstance(named, str) and bool(named)

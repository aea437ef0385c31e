"""
Floor 1. The options of a call, each with the values that it may have.

What is checked is what the API documents; everything else goes through ``extra_body``.
"""

from __future__ import annotations

import difflib

from collections.abc import Callable, Mapping
from typing import Any

from ._errors import ArgumentError
from ._types import ChatOptions, RequestOptions


__all__ = ["BODY_OPTIONS", "CALL_OPTIONS", "check_options", "wrong"]

CALL_OPTIONS = frozenset(RequestOptions.__annotations__)
BODY_OPTIONS = frozenset(ChatOptions.__annotations__) - CALL_OPTIONS


def check_options(
    options: Mapping[str, Any], known: frozenset[str] = BODY_OPTIONS | CALL_OPTIONS
) -> None:
    """
    Check the options of a call, or a client's ``default_options``.

    Raises:
        ArgumentError: One is unknown, of a wrong type, or out of its range.
    """
    for name, value in options.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; use extra_body= for it"
            raise ArgumentError(
                f"{name}: is no option of this call{hint}", argument=name
            )
        problem = (
            _CHECKS[name](value) if value is not None and name in _CHECKS else None
        )
        if problem:
            raise wrong(name, problem, value)


def wrong(argument: str, what: str, value: object) -> ArgumentError:
    """Return the error for *argument*; at most 80 characters of the value are shown."""
    return ArgumentError(f"{argument}: {what}, not {value!r:.80}", argument=argument)


def _number(low: float, high: float) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return (
            None
            if number and low <= value <= high
            else (f"must be a number from {low:g} to {high:g}")
        )

    return check


def _count(low: int | None) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "must be a whole number"
        return None if low is None or value >= low else f"must be at least {low}"

    return check


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be True or False"


def _mapping(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "must be a mapping"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a text"


def _list_of(kind: Any, what: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        listed = isinstance(value, list | tuple)
        fine = listed and all(isinstance(item, kind) for item in value)
        return None if fine else f"must be a list of {what}"

    return check


def _one_or(
    check: Callable[[Any], str | None], what: str
) -> Callable[[Any], str | None]:
    def either(value: Any) -> str | None:
        problem = None if isinstance(value, str) else check(value)
        return problem and f"{problem}, or {what}"

    return either


_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "agents": _list_of(str, "texts"),
    "enable_thinking": _flag,
    "extra_body": _mapping,
    "frequency_penalty": _number(-2, 2),
    "max_tokens": _count(0),
    "n": _count(1),
    "parallel_tool_calls": _flag,
    "planner_mode": _flag,
    "presence_penalty": _number(-2, 2),
    "response_format": _mapping,
    "seed": _count(None),
    "stop": _one_or(_list_of(str, "texts"), "one text"),
    "temperature": _number(0, 2),
    "thinking_budget": _count(0),
    "tool_choice": _one_or(_mapping, "a word such as auto"),
    "tools": _list_of(Mapping, "mappings"),
    "top_p": _number(0, 1),
    "user": _text,
    "web_search": _flag,
}

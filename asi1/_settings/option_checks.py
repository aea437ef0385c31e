"""
Checks the options of a call: each must be known to asi1 and have an allowed value.

asi1 knows the options of the API's documentation; ``extra_body`` can send any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._fork_lock import run_apart_once
from .._models.errors import ArgumentError
from .options import BODY_OPTIONS, CALL_OPTIONS
from .validators import (
    Check,
    flag,
    list_of,
    mapping,
    number,
    string,
    string_or,
    whole_number,
    wrong,
)


__all__ = ["check_options", "checked_options"]

# Options of other chat APIs, each with a hint at what to use in asi1 instead.
_ELSEWHERE = {
    "reasoning_effort": "; see enable_thinking and thinking_budget.",
    "stream_options": "; usage comes with every stream without it.",
}
_CHECKS: Mapping[str, Check] = {
    "agents": list_of(str, "str"),
    "enable_thinking": flag,
    "extra_body": mapping,
    "frequency_penalty": number(-2, 2),
    "max_tokens": whole_number(0),
    "n": whole_number(1),
    "parallel_tool_calls": flag,
    "planner_mode": flag,
    "presence_penalty": number(-2, 2),
    "response_format": mapping,
    "seed": whole_number(),
    "stop": string_or(list_of(str, "str"), "one str"),
    "temperature": number(0, 2),
    "thinking_budget": whole_number(0),
    "tool_choice": string_or(mapping, "a str such as auto"),
    "tools": list_of(Mapping, "mappings"),
    "top_p": number(0, 1),
    "user": string,
    "web_search": flag,
}


def check_options(
    options: Mapping[str, Any], known: frozenset[str] = BODY_OPTIONS | CALL_OPTIONS
) -> None:
    """
    Check the options of a call, or a client's ``default_options``.

    Raises:
        ArgumentError: An option is unknown, of a wrong type, or out of its range.
    """
    for name, value in options.items():
        if name not in known:
            raise _unknown(name, known)
        problem = (
            _CHECKS[name](value) if value is not None and name in _CHECKS else None
        )
        if problem:
            raise wrong(name, problem, value)


def _unknown(name: str, known: frozenset[str]) -> ArgumentError:
    near = _close_matches()(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    return ArgumentError(
        f"{name}: unknown option{_ELSEWHERE.get(name, hint)} An option that asi1 does"
        " not know can be sent with extra_body={...}",
        argument=name,
    )


@run_apart_once
def _close_matches() -> Callable[..., list[str]]:
    # difflib takes long to load, so it is imported only for this error's message.
    from difflib import get_close_matches  # noqa: PLC0415

    return get_close_matches


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """
    Check *options*, and return a copy without the options that are not given.

    Raises:
        ArgumentError: As for `check_options`.
    """
    check_options(options)
    # None means not given, but ``timeout=None`` means that there is no timeout.
    return {k: v for k, v in options.items() if v is not None or k == "timeout"}

"""
The options of a call, each with the values that it may have.

They stand here once, as one TypedDict that both clients share. What is checked is what
the API documents; everything else goes through ``extra_body``.
"""

from __future__ import annotations

import difflib

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

from .._models.base_types import JSON, HTTPXTimeout, public
from .._models.errors import ArgumentError
from .timeouts import Timeouts


__all__ = [
    "BODY_OPTIONS",
    "CALL_OPTIONS",
    "ChatOptions",
    "RequestOptions",
    "Timeout",
    "check_options",
    "checked_options",
    "wrong",
]

# What ``timeout=`` takes.
Timeout: TypeAlias = float | Timeouts | HTTPXTimeout | None


class RequestOptions(TypedDict, total=False):
    """
    Options of one call that change how it is made, not what is asked.

    Attributes:
        timeout: Seconds in total, a `Timeouts`, an ``httpx.Timeout``, or None for no
            limit of any kind.
        max_retries: How often to try again at most; 0 for a single try.
        idempotency_key: Sent as ``Idempotency-Key``, the same on every try; "auto"
            makes a random one.
        session_id: Sent as ``x-session-id``; agentic models keep state under it.
        extra_headers: Added to the request, over the client's own.
        extra_query: Added to the URL.
        extra_body: Added to the body's top level, over the named options.
    """

    timeout: Timeout
    max_retries: int | None
    idempotency_key: str | None
    session_id: str | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, str | int | float | bool] | None
    extra_body: Mapping[str, JSON] | None


class ChatOptions(RequestOptions, total=False):
    """
    Options of one chat call. Only what is given is sent; None means not given.

    Attributes:
        temperature: From 0 (most deterministic) to 2; an int is fine.
        max_tokens: Upper bound of the answer, in tokens; 0 asks for no bound.
        top_p: Share of probability mass to draw from, 0 to 1.
        frequency_penalty: From -2 to 2.
        presence_penalty: From -2 to 2.
        stop: One text, or several, at which the answer ends.
        n: How many answers, at least 1.
        seed: For repeatable draws, where the model supports it.
        tools: Function descriptions, as the API takes them.
        tool_choice: "auto", "none", "required", or one function.
        parallel_tool_calls: False for one tool call at a time.
        response_format: A JSON-schema or JSON-object format, as the API takes it.
        web_search: Let the model search the web.
        agents: Addresses (``agent1...``) to route the request to.
        planner_mode: Let the server plan over *agents*.
        enable_thinking: Turn the model's thoughts on or off.
        thinking_budget: Upper bound of the thoughts, in tokens.
        user: Your own name for the end user.

    Source: https://docs.asi1.ai/api-reference/llm/chat-completion
    """

    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: str | Sequence[str] | None
    n: int | None
    seed: int | None
    tools: Sequence[Mapping[str, JSON]] | None
    tool_choice: Literal["auto", "none", "required"] | Mapping[str, JSON] | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, JSON] | None
    web_search: bool | None
    agents: Sequence[str] | None
    planner_mode: bool | None
    enable_thinking: bool | None
    thinking_budget: int | None
    user: str | None


public(RequestOptions)
public(ChatOptions)

# What options that other services have are called here.
_ELSEWHERE = {
    "reasoning_effort": "; see enable_thinking and thinking_budget.",
    "stream_options": "; usage comes with every stream without it.",
}
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
            hint = f"; did you mean {near[0]}?" if near else "."
            raise ArgumentError(
                f"{name}: is no option of this call{_ELSEWHERE.get(name, hint)} What"
                " asi1 does not know can be sent with extra_body={...}",
                argument=name,
            )
        problem = (
            _CHECKS[name](value) if value is not None and name in _CHECKS else None
        )
        if problem:
            raise wrong(name, problem, value)


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the options that are given, checked.

    Raises:
        ArgumentError: As for `check_options`.
    """
    check_options(options)
    # None means not given, except as a timeout, where it means that there is no limit.
    return {k: v for k, v in options.items() if v is not None or k == "timeout"}


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

"""
Checks the options of a call: each must be known to asi1 and have an allowed value.

asi1 knows the options of the API's documentation; ``extra_body`` can send any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from .._fork_lock import run_apart_once
from .._models.errors import ArgumentError, ConfigurationError
from .._models.json_text import dump_json
from .config import ClientConfig, check_headers, read_query
from .options import BODY_OPTIONS, CALL_OPTIONS, OPENAI_OPTIONS
from .retry import RetryPolicy, read_retry
from .timeouts import Timeouts
from .validators import (
    Check,
    flag,
    list_of,
    mapping,
    not_given,
    number,
    shown,
    string,
    string_or,
    tags,
    whole_number,
    wrong,
)


__all__ = [
    "as_argument",
    "check_options",
    "check_own_keys",
    "checked_defaults",
    "checked_options",
    "read_default_options",
    "read_idempotency_key",
    "read_session_id",
    "retry_of",
    "timeouts_of",
    "with_defaults",
]

# Options of other chat APIs, each with a hint at what to use in asi1 instead.
_ELSEWHERE = {
    "reasoning_effort": "; see enable_thinking and thinking_budget.",
    **dict.fromkeys(
        (
            *("audio", "best_of", "echo", "function_call", "functions", "logit_bias"),
            *("logprobs", "metadata", "modalities", "prediction", "prompt_cache_key"),
            *("service_tier", "store", "suffix", "top_logprobs", "verbosity"),
        ),
        "; ASI-1 does not support it.",
    ),
}
_CHECKS: Mapping[str, Check] = {
    "agent_address": string,
    "agents": list_of(str, "str"),
    "cache": flag,
    "enable_thinking": flag,
    "extra_body": mapping,
    "frequency_penalty": number(-2, 2),
    "fun_mode": flag,
    "max_completion_tokens": whole_number(0),
    "max_tokens": whole_number(0),
    "n": whole_number(1),
    "parallel_tool_calls": flag,
    "planner_mode": flag,
    "presence_penalty": number(-2, 2),
    "response_format": mapping,
    "seed": whole_number(),
    "stop": string_or(list_of(str, "str"), "one str"),
    "stream_options": mapping,
    "study_mode": flag,
    "tags": tags,
    "temperature": number(0, 2),
    "thinking_budget": whole_number(0),
    "tool_choice": string_or(mapping, "a str such as auto"),
    "tools": list_of(Mapping, "mappings"),
    "top_p": number(0, 1),
    "user": string,
    "web_search": flag,
}
_LISTS = frozenset({"agents", "stop", "tools"})
_KNOWN = BODY_OPTIONS | CALL_OPTIONS | OPENAI_OPTIONS


def check_options(options: Mapping[str, Any], known: frozenset[str] = _KNOWN) -> None:
    """
    Check the options of a call, or a client's ``default_options``.

    Raises:
        ArgumentError: An option is unknown, of a wrong type, or out of its range.
    """
    for name, value in options.items():
        if not isinstance(name, str):
            raise wrong("options", "must have names that are str", name)
        if name not in known:
            raise _unknown(name, known)
        check = None if value is None else _CHECKS.get(name)
        if check and (problem := check(value)):
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


def checked_options(
    options: Mapping[str, Any], known: frozenset[str] = _KNOWN
) -> dict[str, Any]:
    """
    Check *options*; return those that are given, under asi1's names, as a new dict.

    Raises:
        ArgumentError: As for `check_options`, or two names of one option have different
            values.
    """
    # Options that are not given are not checked: programs pass None for options of
    # other APIs. But ``timeout=None`` counts as given: it means no timeout.
    given = {
        name: value
        for name, value in options.items()
        if not not_given(value) or (value is None and name == "timeout")
    }
    check_options(given, known)
    for name in _LISTS & given.keys():
        value: Any = given[name]
        if not isinstance(value, str | list | tuple):
            given[name] = list(value)  # orjson writes no other sequences
    given.pop("stream_options", None)
    if "max_completion_tokens" in given:
        limit = given.pop("max_completion_tokens")
        if given.setdefault("max_tokens", limit) != limit:
            problem = "must equal max_tokens if both are given"
            raise wrong("max_completion_tokens", problem, limit)
    return given


def with_defaults(
    options: Mapping[str, Any], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """Return *options*, which override *defaults*; the tags of both are merged."""
    merged = {**defaults, **options}
    if "tags" in defaults and options.get("tags"):
        merged["tags"] = {**defaults["tags"], **options["tags"]}
    return merged


def checked_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what `checked_options` returns, but check the value of every option.

    A call checks some values only when it builds its request; a client or conversation
    that keeps options for its calls checks all values when it is created.

    Raises:
        ArgumentError: As for `check_options`.
    """
    given = checked_options(options)
    for name, value in given.items():
        if name in _READERS:
            _READERS[name](name, value)
        if name in BODY_OPTIONS or name == "extra_body":
            _check_json(name, value)
    return given


def _check_json(name: str, value: Any) -> None:
    try:
        dump_json(value)
    except ValueError as error:
        raise ArgumentError(
            f"{name}: cannot be written as JSON ({error})", argument=name
        ) from None


def read_default_options(value: object) -> dict[str, Any]:
    """
    Return *value* as a client's ``default_options``.

    Raises:
        ConfigurationError: *value* is not a mapping.
        ArgumentError: As for `check_options` and `check_own_keys`.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"default_options: must be a mapping, not {shown(value)}"
        )
    given = checked_defaults(value)
    check_own_keys(given, "call")
    return given


def as_argument(argument: str, read: Callable[..., Any], *values: object) -> Any:
    """Return *read*'s result; raise its `ConfigurationError` as an `ArgumentError`."""
    try:
        named = (argument,) if read in (check_headers, read_query) else ()
        return read(*values, *named)
    except ConfigurationError as error:
        raise ArgumentError(error.message, argument=argument) from None


def read_idempotency_key(value: Any) -> str | None:
    """
    Return *value* as the idempotency key of a call.

    Raises:
        ArgumentError: *value* cannot be sent in a header, or is too long.
    """
    if value is None:
        return None
    as_argument("idempotency_key", check_headers, {"idempotency-key": value})
    if not 0 < len(value) <= 255:
        raise wrong("idempotency_key", "must be 1 to 255 characters long", value)
    key: str = value
    return key


def check_own_keys(options: Mapping[str, Any], sent: str) -> None:
    """
    Check that several requests with *options* do not have the same idempotency key.

    If a second request has the same key, a server may send the first answer again.

    Args:
        options: The options of all the requests.
        sent: What each request is for, for the error's message.

    Raises:
        ArgumentError: The options, or their headers, have a key that is not "auto".
    """
    key = options.get("idempotency_key")
    problem = f"must be 'auto', since each {sent} needs its own key"
    if key is not None and key != "auto":
        raise wrong("idempotency_key", problem, key)
    named = map(str.lower, options.get("extra_headers") or ())
    if key is None and "idempotency-key" in named:
        problem = f"extra_headers: has an idempotency key, which {problem}"
        raise ArgumentError(problem, argument="extra_headers")


def timeouts_of(config: ClientConfig, options: Mapping[str, Any]) -> Timeouts:
    """Return the timeouts of a call: those in its *options*, or the client's."""
    if "timeout" not in options:
        return config.timeouts
    timeouts: Timeouts = as_argument("timeout", Timeouts.of, options["timeout"])
    return timeouts


def retry_of(config: ClientConfig, options: Mapping[str, Any]) -> RetryPolicy:
    """Return the retry policy of a call, with the ``max_retries`` in its *options*."""
    max_retries = options.get("max_retries")
    if max_retries is None:
        return config.retry
    attempts = as_argument("max_retries", read_retry, max_retries, None).attempts
    return attrs.evolve(config.retry, attempts=attempts)


def read_session_id(value: object) -> dict[str, str]:
    """Return a session's id as a header; raise `ArgumentError` if it is wrong."""
    if isinstance(value, str) and not value:
        raise wrong("session_id", "must not be empty; None means no session", value)
    headers: dict[str, str] = as_argument(
        "session_id", check_headers, {"x-session-id": value}
    )
    return headers


# Options that are not sent in the body, each with the function that reads its value.
_READERS: Mapping[str, Callable[[str, Any], object]] = {
    "extra_headers": lambda name, value: as_argument(name, check_headers, value),
    "extra_query": lambda name, value: as_argument(name, read_query, value),
    "idempotency_key": lambda _, value: read_idempotency_key(value),
    "max_retries": lambda name, value: as_argument(name, read_retry, value, None),
    "session_id": lambda _, value: read_session_id(value),
    "timeout": lambda name, value: as_argument(name, Timeouts.of, value),
}

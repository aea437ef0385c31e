"""
Finds the error in a reply or event, and reads its message and codes, in any format.

Servers use at least six formats: an object or a string under ``error``, a
``message``, a string or a list under ``detail``, plain text, an HTML page, and an
empty body. Some put the error into a choice, or into its message or delta.
"""

from __future__ import annotations

import re

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .._models.base_types import JSON
from .._settings.retry import is_passing_status
from .._settings.secret import Secret


__all__ = [
    "QUOTA_CODES",
    "ContextOverflow",
    "ErrorBody",
    "context_overflow",
    "find_error",
    "read_error_body",
]

# Error codes and types of a 429 whose cause is a used-up quota, so that a retry after a
# short wait does not help.
QUOTA_CODES = {
    "account_limit_exceeded",
    "billing_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_exhausted",
    "daily_limit_exceeded",
    "insufficient_balance",
    "insufficient_credits",
    "insufficient_quota",
    "monthly_limit_exceeded",
    "quota_exceeded",
    "spend_limit_exceeded",
    "usage_limit_exceeded",
}
# Codes, in lowercase, that servers send with a success.
_SUCCESS = {"0", "200", "ok", "success"}
# Members of an error that may hold an HTTP status, or the name of one.
_STATUS_KEYS = ("code", "status", "status_code", "http_status", "type")
_STATUS = re.compile(r"([1-5][0-9][0-9])(?:\.0)?")
# Names of temporary errors, for errors without a status. ``server_error`` is not among
# them, since servers also send this name for permanent failures.
_PASSING = re.compile(
    r"rate[ _-]?limit|too[ _-]?many[ _-]?requests|throttl|resource[ _-]?exhausted"
    r"|overloaded|(?:server|engine|service)[ _-]?(?:is[ _-])?busy|bad[ _-]?gateway"
    r"|(?:service|temporarily)[ _-]?(?:is[ _-])?unavailable|gateway[ _-]?time-?out"
    r"|internal[ _-]?server[ _-]?error",
    re.IGNORECASE,
)

# The ASI-1 documentation does not say how the server refuses a request that is too
# long. So these codes and words are from OpenAI's API and the servers that imitate it,
# above all SGLang and vLLM.
_CODES = {
    "context_length_exceeded",
    "context_window_exceeded",
    "max_context_length_exceeded",
    "model_context_window_exceeded",
}
_WORDS = re.compile(
    r"maximum context (?:length|window|size)"
    r"|(?:longer than|exceed\w*|larger than) (?:the |this )?(?:model'?s? )?"
    r"(?:maximum |available )?context (?:length|window|size)"
    r"|context[ _](?:length|window|size)(?: is| was| has been)?[ _]exceeded"
    r"|(?:input|prompt) is too long"
    r"|input length \(\d+ tokens\) exceeds the maximum",
    re.IGNORECASE,
)
_NUMBER = r"(?<!\d)(\d{1,9})(?!\d)"
_LIMITS = (
    rf"maximum context (?:length|window|size)(?: is| of)? {_NUMBER}",
    rf"(?:context (?:length|window|size)|allowed length) \(?{_NUMBER}",
    rf"> {_NUMBER} maximum",
)
_REQUESTED = (
    rf"{_NUMBER} (?:tokens )?(?:in the messages|in your prompt|from the input)",
    rf"resulted in {_NUMBER}",
    rf"input(?: length)? \({_NUMBER} tokens",
    rf"too long: {_NUMBER} tokens",
    rf"requested(?: about)? {_NUMBER}",
)


@frozen
class ErrorBody:
    """
    The message and the codes of an error body.

    Attributes:
        message: The explanation for people; "" if there is none.
        code: The server's error code, as a string; None if missing.
        type: The server's error type, as a string; None if missing.
        param: The request field that is invalid; None if missing.
        passing: Whether another attempt may succeed: the error has the status or the
            name of a rate limit, an overload or another passing failure.
    """

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    passing: bool = False


def find_error(
    value: Mapping[str, JSON], *, named: bool = False
) -> Mapping[str, JSON] | None:
    """
    Return the object inside *value* that reports an error; None if there is none.

    An ``error`` or ``errors`` without content, such as null or an empty list, is not an
    error, and neither is a code of success.

    Args:
        value: The body of a reply, or the data of an event.
        named: Whether *value* says that it is something else, such as a ping: then a
            message alone is not an error.
    """
    if _has_error(value):
        return value
    if choices := value.get("choices"):
        return _error_of_choices(choices)
    code = value.get("code")
    if "choices" in value or value.get("usage") or _is_success(code):
        return None
    if code is not None and value.get("message") is not None:
        return value
    # A valid chunk may have no choices, but then it has an id. So an object with
    # neither choices nor id is an error if it contains an error message.
    told = any(value.get(key) for key in ("message", "detail"))
    return value if told and "id" not in value and not named else None


def _is_success(code: JSON) -> bool:
    return isinstance(code, str | int) and str(code).lower() in _SUCCESS


def _has_error(value: Mapping[str, JSON]) -> bool:
    # ``errors`` may also be a number of errors, which is not an error.
    errors = value.get("errors")
    return _is_filled(value.get("error")) or (
        isinstance(errors, str | list | dict) and _is_filled(errors)
    )


def _is_filled(value: JSON) -> bool:
    if isinstance(value, list):
        return any(map(_is_filled, value))
    if not isinstance(value, dict):
        return bool(value)
    success = _is_success(value.get("code")) and not _names_error(value.get("type"))
    return any(value.values()) and not success


def _names_error(kind: JSON) -> bool:
    return isinstance(kind, str) and "error" in kind.lower()


def _error_of_choices(choices: JSON) -> Mapping[str, JSON] | None:
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        for part in (choice, choice.get("delta"), choice.get("message")):
            if isinstance(part, dict) and _has_error(part):
                return part
        if choice.get("finish_reason") == "error":
            return {"message": "the finish reason of a choice is error"}
    return None


def read_error_body(value: JSON, key: Secret) -> ErrorBody:
    """
    Return the message and the codes of an error body.

    Args:
        value: The body as JSON, or as text if it is not JSON; None if it is empty.
        key: The API key, which is redacted from text that is shortened.
    """
    match value:
        case str():
            passing = _is_passing({}, value)
            return ErrorBody(_shortened(value, key), passing=passing)
        case {"error": {**inner}} if inner:
            return _from_object(inner)
        case {"error": [first, *_]}:
            return read_error_body(first, key)
        case {"error": str(t)} | {"errors": str(t)} | {"detail": str(t)} if t:
            return _from_object({**value, "message": t})
        case {"detail": list(items)}:
            return ErrorBody("; ".join(_detail(item) for item in items))
        case {"detail": {**inner}}:
            return read_error_body(inner, key)
        case {"errors": [first, *_]}:
            return read_error_body(first, key)
        case {"errors": {**inner}} if inner and not value.get("message"):
            return _from_fields(inner)
        case {**inner}:
            return _from_object(inner)
        case _:
            return ErrorBody()


def _from_object(value: Mapping[Any, Any]) -> ErrorBody:
    found = (value.get(key) for key in ("message", "msg", "detail", "title"))
    text = next(filter(None, found), "")
    text = text if isinstance(text, str) else str(text)
    return ErrorBody(
        text,
        code=_string(value.get("code")),
        type=_string(value.get("type")),
        param=_string(value.get("param")),
        passing=_is_passing(value, text),
    )


def _from_fields(value: Mapping[Any, Any]) -> ErrorBody:
    """Read an error object, or an object with a list of errors for each field."""
    if any(value.get(key) for key in ("message", "msg", "detail", *_STATUS_KEYS)):
        return _from_object(value)
    lists = ((k, v if isinstance(v, list) else [v]) for k, v in value.items())
    texts = (f"{name}: {', '.join(map(_detail, items))}" for name, items in lists)
    return ErrorBody("; ".join(texts))


def _is_passing(value: Mapping[Any, Any], message: str) -> bool:
    names = [str(value[key]) for key in _STATUS_KEYS if value.get(key) is not None]
    if not QUOTA_CODES.isdisjoint(names):
        return False
    if statuses := [int(match[1]) for match in map(_STATUS.fullmatch, names) if match]:
        return all(map(is_passing_status, statuses))
    return any(map(_PASSING.search, [*names, message[:500]]))


def _detail(item: JSON) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = item.get("loc") or ""
    if isinstance(place, list):
        place = ".".join(str(part) for part in place)
    text = item.get("msg") or item.get("message") or ""
    return f"{place}: {text}" if place else str(text)


def _string(value: JSON) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def _shortened(text: str, key: Secret) -> str:
    """Return the title of an HTML page, or the start of other text, on one line."""
    if text.lstrip().startswith("<"):
        title = re.search(r"<title[^>]*>([^<]+)", text, re.IGNORECASE)
        shown = f" ({key.excerpt(title[1].strip(), 200)})" if title else ""
        return f"an HTML page{shown}"
    start = key.excerpt(text, 201)
    line = "".join(char if char.isprintable() else " " for char in start)
    return line if len(line) <= 200 else f"{line[:200]}..."


@frozen
class ContextOverflow:
    """
    The token counts in an error about a request longer than the model's context.

    Attributes:
        limit: Tokens that the model can read and write; None if not in the body.
        requested: Prompt tokens of the request; None if not in the body.
    """

    limit: int | None = None
    requested: int | None = None


def context_overflow(body: ErrorBody) -> ContextOverflow | None:
    """
    If *body* says that the request is too long, return its token counts, else None.

    In doubt, return None: after a false positive, a conversation would drop messages.
    """
    text = body.message[:2000].replace(",", "")
    if not {body.code, body.type} & _CODES and not _WORDS.search(text):
        return None
    return ContextOverflow(_first(_LIMITS, text), _first(_REQUESTED, text))


def _first(patterns: tuple[str, ...], text: str) -> int | None:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    return next((int(match[1]) for match in found if match), None)

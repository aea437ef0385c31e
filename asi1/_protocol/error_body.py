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
    "ErrorBody",
    "find_error",
    "read_error_body",
]

# Codes and types of a 429 error whose cause is a used-up quota, so that a short wait
# does not help.
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
# Keys under which a message or delta has a part of the answer.
_CONTENT = (
    *("audio", "content", "function_call", "reasoning", "reasoning_content"),
    *("refusal", "thinking", "thought", "tool_calls"),
)
# Codes, in lowercase, that servers send with successful replies.
_SUCCESS = {"0", "200", "ok", "success"}
# The regular expressions of this module are strings, which `re` compiles at their first
# use: most programs meet no error.

# Keys under which an error may have an HTTP status, or the name of a status.
_STATUS_KEYS = ("code", "status", "status_code", "http_status", "type")
_STATUS = r"([1-5][0-9][0-9])(?:\.0)?"
# Matches names of temporary errors, for errors without a status. ``server_error`` does
# not match, since servers also use it for permanent failures.
_PASSING = (
    r"(?i)rate[ _-]?limit|too[ _-]?many[ _-]?requests|throttl|resource[ _-]?exhausted"
    r"|overloaded|(?:server|engine|service)[ _-]?(?:is[ _-])?busy|bad[ _-]?gateway"
    r"|(?:service|temporarily)[ _-]?(?:is[ _-])?unavailable|gateway[ _-]?time-?out"
    r"|internal[ _-]?server[ _-]?error"
)
# Matches a lowercase ``type`` that reports a failure: it contains one of these words,
# or the colon of a URI, which is the ``type`` of a problem in RFC 9457.
_FAILURE = (
    r"error|exception|fail|invalid|denied|refused|forbidden|unauthori[sz]ed|not.?found"
    r"|exceeded|exhausted|insufficient|limit|quota|billing|balance|overload|busy"
    r"|unavailable|time.?out|throttl|too.?many|abort|reject|block|fault|:"
)


@frozen(repr=False)
class ErrorBody:
    """
    The message and the codes of an error body.

    Attributes:
        message: The explanation for people; "" if there is none.
        code: The server's error code, as a string; None if missing.
        type: The server's error type, as a string; None if missing.
        param: The request field that is invalid; None if missing.
        passing: Whether another attempt may succeed: the error has the status or the
            name of a rate limit, an overload or another temporary failure.
    """

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    passing: bool = False


def find_error(
    value: Mapping[str, JSON], *, event: bool = False, named: bool = False
) -> Mapping[str, JSON] | None:
    """
    Return the object inside *value* that reports an error; None if there is none.

    An ``error`` or ``errors`` without content, such as null or an empty list, is not an
    error, and neither is a code of success. Strings in ``errors`` are only warnings if
    a choice has both a part of the answer and a finish reason; in an event, one of the
    two is enough for a list of strings. An object in ``errors``, and any ``error`` with
    content, is always an error.

    Args:
        value: The body of a reply, or the data of an event.
        event: Whether *value* is the data of an event.
        named: Whether *value* says that it is something else, such as a ping: then a
            message alone is not an error.
    """
    choices = value.get("choices")
    if _has_error(value) and not _only_warns(value, choices, event=event):
        return value
    if choices:
        return _error_of_choices(choices, event=event)
    code = value.get("code")
    if "choices" in value or value.get("usage") or _is_success(code):
        return None
    if code is not None and value.get("message") is not None:
        return value
    # A valid chunk may have no choices, but then it has an id. So an object with
    # neither choices nor id is an error if it contains an error message.
    told = any(value.get(key) for key in ("message", "detail"))
    named = named or (event and _is_notice(value))
    return value if told and "id" not in value and not named else None


def _is_notice(members: Mapping[str, JSON]) -> bool:
    """Whether an event's *members* have a ``type`` that does not report an error."""
    kind, code, status = (members.get(key) for key in ("type", "code", "status"))
    if not isinstance(kind, str) or not kind or re.search(_FAILURE, kind.lower()):
        return False
    return code is None and not isinstance(status, int)


def _is_success(code: JSON) -> bool:
    return isinstance(code, str | int) and str(code).lower() in _SUCCESS


def _has_error(value: Mapping[str, JSON]) -> bool:
    if "error" not in value and "errors" not in value:  # true of nearly all replies
        return False
    # Some replies without an error count their errors: ``"errors": 0``.
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


def _only_warns(value: Mapping[str, JSON], choices: JSON, *, event: bool) -> bool:
    """Return whether the ``errors`` of *value* are warnings; see `find_error`."""
    errors = value.get("errors")
    listed = errors if isinstance(errors, list) else [errors]
    if _is_filled(value.get("error")) or not all(
        isinstance(item, str | None) for item in listed
    ):
        return False
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict) or choice.get("finish_reason") == "error":
            continue
        parts = (choice.get("delta"), choice.get("message"))
        filled = (
            p.get(name) for p in parts if isinstance(p, dict) for name in _CONTENT
        )
        told, ended = any(filled), bool(choice.get("finish_reason"))
        if (told and ended) or (event and listed is errors and (told or ended)):
            return True
    return False


def _error_of_choices(choices: JSON, *, event: bool) -> Mapping[str, JSON] | None:
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        for part in (choice, choice.get("delta"), choice.get("message")):
            if (
                isinstance(part, dict)
                and _has_error(part)
                and not _only_warns(part, [choice], event=event)
            ):
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
    if statuses := [
        int(match[1])
        for match in (re.fullmatch(_STATUS, name) for name in names)
        if match
    ]:
        return all(map(is_passing_status, statuses))
    return any(re.search(_PASSING, text) for text in [*names, message[:500]])


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

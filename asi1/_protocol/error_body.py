"""
Reads the message and the codes of an error reply's body, in any of several formats.

Servers use at least six formats: an object or a string under ``error``, a
``message``, a string or a list under ``detail``, plain text, an HTML page, and an
empty body.
"""

from __future__ import annotations

import re

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .._models.base_types import JSON
from .._settings.secret import Secret


__all__ = ["ContextOverflow", "ErrorBody", "context_overflow", "read_error_body"]

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
    """

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None


def read_error_body(value: JSON, key: Secret) -> ErrorBody:
    """
    Return the message and the codes of an error body.

    Args:
        value: The body as JSON, or as text if it is not JSON; None if it is empty.
        key: The API key, which is redacted from text that is shortened.
    """
    match value:
        case str():
            return ErrorBody(_shortened(value, key))
        case {"error": {**inner}} if inner:
            return _from_object(inner)
        case {"error": [first, *_]}:
            return read_error_body(first, key)
        case {"error": str(text)} if text:
            return ErrorBody(text, code=_string(value.get("code")))
        case {"detail": list(items)}:
            return ErrorBody("; ".join(_detail(item) for item in items))
        case {"detail": {**inner}}:
            return read_error_body(inner, key)
        case {"detail": str(text)}:
            return ErrorBody(text, code=_string(value.get("code")))
        case {"errors": [first, *_]}:
            return read_error_body(first, key)
        case {**inner}:
            return _from_object(inner)
        case _:
            return ErrorBody()


def _from_object(value: Mapping[Any, Any]) -> ErrorBody:
    text = value.get("message") or value.get("msg") or value.get("detail") or ""
    return ErrorBody(
        text if isinstance(text, str) else str(text),
        code=_string(value.get("code")),
        type=_string(value.get("type")),
        param=_string(value.get("param")),
    )


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

"""
What a server complains of, out of an error body of whatever shape.

At least five shapes are in use: an object or a text under ``error``, ``message``, a
text or a list under ``detail``, plain text, a page, and nothing at all.
"""

from __future__ import annotations

import re

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .._models.base_types import JSON
from .._settings.secret import Secret


__all__ = ["Complaint", "Overlong", "complaint", "overlong"]

# The API is not known to have refused a request as too long. These are the words of
# OpenAI's API and of the servers that imitate it, SGLang and vLLM above all.
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
class Complaint:
    """
    What a server complains of.

    Attributes:
        message: For people; "" if there is none.
        code: Its own word for it, as text.
        type: Its kind of error, as text.
        param: The request field it names.
    """

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None


def complaint(value: JSON, key: Secret) -> Complaint:
    """Read the JSON, or the text, of an error body; None for an empty one."""
    match value:
        case str():
            return Complaint(_shortened(value, key))
        case {"error": {**inner}} if inner:
            return _from_object(inner)
        case {"error": [first, *_]}:
            return complaint(first, key)
        case {"error": str(text)} if text:
            return Complaint(text, code=_word(value.get("code")))
        case {"detail": list(items)}:
            return Complaint("; ".join(_detail(item) for item in items))
        case {"detail": {**inner}}:
            return complaint(inner, key)
        case {"detail": str(text)}:
            return Complaint(text, code=_word(value.get("code")))
        case {"errors": [first, *_]}:
            return complaint(first, key)
        case {**inner}:
            return _from_object(inner)
        case _:
            return Complaint()


def _from_object(value: Mapping[Any, Any]) -> Complaint:
    text = value.get("message") or value.get("msg") or value.get("detail") or ""
    return Complaint(
        text if isinstance(text, str) else str(text),
        code=_word(value.get("code")),
        type=_word(value.get("type")),
        param=_word(value.get("param")),
    )


def _detail(item: JSON) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = item.get("loc") or ""
    if isinstance(place, list):
        place = ".".join(str(part) for part in place)
    text = item.get("msg") or item.get("message") or ""
    return f"{place}: {text}" if place else str(text)


def _word(value: JSON) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def _shortened(text: str, key: Secret) -> str:
    """A page is reduced to its title, a long text to its beginning, on one line."""
    if text.lstrip().startswith("<"):
        title = re.search(r"<title[^>]*>([^<]+)", text, re.IGNORECASE)
        shown = f" ({key.excerpt(title[1].strip(), 200)})" if title else ""
        return f"an HTML page{shown}"
    start = key.excerpt(text, 201)
    line = "".join(char if char.isprintable() else " " for char in start)
    return line if len(line) <= 200 else f"{line[:200]}..."


@frozen
class Overlong:
    """
    A request that is too long.

    Attributes:
        limit: Tokens the model can read and write; None if it is not told.
        requested: Prompt tokens of the request; None if they are not told.
    """

    limit: int | None = None
    requested: int | None = None


def overlong(said: Complaint) -> Overlong | None:
    """
    Return the limits that the complaint of a too long request names.

    None for any other complaint, and when unsure: a false positive would drop the
    user's messages.
    """
    text = said.message[:2000].replace(",", "")
    if not {said.code, said.type} & _CODES and not _WORDS.search(text):
        return None
    return Overlong(_first(_LIMITS, text), _first(_REQUESTED, text))


def _first(patterns: tuple[str, ...], text: str) -> int | None:
    found = (re.search(pattern, text, re.IGNORECASE) for pattern in patterns)
    return next((int(match[1]) for match in found if match), None)

"""
Floor 3. What a server complains of, out of an error body of whatever shape.

At least five shapes are in use: an object or a text under ``error``, ``message``, a
text or a list under ``detail``, plain text, a page, and nothing at all.
"""

from __future__ import annotations

import re

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ._types import JSON


__all__ = ["Complaint", "complaint"]


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


def complaint(value: JSON) -> Complaint:
    """Read the JSON, or the text, of an error body; None for an empty one."""
    match value:
        case str():
            return Complaint(_shortened(value))
        case {"error": {**inner}} if inner:
            return _from_object(inner)
        case {"error": [first, *_]}:
            return complaint(first)
        case {"error": str(text)} if text:
            return Complaint(text, code=_word(value.get("code")))
        case {"detail": list(items)}:
            return Complaint("; ".join(_detail(item) for item in items))
        case {"detail": {**inner}}:
            return complaint(inner)
        case {"detail": str(text)}:
            return Complaint(text, code=_word(value.get("code")))
        case {"errors": [first, *_]}:
            return complaint(first)
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


def _shortened(text: str) -> str:
    """A page is reduced to its title, a long text to its beginning, on one line."""
    if text.lstrip().startswith("<"):
        title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
        return f"an HTML page{f' ({title[1].strip()})' if title else ''}"
    line = "".join(char if char.isprintable() else " " for char in text[:201])
    return line if len(line) <= 200 else f"{line[:200]}..."

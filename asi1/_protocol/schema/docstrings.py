"""Reads descriptions from docstrings in the styles of Google, NumPy and Sphinx."""

from __future__ import annotations

import inspect
import re

from collections.abc import Callable
from typing import Any

from attrs import field, frozen


__all__ = ["Docs", "read_docs"]

# Matches Sphinx's fields for attributes, which docstring_parser 0.18 does not know.
_VARIABLE = re.compile(r"^(\s*):(?:ivar|cvar|var)\b", re.MULTILINE)
# Matches section titles and fields that describe parameters or attributes. A docstring
# without a match is not parsed.
_SECTION = re.compile(
    r"^\s*(?:(?:Args|Arguments|Parameters|Params|Attributes|Keyword Args"
    r"|Keyword Arguments|Other Parameters)\s*:?\s*$|[:@](?:param|arg|argument|key|"
    r"keyword|attribute|ivar|cvar|var)\b)",
    re.MULTILINE,
)


@frozen
class Docs:
    """A docstring's text, and its descriptions of parameters and attributes by name."""

    text: str = ""
    names: dict[str, str] = field(factory=dict)


def read_docs(thing: type | Callable[..., Any]) -> Docs:
    """Return the descriptions in *thing*'s own docstring, not in an inherited one."""
    doc = vars(thing).get("__doc__") if isinstance(thing, type) else thing.__doc__
    if not isinstance(doc, str) or _is_generated(doc, thing):
        return Docs()
    doc = inspect.cleandoc(doc)
    if not _SECTION.search(doc):
        return Docs(_joined(doc))
    # docstring_parser is imported late: its import takes longer than the building of
    # most schemas.
    import docstring_parser  # noqa: PLC0415

    try:
        parsed = docstring_parser.parse(_VARIABLE.sub(r"\1:attribute", doc))
    except docstring_parser.ParseError:
        return Docs(_joined(doc))
    text = "\n\n".join(
        filter(None, (parsed.short_description, parsed.long_description))
    )
    names = {
        name.strip().lstrip("*"): _joined(each.description)
        for each in parsed.params
        if each.description
        for name in each.arg_name.split(",")
    }
    return Docs(_joined(text), names)


def _is_generated(doc: str, thing: Any) -> bool:
    """Return whether *doc* was generated for the dataclass or NamedTuple *thing*."""
    return isinstance(thing, type) and doc.startswith(f"{thing.__name__}(")


def _joined(text: str) -> str:
    """Return *text* with each paragraph's lines joined."""
    paragraphs = re.split(r"\n\s*\n", text.strip())
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

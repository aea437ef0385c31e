"""
Finds the JSON value in the text of an answer.

Models write fences and sentences around the JSON that they were asked for, and trailing
commas into it. All of these are removed, but nothing is ever added: JSON that is cut
off is an error. The text is read in linear time.
"""

from __future__ import annotations

import re

from collections.abc import Generator, Iterable, Iterator
from typing import Literal, TypeAlias

import attrs

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.json_text import load_json


__all__ = ["CutAway", "JSONCutOffError", "NoJSONError", "read_json_answer"]

# What can be cut away from an answer to read its JSON: invisible characters such as a
# byte order mark, the fence around a code block, text before or after, other JSON
# values in this text, and the comma after the last item of an array or object.
CutAway: TypeAlias = Literal[
    "invisible characters", "fence", "text", "other JSON", "trailing comma"
]

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"
_BLANK = f" \t\r\n\x0b\x0c\xa0\u2028\u2029{_INVISIBLE}"
# Matches a string or a bracket. A string without an end matches to the end of the text,
# so that no part of it is searched again.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[][{}]', re.DOTALL)
# Matches an opening bracket if the characters after it can follow it in JSON.
_PLAUSIBLE = re.compile(
    r'\{\s*+["}]|\{\s*+\Z|\[\s*+(?:["{}\[\]]|-?\d|(?:true|false|null)\b|\Z)'
)
_OPENING_FENCE = re.compile(r"(?:`{3,}|~{3,})[ \t]*[\w+.-]*[ \t]*\r?\n?[ \t\r\n]*\Z")
# Matches a fence of a code block and the language after it; only an opening fence has a
# language.
_FENCE = re.compile(r"(?:`{3,}|~{3,})([\w+.-]*)")
_FENCE_SIGNS = ("```", "~~~")
_LANGUAGE = re.compile(r"[\w+.-]+\s+")
_OPENING = re.compile(r"[\[{]")
_TRAILING_COMMA = re.compile(
    r'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z))|,(?=\s*+[\]}])', re.DOTALL
)
# Maximum characters of a code block's opening fence, its language and its blanks.
_FENCE_SIZE = 80
# Maximum number of unclosed brackets, such as those of sentences, before the JSON.
_MOST_UNCLOSED = 4


class NoJSONError(ValueError):
    """The text has no JSON value; the message says what is wrong with the text."""


class JSONCutOffError(ValueError):
    """The text ends inside a JSON value."""


@frozen
class _Region:
    """A range of the text, from an opening bracket to its closing bracket."""

    start: int
    end: int
    is_fenced: bool
    is_object: bool


def read_json_answer(text: str) -> tuple[JSON, tuple[CutAway, ...]]:
    """
    Return the JSON value in *text*, and what had to be cut away to read it.

    Of several values, one in a fence is preferred to one in a sentence, an object to an
    array, and a later one to an earlier one.

    Raises:
        JSONCutOffError: The text ends inside a JSON value.
        NoJSONError: The text has no JSON value, or an invalid one.
    """
    plain, reason = _loaded(text)
    if reason is None:  # the JSON parser skips a byte order mark
        return plain, ("invisible characters",) if text.startswith("\ufeff") else ()
    core = text.strip(_BLANK)
    if not core:
        raise NoJSONError("the text is empty")
    if core != text.strip(" \t\r\n"):
        plain, reason = _loaded(core)
        if reason is None:
            return plain, ("invisible characters",)
    regions = list(_in_open_fences(core, _regions(core)))
    if not regions:
        return _read_fenced_scalar(core, reason)
    chosen = max(regions, key=lambda each: (each.is_fenced, each.is_object, each.start))
    value, comma = _loaded_region(core[chosen.start : chosen.end])
    other: tuple[CutAway, ...] = ("other JSON",) if len(regions) > 1 else ()
    return value, (*_cuts(core, chosen), *other, *comma)


def _loaded(text: str) -> tuple[JSON, str | None]:
    """Return the JSON value in *text*; or None, with the reason why it is not JSON."""
    try:
        return load_json(text.encode("utf-8", "surrogatepass")), None
    except ValueError as error:
        return None, str(error)


def _loaded_region(text: str) -> tuple[JSON, tuple[CutAway, ...]]:
    value, reason = _loaded(text)
    if reason is None:
        return value, ()
    without = _TRAILING_COMMA.sub(lambda found: found[1] or "", text)
    if without != text:
        value, other = _loaded(without)
        if other is None:
            return value, ("trailing comma",)
    raise NoJSONError(f"invalid JSON: {reason}")


def _regions(text: str) -> Iterator[_Region]:
    """Yield the outermost parts of *text* that look like JSON."""
    position = unclosed = 0
    while True:
        start = yield from _closed_regions(text, position)
        if start is None:
            return
        if _PLAUSIBLE.match(text, start):
            raise JSONCutOffError("the text ends inside a JSON value")
        # JSON cannot begin like this, so the bracket belongs to a sentence. JSON may
        # still follow.
        position, unclosed = start + 1, unclosed + 1
        if unclosed > _MOST_UNCLOSED:
            raise NoJSONError("the text has brackets that are not closed")


def _in_open_fences(text: str, regions: Iterable[_Region]) -> Iterator[_Region]:
    """Yield *regions*; mark each region after a closing fence as not fenced."""
    is_open, position = False, 0
    for region in regions:
        for language in _FENCE.findall(text, position, region.start):
            is_open = bool(language) or not is_open
        position = region.end
        yield attrs.evolve(region, is_fenced=region.is_fenced and is_open)


def _closed_regions(text: str, position: int) -> Generator[_Region, None, int | None]:
    """
    Yield each region of *text* from an opening bracket to its closing bracket.

    Returns:
        The position of a bracket that is not closed; None if all are closed.
    """
    while opening := _OPENING.search(text, position):
        depth, start = 0, opening.start()
        for token in _TOKEN.finditer(text, start):
            if token[0] in {"{", "["}:
                depth += 1
            elif token[0] in {"}", "]"}:
                depth -= 1
                if not depth:
                    break
        else:
            return start
        position = token.end()
        if _PLAUSIBLE.match(text, start):
            before = text[max(0, start - _FENCE_SIZE) : start]
            has_sign = "`" in before or "~" in before  # faster than the regex
            fenced = has_sign and _OPENING_FENCE.search(before) is not None
            yield _Region(start, position, fenced, text[start] == "{")
    return None


def _cuts(text: str, region: _Region) -> Iterator[CutAway]:
    """Yield what has to be cut away around *region* to read the JSON in it."""
    before, after = text[: region.start], text[region.end :].lstrip(_BLANK)
    opening = _OPENING_FENCE.search(before, max(0, len(before) - _FENCE_SIZE))
    if opening:
        before = before[: opening.start()]
    is_closed = after.startswith(_FENCE_SIGNS)
    if is_closed:
        after = after.lstrip("`~")
    if opening or is_closed:
        yield "fence"
    if before.strip(_BLANK) or after.strip(_BLANK):
        yield "text"


def _read_fenced_scalar(
    text: str, reason: str | None
) -> tuple[JSON, tuple[CutAway, ...]]:
    """Return the JSON scalar in *text*, if *text* is one fenced code block."""
    if text.startswith(_FENCE_SIGNS) and text.endswith(_FENCE_SIGNS):
        inner = text.strip("`~").strip(_BLANK)
        word = _LANGUAGE.match(inner)
        for part in (inner, inner[word.end() :] if word else inner):
            value, other = _loaded(part)
            if other is None:
                return value, ("fence",)
    raise NoJSONError(f"the text is not JSON: {reason}")

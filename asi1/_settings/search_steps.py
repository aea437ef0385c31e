"""Searches long text for secrets, in each form that can be decoded, in short steps."""

from __future__ import annotations

import re

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from attrs import frozen

from .._models.visible import LEFT_OUT
from .escapes import CODED, LAYERS, LONGEST_CODE, SIGNS, UNSEEN, character, codes_in
from .folding import LINE_ESCAPE, QUOTED, folded, squeezed


__all__ = ["finished", "search_in_steps", "shorten_runs"]

_R = TypeVar("_R")

# Each escape, also in quoted-printable text, begins with one of these characters.
_BEGINNINGS = (*SIGNS, "=")
# Matches backslashes without effect. `CODED` matches them too, but is slower.
_IDLE_BACKSLASHES = re.compile(r"\\+(?!u|x|[01][0-7]|[nrtbfv]|\\)")
_BUSY_BACKSLASHES = ("\\u", "\\x", "\\0", "\\1", "\\n{")
_LINE_ESCAPES = ("\\n", "\\r", "\\t", "\\b", "\\f", "\\v")
# Number of characters that are searched in one step, which takes a few milliseconds.
_STEP = 16 * 1024
# Matches a run of ignored characters that is longer than any escape needs.
_RUN = re.compile(rf"([\\\s\0-\x1f{LEFT_OUT}]{{16}})[\\\s\0-\x1f{LEFT_OUT}]+")


def finished(steps: Generator[None, None, _R]) -> _R:
    """Run the generator *steps* to its end without pauses, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def search_in_steps(
    text: str, starts: Iterable[str], size: int
) -> Generator[None, None, bool]:
    """
    Return whether *text*, as it is or decoded, may contain one of *starts*.

    Args:
        text: Any text.
        starts: Texts in lowercase, without whitespace.
        size: The number of characters in each of *starts*.

    Yields:
        None after each step of some milliseconds; never for a short text.
    """
    pieces = [text[at : at + _STEP] for at in range(0, len(text), _STEP)]
    return (yield from _Search(starts, size).of((yield from _mapped(pieces, folded))))


@frozen
class _Search:
    """A search for *starts*, each of *size* characters, in text divided in pieces."""

    starts: Iterable[str]
    size: int

    def of(self, pieces: list[str]) -> Generator[None, None, bool]:
        """Return whether the text, decoded in any way, contains one of the starts."""
        if (yield from self._decode_and_find(pieces)):
            return True
        if any("\x1a" in piece for piece in pieces):
            pieces = yield from _mapped(pieces, _without_line_escapes)
            return (yield from self._decode_and_find(pieces))
        return False

    def _decode_and_find(self, pieces: list[str]) -> Generator[None, None, bool]:
        """
        Decode *pieces*, in place, and search them: also what whitespace divides, and
        what is quoted-printable.
        """
        packed = yield from _mapped(pieces, squeezed)
        if (yield from _contains(packed, self.starts, self.size)):
            return True
        if (yield from self._found_in_layers(pieces, packed)):
            return True
        if (yield from self._found_in_layers(packed, packed)):
            return True
        quoted = yield from _mapped(packed, _without_quoted)
        if quoted == packed:
            return False
        if (yield from _contains(quoted, self.starts, self.size)):
            return True
        return (yield from self._found_in_layers(quoted, quoted))

    def _found_in_layers(
        self, pieces: list[str], packed: list[str]
    ) -> Generator[None, None, bool]:
        """
        Decode *pieces*, in place, until nothing is left to decode or a start is found.

        *packed* becomes *pieces* without whitespace.
        """
        for _ in range(LAYERS + 1):
            decoded = yield from _decoded_once(pieces)
            if decoded == pieces:
                return False
            pieces[:] = decoded
            packed[:] = yield from _mapped(decoded, squeezed)
            if (yield from _contains(packed, self.starts, self.size)):
                return True
        return False


def _decoded_once(pieces: list[str]) -> Generator[None, None, list[str]]:
    codes = yield from _codes_in_all(pieces)
    if UNSEEN in codes:
        return (yield from _mapped(pieces, _without_unseen))
    if CODED in codes:
        pieces = yield from _mapped(pieces, _without_idle_backslashes)
        return (yield from _mapped(pieces, _without_codes))
    return pieces


def _contains(
    pieces: Iterable[str], starts: Iterable[str], size: int
) -> Generator[None, None, bool]:
    text = ""
    for piece in pieces:
        if text:
            yield
        text = text[1 - size :] + piece
        if any(start in text for start in starts):
            return True
    return False


def _codes_in_all(
    pieces: Iterable[str],
) -> Generator[None, None, set[re.Pattern[str] | None]]:
    codes: set[re.Pattern[str] | None] = set()
    for piece in pieces:
        if codes:
            yield
        codes.add(codes_in(piece))
    return codes


def _mapped(
    pieces: Sequence[str], decode: Callable[[str], str]
) -> Generator[None, None, list[str]]:
    """Apply *decode* to the text in *pieces*; no escape is split between two calls."""
    made: list[str] = []
    rest = ""
    for left, piece in zip(range(len(pieces) - 1, -1, -1), pieces, strict=True):
        if made:
            yield
        text = rest + piece
        end = _end_of_escapes(text) if left else len(text)
        made.append(decode(text[:end]))
        rest = text[end:]
    return made


def _end_of_escapes(text: str) -> int:
    """Return where to cut *text*: before an escape that may be incomplete."""
    place = max(text.rfind(sign, -LONGEST_CODE) for sign in _BEGINNINGS)
    if place < 0:
        return len(text)
    # In a URL, the escape of a non-ASCII character is one of several bytes.
    early = max(text.rfind(lead, max(0, place - 6), place) for lead in ("%e", "%c"))
    return place if early < 0 else early


def _without_unseen(text: str) -> str:
    return UNSEEN.sub("", text.replace("\0", "").replace("\r", ""))


def _without_idle_backslashes(text: str) -> str:
    if "\\" not in text:
        return text
    if any(code in text for code in _BUSY_BACKSLASHES):
        return _IDLE_BACKSLASHES.sub("", text)
    for code in _LINE_ESCAPES:
        text = text.replace(code, f"\x1a{code[1]}")
    return text.replace("\\", "")


def _without_line_escapes(text: str) -> str:
    return LINE_ESCAPE.sub("", text) if "\x1a" in text else text


def _without_quoted(text: str) -> str:
    return QUOTED.sub(_decoded_match, text) if "=" in text else text


def _without_codes(text: str) -> str:
    found = any(sign in text for sign in SIGNS)
    return CODED.sub(_decoded_match, text) if found else text


def shorten_runs(text: str) -> Generator[None, None, str]:
    """Return *text* with at most 32 characters in a row that a search ignores."""
    pieces = []
    for at in range(0, len(text), _STEP):
        pieces.append(_RUN.sub(r"\1", text[at : at + _STEP]))
        yield
    return "".join(pieces)


def _decoded_match(match: re.Match[str]) -> str:
    char = character(match)
    return match[0] if char is None else char

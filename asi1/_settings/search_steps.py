"""Searches long text for secrets in short steps, in every form that can be decoded."""

from __future__ import annotations

import re

from collections.abc import Callable, Generator, Iterable, Sequence
from functools import lru_cache
from typing import TypeVar

from attrs import define, field

from .._models.visible import LEFT_OUT
from .escapes import CODED, LAYERS, LONGEST_CODE, SIGNS, UNSEEN, character, codes_in
from .folding import QUOTED, folded, packed, squeezed


__all__ = ["finished", "search_in_steps", "shorten_runs"]

_R = TypeVar("_R")

# Each escape, also in quoted-printable text, begins with one of these characters.
_BEGINNINGS = (*SIGNS, "=")
# Matches a backslash without effect. `CODED` matches it too, but is slower.
_IDLE_BACKSLASH = re.compile(r"\\(?!u|x|[01][0-7]|[nrtbf\x00-\x20])")
_BACKSLASHES = re.compile(r"\\{2,}")
# Matches a backslash that begins an escape other than one of `_LINE_ESCAPES`.
_BUSY_BACKSLASH = re.compile(r"\\(?:[uUxX01\x00-\x20]|[nN]\{)")
# The escapes of line breaks, tabs and the like; further backslashes before them have no
# effect.
_LINE_ESCAPES = ("\\n", "\\r", "\\t", "\\b", "\\f")
# Number of characters that are searched in one step, which takes a few milliseconds.
_STEP = 16 * 1024
# Matches a run of ignored characters that is longer than any escape needs,
# without its last character, which may begin an escape.
_IGNORED = rf"[\\\s\0-\x1f{LEFT_OUT}]"
_RUN = re.compile(f"({_IGNORED}{{16}}){_IGNORED}+(?={_IGNORED})")


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
    search = _Search([start.encode("utf-8", "surrogatepass") for start in starts], size)
    return (yield from search.decode_and_find(pieces))


@define
class _Search:
    """A search for *starts*, each of *size* bytes or more, in text cut into pieces."""

    starts: Iterable[bytes]
    size: int
    # Whether the last decoded text may still contain escapes.
    _coded: bool = field(default=False, init=False)

    def decode_and_find(self, pieces: list[str]) -> Generator[None, None, bool]:
        """Return whether *pieces*, decoded in any way, contain one of the starts."""
        if (yield from self._found_in_layers(pieces)):
            return True
        if (yield from self._found_in_late_layers(pieces)):
            return True
        for remove in (_without_line_escapes, _without_soft_breaks):
            before, pieces = pieces, (yield from _mapped(pieces, remove))
            if _size(before) == _size(pieces):
                continue
            if (yield from self._found(pieces)):
                return True
            if (yield from self._found_in_late_layers(pieces)):
                return True
        return False

    def _found_in_late_layers(self, pieces: list[str]) -> Generator[None, None, bool]:
        """Search *pieces* without whitespace, and as quoted-printable text."""
        if not self._coded and not any(map(_may_have_quoted, pieces)):
            return False
        shut = yield from _mapped(pieces, _squeezed)
        spaced = _size(shut) < _size(pieces)
        if self._coded and spaced and (yield from self._found_in_layers(shut)):
            return True
        quoted = yield from _mapped(shut, _without_quoted)
        if _size(quoted) == _size(shut):
            return False
        return (yield from self._found_in_layers(quoted))

    def _found_in_layers(self, pieces: list[str]) -> Generator[None, None, bool]:
        """Decode *pieces* in place, repeatedly; return whether a start was found."""
        if (yield from self._found(pieces)):
            return True
        for layer in range(LAYERS + 1):
            codes = yield from _codes_in_all(pieces)
            self._coded = any(codes)
            if not self._coded:
                return False
            if not layer:
                pieces[:] = yield from _mapped(pieces, folded)
            before = _size(pieces)
            pieces[:] = yield from _decoded_once(pieces, codes)
            # An equal size means that nothing was decoded: decoding shortens a text.
            if _size(pieces) == before:
                return False
            if (yield from self._found(pieces)):
                return True
        return False

    def _found(self, pieces: list[str]) -> Generator[None, None, bool]:
        """Return whether *pieces*, without whitespace, contain a start."""
        data = b""
        for piece in pieces:
            if data:
                yield
            data = data[1 - self.size :] + packed(piece)
            if any(start in data for start in self.starts):
                return True
        return False


def _decoded_once(
    pieces: list[str], codes: set[re.Pattern[str] | None]
) -> Generator[None, None, list[str]]:
    if UNSEEN in codes:
        return (yield from _mapped(pieces, _without_unseen))
    pieces = yield from _mapped(pieces, _without_idle_backslashes)
    return (yield from _mapped(pieces, _without_codes))


def _size(pieces: Iterable[str]) -> int:
    return sum(map(len, pieces))


def _codes_in(text: str) -> re.Pattern[str] | None:
    """Return the result of `codes_in`, but None if no backslash has an effect."""
    codes = codes_in(text)
    if codes is CODED and not ("%" in text or "&" in text):
        return CODED if _BUSY_BACKSLASH.search(text) else None
    return codes


def _codes_in_all(
    pieces: Iterable[str],
) -> Generator[None, None, set[re.Pattern[str] | None]]:
    codes: set[re.Pattern[str] | None] = set()
    for piece in pieces:
        if codes:
            yield
        codes.add(_codes_in(piece))
    return codes


def _mapped(
    pieces: Sequence[str], decode: Callable[[str], _R]
) -> Generator[None, None, list[_R]]:
    """Apply *decode* to the text in *pieces*; no escape is split between two calls."""
    made: list[_R] = []
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
    # In a URL, a non-ASCII character has an escape for each of its bytes: cut before
    # the first of them.
    early = max(text.rfind(lead, max(0, place - 6), place) for lead in ("%e", "%c"))
    return place if early < 0 else early


def _without_unseen(text: str) -> str:
    return UNSEEN.sub("", text.replace("\0", "").replace("\r", ""))


def _without_idle_backslashes(text: str) -> str:
    if "\\" not in text:
        return text
    # Two steps, since a single pattern would take quadratic time.
    return _IDLE_BACKSLASH.sub("", _BACKSLASHES.sub(r"\\", text))


def _without_line_escapes(text: str) -> str:
    if "\\" not in text and "\x1a" not in text:
        return text
    text = text.replace("\x1a", "\\")
    for escape in _LINE_ESCAPES:
        text = text.replace(escape, "\n")
    return text


def _without_soft_breaks(text: str) -> str:
    return text.replace("=\n", "") if "=" in text and "\n" in text else text


def _may_have_quoted(text: str) -> bool:
    return "=" in text and not {part[:1] for part in text.split("=")[1:]}.isdisjoint(
        "234567"
    )


def _without_quoted(text: str) -> str:
    return QUOTED.sub(_decoded_match, text) if _may_have_quoted(text) else text


def _without_codes(text: str) -> str:
    found = any(sign in text for sign in SIGNS)
    return CODED.sub(_decoded_match, text) if found else text


def _squeezed(text: str) -> str:
    return squeezed(folded(text))


def shorten_runs(text: str) -> Generator[None, None, str]:
    """Return *text* with long runs of ignored characters shortened; works in steps."""
    pieces = []
    for at in range(0, len(text), _STEP):
        pieces.append(_RUN.sub(r"\1", text[at : at + _STEP]))
        yield
    return "".join(pieces)


def _decoded_match(match: re.Match[str]) -> str:
    return _decoded(match[0])


@lru_cache(512)
def _decoded(code: str) -> str:
    """Return the text that *code* encodes, a match of `CODED` or `QUOTED`."""
    if code == "\\":  # a backslash before whitespace
        return code
    match = (QUOTED if code[0] == "=" else CODED).fullmatch(code)
    char = character(match) if match else None
    return code if char is None else char

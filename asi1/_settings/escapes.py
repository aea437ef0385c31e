"""
Decodes the escapes of ASCII characters in text that a server sent, as far as a search
for secrets needs it, and searches long text in steps.
"""

from __future__ import annotations

import re

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from .._models.visible import LEFT_OUT


_R = TypeVar("_R")

__all__ = [
    "CODED",
    "LAYERS",
    "LONGEST_CODE",
    "UNSEEN",
    "character",
    "codes_in",
    "finished",
    "in_lowercase",
    "search_in_steps",
    "shorten_runs",
]

# Matches, in lowercase text, the escape of a zero-width character in JSON, a URL or
# HTML; the escape of an ASCII character in these or a programming language; and a
# backslash without effect, which PHP writes before a slash.
CODED = re.compile(
    r"\\+(?:u(?:00ad|200[b-f]|2060|feff)"
    r"|(?:u000000|u00|u\{0{0,4}|x\{0{0,4}|x)([0-7][0-9a-f])\}?|([01][0-7]{2}))?"
    r"|%e2%80%8[b-f]|%e2%81%a0|%ef%bb%bf|%c2%ad"
    r"|%(?:u00)?([0-7][0-9a-f])"
    r"|&#x0{0,4}(?:200[b-f]|2060|feff|ad);|&#(?:820[3-7]|8288|65279|173);"
    r"|&(?:zerowidthspace|zwn?j|shy);"
    r"|&#x0{0,6}([0-7][0-9a-f]);?"
    r"|&#0{0,6}(1[0-2][0-9]|[3-9][0-9])(?![0-9]);?"
    r"|&([a-z]{2,6});"
)
# Each match of `CODED` contains one of these characters.
_SIGNS = ("\\", "%", "&")
# Matches NUL, which UTF-16 puts beside each ASCII character, and the characters that an
# error leaves out when it is shown: leaving them out would join the parts of a key.
UNSEEN = re.compile(f"[\0{LEFT_OUT}]")
# Matches backslashes without effect, which `CODED` also matches, but more slowly.
_IDLE_BACKSLASHES = re.compile(r"\\+(?!u|x|[01][0-7]|\\)")
_BUSY_BACKSLASHES = ("\\u", "\\x", "\\0", "\\1")
# HTML's names of the ASCII characters that a header may contain.
_NAMES = (
    "amp apos ast bsol colon comma commat dash dollar equals "
    "excl grave gt hat hyphen lbrace lbrack lcub lowbar lpar lsqb lt num "
    "percnt period plus quest quot rbrace rbrack rcub rpar rsqb semi sol "
    "verbar vert"
)
_NAMED: dict[str, str] = dict(
    zip(
        _NAMES.split(),
        r"""&'*\:,@-$=!`>^-{[{_([<#%.+?"}]})];/||""",
        strict=True,
    )
)
# How many levels of escapes are decoded: nested JSON strings are escaped several times.
LAYERS = 4
# Length of the longest escape of one character that is escaped `LAYERS` times.
LONGEST_CODE = 16
# Number of characters that are searched in one step, which takes a few milliseconds.
_STEP = 16 * 1024
# Matches a run of ignored characters that is longer than any escape needs.
_RUN = re.compile(rf"([\\\0{LEFT_OUT}]{{16}})[\\\0{LEFT_OUT}]+")


def in_lowercase(text: str) -> str:
    """Return *text* in lowercase; the number of characters does not change."""
    # U+0130 is the only character with a lowercase of another length.
    return text.replace("\u0130", "I").lower()


def codes_in(text: str) -> re.Pattern[str] | None:
    """Return the pattern to decode first in *text*; None if nothing is encoded."""
    unseen = "\0" in text or "\r" in text
    if unseen or (not text.isascii() and UNSEEN.search(text)):
        return UNSEEN
    return CODED if any(sign in text for sign in _SIGNS) else None


def _decoded_match(match: re.Match[str]) -> str:
    char = character(match)
    return match[0] if char is None else char


def character(match: re.Match[str]) -> str | None:
    """Return the character that a match of `CODED` stands for; None if unknown."""
    group = match.lastindex
    if group is None:
        return ""
    code = match[group]
    if group == 6:
        return _NAMED.get(code)
    char = chr(int(code, {2: 8, 5: 10}.get(group, 16)))
    # Escaped control characters are dropped: with them, a reader still recognises a
    # key.
    return "" if char < " " or char == "\x7f" else char.lower()


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
        starts: Texts in lowercase.
        size: The number of characters in each of *starts*.

    Yields:
        None after each step of some milliseconds; never for a short text.
    """
    pieces = [text[at : at + _STEP] for at in range(0, len(text), _STEP)]
    pieces = yield from _mapped(pieces, in_lowercase)
    for _ in range(LAYERS + 2):
        if (yield from _contains(pieces, starts, size)):
            return True
        before, codes = sum(map(len, pieces)), (yield from _codes_in_all(pieces))
        if UNSEEN in codes:
            pieces = yield from _mapped(pieces, _without_unseen)
        elif CODED in codes:
            pieces = yield from _mapped(pieces, _without_idle_backslashes)
            pieces = yield from _mapped(pieces, _without_codes)
        if sum(map(len, pieces)) == before:  # no change: decoding always shortens text
            return False
    return False


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
        # The text is cut before the last character of `_SIGNS` that is one of its last
        # `LONGEST_CODE` characters, since an escape may continue in the next piece.
        place = max(text.rfind(sign, -LONGEST_CODE) for sign in _SIGNS) if left else -1
        end = len(text) if place < 0 else place
        made.append(decode(text[:end]))
        rest = text[end:]
    return made


def _without_unseen(text: str) -> str:
    return UNSEEN.sub("", text.replace("\0", "").replace("\r", ""))


def _without_idle_backslashes(text: str) -> str:
    if any(code in text for code in _BUSY_BACKSLASHES):
        return _IDLE_BACKSLASHES.sub("", text)
    return text.replace("\\", "")


def _without_codes(text: str) -> str:
    found = any(sign in text for sign in _SIGNS)
    return CODED.sub(_decoded_match, text) if found else text


def shorten_runs(text: str) -> Generator[None, None, str]:
    """Return *text* with at most 32 characters in a row that a search ignores."""
    pieces = []
    for at in range(0, len(text), _STEP):
        pieces.append(_RUN.sub(r"\1", text[at : at + _STEP]))
        yield
    return "".join(pieces)

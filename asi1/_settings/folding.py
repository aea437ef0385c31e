"""
Reduces text that a server sent, as far as a search for secrets needs it: to lowercase
text without styled letters, whitespace and control characters.
"""

from __future__ import annotations

import re
import unicodedata


__all__ = [
    "LINE_ESCAPE",
    "QUOTED",
    "SOFT_BREAK",
    "SPACED",
    "folded",
    "has_any",
    "named",
    "packed",
    "squeezed",
]

# Matches what may stand between two letters of a secret: whitespace or a control
# character.
SPACED = re.compile(
    "[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
_LOWERCASE = bytes(range(256)).lower()
# The ASCII characters that `SPACED` matches; a pattern that matches all its non-ASCII
# characters; and the first bytes of these in UTF-8.
_ASCII_SPACES = bytes([*range(0x21), 0x7F])
_WIDE_SPACES = re.compile(SPACED.pattern.replace("\x00-\x20\x7f-", "\x80-"))
_WIDE_LEADS = (b"\xc2", b"\xe1", b"\xe2", b"\xe3\x80\x80")
# Matches, in lowercase text, an ASCII character in quoted-printable form.
QUOTED = re.compile("=(?P<x1>[2-7][0-9a-f])")
# Matches what decoding makes of the escape of a newline or tab: U+001A, and the letter
# of the escape, since the backslash before the letter may have had no effect.
LINE_ESCAPE = re.compile("\x1a(?P<s1>[nrtbf])")
# Matches a line break that quoted-printable text has only to keep its lines short.
SOFT_BREAK = re.compile("=\n")
# Matches styled letters and digits, such as full-width or bold ones.
_STYLED = re.compile(
    "[\u2070-\u209c\u2100-\u214e\u2460-\u24ea\ufe4d-\ufe6b\uff01-\uff5e"
    "\U0001d400-\U0001d7ff\U0001f100-\U0001f149\U0001fbf0-\U0001fbf9]"
)
_STYLED_LEADS = (b"\xe2", b"\xef", b"\xf0")
# Unicode's names of ASCII and of invisible characters, in lowercase and without spaces.
_NAMES = {
    unicodedata.name(char).lower().replace(" ", ""): char.lower()
    for char in [*map(chr, range(0x20, 0x7F)), *"\xa0\xad\u200b\u200c\u200d\u2060"]
}


def folded(text: str) -> str:
    """
    Return *text* in lowercase, with plain letters in place of full-width and other
    styled ones; the number of characters does not change.
    """
    # U+0130 is the only character with a lowercase of another length.
    text = text.replace("\u0130", "I").lower()
    if has_any(text, _STYLED_LEADS):
        return _STYLED.sub(_plain, text)
    return text


def _plain(match: re.Match[str]) -> str:
    char = unicodedata.normalize("NFKC", match[0])
    return char.lower() if len(char) == 1 and char.isascii() else match[0]


def named(name: str) -> str | None:
    r"""Return the character of a ``\N{...}`` escape; None if its name is not known."""
    char = _NAMES.get(re.sub(r"\s", "", name).removeprefix("fullwidth"))
    return char if char is None or char.isascii() else ""


def squeezed(text: str) -> str:
    """Return *text* without anything that `SPACED` matches."""
    data = text.encode("utf-8", "surrogatepass").translate(None, _ASCII_SPACES)
    text = data.decode("utf-8", "surrogatepass")
    return _WIDE_SPACES.sub("", text) if has_any(text, _WIDE_LEADS) else text


def packed(text: str) -> bytes:
    """
    Return *text*, folded and squeezed, in UTF-8, and without backslashes, which have no
    effect in most places.
    """
    if not text.isascii():
        text = folded(text)
        if has_any(text, _WIDE_LEADS):
            text = _WIDE_SPACES.sub("", text)
    data = text.encode("utf-8", "surrogatepass")
    return data.translate(_LOWERCASE, _ASCII_SPACES + b"\\")


def has_any(text: str, leads: tuple[bytes, ...]) -> bool:
    """
    Return, fast, whether *text* may contain certain non-ASCII characters; *leads*: the
    first bytes of these characters in UTF-8.
    """
    if text.isascii():
        return False
    data = text.encode("utf-8", "surrogatepass")
    return any(lead in data for lead in leads)

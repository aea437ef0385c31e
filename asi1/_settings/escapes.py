"""
Decodes the escapes of ASCII characters in text that a server sent, as far as a search
for secrets needs it.
"""

from __future__ import annotations

import re

from .._models.visible import LEFT_OUT
from .folding import folded, has_any, named


__all__ = [
    "CODED",
    "LAYERS",
    "LONGEST_CODE",
    "SIGNS",
    "UNSEEN",
    "character",
    "codes_in",
]

# Matches, in lowercase text: the escape of a zero-width character in JSON, a URL or
# HTML; the escape of an ASCII character, or of its full-width form, in these or in a
# programming language; and a backslash without effect, as PHP writes before a slash,
# but not one before whitespace, which may divide an escape. The first letter of a
# group's name is the kind of escape (see `character`).
CODED = re.compile(
    r"\\+(?:u(?:00ad|200[b-f]|2060|feff)"
    r"|(?:u0000|u\{0{0,2}|x\{0{0,2}|u)(?P<x1>ff[0-5][0-9a-f])\}?"
    r"|(?:u000000|u00|u\{0{0,4}|x\{0{0,4}|x)(?P<x2>[0-7][0-9a-f])\}?"
    r"|(?P<o1>[01][0-7]{2})|n\{(?P<u1>[a-z][a-z\s-]{2,35})\}|(?P<l1>[nrtbf])"
    r"|(?P<w1>(?=[\x00-\x20])))?"
    r"|%(?:(?P<x3>[0-7][0-9a-f])|u00(?P<x4>[0-7][0-9a-f])|u(?P<x5>ff[0-5][0-9a-f])"
    r"|e2%80%8[b-f]|e2%81%a0|ef%bb%bf|c2%ad|(?P<b1>ef%b[cd]%[89ab][0-9a-f]))"
    r"|&(?:(?P<h1>[a-z]{2,7});|zerowidthspace;|#(?:"
    r"x0{0,4}(?:200[b-f]|2060|feff|ad);|(?:820[3-7]|8288|65279|173);"
    r"|x0{0,6}(?P<x6>[0-7][0-9a-f]);?|x0{0,4}(?P<x7>ff[0-5][0-9a-f]);?"
    r"|0{0,6}(?P<d1>1[0-2][0-9]|[3-9][0-9]|65[23][0-9]{2})(?![0-9]);?))"
)
# Each match of `CODED` contains one of these characters.
SIGNS = ("\\", "%", "&")
# Matches NUL, which UTF-16 text has next to each ASCII character; and characters that
# are left out when an error is shown: the parts of a key around them are then joined.
UNSEEN = re.compile(f"[\0{LEFT_OUT}]")
# The first bytes in UTF-8 of the non-ASCII characters that `UNSEEN` matches.
_UNSEEN_LEADS = (b"\xc2", b"\xd8", b"\xe1", b"\xe2", b"\xef", b"\xf0", b"\xf3")
# HTML's names of the ASCII characters that a header may contain, of whitespace, and of
# characters that are left out.
_NAMES = (
    "amp apos ast bsol colon comma commat dash dollar equals "
    "excl grave gt hat hyphen lbrace lbrack lcub lowbar lpar lsqb lt num "
    "percnt period plus quest quot rbrace rbrack rcub rpar rsqb semi sol "
    "verbar vert tab newline nbsp shy zwj zwnj"
)
_NAMED: dict[str, str] = dict(
    zip(
        _NAMES.split(),
        [*r"""&'*\:,@-$=!`>^-{[{_([<#%.+?"}]})];/||""", *"\t\n ", "", "", ""],
        strict=True,
    )
)
# How many levels of escapes are decoded: nested JSON strings are escaped several times.
LAYERS = 4
# Length of the longest escape of one character that is decoded, over all `LAYERS`.
LONGEST_CODE = 40


def codes_in(text: str) -> re.Pattern[str] | None:
    """Return the pattern to decode first in *text*; None if nothing is encoded."""
    unseen = "\0" in text or "\r" in text
    if unseen or (has_any(text, _UNSEEN_LEADS) and UNSEEN.search(text)):
        return UNSEEN
    return CODED if any(sign in text for sign in SIGNS) else None


def character(match: re.Match[str]) -> str | None:
    """
    Return the character of an escape, a match of `CODED` or of a similar pattern.

    Return "" for a character that a reader does not see; for the escape of a newline or
    tab, a text that `LINE_ESCAPE` matches; and None for an unknown escape.
    """
    group = match.lastgroup
    if group is None:
        return ""
    kind, code = group[0], match[group]
    if kind == "h":
        return _NAMED.get(code)
    if kind == "w":
        return None
    if kind == "s":
        return "\n"
    if kind == "l":
        return f"\x1a{code}"
    if kind == "u":
        char = named(code)
        return f"\x1an{{{code}}}" if char is None else char
    if kind == "b":
        char = bytes.fromhex(code.replace("%", "")).decode("utf-8", "replace")
    else:
        char = chr(int(code, {"o": 8, "d": 10, "x": 16}[kind]))
    char = folded(char)
    if not char.isascii():
        return None
    # A reader can see a key in spite of escaped control characters inside it.
    return "" if char < " " or char == "\x7f" else char

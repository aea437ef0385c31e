"""
Finds secrets in text that a server sent, in each form in which a server writes them.

A server that quotes a request's key may escape it, once or several times, as in JSON, a
URL or HTML; change the case of its letters; write it in UTF-16, in hexadecimal digits
or in base64; or cut it off.
"""

from __future__ import annotations

import base64
import re

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Self, TypeAlias
from urllib.parse import parse_qsl

from attrs import frozen

from .._models.visible import LEFT_OUT


__all__ = ["Forms", "secrets_of"]

# Minimum number of characters of a secret that is redacted: shorter ones, such as "key"
# and "test", also occur in harmless messages as words that must stay readable.
_SHORTEST = 8
# An ASCII character as JSON, JavaScript, a URL or HTML may write it, in lowercase; or a
# backslash that does nothing, as PHP writes it before a slash.
_CODED = re.compile(
    r"\\+(?:(?:u00|u\{0{0,4}|x)([0-7][0-9a-f])\}?)?"
    r"|%([0-7][0-9a-f])"
    r"|&#x0{0,6}([0-7][0-9a-f]);?"
    r"|&#0{0,6}(1[0-2][0-9]|[3-9][0-9])(?![0-9]);?"
    r"|&([a-z]{2,6});"
)
# One of these characters is in each match of `_CODED`.
_SIGNS = ("\\", "%", "&")
# A NUL, which UTF-16 has beside each ASCII character; and the characters that are left
# out when an error is shown, which would put the parts of a key together.
_UNSEEN = re.compile(f"[\0{LEFT_OUT}]")
# Matches backslashes, which `_CODED` removes too; this expression is faster.
_IDLE_BACKSLASHES = re.compile(r"\\+(?!u00|u\{|x|\\)")
# The beginning of a match of `_CODED` at the end of a text, where the text was cut.
_CUT_CODE = re.compile(
    r"(?:\\+(?:u\{?0{0,4}[0-7]?|x[0-7]?)?|%[0-7]?|&(?:#?x?[0-9a-f]{0,8}|[a-z]{0,6}))\Z"
)
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
# How often a text is decoded: several times for JSON inside a JSON string, for example.
_LAYERS = 4
# The longest form of one character that `_CODED` and `_LAYERS` decode.
_LONGEST_CODE = 16
# Headers and query parameters with one of these words in their names contain secrets.
_SECRET_NAME = re.compile(
    r"auth|cookie|credential|key|passw|secret|signature|token", re.IGNORECASE
)
_HARMLESS_NAMES = {"idempotency-key"}
_BETWEEN_PARTS = re.compile(r"[\s;,]+")

# The index of each decoded character, and its index in the text before decoding.
_Places: TypeAlias = tuple[list[int], list[int]]


def secrets_of(headers: Mapping[str, str], query: str) -> tuple[str, ...]:
    """
    Return the secrets of a request other than the API key.

    Args:
        headers: The request's headers, such as a user's own ``authorization``.
        query: The query of the request's URL; "" for none.
    """
    named = [*headers.items(), *(parse_qsl(query) if query else ())]
    return tuple(
        part
        for name, value in named
        if _SECRET_NAME.search(name) and name not in _HARMLESS_NAMES
        for part in _parts(value)
    )


@frozen
class Forms:
    """
    All forms of some secrets to search for, in lowercase.

    Attributes:
        starts: The first characters of each form.
        longest: The largest number of characters that one secret takes up in a text.
    """

    forms: tuple[str, ...]
    starts: tuple[str, ...]
    longest: int

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Self:
        """Return the forms of *secrets*; those of less than 8 characters have none."""
        forms = {
            layer: None
            for value in secrets
            if len(value) >= _SHORTEST
            for form in _encoded(value)
            for layer, _ in _layers(form)
            if len(layer) >= _SHORTEST
        }
        starts = dict.fromkeys(form[:_SHORTEST] for form in forms)
        longest = max(map(len, forms), default=0) * _LONGEST_CODE
        return cls(tuple(forms), tuple(starts), longest)

    def may_be_in(self, text: str) -> bool:
        """Return, fast, whether *text* may contain the beginning of a secret."""
        if not self.forms:
            return False
        text = _lower(text)
        for _ in range(_LAYERS + 2):
            if any(start in text for start in self.starts):
                return True
            before, codes = text, _codes_in(text)
            if codes is _UNSEEN:
                text = _UNSEEN.sub("", text.replace("\0", "").replace("\r", ""))
            elif codes is _CODED:
                text = _CODED.sub(_decoded_match, _IDLE_BACKSLASHES.sub("", text))
            if text == before:
                return False
        return False

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return the start and end of each secret in *text*; secrets may overlap."""
        if not self.may_be_in(text):
            return []
        found = [
            (_start(start, places), _end(start + len(form), places))
            for layer, places in _layers(_lower(text))
            for form in self.forms
            for start in _occurrences(layer, form)
        ]
        return sorted(found)

    def cut_place(self, text: str) -> int | None:
        """
        Return where 8 or more characters of a secret begin with which *text* ends.

        None if *text* does not end with the beginning of a secret.
        """
        # Any number of unseen characters may be inside of a secret.
        unseen = _codes_in(text) is _UNSEEN
        since = 0 if unseen else max(0, len(text) - self.longest)
        if not self.may_be_in(text[since:]):
            return None
        end = _lower(text[since:])
        for shown in (end, _without_cut_code(end)):
            for layer, places in _layers(shown):
                for part in (layer, _without_cut_code(layer)):
                    start = _part_at_end(part, self.forms)
                    if start is not None:
                        return since + _start(start, places)
        return None


def _without_cut_code(text: str) -> str:
    cut = _CUT_CODE.search(text, max(0, len(text) - _LONGEST_CODE))
    return text[: cut.start()] if cut else text


def _parts(value: str) -> Iterator[str]:
    """Return the secrets in a header's value, such as the token after ``Bearer``."""
    words = [word for word in _BETWEEN_PARTS.split(value) if word]
    if len(words) > 1 and words[0].isalpha():
        del words[0]  # the scheme
    for word in words:
        yield word
        yield word.partition("=")[2].strip('"')
        try:
            login = base64.b64decode(word, validate=True).decode()
        except ValueError:
            continue
        yield login.partition(":")[2]  # the password of ``Basic``


def _encoded(value: str) -> Iterator[str]:
    """Return *value* and its encodings as servers write them, in lowercase."""
    data = value.encode("utf-8", "replace")
    yield _lower(value)
    yield data.hex()
    for before in range(3):
        # A base64 digit stands for 6 bits. So the text before the value decides which
        # of three forms the value has, and the digits at the ends can be of any value.
        digits = base64.b64encode(bytes(before) + data).decode()
        whole = digits[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        yield whole.lower()
        yield whole.replace("+", "-").replace("/", "_").lower()


def _lower(text: str) -> str:
    # U+0130 is the only character with a lowercase of another length.
    return text.replace("\u0130", "I").lower()


def _codes_in(text: str) -> re.Pattern[str] | None:
    """Return what finds the characters of *text* to decode first; None for none."""
    unseen = "\0" in text or "\r" in text
    if unseen or (not text.isascii() and _UNSEEN.search(text)):
        return _UNSEEN
    return _CODED if any(sign in text for sign in _SIGNS) else None


def _layers(text: str) -> Iterator[tuple[str, list[_Places]]]:
    """Return *text*, and the results of decoding it once, twice and so on."""
    places: list[_Places] = []
    yield text, places
    for _ in range(_LAYERS + 2):
        codes = _codes_in(text)
        if codes is None:
            return
        decoded, new = _decoded(text, codes)
        if decoded == text:
            return
        text, places = decoded, [*places, new]
        yield text, places


def _decoded(text: str, codes: re.Pattern[str]) -> tuple[str, _Places]:
    pieces: list[str] = []
    after, before = [0], [0]
    size = done = 0
    for match in codes.finditer(text):
        start, end = match.span()
        char = _character(match)
        if char is None:
            continue
        pieces += [text[done:start], char]
        size += start - done
        after += [size, size + len(char)]
        before += [start, end]
        size, done = size + len(char), end
    return "".join([*pieces, text[done:]]), (after, before)


def _decoded_match(match: re.Match[str]) -> str:
    char = _character(match)
    return match[0] if char is None else char


def _character(match: re.Match[str]) -> str | None:
    group = match.lastindex
    if group is None:
        return ""
    code = match[group]
    if group == 5:
        return _NAMED.get(code)
    char = chr(int(code, 10 if group == 4 else 16))
    return "" if char in "\0\r" else char.lower()


def _start(place: int, places: Iterable[_Places]) -> int:
    for after, before in reversed([*places]):
        known = bisect_right(after, place) - 1
        place = before[known] + place - after[known]
    return place


def _end(place: int, places: Iterable[_Places]) -> int:
    for after, before in reversed([*places]):
        known = bisect_left(after, place)
        if known == len(after) or after[known] != place:
            known -= 1
        place = before[known] + place - after[known]
    return place


def _occurrences(text: str, form: str) -> Iterator[int]:
    place = text.find(form)
    while place >= 0:
        yield place
        place = text.find(form, place + len(form))


def _part_at_end(text: str, forms: Iterable[str]) -> int | None:
    """Return the index of the beginning of a form with which *text* ends, or None."""
    for form in forms:
        for size in range(len(form) - 1, _SHORTEST - 1, -1):
            if text.endswith(form[:size]):
                return len(text) - size
    return None

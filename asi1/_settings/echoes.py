"""
Finds secrets in text that a server sent, in each form in which a server writes them.

A server that quotes a request's key may escape it, once or several times, as in JSON, a
URL, HTML or quoted-printable text; change the case or the style of its letters; wrap it
over several lines; write it in UTF-16, in hexadecimal digits or in base64; or cut it
off.
"""

from __future__ import annotations

import base64
import re

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Self, TypeAlias
from urllib.parse import parse_qsl

from attrs import frozen

from .escapes import LONGEST_CODE, UNSEEN, codes_in
from .folding import folded
from .layers import end_in_text, layers_of, stages_of, start_in_text
from .search_steps import finished, search_in_steps, shorten_runs


__all__ = ["Forms", "secrets_of"]

# Minimum number of characters of a secret that is redacted: shorter ones, such as "key"
# and "test", also occur in harmless messages as words that must stay readable.
_SHORTEST = 8
# Minimum number of characters that are searched for secrets in one step.
_STEP = 16 * 1024
# An incomplete escape, of a kind that `CODED` matches, at the end of a cut text.
_CUT_CODE = re.compile(
    r"(?:\\+(?:u\{?[0-9a-f]{0,8}|x\{?[0-9a-f]{0,5}|[01][0-7]?|n(?:\{[a-z\s-]{0,35})?)?"
    r"|%(?:u0{0,2})?[0-7]?|%uff?[0-5]?|%e(?:f?|f%|f%b[cd]?|f%b[cd]%[89ab]?)"
    r"|&(?:#?x?[0-9a-f]{0,8}|[a-z]{0,6})|=[2-7]?)\Z"
)
# The visible part of a masked key, such as "sk-abc1...", ends before a character that
# keys do not contain; if the part consists of letters only, it must end before `_MASK`.
_KEY_END = re.compile(r"[^a-z0-9_-]")
_MASK = re.compile(r"\.\.|[*\u2022\u2026]")
# Headers and query parameters with one of these words in their names contain secrets.
_SECRET_NAME = re.compile(
    r"auth|cookie|credential|key|passw|secret|signature|token", re.IGNORECASE
)
_HARMLESS_NAMES = {"idempotency-key"}
_BETWEEN_PARTS = re.compile(r"[\s;,]+")

# The start and the end index of a secret in a text.
_Place: TypeAlias = tuple[int, int]


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
    All forms in which to search for the given secrets, in lowercase.

    Attributes:
        starts: The first characters of each form.
        longest: The largest number of characters that one secret takes up in a text.
    """

    forms: tuple[str, ...]
    starts: tuple[str, ...]
    longest: int

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Self:
        """Return the forms of those *secrets* that have 8 or more characters."""
        forms = {
            layer: None
            for value in secrets
            if len(value) >= _SHORTEST
            for form in _encoded(value)
            for layer, _ in layers_of(form)
            if len(layer) >= _SHORTEST
        }
        starts = dict.fromkeys(form[:_SHORTEST] for form in forms)
        longest = max(map(len, forms), default=0) * LONGEST_CODE
        return cls(tuple(forms), tuple(starts), longest)

    def search_in_steps(self, text: str) -> Generator[None, None, bool]:
        """Search in steps; return whether *text* may have the beginning of a secret."""
        if not self.forms:
            return False
        return (yield from search_in_steps(text, self.starts, _SHORTEST))

    def may_be_in(self, text: str) -> bool:
        """Return, fast, whether *text* may have the beginning of a secret."""
        return finished(self.search_in_steps(text))

    def places_in_steps(
        self, text: str
    ) -> Generator[None, None, tuple[str, list[_Place]]]:
        """Return *text*, with long runs shortened, and the places of its secrets."""
        text = yield from shorten_runs(text)
        found: list[_Place] = []
        most = 3 * self.longest  # enough for a secret with ignored characters inside it
        size = max(_STEP, most)
        for at in range(0, len(text), size):
            part = text[at : at + size + most]
            found += [(at + a, at + b) for a, b in self.places(part) if a < size]
            yield
        return text, found

    def places(self, text: str) -> list[_Place]:
        """Return the start and end of each secret in *text*; secrets may overlap."""
        if not self.may_be_in(text):
            return []
        found = []
        for layers in stages_of(folded(text)):
            # Masked secrets are looked for in fully decoded text only: only this shows
            # where the visible part of a key ends.
            last = layers[-1][0]
            for layer, places in layers:
                masked = layer is last
                for start, end in _occurrences(
                    layer, self.starts, self.forms, masked=masked
                ):
                    found.append(
                        (start_in_text(start, places), end_in_text(end, places))
                    )
        return sorted(found)

    def cut_place(self, text: str) -> int | None:
        """
        If *text* ends with a secret's first 8 or more characters, return their index.

        None if *text* does not end with the beginning of a secret.
        """
        # With ignored characters inside, a secret may have any length: search all of
        # *text*.
        unseen = codes_in(text) is UNSEEN
        since = 0 if unseen else max(0, len(text) - self.longest)
        if not self.may_be_in(text[since:]):
            return None
        end = folded(text[since:])
        for shown in (end, _without_cut_code(end)):
            for layer, places in layers_of(shown):
                for part in (layer, _without_cut_code(layer)):
                    start = _part_at_end(part, self.forms)
                    if start is not None:
                        return since + start_in_text(start, places)
        return None


def _without_cut_code(text: str) -> str:
    cut = _CUT_CODE.search(text, max(0, len(text) - LONGEST_CODE))
    return text[: cut.start()] if cut else text


def _parts(value: str) -> Iterator[str]:
    """Yield the secrets in a header's value, such as the token after ``Bearer``."""
    words = [word for word in _BETWEEN_PARTS.split(value) if word]
    if len(words) > 1 and words[0].isalpha():
        del words[0]  # removes the auth scheme, such as Bearer
    for word in words:
        yield word
        yield word.partition("=")[2].strip('"')
        try:
            login = base64.b64decode(word, validate=True).decode()
        except ValueError:
            continue
        yield login.partition(":")[2]  # the password of HTTP Basic authentication


def _encoded(value: str) -> Iterator[str]:
    """Yield *value*, and its encodings as servers write them, in lowercase."""
    data = value.encode("utf-8", "replace")
    yield folded(value)
    yield data.hex()
    for before in range(3):
        # Base64 turns 3 bytes into 4 digits, so the digits of a value depend on how
        # many bytes precede it. Digits that also encode bytes around the value are cut
        # off.
        digits = base64.b64encode(bytes(before) + data).decode()
        whole = digits[(before * 8 + 5) // 6 : (before + len(data)) * 8 // 6]
        yield whole.lower()
        yield whole.replace("+", "-").replace("/", "_").lower()


def _occurrences(
    text: str, starts: Iterable[str], forms: Iterable[str], *, masked: bool
) -> Iterator[tuple[int, int]]:
    """Yield start and end of each form in *text*; if *masked*, of masked keys too."""
    shown = len(_without_cut_code(text))
    for begin in starts:
        those = [form for form in forms if form.startswith(begin)]
        place = text.find(begin)
        while place >= 0:
            whole = [len(form) for form in those if text.startswith(form, place)]
            size = max(whole, default=1)
            if whole:
                yield place, place + size
            elif masked:
                end = max(_same_until(text, place, form) for form in those)
                after = _MASK if text[place:end].isalpha() else _KEY_END
                # A key that is cut off by the end of the text is found by `cut_place`.
                if end < shown and after.match(text, end):
                    yield place, end
            place = text.find(begin, place + size)


def _same_until(text: str, place: int, form: str) -> int:
    """Return the end of the longest prefix of *form* that *text* has at *place*."""
    size = _SHORTEST
    while text.startswith(form[size : size + 1] or "\0", place + size):
        size += 1
    return place + size


def _part_at_end(text: str, forms: Iterable[str]) -> int | None:
    """Return where a prefix of one of *forms* begins that ends *text*, else None."""
    for form in forms:
        for size in range(len(form) - 1, _SHORTEST - 1, -1):
            if text.endswith(form[:size]):
                return len(text) - size
    return None

"""
`Secret`: an object that contains the API key, and whose repr is ``***``.

All other code refers to this object instead of the key, so the key appears in no repr,
log line, pickle, or traceback with local variables.
"""

from __future__ import annotations

import re

from collections.abc import Generator, Iterable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from .._fork_lock import run_apart_once
from .._models.errors import ConfigurationError


if TYPE_CHECKING:
    from .._models.base_types import KeyFunction
    from .echoes import Forms


__all__ = ["Secret", "hidden"]

# Minimum number of characters of a secret that is redacted, as in `echoes`.
_SHORTEST = 8
# Maximum number of characters that are redacted in one step.
_SHORT_TEXT = 16 * 1024
# Headers and query parameters with one of these words in their names contain secrets.
_SECRET_NAME = re.compile(
    r"auth|cookie|credential|key|passw|secret|signature|token", re.IGNORECASE
)


class Secret:
    """An API key, which only `reveal` returns."""

    __slots__ = ("_forms", "_others", "_starts", "_value")

    def __init__(self, value: str, others: tuple[str, ...] = ()) -> None:
        """
        Store *value*, unchecked, without the whitespace around it.

        Args:
            value: The key.
            others: Other secrets of a request, which are redacted too.
        """
        self._value = value.strip()
        self._search_for(others)

    def _search_for(self, others: tuple[str, ...]) -> None:
        """From now on, redact *others* in addition to the key."""
        self._others = others
        self._forms: Forms | None = None
        starts = {each[:_SHORTEST].lower() for each in (self._value, *others)}
        self._starts = [start for start in starts if len(start) == _SHORTEST]

    @property
    def provider(self) -> KeyFunction | None:
        """The user's function that returns the key; None for a fixed key."""
        return None

    def check(self, source: str) -> Self:
        """
        Return this key if it is valid.

        Args:
            source: Where the key comes from, for the error's message.

        Raises:
            ConfigurationError: The key is empty, or has a character that is not valid
                in a header. The message shows only that character and its position.
        """
        if not self._value:
            raise ConfigurationError(f"{source}: the API key is empty")
        for place, char in enumerate(self._value):
            if not "!" <= char <= "~":
                raise ConfigurationError(
                    f"{source}: the API key has an invalid character at position"
                    f" {place + 1} (U+{ord(char):04X}); was it copied correctly?"
                )
        return self

    def reveal(self) -> str:
        """Return the key; the caller must not store it."""
        return self._value

    def with_secrets_of(self, headers: Mapping[str, str], query: str) -> Secret:
        """
        Return this key together with the secrets of a request.

        Args:
            headers: The request's headers, such as a user's own ``authorization``.
            query: The query of the request's URL; "" for none.
        """
        if not query and not any(map(_names_secret, headers)):
            return self
        others = _echoes().secrets_of(headers, query)
        return self._with(others) if others else self

    def _with(self, others: tuple[str, ...]) -> Secret:
        return Secret(self._value, others)

    def is_plainly_in(self, text: str) -> bool:
        """Return whether *text* may contain the key unescaped; imports no module."""
        lower = text.lower()
        return any(start in lower for start in self._starts)

    def redact(self, text: str) -> str:
        """
        Return *text* with ``***`` in place of the key.

        The key is found in upper and lower case; with any of its characters escaped as
        in JSON, a URL or HTML, even several times; in UTF-16; with characters inside
        that are not visible when an error is shown; as hexadecimal digits; and in
        base64, even as a part of a longer value. A key of less than 8 characters is not
        a secret, and is not replaced.
        """
        return _replaced(text, self._searched.places(text))

    def redact_in_steps(self, text: str) -> Generator[None, None, str]:
        """
        Return *text* as `redact` and `redact_end` do, but search a long text in steps.

        If a long text contains the key, very long runs of backslashes, or of characters
        that are not visible when an error is shown, are shortened.
        """
        if len(text) <= _SHORT_TEXT:
            return self.redact_end(self.redact(text))
        forms = self._searched
        if not (yield from forms.search_in_steps(text)):
            return text
        text = _replaced(*(yield from forms.places_in_steps(text)))
        end = max(0, len(text) - 3 * forms.longest)
        return text[:end] + self.redact_end(text[end:])

    def excerpt(self, text: str, most: int) -> str:
        """
        Return the beginning of *text*, at most *most* characters, without the key.

        The key is redacted before the cut, since `redact` does not recognise a part of
        the key. If *text* ends with the first 8 or more characters of the key, they
        are redacted too, since *text* may have been cut before.
        """
        # Only this part of *text*, which may have many megabytes, is searched. The part
        # is longer than the excerpt, since each key in it becomes only three
        # characters.
        read = text[: 8 * most + self._searched.longest]
        return self.redact_end(self.redact(read))[:most]

    def redact_end(self, text: str) -> str:
        """Redact the first 8 or more characters of a key, if *text* ends with them."""
        start = self._searched.cut_place(text)
        return text if start is None else f"{text[:start]}***"

    def may_be_in(self, text: str) -> bool:
        """Return, fast, whether *text* may contain the key or its beginning."""
        return self._searched.may_be_in(text)

    def search_in_steps(self, text: str) -> Generator[None, None, bool]:
        """Search in steps; return whether *text* may have the key or its beginning."""
        return self._searched.search_in_steps(text)

    def redact_bytes(self, data: bytes) -> bytes:
        """Return *data* with ``***`` in place of the key."""
        return self.redact(data.decode("latin-1")).encode("latin-1")

    @property
    def _searched(self) -> Forms:
        forms = self._forms
        if forms is None:
            forms = self._forms = _echoes().Forms.of((self._value, *self._others))
        return forms

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client holds the API key and cannot be pickled: make one in each process"
        )


@lru_cache(maxsize=256)  # nearly all requests of a program have the same headers
def _names_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _replaced(text: str, places: Iterable[tuple[int, int]]) -> str:
    pieces, done = [], 0
    for start, end in places:
        if start >= done:
            pieces += [text[done:start], "***"]
        done = max(done, end)
    return "".join([*pieces, text[done:]]) if pieces else text


def hidden(value: Any) -> Any:
    """
    Return a str as a `Secret`, unchecked, and any other value as its type; but return
    None, a function, and a result of `hidden` unchanged.

    A function with a key as its argument calls this first, so that no traceback with
    local variables shows the key.
    """
    if value is None or isinstance(value, Secret) or callable(value):
        return value
    return Secret(value) if isinstance(value, str) else type(value)


@run_apart_once
def _echoes() -> ModuleType:
    from . import echoes  # noqa: PLC0415 - most programs meet no error

    return echoes

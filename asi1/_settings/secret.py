"""
The object that contains the API key, and whose repr is ``***``.

All other code refers to this object instead of the key, so the key appears in no repr,
log line, pickle, or traceback with local variables.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

from .._models.errors import ConfigurationError


__all__ = ["Secret", "hidden"]

# Minimum number of characters of a key that is redacted; shorter keys are not.
_SHORTEST = 8
# The characters that a repr or JSON escapes with a backslash.
_ESCAPED = frozenset("\\'\"")


class Secret:
    """An API key, which only `reveal` returns."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Store *value*, unchecked, without the whitespace around it."""
        self._value = value.strip()

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

    def redact(self, text: str) -> str:
        """
        Return *text* with ``***`` in place of the key.

        The escaped key, as in a repr or in JSON, is replaced too. A key of less than 8
        characters is not a secret, and is not replaced.
        """
        if not self._is_secret:
            return text
        text = text.replace(self._value, "***")
        if _ESCAPED.isdisjoint(self._value):
            return text
        escaped = self._value.replace("\\", "\\\\")
        for quote in "'\"":
            text = text.replace(escaped.replace(quote, f"\\{quote}"), "***")
        return text.replace(escaped, "***")

    def excerpt(self, text: str, most: int) -> str:
        """
        Return the beginning of *text*, at most *most* characters, without the key.

        The key is redacted before the cut, since `redact` does not recognise a part of
        the key. If *text* ends with the first 8 or more characters of the key, they
        are redacted too, since *text* may have been cut before.
        """
        text = self.redact(text)
        for size in range(len(self._value) - 1, _SHORTEST - 1, -1):
            if text.endswith(self._value[:size]):
                text = f"{text[:-size]}***"
        return text[:most]

    def redact_bytes(self, data: bytes) -> bytes:
        """Return *data* with ``***`` in place of the key."""
        return data.replace(self._value.encode(), b"***") if self._is_secret else data

    @property
    def _is_secret(self) -> bool:
        # Short keys, such as "key" and "test", also occur in harmless messages as words
        # that must stay readable.
        return len(self._value) >= _SHORTEST

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


def hidden(value: Any) -> Any:
    """
    Return a str as an unchecked `Secret`, and for any other value its type. None, and a
    result of this function, are returned unchanged.

    A function with a key as its argument calls this first, so that no traceback with
    local variables shows the key.
    """
    if value is None or isinstance(value, Secret | type):
        return value
    return Secret(value) if isinstance(value, str) else type(value)

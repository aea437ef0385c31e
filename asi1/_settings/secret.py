"""
The one object that holds the key.

Everything else holds this object, whose text form is ``***``: so the key is in no repr,
no log line, no traceback with its locals, and in no pickle.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

from .._models.errors import ConfigurationError


__all__ = ["Secret", "hidden"]

# Characters of the shortest key that is worth hiding.
_SHORTEST = 8
# What stands behind a backslash in a repr or in JSON.
_ESCAPED = frozenset("\\'\"")


class Secret:
    """A key that shows itself only to who asks for it by `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep *value*, key or not, with the white space around it removed."""
        self._value = value.strip()

    def check(self, source: str) -> Self:
        """
        Return this key if it can be one.

        Args:
            source: Where it comes from, for the error.

        Raises:
            ConfigurationError: It is empty, or has a character that no header may
                carry. The message tells the place, never the value.
        """
        if not self._value:
            raise ConfigurationError(f"{source}: the API key is empty")
        for place, char in enumerate(self._value):
            if not "!" <= char <= "~":
                raise ConfigurationError(
                    f"{source}: the API key has a character at position {place + 1}"
                    f" (U+{ord(char):04X}) that no key can have; was it copied whole?"
                )
        return self

    def reveal(self) -> str:
        """Return the key; the caller lets go of it at once."""
        return self._value

    def redact(self, text: str) -> str:
        """
        Return *text* with the key, wherever it stands, made unreadable.

        Also as it stands in a repr or in JSON. A key of less than 8 characters is no
        secret, and is left.
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
        it. The part at the end of a *text* that came incomplete is redacted as well.
        """
        text = self.redact(text)
        for size in range(len(self._value) - 1, _SHORTEST - 1, -1):
            if text.endswith(self._value[:size]):
                text = f"{text[:-size]}***"
        return text[:most]

    def redact_bytes(self, data: bytes) -> bytes:
        """Do the same to bytes."""
        return data.replace(self._value.encode(), b"***") if self._is_secret else data

    @property
    def _is_secret(self) -> bool:
        # "key" and "test" are no secrets, and stand in many an innocent message.
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
    Return a text as a `Secret`, unchecked; of anything else but None, its type alone.
    What this has returned stays as it is.

    Called first by whoever is given a key, so that no frame that an error passes holds
    it in clear.
    """
    if value is None or isinstance(value, Secret | type):
        return value
    return Secret(value) if isinstance(value, str) else type(value)

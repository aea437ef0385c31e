"""The API key of a client that was given a function in place of a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from .._models.errors import ConfigurationError
from .secret import Secret


if TYPE_CHECKING:
    from .._models.base_types import KeyFunction
    from .echoes import Forms


__all__ = ["KnownKeys", "RotatingKey"]

# How many of the newest keys are redacted, so that memory and time are bounded.
_MOST_KEYS = 100
_SOURCE = "the result of the function given as api_key="


class KnownKeys:
    """
    The newest keys that one function has returned; any thread may add one.

    Attributes:
        mark: Replaced by a new object at each change, so that readers notice it.
    """

    def __init__(self) -> None:
        self.mark: object = object()
        self._keys: dict[str, None] = {}

    def add(self, key: str) -> None:
        """Remember *key*, and forget the oldest key if there are too many."""
        if key in self._keys:
            return
        self._keys[key] = None
        for oldest in list(self._keys)[:-_MOST_KEYS]:
            self._keys.pop(oldest, None)
        self.mark = object()

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._keys))


class RotatingKey(Secret):
    """
    An API key that a function returns for each request; it may change.

    All keys of the function are redacted, since a reply may echo the key of another
    request. `reveal` returns the key of one attempt: see `issued`.
    """

    __slots__ = ("_known", "_own", "_provider", "_seen")

    def __init__(
        self,
        provider: KeyFunction,
        known: KnownKeys | None = None,
        value: str = "",
        others: tuple[str, ...] = (),
    ) -> None:
        """
        Store *provider*; it is not called before the first request.

        Args:
            provider: The user's function.
            known: The newest keys that *provider* has returned.
            value: The key of one attempt.
            others: Other secrets of the attempt's request.
        """
        super().__init__(value, others)
        self._provider = provider
        self._known = KnownKeys() if known is None else known
        self._own, self._seen = others, object()

    @property
    def provider(self) -> KeyFunction:
        """The user's function that returns the key."""
        return self._provider

    def check(self, source: str) -> Self:  # noqa: ARG002 - as `Secret.check`
        """Return this key unchecked: `issued` checks each result of the function."""
        return self

    def issued(self, value: object) -> RotatingKey:
        """
        Return the key of one attempt, for which the function has returned *value*.

        Raises:
            ConfigurationError: *value* is not a str, or not a valid key.
        """
        if not isinstance(value, str):
            kind = type(value).__name__
            raise ConfigurationError(f"{_SOURCE}: must be a str, not {kind}")
        key = Secret(value).check(_SOURCE).reveal()
        self._known.add(key)
        return RotatingKey(self.provider, self._known, key, self._own)

    def is_plainly_in(self, text: str) -> bool:
        """Return whether *text* may contain one of the keys unescaped."""
        self._renew()
        return super().is_plainly_in(text)

    @property
    def _searched(self) -> Forms:
        self._renew()
        return super()._searched

    def _renew(self) -> None:
        """Redact also the keys that became known since the last search."""
        mark = self._known.mark
        if mark is not self._seen:
            self._search_for((*self._own, *self._known))
            self._seen = mark

    def _with(self, others: tuple[str, ...]) -> RotatingKey:
        return RotatingKey(self.provider, self._known, self._value, others)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

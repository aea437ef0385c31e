"""The type of ``cache=``: a store of bytes by key, such as `SQLiteCache`."""

from __future__ import annotations

from typing import Protocol

from .._models.base_types import public
from .._models.errors import ConfigurationError
from .validators import shown


__all__ = ["Cache", "check_cache"]


@public
class Cache(Protocol):
    """
    The protocol of a cache of answers, for ``cache=``: `SQLiteCache`, or your own.

    Both methods are called on the event loop of the call, so they must not block. An
    exception that they raise does not fail the call: the first one is logged and issued
    as a `RuntimeWarning`. A method that takes more than 5 seconds is cancelled, and the
    cache is not used for a minute.
    """

    async def get(self, key: str) -> bytes | None:
        """Return the bytes under *key*, which is 64 hex digits; None if missing."""
        ...

    async def set(self, key: str, value: bytes) -> None:
        """Store *value* under *key*, in place of an earlier value."""
        ...


def check_cache(value: object) -> None:
    """
    Check the value of ``cache=``.

    Raises:
        ConfigurationError: *value* is not a `Cache`.
    """
    methods = (getattr(value, name, None) for name in ("get", "set"))
    if isinstance(value, type) or not all(map(callable, methods)):
        raise ConfigurationError(
            "cache: must be a SQLiteCache or your own Cache, with async methods get"
            f" and set, not {shown(value)}"
        )

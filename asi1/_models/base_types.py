"""Types that every other module may use; nothing here does anything."""

from __future__ import annotations

import enum

from typing import Any, Final, Protocol, TypeAlias, TypeVar


__all__ = [
    "DEFAULT",
    "JSON",
    "Default",
    "HTTPXTimeout",
    "public",
]

_T = TypeVar("_T")

# Any JSON value. A recursive alias would be exact, and would make every caller cast.
JSON: TypeAlias = Any


class Default(enum.Enum):
    """The type of `DEFAULT`, which stands for "not given" where None has a meaning."""

    VALUE = "default"

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default.VALUE


def public(thing: _T) -> _T:
    """Show *thing* as a name of ``asi1``, whatever private module it is written in."""
    thing.__module__ = "asi1"
    return thing


class HTTPXTimeout(Protocol):
    """What is read of an ``httpx.Timeout``: seconds, or None for no limit."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None

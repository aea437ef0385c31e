"""Small types that all other modules use."""

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

# Any JSON value. A recursive alias would be exact, but callers would have to cast.
JSON: TypeAlias = Any


class Default(enum.Enum):
    """The type of `DEFAULT`, meaning "not given" where None means something else."""

    VALUE = "default"

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default.VALUE


def public(thing: _T) -> _T:
    """Make *thing* appear as a name of ``asi1`` instead of its private module."""
    thing.__module__ = "asi1"
    return thing


class HTTPXTimeout(Protocol):
    """The fields of an ``httpx.Timeout``: seconds, or None for no limit."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None

"""Small types that all other modules use."""

from __future__ import annotations

import enum

from typing import Any, Final, Protocol, TypeAlias, TypeVar


__all__ = [
    "DEFAULT",
    "JSON",
    "Default",
    "HTTPXTimeout",
    "ProgressBar",
    "Tag",
    "public",
]

_T = TypeVar("_T")

# Any JSON value. A recursive type alias would be exact, but would force callers to
# cast each value that they read.
JSON: TypeAlias = Any
# The value of a tag, which hooks are told.
Tag: TypeAlias = str | int | float | bool


class Default(enum.Enum):
    """The type of `DEFAULT`: "argument not given", for arguments that may be None."""

    VALUE = "default"

    def __repr__(self) -> str:
        return "DEFAULT"


DEFAULT: Final = Default.VALUE


def public(thing: _T) -> _T:
    """Set the ``__module__`` of *thing* to ``asi1``, and return *thing*."""
    thing.__module__ = "asi1"
    return thing


class HTTPXTimeout(Protocol):
    """The fields of an ``httpx.Timeout``; each is in seconds, or None for no limit."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


class ProgressBar(Protocol):
    """An object that shows progress, such as the bar of tqdm."""

    def update(self, number: Any, /) -> object:
        """Show *number* more."""
        ...

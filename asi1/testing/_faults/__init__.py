"""
The table of all faults, by name.

The faults stand in modules by what they touch; to add one, write its function there
and put it into the module's list.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from . import connection, dialect, http, status, stream, text
from .base import Fault


__all__ = ["FAULTS", "find"]


_ALL = (
    *connection.FAULTS,
    *http.FAULTS,
    *status.FAULTS,
    *stream.FAULTS,
    *text.FAULTS,
    *dialect.FAULTS,
)

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {fault.name: fault for fault in sorted(_ALL, key=lambda fault: fault.name)}
)


def find(name: str) -> Fault:
    """
    Give the fault of that name.

    Raises:
        ValueError: There is none; the message has the nearest names.
    """
    try:
        return FAULTS[name]
    except KeyError:
        near = ", ".join(get_close_matches(name, FAULTS)) or "none is close"
        raise ValueError(f"No fault is called {name!r}; nearest: {near}.") from None

"""The table of all faults, by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from . import connection, dialect, flood, http, request, status, stream, text
from .base import Fault


__all__ = ["FAULTS", "find"]

_ALL = (
    *connection.FAULTS,
    *request.FAULTS,
    *http.FAULTS,
    *status.FAULTS,
    *stream.FAULTS,
    *text.FAULTS,
    *dialect.FAULTS,
    *flood.FAULTS,
)

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {fault.name: fault for fault in sorted(_ALL, key=lambda fault: fault.name)}
)


def find(name: str) -> Fault:
    """
    Return the fault called *name*.

    Raises:
        ValueError: No fault has this name; the message lists similar names.
    """
    try:
        return FAULTS[name]
    except KeyError:
        similar = ", ".join(get_close_matches(name, FAULTS)) or "none"
        raise ValueError(f"unknown fault {name!r}; similar: {similar}") from None

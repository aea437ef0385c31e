"""
Errors on their way out: nothing in them, or behind them, shows the key.

A server may say the key back, in a message, a header or a line that is no HTTP; the
HTTP library's errors hold the request; and frames hold what they were reading.
"""

from __future__ import annotations

import attrs

from .._models.base_types import JSON
from .._models.errors import ASI1Error
from .._settings.secret import Secret


__all__ = ["scrub"]

# Made by us, and clean.
_OURS = {"response", "partial"}


def scrub(error: ASI1Error, secret: Secret) -> None:
    """Take the key, and the frames of the task, out of *error* and its cause."""
    for field in attrs.fields(type(error)):
        if field.name not in _OURS:
            value = getattr(error, field.name)
            setattr(error, field.name, _clean(value, secret))
    error.args = (error.message,)
    error.__traceback__ = None
    error.__context__ = None
    foreign = error.__cause__
    while foreign is not None:
        foreign.args = tuple(_clean(arg, secret) for arg in foreign.args)
        foreign.__traceback__ = None
        if hasattr(foreign, "_request"):  # where httpx keeps the headers
            setattr(foreign, "_request", None)  # noqa: B010 - not of every exception
        foreign.__cause__ = foreign.__cause__ or foreign.__context__
        foreign = foreign.__cause__


def _clean(value: JSON, secret: Secret) -> JSON:
    if isinstance(value, str):
        return secret.redact(value)
    if isinstance(value, bytes | bytearray):
        return secret.redact_bytes(bytes(value))
    if isinstance(value, list | tuple):
        return type(value)([_clean(item, secret) for item in value])
    if isinstance(value, dict):
        return {_clean(k, secret): _clean(v, secret) for k, v in value.items()}
    return value

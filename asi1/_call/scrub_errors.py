"""
Takes the key out of an error and its causes before the caller sees them.

A server may echo the key in a message, a header or a line that is not HTTP; the HTTP
library's errors hold the request; and frames hold the values of their variables.
"""

from __future__ import annotations

import attrs

from .._models.base_types import JSON
from .._models.errors import ASI1Error
from .._settings.secret import Secret
from .._transport.error_map import forget_request


__all__ = ["scrub"]

# Fields without the key: it was taken out when they were made.
_CLEAN_FIELDS = {"response", "partial"}


def scrub(error: ASI1Error, secret: Secret) -> None:
    """Take the key, and the frames of the task, out of *error* and its causes."""
    for field in attrs.fields(type(error)):
        if field.name not in _CLEAN_FIELDS:
            value = getattr(error, field.name)
            setattr(error, field.name, _clean(value, secret))
    error.args = (error.message,)
    error.__traceback__ = None
    error.__context__ = None
    cause = error.__cause__
    while cause is not None:
        cause.args = tuple(_clean(arg, secret) for arg in cause.args)
        cause.__traceback__ = None
        forget_request(cause)
        cause.__cause__ = cause.__cause__ or cause.__context__
        cause = cause.__cause__


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

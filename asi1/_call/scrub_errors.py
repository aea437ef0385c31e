"""
Removes the API key from errors and from their causes.

A server may echo the key, in a message, a header or a line that is not HTTP; httpx's
errors contain the request; and tracebacks refer to local variables, so they are removed
too. The key is redacted

- in each text of which an error quotes only the beginning, before the text is cut, by
  `Secret.excerpt`: bodies and events (`reply`, `error_body`), and the messages of
  library errors (`error_map`);
- in the headers of a reply, when the reply arrives (`transport`), since answers contain
  these headers too;
- in all other strings of an error, and in its causes, by `scrub`, after the attempt.

The text of answers, complete or partial, is not redacted.
"""

from __future__ import annotations

import attrs

from .._models.base_types import JSON
from .._models.errors import ASI1Error
from .._settings.secret import Secret
from .._transport.error_map import forget_request


__all__ = ["scrub"]

# `scrub` skips these fields of errors, since asi1 builds them without the API key.
_SAFE_FIELDS = {"response", "partial"}


def scrub(error: ASI1Error, secret: Secret) -> None:
    """Remove the API key and the traceback from *error* and its causes."""
    for field in attrs.fields(type(error)):
        if field.name not in _SAFE_FIELDS:
            value = getattr(error, field.name)
            setattr(error, field.name, _redacted(value, secret))
    error.args = (error.message,)
    error.__traceback__ = None
    error.__context__ = None
    cause = error.__cause__
    while cause is not None:
        cause.args = tuple(_redacted(arg, secret) for arg in cause.args)
        cause.__traceback__ = None
        forget_request(cause)
        cause.__cause__ = cause.__cause__ or cause.__context__
        cause = cause.__cause__


def _redacted(value: JSON, secret: Secret) -> JSON:
    if isinstance(value, str):
        return secret.redact(value)
    if isinstance(value, bytes | bytearray):
        return secret.redact_bytes(bytes(value))
    if isinstance(value, list | tuple):
        return type(value)([_redacted(item, secret) for item in value])
    if isinstance(value, dict):
        return {_redacted(k, secret): _redacted(v, secret) for k, v in value.items()}
    return value

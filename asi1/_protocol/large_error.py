"""Reads the message and the codes of an error body that is too large to store whole."""

from __future__ import annotations

import jiter

from .._models.base_types import JSON
from .._settings.secret import Secret
from .error_body import ErrorBody, read_error_body


__all__ = ["read_large_error"]

# Maximum characters of the message and of each code.
_LONGEST = 4096
_BOM = b"\xef\xbb\xbf"


def read_large_error(body: bytes, key: Secret) -> tuple[JSON, ErrorBody] | None:
    """
    Return an error body's JSON, and its message and codes; None if it is not JSON.

    The body may be only the beginning of what the server sent.

    Args:
        body: The body, of more than 64 KiB.
        key: The API key, which is redacted from texts that are shortened.
    """
    data = body.removeprefix(_BOM).lstrip()
    if not data.startswith((b"{", b"[")):
        return None
    try:
        value: JSON = jiter.from_json(
            data, allow_inf_nan=False, partial_mode="trailing-strings"
        )
    except ValueError:
        return None
    told = read_error_body(value, key)
    return value, ErrorBody(
        key.excerpt(told.message, _LONGEST),
        code=_excerpt(told.code, key),
        type=_excerpt(told.type, key),
        param=_excerpt(told.param, key),
        passing=told.passing,
    )


def _excerpt(text: str | None, key: Secret) -> str | None:
    return None if text is None else key.excerpt(text, _LONGEST)

"""Translates the errors of httpx and of the network into asi1's errors."""

from __future__ import annotations

import ssl

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx

from .._models.errors import APIConnectionError, APIResponseError, APITimeoutError
from .._settings.secret import Secret


__all__ = ["LIBRARY_ERRORS", "forget_request", "translate_errors"]

# Exceptions that httpx and the network raise, and that asi1 translates.
LIBRARY_ERRORS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    OverflowError,
    ExceptionGroup,  # from connecting to several addresses at once
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)

_PHASES = {
    httpx.ConnectTimeout: "connect",
    httpx.PoolTimeout: "pool",
    httpx.WriteTimeout: "write",
    httpx.ReadTimeout: "idle",
}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HANG_UPS = ("Server disconnected without", "peer closed connection without")
_LOST = (httpx.NetworkError, anyio.BrokenResourceError, anyio.ClosedResourceError)


@contextmanager
def translate_errors(host: str, key: Secret) -> Iterator[None]:
    """Raise an asi1 error in place of each of `LIBRARY_ERRORS`."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        reason = key.excerpt(f"{error}", 200) or type(error).__name__
        raise _translate(error, host, reason) from error


def _translate(
    error: Exception, host: str, reason: str
) -> APIConnectionError | APIResponseError:
    if isinstance(error, httpx.TimeoutException):
        phase = _PHASES.get(type(error), "idle")
        return APITimeoutError(
            f"{host}: timed out ({phase})",
            phase=phase,
            sent=not isinstance(error, _NOT_SENT),
        )
    if isinstance(error, httpx.DecodingError):
        return APIResponseError(f"{host}: the reply cannot be decoded ({reason})")
    tls_reason = _tls_reason(error)
    if tls_reason and isinstance(error, httpx.ConnectError):
        return APIConnectionError(
            f"{host}: no secure connection ({tls_reason})", sent=False, retryable=False
        )
    # httpx 0.28 raises the same class if a server closes the connection and if a
    # server violates HTTP; only the message differs.
    hang_up = isinstance(error, httpx.RemoteProtocolError) and (
        reason.startswith(_HANG_UPS)
    )
    lost = hang_up or isinstance(error, (*_LOST, OSError))
    what = "the connection broke" if lost else "the connection failed"
    if isinstance(error, httpx.ConnectError):
        what = "could not connect"
    return APIConnectionError(
        f"{host}: {what} ({reason})",
        sent=not isinstance(error, _NOT_SENT),
        retryable=lost or isinstance(error, httpx.ConnectError),
    )


def _tls_reason(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return getattr(error, "verify_message", None) or str(error)
        error = error.__cause__ or error.__context__
    return None


def forget_request(error: BaseException) -> None:
    """Remove the request from an httpx error, since its headers contain the key."""
    nothing: Any = None  # typed Any, since httpx's annotations do not allow None
    if isinstance(error, httpx.HTTPStatusError):
        # The response refers to the request, and may echo the key.
        error.response = nothing
    if isinstance(error, httpx.HTTPError):
        error.request = nothing

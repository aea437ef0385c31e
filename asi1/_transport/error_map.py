"""What httpx and the network raise, turned into our errors."""

from __future__ import annotations

import ssl

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import httpx

from .._models.errors import APIConnectionError, APIResponseError, APITimeoutError
from .._settings.secret import Secret


__all__ = ["FOREIGN", "translated"]

# What httpx and the network raise.
FOREIGN = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    OverflowError,
    ExceptionGroup,  # of a connection that was tried on several addresses
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
_HUNG_UP = ("Server disconnected without", "peer closed connection without")
_LOST = (httpx.NetworkError, anyio.BrokenResourceError, anyio.ClosedResourceError)


@contextmanager
def translated(host: str, key: Secret) -> Iterator[None]:
    """Turn what httpx and the network raise into our errors, around our own reads."""
    try:
        yield
    except FOREIGN as foreign:
        reason = key.excerpt(f"{foreign}", 200) or type(foreign).__name__
        raise _translate(foreign, host, reason) from foreign


def _translate(
    foreign: Exception, host: str, reason: str
) -> APIConnectionError | APIResponseError:
    if isinstance(foreign, httpx.TimeoutException):
        phase = _PHASES.get(type(foreign), "idle")
        return APITimeoutError(
            f"{host}: timed out ({phase})",
            phase=phase,
            sent=not isinstance(foreign, _NOT_SENT),
        )
    if isinstance(foreign, httpx.DecodingError):
        return APIResponseError(f"{host}: the reply cannot be decoded ({reason})")
    certificate = _tls_reason(foreign)
    if certificate and isinstance(foreign, httpx.ConnectError):
        return APIConnectionError(
            f"{host}: no secure connection ({certificate})", sent=False, retryable=False
        )
    # httpx has one class for a peer that speaks no HTTP and for one that hangs up.
    hung_up = isinstance(foreign, httpx.RemoteProtocolError) and (
        reason.startswith(_HUNG_UP)
    )
    lost = hung_up or isinstance(foreign, (*_LOST, OSError))
    what = "the connection broke" if lost else "the connection failed"
    if isinstance(foreign, httpx.ConnectError):
        what = "could not connect"
    return APIConnectionError(
        f"{host}: {what} ({reason})",
        sent=not isinstance(foreign, _NOT_SENT),
        retryable=lost or isinstance(foreign, httpx.ConnectError),
    )


def _tls_reason(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return getattr(error, "verify_message", None) or str(error)
        error = error.__cause__ or error.__context__
    return None

"""Translates the errors of httpx and of the network into asi1's errors."""

from __future__ import annotations

import re
import ssl

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx

from .._models.errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    ASI1Error,
)
from .._settings.secret import Secret


__all__ = ["LIBRARY_ERRORS", "forget_request", "translate_errors"]

# Exceptions that httpx and the network raise, and that asi1 translates.
LIBRARY_ERRORS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    OverflowError,
    ExceptionGroup,  # raised if parallel attempts to connect fail
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
# The text of errors of proxies that may pass. The second is httpcore's, for SOCKS.
_PASSING = re.compile(r"(429|5\d\d)\b|could not connect|Proxy Server could not connect")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_TLS_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_HANG_UPS = ("Server disconnected without", "peer closed connection without")
_LOST = (httpx.NetworkError, anyio.BrokenResourceError, anyio.ClosedResourceError)


@contextmanager
def translate_errors(host: str, key: Secret) -> Iterator[None]:
    """
    Raise an asi1 error in place of each error that is not one of asi1's.

    One of `LIBRARY_ERRORS` becomes the cause. Any other comes from a user-provided
    transport, and may refer to the request with the key, so it is left out.
    """
    try:
        yield
    except ASI1Error:
        raise
    except LIBRARY_ERRORS as error:
        reason = key.excerpt(_text(error), 200) or type(error).__name__
        raise _translate(error, host, reason) from error
    except Exception as error:  # noqa: BLE001 - a transport may raise any class
        reason = key.excerpt(_plain_text(error), 200)
        if type(error).__module__.startswith("socksio."):
            # httpcore 1.0 lets socksio's errors through if a SOCKS proxy hangs up.
            raise APIConnectionError(
                f"{host}: could not connect (the proxy broke off: {reason})", sent=False
            ) from None
        raise APIConnectionError(
            f"{host}: the connection failed ({reason})", retryable=False
        ) from None


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user-provided transport may raise any class
        return ""


def _plain_text(error: Exception) -> str:
    """Return the class of *error*, and its arguments if all of them are strings."""
    texts = error.args if all(type(each) is str for each in error.args) else ()
    return ": ".join(filter(None, [type(error).__name__, " ".join(texts)]))


def _translate(
    error: Exception, host: str, reason: str
) -> APIConnectionError | APIResponseError:
    tls_reason = _tls_reason(error)
    not_open = isinstance(error, httpx.ConnectError) or _could_not_connect(error)
    if isinstance(error, httpx.TimeoutException) and not _is_mistaken(error):
        phase = _PHASES.get(type(error), "idle")
        return APITimeoutError(
            f"{host}: timed out ({phase})",
            phase=phase,
            sent=not isinstance(error, _NOT_SENT),
        )
    if isinstance(error, httpx.DecodingError):
        return APIResponseError(f"{host}: the reply cannot be decoded ({reason})")
    if isinstance(error, httpx.ProxyError):
        return _refusal(host, reason)
    if tls_reason:
        # The server may have processed a request before its TLS broke.
        return APIConnectionError(
            f"{host}: no secure connection ({tls_reason})",
            sent=not not_open,
            retryable=False,
        )
    # httpx 0.28 raises the same class for a closed connection and for invalid HTTP, so
    # the message decides.
    hang_up = isinstance(error, httpx.RemoteProtocolError) and (
        reason.startswith(_HANG_UPS)
    )
    lost = hang_up or isinstance(error, (*_LOST, OSError)) or _is_mistaken(error)
    what = "the connection broke" if lost else "the connection failed"
    if not_open:
        what = "could not connect"
    return APIConnectionError(
        f"{host}: {what} ({reason})",
        sent=not not_open,
        retryable=lost or not_open,
    )


def _refusal(host: str, reason: str) -> APIConnectionError:
    """Return the error of a proxy that refuses to connect to *host*."""
    return APIConnectionError(
        f"{host}: could not connect (the proxy refused: {reason})",
        sent=False,
        retryable=bool(_PASSING.match(reason)),
    )


def _is_mistaken(error: Exception) -> bool:
    """
    Whether httpx-aiohttp raised ConnectTimeout for an error that is not a timeout.

    httpx-aiohttp 0.2 raises it for all of aiohttp's ClientConnectionErrors, such as a
    refused connection, or a connection that the server closed after the request.
    """
    cause = error.__cause__
    return (
        isinstance(error, httpx.ConnectTimeout)
        and "ClientConnectionError" in _class_names(cause)
        and not isinstance(cause, TimeoutError)
    )


def _could_not_connect(error: Exception) -> bool:
    return _is_mistaken(error) and (
        "ClientConnectorError" in _class_names(error.__cause__)
    )


def _class_names(error: BaseException | None) -> set[str]:
    return {each.__name__ for each in type(error).__mro__}


def _tls_reason(error: BaseException | None) -> str | None:
    """Return why TLS failed; None if it did not, or if the connection just ended."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLError) and not isinstance(error, _TLS_ENDS):
            return getattr(error, "verify_message", None) or str(error)
        seen.add(id(error))  # needed, since a chain of causes may be a cycle
        error = error.__context__ if error.__cause__ is None else error.__cause__
    return None


def forget_request(error: BaseException) -> None:
    """Remove the request from an httpx error, since its headers contain the key."""
    nothing: Any = None  # typed Any, since httpx's annotations do not allow None
    if isinstance(error, httpx.HTTPStatusError):
        # The response refers to the request, and may echo the key.
        error.response = nothing
    if isinstance(error, httpx.HTTPError):
        error.request = nothing

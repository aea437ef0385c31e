"""
Translates the errors of httpx, httpx2 and the network into asi1's errors.

The classes of httpx2 have the names of httpx's, but are other classes. asi1 never
imports httpx2: only a program that has imported it can have objects of it.
"""

from __future__ import annotations

import re
import ssl
import sys

from types import ModuleType, TracebackType
from typing import Any, NoReturn

import anyio

from .._models.errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    ASI1Error,
)
from .._settings.secret import Secret
from . import network_errors
from .network_errors import TransportError, as_httpx


__all__ = ["TranslateErrors", "families", "forget_request", "kinds"]

# Exceptions that the network raises, and that asi1 translates like those of httpx.
_NETWORK_ERRORS = (
    TransportError,
    OSError,
    OverflowError,
    ExceptionGroup,  # raised if parallel attempts to connect fail
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
)

_PHASES = {
    "ConnectTimeout": "connect",
    "PoolTimeout": "pool",
    "WriteTimeout": "write",
    "ReadTimeout": "idle",
}
# Matches messages of proxy errors that are temporary. The last alternative is
# httpcore's message for SOCKS. This string and `_HANG_UP` are compiled at their first
# use, since most programs meet no error.
_PASSING = r"(429|5\d\d)\b|could not connect|Proxy Server could not connect"
_TLS_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
_NOT_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")
# httpx raises the same class for a lost connection and for invalid HTTP, so the message
# decides. Over HTTP/2, a server that shuts down or is busy ends the connection (GOAWAY)
# or one stream (RST_STREAM), with a code of RFC 9113, section 7: no error (0), internal
# error (2), refused stream (7), cancel (8) or enhance your calm (11).
_HANG_UP = (
    r"Server disconnected|peer closed connection without"
    r"|<ConnectionTerminated error_code:(0|2|11),"
    r"|<StreamReset stream_id:\d+, error_code:(0|2|7|8|11), remote_reset:True"
)
_LOST = (anyio.BrokenResourceError, anyio.ClosedResourceError)


def families() -> tuple[ModuleType, ...]:
    """Return those of httpx and httpx2 that are imported."""
    found = map(sys.modules.get, ("httpx", "httpx2"))
    return tuple(each for each in found if each is not None)


def kinds(*names: str) -> tuple[Any, ...]:
    """Return the classes with these names: asi1's own, httpx's and httpx2's."""
    return tuple(
        getattr(family, name)
        for family in (network_errors, *families())
        for name in names
        # asi1 itself has not all of them, and a module that another thread is
        # importing lacks some.
        if hasattr(family, name)
    )


class TranslateErrors:
    """
    A context manager that raises an asi1 error in place of another library's error.

    An error of httpx, httpx2 or the network becomes the asi1 error's cause. Any other
    error comes from a user-provided transport, and may refer to the request with the
    API key, so it is not kept as the cause.
    """

    # A class, since a function with `contextmanager` takes twice the time.
    __slots__ = ("_host", "_key")

    def __init__(self, host: str, key: Secret) -> None:
        """Name *host* in the errors, and redact *key* in them."""
        self._host, self._key = host, key

    def __enter__(self) -> None:
        """Begin the context."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Raise an asi1 error if *error* is an `Exception` of another library."""
        if isinstance(error, Exception) and not isinstance(error, ASI1Error):
            self._raise(error)

    def _raise(self, error: Exception) -> NoReturn:
        host, key = self._host, self._key
        if isinstance(
            error,
            (*_NETWORK_ERRORS, *kinds("HTTPError", "InvalidURL", "StreamError")),
        ):
            reason = key.excerpt(_text(error), 200) or type(error).__name__
            raise _translate(error, host, reason) from as_httpx(error)
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
    not_open = isinstance(error, kinds("ConnectError")) or _could_not_connect(error)
    if isinstance(error, kinds("TimeoutException")) and not _is_mistaken(error):
        phase = _PHASES.get(type(error).__name__, "idle")
        return APITimeoutError(
            f"{host}: timed out ({phase})",
            phase=phase,
            sent=not isinstance(error, kinds(*_NOT_SENT)),
        )
    if isinstance(error, kinds("DecodingError")):
        return APIResponseError(f"{host}: the reply cannot be decoded ({reason})")
    if isinstance(error, kinds("ProxyError")):
        return _refusal(host, reason)
    if tls_reason:
        # The server may have processed the request before TLS failed.
        return APIConnectionError(
            f"{host}: no secure connection ({tls_reason})",
            sent=not not_open,
            retryable=False,
        )
    hang_up = isinstance(error, kinds("RemoteProtocolError")) and (
        re.match(_HANG_UP, reason) is not None
    )
    broken = (*_LOST, OSError, *kinds("NetworkError"))
    lost = hang_up or isinstance(error, broken) or _is_mistaken(error)
    what = "the connection broke" if lost else "the connection failed"
    if not_open:
        what = "could not connect"
    return APIConnectionError(
        f"{host}: {what} ({reason})",
        sent=not not_open,
        retryable=lost or not_open,
    )


def _refusal(host: str, reason: str) -> APIConnectionError:
    """Return the error to raise if a proxy refuses to connect to *host*."""
    return APIConnectionError(
        f"{host}: could not connect (the proxy refused: {reason})",
        sent=False,
        retryable=bool(re.match(_PASSING, reason)),
    )


def _is_mistaken(error: Exception) -> bool:
    """
    Whether httpx-aiohttp raised ConnectTimeout for an error that is not a timeout.

    httpx-aiohttp 0.2 raises it for all of aiohttp's ClientConnectionErrors, such as a
    refused connection, or a connection that the server closed after the request.
    """
    cause = error.__cause__
    return (
        isinstance(error, kinds("ConnectTimeout"))
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
        seen.add(id(error))  # else a cycle of causes would be an endless loop
        error = error.__context__ if error.__cause__ is None else error.__cause__
    return None


def forget_request(error: BaseException) -> None:
    """Remove the request from an httpx error, since its headers contain the key."""
    known: Any = error
    if isinstance(error, kinds("HTTPStatusError")):
        # The response refers to the request, and may echo the key.
        known.response = None
    if isinstance(error, kinds("HTTPError")):
        known.request = None

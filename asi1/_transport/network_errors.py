"""
The errors of the connections that asi1 itself opens on asyncio.

Each class has the name of httpx's class for the same failure. httpx's own classes are
not used, since importing httpx takes longer than a call.
"""

from __future__ import annotations

import sys


__all__ = [
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "NetworkError",
    "ProtocolError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "TimeoutException",
    "TransportError",
    "WriteError",
    "WriteTimeout",
    "as_httpx",
]


class TransportError(Exception):
    """No reply arrived, or only a part of it; the text says why."""


class TimeoutException(TransportError):  # noqa: N818 - httpx's name
    """A timeout of the request has passed."""


class ConnectTimeout(TimeoutException):
    """No connection opened in time."""


class ReadTimeout(TimeoutException):
    """No byte of the reply arrived in time."""


class WriteTimeout(TimeoutException):
    """The network took no byte of the request in time."""


class NetworkError(TransportError):
    """The network failed."""


class ConnectError(NetworkError):
    """No connection opened."""


class ReadError(NetworkError):
    """The connection broke before the reply had arrived."""


class WriteError(NetworkError):
    """The connection broke before the request was sent."""


class ProtocolError(TransportError):
    """The request or the reply is not valid HTTP."""


class LocalProtocolError(ProtocolError):
    """The request is not valid HTTP."""


class RemoteProtocolError(ProtocolError):
    """The reply is not valid HTTP."""


def as_httpx(error: Exception) -> Exception:
    """
    Return httpx's error for a `TransportError`, if httpx is imported.

    A program that asks whether the cause of an error is an error of httpx has imported
    httpx, usually before the error occurred. Any other *error* is returned unchanged.
    """
    name = type(error).__name__
    kind = getattr(sys.modules.get("httpx"), name, None)
    if kind is None or not isinstance(error, TransportError):
        return error
    made: Exception = kind(str(error))
    made.__cause__ = error
    return made

"""
asi1's connection pool: httpcore's pool, but it closes every unusable connection.

Its errors also tell a server that sends something other than HTTP from one that closes
the connection: in the second case, the request may be sent again.
"""

from __future__ import annotations

import ssl

from typing import Any

import anyio
import httpcore
import httpx

from .httpcore_internals import replace_request_lock, speed_up_state, unread
from .loop_pools import POOL_SIZE


__all__ = ["Connection", "ConnectionPool", "begins_http", "pool_limits"]


class ConnectionPool(httpcore.AsyncConnectionPool):
    """httpcore's pool, with `Connection` as the class of its connections."""

    def __init__(
        self,
        ssl_context: ssl.SSLContext | None,
        limits: httpx.Limits,
        network: httpcore.AsyncNetworkBackend | None,
    ) -> None:
        super().__init__(
            ssl_context=ssl_context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=network,
        )
        self._context, self._network = ssl_context, network
        self._expiry = limits.keepalive_expiry

    def create_connection(
        self, origin: httpcore.Origin
    ) -> httpcore.AsyncConnectionInterface:
        """Return a new, unopened connection to *origin*; the first request opens it."""
        return Connection(
            origin,
            ssl_context=self._context,
            keepalive_expiry=self._expiry,
            network_backend=self._network,
        )


def pool_limits(expiry: float | None) -> httpx.Limits:
    """
    Return the limits of one pool.

    Args:
        expiry: Seconds after which an idle connection is closed; None for never.
    """
    return httpx.Limits(
        max_connections=POOL_SIZE,
        max_keepalive_connections=POOL_SIZE,
        keepalive_expiry=expiry,
    )


class Connection(httpcore.AsyncHTTPConnection):
    """One connection, which its first request opens."""

    def __init__(self, origin: httpcore.Origin, **settings: Any) -> None:
        super().__init__(origin, **settings)
        self._opening = True
        replace_request_lock(self)

    def has_expired(self) -> bool:
        """Whether the pool must close the connection instead of reusing it."""
        # Bytes that arrive while the connection is idle belong to no reply. Otherwise
        # the next request would read them as its own reply.
        return super().has_expired() or (self.is_idle() and bool(unread(self)))

    async def handle_async_request(
        self, request: httpcore.Request
    ) -> httpcore.Response:
        """
        Send *request*, and return its reply.

        Raises:
            httpcore.RemoteProtocolError: The server sent something that is not HTTP,
                and then closed the connection.
        """
        first, self._opening = self._opening, False
        try:
            response = await super().handle_async_request(request)
        except BaseException as error:
            # In httpcore 1.0, if the first request is cancelled just when the
            # connection opens, the connection never becomes idle or closed. So it is
            # closed here.
            if first and not self.is_idle() and not self.is_closed():
                with anyio.CancelScope(shield=True):
                    await self.aclose()
            if _is_hang_up(error) and not begins_http(unread(self)):
                raise httpcore.RemoteProtocolError(
                    f"illegal status line: {unread(self)!r}"
                ) from error
            raise
        if first:  # the HTTP state now exists, and its lock is not acquired
            speed_up_state(self)
        return response


def begins_http(head: bytes) -> bool:
    """
    Whether *head*, all that a server sent, can be the beginning of an HTTP reply.

    h11 parses a reply's head only when it is complete. So httpcore raises the same
    error if a server closes the connection and if a server uses another protocol.
    """
    return head[:5] == b"HTTP/"[: len(head)]


def _is_hang_up(error: BaseException) -> bool:
    """Whether the server closed the connection before its reply's head was complete."""
    # httpcore raises this class for invalid HTTP too, so the message decides.
    if isinstance(error, httpcore.RemoteProtocolError):
        return f"{error}".startswith("Server disconnected without")
    return isinstance(error, httpcore.ReadError)

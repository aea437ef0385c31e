"""
The connections of one pool.

None stays in it without any use, and none that says what nobody has asked for. A
server that speaks no HTTP is told from one that hung up, which is asked again.
"""

from __future__ import annotations

import ssl

from typing import Any

import anyio
import httpcore
import httpx


__all__ = ["Connections", "begins_http"]


class Connections(httpcore.AsyncConnectionPool):
    """The pool of httpx's core, with connections of our own."""

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
        """Return a connection that is made with its first request."""
        return _Connection(
            origin,
            ssl_context=self._context,
            keepalive_expiry=self._expiry,
            network_backend=self._network,
        )


class _Connection(httpcore.AsyncHTTPConnection):
    """
    One connection, which is made with its first request.

    Nobody waits for its locks, since a pool gives it one request at a time. Yet those
    of httpx's core go around the event loop whenever they are taken, three times for
    each request. These are kept where it keeps its own; elsewhere they would not be
    found, and its own be used.
    """

    def __init__(self, origin: httpcore.Origin, **settings: Any) -> None:
        super().__init__(origin, **settings)
        self._asked = False
        self._request_lock = _lock()

    def has_expired(self) -> bool:
        """Whether it is not to be used again."""
        # While it is idle that is no part of a reply; a second one behind the first
        # would be taken for that of the next request.
        return super().has_expired() or (self.is_idle() and bool(self._unread))

    @property
    def _unread(self) -> bytes:
        """What came and has not been parsed; b"" for nothing."""
        # Where h11 is kept; elsewhere it would not be found, and nothing be noticed.
        state = getattr(self._connection, "_h11_state", None)
        return b"" if state is None else bytes(state.trailing_data[0])

    async def handle_async_request(
        self, request: httpcore.Request
    ) -> httpcore.Response:
        """
        Send *request*, and return its reply.

        It closes if its first request is cancelled in the step that has made it, and
        would else be new for ever: not free for others, and not closed.
        """
        first, self._asked = not self._asked, True
        try:
            response = await super().handle_async_request(request)
        except BaseException as error:
            if first and not self.is_idle() and not self.is_closed():
                with anyio.CancelScope(shield=True):
                    await self.aclose()
            if _left(error) and not begins_http(self._unread):
                raise httpcore.RemoteProtocolError(
                    f"illegal status line: {self._unread!r}"
                ) from error
            raise
        if first and self._connection is not None:  # and nobody holds its lock
            vars(self._connection)["_state_lock"] = _lock()
        return response


def begins_http(head: bytes) -> bool:
    """
    Whether *head*, after which a server left, can be the beginning of a reply.

    The parser waits for a whole head before it judges. So httpx's core has the same
    complaints for a server that is gone and for one that speaks something else.
    """
    return head[:5] == b"HTTP/"[: len(head)]


def _left(error: BaseException) -> bool:
    """Whether *error* is of a server that left before its head was whole."""
    if isinstance(error, httpcore.RemoteProtocolError):  # which has others, too
        return f"{error}".startswith("Server disconnected without")
    return isinstance(error, httpcore.ReadError)


def _lock() -> Any:
    return anyio.Lock(fast_acquire=True)

"""
asi1's connection pool: httpcore's pool, but it closes every unusable connection.

Its errors also tell a server that sends something other than HTTP from one that closes
the connection: in the second case, the request may be sent again.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import sys

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio
import httpcore
import httpx

from .httpcore_internals import replace_request_lock, speed_up_state, unread


__all__ = [
    "ConnectionPool",
    "SendProgress",
    "begins_http",
    "map_connect_errors",
    "readable",
    "refuses",
    "wake_early",
]

# How often sending is checked for progress within one write timeout.
_LOOKS = 8
# Maximum number of unsent bytes that the kernel may buffer.
_UNSENT = 128 * 1024
_HTTP, _HEAD_END = b"HTTP/1.", b"\r\n\r\n"


class ConnectionPool(httpcore.AsyncConnectionPool):
    """httpcore's pool, with `_Connection` as the class of its connections."""

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
        return _Connection(
            origin,
            ssl_context=self._context,
            keepalive_expiry=self._expiry,
            network_backend=self._network,
        )


class _Connection(httpcore.AsyncHTTPConnection):
    """One connection, which its first request opens."""

    def __init__(self, origin: httpcore.Origin, **settings: Any) -> None:
        super().__init__(origin, **settings)
        self._opening = True
        replace_request_lock(self)

    def has_expired(self) -> bool:
        """Whether the pool must close the connection instead of reusing it."""
        # Bytes that arrive while the connection is idle belong to no reply; the next
        # request would read them as its own reply.
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


def refuses(received: bytes | bytearray, *, late: bool = False) -> bool:
    """
    Whether *received* is a reply by which the server refuses the rest of the request.

    Args:
        received: All bytes that arrived since the request began.
        late: Whether the server has read nothing for the write timeout: then any reply
            counts. Otherwise the status must be 300 or more, since a server may begin
            its answer and still read the request. Informational replies (1xx) never
            count.
    """
    at = 0
    while received[at : at + len(_HTTP)] == _HTTP:
        end = received.find(_HEAD_END, at)
        if end < 0:
            return False
        first = received[at + 9 : at + 10]
        if first != b"1":
            return late or first != b"2"
        at = end + len(_HEAD_END)
    rest = bytes(received[at : at + len(_HTTP)])
    return not _HTTP.startswith(rest)  # bytes that are not HTTP count as a reply


def _is_hang_up(error: BaseException) -> bool:
    """Whether the server closed the connection before its reply's head was complete."""
    # httpcore raises this class for invalid HTTP too, so the message decides.
    if isinstance(error, httpcore.RemoteProtocolError):
        return f"{error}".startswith("Server disconnected without")
    return isinstance(error, httpcore.ReadError)


@contextmanager
def map_connect_errors() -> Iterator[None]:
    """Raise errors in connecting as httpcore's `ConnectTimeout` or `ConnectError`."""
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except (OSError, OverflowError, UnicodeError, ExceptionGroup) as error:
        # OSError includes ssl.SSLError; an invalid host name raises UnicodeError.
        raise httpcore.ConnectError(str(error) or type(error).__name__) from error


def readable(transport: asyncio.Transport) -> bool:
    """Whether the kernel has bytes, or the stream's end, that asyncio has not read."""
    sock = transport.get_extra_info("socket")
    # Then the socket is closed, but asyncio has not reported it yet.
    if sock is None or sock.fileno() < 0:
        return True
    number = sock.fileno()
    if not hasattr(select, "poll"):  # on Windows, select accepts any file number
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


def wake_early(sock: Any) -> None:
    """
    Make the kernel report earlier that it accepts more bytes for *sock*.

    Otherwise Linux does so only when a third of its buffer of several MiB is free, and
    until then a task that writes to a slow server would wait.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if sock is not None and option is not None:
        with suppress(OSError, AttributeError, ValueError):
            sock.setsockopt(socket.IPPROTO_TCP, option, _UNSENT)


class SendProgress:
    """
    Tells whether the network takes bytes of a request, for the write timeout.

    Where the kernel says how many bytes the peer has not acknowledged (Linux), each
    acknowledged byte counts: the kernel accepts new bytes only in large steps, between
    which a slow server may read for longer than the timeout. Elsewhere only the bytes
    that the kernel accepts count.

    Args:
        sock: The connection's socket; None if unknown.
        timeout: Seconds without progress after which sending counts as stopped.
    """

    def __init__(self, sock: Any, timeout: float) -> None:
        self._sock, self._timeout = sock, timeout
        self._last: tuple[int, ...] = ()
        self._since = 0.0
        self.interval = timeout / _LOOKS

    def stopped(self, *figures: int) -> bool:
        """
        Whether *figures*, which count sent bytes, and the size of the kernel's buffer
        have stayed the same for the whole timeout.
        """
        now, latest = anyio.current_time(), (*figures, _unacknowledged(self._sock))
        if latest != self._last:
            self._last, self._since = latest, now
        return now - self._since >= self._timeout

    def error(self) -> httpcore.WriteTimeout:
        """Return the error to raise when sending has stopped."""
        return httpcore.WriteTimeout(f"no byte was sent for {self._timeout:g} s")


def _unacknowledged(sock: Any) -> int:
    """Return the number of bytes in the kernel's send buffer; 0 if it is unknown."""
    # Imported here, since Windows has neither module, and small requests need neither.
    with suppress(ImportError, OSError, AttributeError, ValueError):
        import fcntl  # noqa: PLC0415
        import termios  # noqa: PLC0415

        number = bytearray(4)
        # The manual, tcp(7), calls this SIOCOUTQ.
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, number)
        return int.from_bytes(number, sys.byteorder)
    return 0

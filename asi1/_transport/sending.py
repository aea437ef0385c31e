"""What both kinds of sockets need while they connect and send."""

from __future__ import annotations

import asyncio
import select
import socket
import sys

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio

from .network_errors import ConnectError, ConnectTimeout
from .plain_http import HEAD_END


__all__ = ["SendProgress", "map_connect_errors", "readable", "refuses", "wake_early"]

# How often sending is checked for progress within one write timeout.
_LOOKS = 8
# Maximum number of unsent bytes that the kernel may buffer.
_UNSENT = 128 * 1024
_HTTP = b"HTTP/1."


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
        end = received.find(HEAD_END, at)
        if end < 0:
            return False
        first = received[at + 9 : at + 10]
        if first != b"1":
            return late or first != b"2"
        at = end + len(HEAD_END)
    rest = bytes(received[at : at + len(_HTTP)])
    return not _HTTP.startswith(rest)  # bytes that are not HTTP count as a reply


@contextmanager
def map_connect_errors() -> Iterator[None]:
    """Raise errors in connecting as `ConnectTimeout` or `ConnectError`."""
    try:
        yield
    except TimeoutError as error:
        raise ConnectTimeout(str(error)) from error
    except (OSError, OverflowError, UnicodeError, ExceptionGroup) as error:
        # OSError includes ssl.SSLError; an invalid host name raises UnicodeError.
        raise ConnectError(str(error) or type(error).__name__) from error


def readable(transport: asyncio.Transport) -> bool:
    """Whether the kernel has bytes, or the stream's end, that asyncio has not read."""
    sock = transport.get_extra_info("socket")
    # The socket is closed, but asyncio has not reported it yet.
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
    Tells whether the sending of a request makes progress, for the write timeout.

    There is progress when the kernel accepts bytes. But it accepts them in large steps,
    and a slow server may take longer than the timeout to read the bytes of one step. So
    on Linux, whose kernel counts the bytes that the peer has not acknowledged, there is
    also progress when the peer acknowledges bytes.

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
        """Whether *figures* and the kernel's buffer stayed the same for the timeout."""
        now, latest = anyio.current_time(), (*figures, _unacknowledged(self._sock))
        if latest != self._last:
            self._last, self._since = latest, now
        return now - self._since >= self._timeout

    @property
    def reason(self) -> str:
        """The text of the error to raise when sending has stopped."""
        return f"no byte was sent for {self._timeout:g} s"


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

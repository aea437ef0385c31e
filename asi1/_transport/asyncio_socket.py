# ruff: noqa: ASYNC109 - as in httpcore's interface, see `httpcore_network`
"""
A network connection on asyncio.

anyio's sockets resume the transport before each read and pause it afterwards, which is
most of a small read's cost. `AsyncioSocket` reads all the time, and pauses only when
many bytes are unread.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from contextlib import suppress
from typing import Any, cast

import anyio

from . import network_errors, sending


__all__ = ["AsyncioSocket"]

# Number of unread bytes above which reading from the network pauses.
_BUFFER_LIMIT = 256 * 1024
# Maximum number of bytes in one send. A `write` of fewer bytes only buffers them, and
# the next `write` sends them together with its own.
_SEND_SIZE = 64 * 1024
# Number of reads after which the reader lets the event loop run: a task that never
# waits, since all bytes have arrived already, could not be cancelled.
_READS_PER_STEP = 16
# A year, in seconds: asyncio requires a timeout for the TLS handshake, but `start_tls`
# applies its own timeout.
_NO_TIMEOUT = 365 * 86400.0


class AsyncioSocket(asyncio.BaseProtocol):
    """A connection, with a buffer of the bytes that arrived but were not read yet."""

    def __init__(self, below: asyncio.Transport | None = None) -> None:
        """Create a socket; *below* is the TCP transport under TLS, None without TLS."""
        self._transport: asyncio.Transport
        self._received: bytes | bytearray = b""
        self._below, self._unsent, self._reads, self._ended = below, b"", 0, False
        self._error: Exception | None = None
        self._read_waiter: asyncio.Future[None] | None = None
        self._write_waiter: asyncio.Future[None] | None = None
        self._write_paused = self._read_paused = False

    # asyncio calls the methods from here on.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store *transport*; make `write` wait until the kernel accepted all bytes."""
        self._transport = cast("asyncio.Transport", transport)
        # The high-water mark is 1, not 0: with 0, TLS on asyncio and uvloop would pause
        # and resume writing all the time, although nothing is buffered.
        self._transport.set_write_buffer_limits(1, 0)

    def data_received(self, data: bytes | memoryview) -> None:
        """Add *data* to the buffer, and wake the reader."""
        if self._received and isinstance(self._received, bytes):
            self._received = bytearray(self._received)
        self._received += data
        _wake(self._read_waiter)
        if self._write_waiter is not None:  # the server may have refused the request
            _wake(self._write_waiter)
        if len(self._received) > _BUFFER_LIMIT and not self._read_paused:
            self._read_paused = True
            self._source.pause_reading()

    @property
    def _source(self) -> asyncio.Transport:
        # Reading is paused on the TCP transport, since a paused TLS transport of uvloop
        # loses its buffered bytes if the server closes the connection.
        return self._below or self._transport

    def eof_received(self) -> bool:
        """Record the end of the server's data; without TLS, stay open for writing."""
        self._ended = True
        _wake(self._read_waiter)
        _wake(self._write_waiter)
        return self._below is None  # asyncio has no half-closed TLS connections

    def connection_lost(self, exc: Exception | None) -> None:
        """Record that the connection is closed, and wake the reader and the writer."""
        if isinstance(exc, ssl.SSLError) and hasattr(self, "_transport"):
            from .tls import undelivered  # noqa: PLC0415 - imported with any TLS

            self._received += undelivered(self._transport)
        elif isinstance(exc, OSError) and self._below is None:
            # asyncio and uvloop leave arrived bytes unread if a send fails.
            self._received += _received_by_kernel(self._transport)
        self._ended, self._error = True, exc
        _wake(self._read_waiter)
        _wake(self._write_waiter)

    def pause_writing(self) -> None:
        """Make `write` wait until `resume_writing`."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """Wake the `write` that has waited since `pause_writing`, if any."""
        self._write_paused = False
        _wake(self._write_waiter)

    # The user of the connection calls the methods from here on.

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """
        Return the next bytes, at least one; b"" if the server has stopped sending.

        Raises:
            ReadError: The connection broke.
            ReadTimeout: No byte arrived within *timeout* seconds.
        """
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            self._send(unsent)
        self._reads += 1
        if self._reads % _READS_PER_STEP == 0:
            await asyncio.sleep(0)
        if not self._received and not self._ended:
            await self._wait_for_data(timeout)
        if not self._received and self._error is not None:
            raise network_errors.ReadError(str(self._error)) from self._error
        # If these are the bytes of one read, as usual, they are not copied.
        whole = bytes(self._received)
        data, self._received = whole[:max_bytes], whole[max_bytes:]
        if self._read_paused and len(self._received) <= _BUFFER_LIMIT // 2:
            self._read_paused = False
            self._source.resume_reading()
        return data

    async def _wait_for_data(self, timeout: float | None) -> None:
        self._read_waiter = asyncio.get_running_loop().create_future()
        try:
            if timeout is None:
                await self._read_waiter
                return
            with anyio.fail_after(timeout):
                await self._read_waiter
        except TimeoutError as error:
            raise network_errors.ReadTimeout(str(error)) from error
        finally:
            self._read_waiter = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """
        Send *buffer*, or buffer it until the rest of the request is written.

        Raises:
            WriteError: The connection broke, or the server refused the request
                before all of it was sent; then the caller can read the server's reply.
            WriteTimeout: The network took no byte for *timeout* seconds.
        """
        # A request's head and body are written, and then b"". Head and body are joined
        # into one send, since each send costs a system call.
        self._unsent += buffer
        if buffer and len(self._unsent) <= _SEND_SIZE:
            return
        whole, self._unsent = self._unsent, b""
        self._send(whole[:_SEND_SIZE])
        if self._write_paused or len(whole) > _SEND_SIZE:
            await self._send_rest(whole, timeout)
        if self._transport.is_closing():
            raise network_errors.WriteError(f"the connection is closed ({self._error})")

    def _send(self, piece: bytes) -> None:
        if piece and not self._transport.is_closing():
            self._transport.write(piece)

    async def _send_rest(self, whole: bytes, timeout: float | None) -> None:
        # TLS buffers a write of any size, and only the next write waits. So the bytes
        # are sent in parts of 64 KiB.
        sending.wake_early(self._transport.get_extra_info("socket"))
        for at in range(_SEND_SIZE, len(whole), _SEND_SIZE):
            await self._wait_for_room(timeout)
            await self._let_loop_read()
            self._check_refused()
            self._send(whole[at : at + _SEND_SIZE])
        await self._wait_for_room(timeout)

    async def _let_loop_read(self) -> None:
        # If the server has reset the connection, a send would discard the reply in the
        # kernel's buffer. So the event loop first reads it, in two iterations.
        await asyncio.sleep(0)
        for _ in range(2):
            if self._ended or not sending.readable(self._transport):
                return
            await asyncio.sleep(0)

    def _check_refused(self, *, late: bool = False) -> None:
        if self._ended:
            raise network_errors.WriteError(f"the connection is closed ({self._error})")
        if sending.refuses(self._received, late=late):
            raise network_errors.WriteError(
                "the server replied before it got the request"
            )

    async def _wait_for_room(self, timeout: float | None) -> None:
        progress = None
        if timeout is not None:
            progress = sending.SendProgress(self.get_extra_info("socket"), timeout)
        while self._write_paused and not self._transport.is_closing():
            self._check_refused()
            if progress and progress.stopped(*self._buffer_sizes()):
                self._check_refused(late=True)
                raise network_errors.WriteTimeout(progress.reason)
            self._write_waiter = asyncio.get_running_loop().create_future()
            try:
                with anyio.move_on_after(progress.interval if progress else None):
                    await self._write_waiter
            finally:
                self._write_waiter = None

    def _buffer_sizes(self) -> tuple[int, int]:
        below = self._below.get_write_buffer_size() if self._below else 0
        return self._transport.get_write_buffer_size(), below

    def abort(self) -> None:
        """Close the connection in the event loop's next iteration."""
        self._transport.abort()

    async def aclose(self) -> None:
        """Close the connection, and yield once, so that the event loop can close it."""
        self.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> AsyncioSocket:
        """
        Return the same connection with TLS on top.

        Raises:
            ConnectError: The TLS handshake failed.
            ConnectTimeout: The handshake took longer than *timeout* seconds.
        """
        if self._ended:  # asyncio would wait for a handshake of the closed connection
            self.abort()
            raise network_errors.ConnectError(str(self._error or "the server hung up"))
        loop, below = asyncio.get_running_loop(), self._below or self._transport
        secure = AsyncioSocket(below)
        try:
            with sending.map_connect_errors(), anyio.fail_after(timeout):
                transport = await loop.start_tls(
                    self._transport,
                    secure,
                    ssl_context,
                    server_hostname=server_hostname,
                    ssl_handshake_timeout=_NO_TIMEOUT,
                )
        except BaseException:
            self.abort()
            raise
        if transport is None or transport.is_closing():
            raise network_errors.ConnectError("the connection is closed")
        secure.connection_made(transport)
        return secure

    def get_extra_info(self, info: str) -> Any:
        """Return the attribute of the connection that httpcore calls *info*."""
        if info == "is_readable":
            # httpcore asks this of idle connections: a readable one cannot be reused.
            unread = bool(self._received) or self._ended
            return unread or sending.readable(self._transport)
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _received_by_kernel(transport: asyncio.Transport) -> bytes:
    """Return the bytes that arrived on a broken connection, but were not read."""
    found = bytearray()
    with suppress(OSError, AttributeError, ValueError):
        number = transport.get_extra_info("socket").fileno()
        with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            while len(found) < _BUFFER_LIMIT and (data := sock.recv(65536)):
                found += data
    return bytes(found)

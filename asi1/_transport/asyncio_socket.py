# ruff: noqa: ASYNC109 - what httpcore calls asks for a timeout
"""
One connection on asyncio, for httpx's core, which listens all the time.

anyio's tell the event loop to begin and to cease listening around every read, which is
most of what a small read costs. These cease only when the reader is far behind.
"""

from __future__ import annotations

import asyncio
import select
import ssl

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import anyio
import httpcore


__all__ = ["Socket", "connecting"]

# Bytes that may wait for the reader before the network is made to wait.
_ROOM = 256 * 1024
# Bytes of a request that are held back until more of it is there, or sent at once.
_HELD = 64 * 1024
# Reads after which a reader pauses. One who always finds what it waits for already
# there could not be cancelled: no task is, while what it waits for is done.
_TURN = 16
# Seconds for a handshake without a limit of its own; asyncio wants a number.
_FOR_EVER = 365 * 86400.0


class Socket(asyncio.BaseProtocol, httpcore.AsyncNetworkStream):
    """One connection: what came and was not read, and who waits for it."""

    def __init__(self, below: asyncio.Transport | None = None) -> None:
        """Made by `Sockets`; with TLS, *below* is what carries it."""
        self._transport: asyncio.Transport
        self._below = below
        self._came = bytearray()
        self._held = b""
        self._reads = 0
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._full = self._behind = False

    # What happens

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; a write counts as done when it is all handed over."""
        self._transport = cast("asyncio.Transport", transport)
        # Not 0: what TLS has on asyncio and uvloop then says that it is full whenever
        # it is empty, by turns.
        self._transport.set_write_buffer_limits(1, 0)

    def data_received(self, data: bytes | memoryview) -> None:
        """Keep what came."""
        self._came += data
        _wake(self._reader)
        if len(self._came) > _ROOM and not self._behind:
            self._behind = True
            self._source.pause_reading()

    @property
    def _source(self) -> asyncio.Transport:
        # uvloop's TLS, told to pause, forgets what it holds when the server leaves.
        return self._below or self._transport

    def eof_received(self) -> bool:
        """Keep the way out open: only the server has nothing more to say."""
        self._ended = True
        _wake(self._reader)
        return self._below is None  # TLS has no such thing

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everybody go."""
        self._ended, self._error = True, exc
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Make who writes wait."""
        self._full = True

    def resume_writing(self) -> None:
        """Let who writes go on."""
        self._full = False
        _wake(self._writer)

    # What httpx's core asks for

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """
        Return what has come, of at least one byte; none at the end.

        Raises:
            httpcore.ReadError, httpcore.ReadTimeout: It broke; it took too long.
        """
        if self._held:
            held, self._held = self._held, b""
            self._send(held)
        self._reads += 1
        if self._reads % _TURN == 0:
            await asyncio.sleep(0)
        if not self._came and not self._ended:
            await self._wait_for_news(timeout)
        if not self._came and self._error is not None:
            raise httpcore.ReadError(str(self._error)) from self._error
        far_behind = len(self._came) > max_bytes  # hardly ever: a copy that is spared
        data = bytes(self._came[:max_bytes] if far_behind else self._came)
        del self._came[:max_bytes]
        if self._behind and len(self._came) <= _ROOM // 2:
            self._behind = False
            self._source.resume_reading()
        return data

    async def _wait_for_news(self, timeout: float | None) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            if timeout is None:
                await self._reader
                return
            with anyio.fail_after(timeout):
                await self._reader
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        finally:
            self._reader = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """
        Hand *buffer* over to the network.

        Raises:
            httpcore.WriteError, httpcore.WriteTimeout: It broke; it took too long.
        """
        # A request comes as its head, its body, and nothing at all: the end. The head
        # waits for the rest, so that all of it is sent in one step.
        self._held += buffer
        if buffer and len(self._held) <= _HELD:
            return
        whole, self._held = self._held, b""
        self._send(whole[:_HELD])
        if self._full or len(whole) > _HELD:
            try:
                with anyio.fail_after(timeout):
                    await self._send_rest(whole)
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
        if self._transport.is_closing():
            raise httpcore.WriteError(f"the connection is closed ({self._error})")

    def _send(self, piece: bytes) -> None:
        if piece and not self._transport.is_closing():
            self._transport.write(piece)

    async def _send_rest(self, whole: bytes) -> None:
        # In pieces: TLS takes all that it is given, and is full only at the next.
        for at in range(_HELD, len(whole), _HELD):
            await self._wait_for_room()
            self._send(whole[at : at + _HELD])
        await self._wait_for_room()

    async def _wait_for_room(self) -> None:
        if not self._full or self._transport.is_closing():
            return
        self._writer = asyncio.get_running_loop().create_future()
        try:
            await self._writer
        finally:
            self._writer = None

    def abort(self) -> None:
        """Close it, in the event loop's next step."""
        self._transport.abort()

    async def aclose(self) -> None:
        """Close it, and let the event loop go that step."""
        self.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Socket:
        """
        Return the same connection with TLS on it.

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: It cannot be had.
        """
        if self._ended:  # asyncio would wait for its answer
            self.abort()
            raise httpcore.ConnectError(str(self._error or "the server hung up"))
        loop, secure = asyncio.get_running_loop(), Socket(self._transport)
        try:
            with connecting(), anyio.fail_after(timeout):
                transport = await loop.start_tls(
                    self._transport,
                    secure,
                    ssl_context,
                    server_hostname=server_hostname,
                    ssl_handshake_timeout=_FOR_EVER,
                )
        except BaseException:
            self.abort()
            raise
        if transport is None:
            raise httpcore.ConnectError("the connection is closed")
        secure.connection_made(transport)
        return secure

    def get_extra_info(self, info: str) -> Any:
        """Return "ssl_object", "socket", "is_readable" and the two addresses."""
        if info == "is_readable":
            # An idle connection has nothing to say but that it ends.
            return bool(self._came) or self._ended or _readable(self._transport)
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))


def _wake(who: asyncio.Future[None] | None) -> None:
    if who is not None and not who.done():
        who.set_result(None)


def _readable(transport: asyncio.Transport) -> bool:
    """Tell whether something came that the event loop has had no time to see."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:  # lost, and soon told
        return True
    number = sock.fileno()
    if not hasattr(select, "poll"):  # Windows, whose numbers have no upper end
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def connecting() -> Iterator[None]:
    """Turn what connecting raises into the errors of httpx's core."""
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except (OSError, OverflowError, UnicodeError, ExceptionGroup) as error:
        # ssl.SSLError is an OSError. UnicodeError: no name can be like this one.
        raise httpcore.ConnectError(str(error) or type(error).__name__) from error

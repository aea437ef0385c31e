# ruff: noqa: ASYNC109 - httpcore's interface has timeouts
"""Opens connections to servers for httpcore, on trio; they read while they write."""

from __future__ import annotations

from typing import Any

import anyio
import httpcore

from .chunk_merger import ChunkMerger
from .event_loop import Flag
from .sending import SendProgress, refuses, wake_early


__all__ = ["TrioBackend", "TrioSocket"]

# Size of the read buffer: the maximum bytes that one read from the network returns.
_READ_SIZE = 64 * 1024
# Maximum number of bytes of a large body in one send.
_PIECE = 16 * 1024
# If a write fails, seconds to read a reply that has already arrived.
_LAST_READ = 0.25


class TrioBackend(httpcore.AsyncNetworkBackend):
    """Opens connections on trio as httpcore does, but each is a `TrioSocket`."""

    def __init__(self) -> None:
        self._backend: Any = httpcore.TrioBackend()

    async def connect_tcp(self, *where: Any, **options: Any) -> TrioSocket:
        """Connect as httpcore does, and wrap the connection in a `TrioSocket`."""
        try:
            return TrioSocket(await self._backend.connect_tcp(*where, **options))
        except RuntimeError as error:
            # Python is exiting, and cannot start a thread that resolves the host name.
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*; httpcore calls this between its own retries."""
        await anyio.sleep(seconds)


class TrioSocket(httpcore.AsyncNetworkStream):
    """
    httpcore's connection on trio, which also reads while it writes.

    A server may refuse a large request before it has read all of it.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._chunks = ChunkMerger()
        self._early = bytearray()  # bytes received during a write
        self._end: httpcore.ReadError | None = None  # error of a read during a write
        self._ended = False
        self._at = 0  # index of the first byte of the part being sent
        # If set, the running write ends with this error.
        self._failure: Exception | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; b"" if the server has stopped sending."""
        if not self._early and not self._ended:
            # trio allocates *max_bytes* for each read, however few bytes arrive.
            data = await self._stream.read(min(max_bytes, _READ_SIZE), timeout)
            return self._chunks.merge(data)
        if not self._early and self._end is not None:
            raise self._end
        data = bytes(self._early[:max_bytes])
        del self._early[:max_bytes]
        return self._chunks.merge(data)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """
        Send *buffer*; *timeout* starts anew whenever the network takes some bytes.

        Raises:
            httpcore.WriteError: The connection broke, or the server refused the request
                before all of it was sent; then httpcore reads the server's reply.
            httpcore.WriteTimeout: The network took no byte for *timeout* seconds.
        """
        self._chunks.begin()
        if len(buffer) <= _PIECE:
            await self._stream.write(buffer, timeout)
            return
        wake_early(self._stream.get_extra_info("socket"))
        self._failure = None
        listened = Flag()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, listened, tasks.cancel_scope)
            if timeout is not None:
                tasks.start_soon(self._watch, timeout, tasks.cancel_scope)
            try:
                for self._at in range(0, len(buffer), _PIECE):
                    await self._stream.write(buffer[self._at : self._at + _PIECE])
                self._failure = None  # an early reply does not matter once all is sent
            except httpcore.WriteError as error:
                self._failure = error
                with anyio.move_on_after(_LAST_READ):  # lets `_listen` read the reply
                    await listened.wait()
            tasks.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    async def _watch(self, timeout: float, writing: anyio.CancelScope) -> None:
        """Cancel the write if the network takes no byte for *timeout* seconds."""
        progress = SendProgress(self._stream.get_extra_info("socket"), timeout)
        while not progress.stopped(self._at):  # noqa: ASYNC110 - the kernel's figures
            await anyio.sleep(progress.interval)
        if refuses(self._early, late=True):
            error: Exception = httpcore.WriteError("the server reads no more")
        else:
            error = httpcore.WriteTimeout(progress.reason)
        self._failure = self._failure or error
        writing.cancel()

    async def _listen(self, listened: Flag, writing: anyio.CancelScope) -> None:
        """Read until the server refuses the request or the connection ends."""
        try:
            while not refuses(self._early):
                await self._read_early()
            if self._stream.get_extra_info("ssl_object") is not None:
                # After a cancelled write, trio cannot read from TLS: read the reply
                # now.
                with anyio.move_on_after(_LAST_READ):
                    while True:
                        await self._read_early()
        except httpcore.ReadError as error:
            self._ended, self._end = True, error
        except EOFError:
            self._ended = True
        early = httpcore.WriteError("the server replied before it got the request")
        self._failure = self._failure or early
        listened.set()
        writing.cancel()

    async def _read_early(self) -> None:
        # If many bytes are unread, the rest is read after the request was written.
        if len(self._early) > _READ_SIZE:
            await anyio.sleep_forever()
        data = await self._stream.read(_READ_SIZE)
        if not data:
            raise EOFError
        self._early += data

    async def start_tls(self, *what: Any, **options: Any) -> TrioSocket:
        """Return the same connection with TLS on top; close it if that fails."""
        try:
            return TrioSocket(await self._stream.start_tls(*what, **options))
        except BaseException:
            # httpcore 1.0 closes the stream after an error of the handshake, but not
            # when the handshake is cancelled.
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Return the attribute of the connection that httpcore calls *info*."""
        if info == "is_readable" and (self._early or self._ended):
            return True
        return self._stream.get_extra_info(info)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

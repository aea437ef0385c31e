"""
One connection of the fake's server to a client.

The server uses plain sockets, not anyio's streams, because a reset needs a close
without a shutdown before it, and each piece of a reply must be one write.
"""

from __future__ import annotations

import socket
import struct

from contextlib import suppress
from typing import Self

import anyio

from anyio.lowlevel import checkpoint


__all__ = ["Connection", "DisconnectedError"]


_READ_SIZE = 65536
_LINGER_ZERO = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close() sends a reset
# If a pause is not longer than this many seconds, a disconnection during the pause is
# noticed only at the pause's end.
_SHORT_PAUSE = 0.25
# Seconds between checks for a disconnection while nothing is read.
_PEEK_INTERVAL = 0.02
_LINGER = 0.5  # seconds for a client to read the reply to an invalid request


class DisconnectedError(Exception):
    """The client has closed or reset the connection."""


class Connection:
    """A connection to a client; its methods raise when the client disconnects."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.number = number
        self.unread = b""  # received bytes that are not parsed yet
        self.deaf = False  # whether `wait` ignores received bytes, up to 64 KiB
        self._ignored = 0  # number of received bytes that `wait` has ignored

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, unless it is already closed."""
        self._sock.close()

    async def receive(self, size: int = _READ_SIZE) -> bytes:
        """Wait for bytes and return them; raise if the client disconnects instead."""
        while (data := self._take(size)) is None:
            await anyio.wait_readable(self._sock)
        return data

    def _take(self, size: int = _READ_SIZE, flags: int = 0) -> bytes | None:
        try:
            data = self._sock.recv(size, flags)
        except BlockingIOError:
            return None
        except OSError as exc:
            raise DisconnectedError from exc
        if not data:
            raise DisconnectedError
        return data

    async def send(self, data: bytes) -> None:
        """Send bytes, in one write if the socket's buffer has room for them."""
        await checkpoint()
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._sock)
            except OSError as exc:
                raise DisconnectedError from exc

    async def wait(self, seconds: float | None) -> None:
        """Wait *seconds* (None: no limit); raise if the client disconnects first."""
        if self.deaf:
            with anyio.move_on_after(seconds):
                # The kernel reports the client's disconnection only when all bytes
                # received before have been read, so these bytes are read first.
                while (room := _READ_SIZE - self._ignored) > 0:
                    self._ignored += len(await self.receive(room))
                while True:
                    self._take(1, socket.MSG_PEEK)
                    await anyio.sleep(_PEEK_INTERVAL)
            return
        if seconds is not None and seconds <= _SHORT_PAUSE:
            await anyio.sleep(seconds)
            self.unread += self._take() or b""
            return
        with anyio.move_on_after(seconds):
            while True:
                self.unread += await self.receive()

    async def listen(self) -> None:
        """Wait until bytes of the client's next request have arrived."""
        while not self.unread:
            self.unread += await self.receive()

    async def close_gracefully(self) -> None:
        """Close the sending side, and give the client time to read the reply."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        await self.wait(_LINGER)

    def reset(self) -> None:
        """Reset the connection."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._sock.close()

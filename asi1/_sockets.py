# ruff: noqa: ASYNC109 - what httpcore calls asks for a timeout
"""Floor 4. Connections on asyncio for httpx's core: how they are made."""

from __future__ import annotations

import asyncio

from collections.abc import Iterable
from typing import Any

import anyio
import httpcore

from ._asyncio_socket import Socket, connecting
from ._race import Race, addresses


__all__ = ["Sockets"]

# Bytes that one read of the network brings at the most.
_READ = 64 * 1024


class Sockets(httpcore.AsyncNetworkBackend):
    """Makes connections, each with a `Socket`; all on one event loop."""

    def __init__(self) -> None:
        """Made for one pool."""
        self._room = memoryview(bytearray(_READ))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - none is ever asked for
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - nor any of these
    ) -> Socket:
        """
        Connect to a server, on whichever of its addresses answers first.

        Raises:
            httpcore.ConnectTimeout, httpcore.ConnectError: It cannot be reached.
        """
        with connecting(), anyio.fail_after(timeout):
            return await Race(self._socket).run(await addresses(host, port))

    def _socket(self) -> Socket:
        return _Plain(self._room)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


class _Plain(Socket, asyncio.BufferedProtocol):
    """
    A connection without TLS, or what carries it.

    Every read of asyncio's own makes room for 256 KiB, which costs more than the read.
    With TLS there is nothing to gain, and the end of a reply to lose: asyncio and
    uvloop decrypt no further than the room goes, and forget the rest if the server
    leaves then.
    """

    def __init__(self, room: memoryview) -> None:
        """Made with *room* for one read, of all the sockets of an event loop."""
        super().__init__()
        self._room = room

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - never needed
        """Lend the room, which is given back in the same step."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Keep what came, and leave nothing of it: a server may say the key back."""
        came = self._room[:nbytes]
        self.data_received(came)
        came[:] = bytes(nbytes)

# ruff: noqa: ASYNC109 - what httpcore calls asks for a timeout
"""How connections are made for httpx's core, on asyncio and on trio."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import socket

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import anyio
import httpcore

from attrs import define, field

from .asyncio_socket import Socket, connecting
from .event_loop import Flag


__all__ = ["HappyEyeballs", "Sockets", "TrioSockets", "addresses"]

# Seconds after which a second address is tried beside the first.
_HEAD_START = 0.25

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
            return await HappyEyeballs(self._socket).run(await addresses(host, port))

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


async def addresses(host: str, port: int) -> list[tuple[str, int]]:
    """
    Return where the server is, the kinds of addresses by turns.

    Raises:
        OSError, UnicodeError: Nobody knows; no name can be like this one.
    """
    with suppress(ValueError):
        return [(str(ipaddress.ip_address(host)), port)]  # and nobody needs to be asked
    loop, kinds = asyncio.get_running_loop(), dict[int, list[tuple[str, int]]]()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for kind, _, _, _, (address, *_) in found:
        kinds.setdefault(kind, []).append((str(address), port))
    turns = itertools.zip_longest(*kinds.values())
    if not kinds:
        raise OSError(f"{host} has no address")
    return [address for turn in turns for address in turn if address is not None]


@define
class HappyEyeballs:
    """
    Addresses of one server, tried one after the other, and soon side by side.

    Each connection is one that *make* returns.
    """

    make: Callable[[], Socket]
    _won: Socket | None = field(default=None, init=False)
    _errors: list[OSError | OverflowError] = field(factory=list, init=False)

    async def run(self, places: list[tuple[str, int]]) -> Socket:
        """
        Return the first connection that is made.

        Raises:
            OSError, OverflowError: None is; what the last of them failed with.
        """
        try:
            async with anyio.create_task_group() as tasks:
                for address in places:
                    failed = Flag()
                    tasks.start_soon(self._try, address, failed, tasks.cancel_scope)
                    with anyio.move_on_after(_HEAD_START):
                        await failed.wait()
        except BaseException:
            if self._won is not None:
                self._won.abort()
            raise
        if self._won is None:
            raise self._reason()
        return self._won

    def _reason(self) -> OSError | OverflowError:
        if self._errors:
            return self._errors.pop()
        return OSError("the task that connects was cancelled by others")

    async def _try(
        self, address: tuple[str, int], failed: Flag, others: anyio.CancelScope
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, made = await loop.create_connection(self.make, *address)
        except (OSError, OverflowError) as error:  # a port beyond all ports
            self._errors.append(error)
            failed.set()
            return
        if self._won is None:
            self._won = made
            others.cancel()
        else:  # two at the same moment
            made.abort()


class TrioSockets(httpcore.AsyncNetworkBackend):
    """Makes the connections that httpx's core makes, and loses none."""

    def __init__(self) -> None:
        self._core: Any = httpcore.TrioBackend()

    async def connect_tcp(
        self, *where: Any, **options: Any
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a server, as httpx's core does."""
        made: httpcore.AsyncNetworkStream
        made = await self._core.connect_tcp(*where, **options)
        begin = made.start_tls

        async def start_tls(*what: Any, **options: Any) -> httpcore.AsyncNetworkStream:
            try:
                return await begin(*what, **options)
            except BaseException:  # it closes for errors, and a cancellation is none
                with anyio.CancelScope(shield=True):
                    await made.aclose()
                raise

        setattr(made, "start_tls", start_tls)  # noqa: B010 - a method
        return made

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

# ruff: noqa: ASYNC109 - httpcore's interface has timeouts
"""Opens connections to servers for httpcore, on asyncio and on trio."""

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

from .asyncio_socket import AsyncioSocket
from .event_loop import Flag
from .http_pool import map_connect_errors, refuses, wake_early


__all__ = [
    "AsyncioBackend",
    "HappyEyeballs",
    "TrioBackend",
    "TrioSocket",
    "find_addresses",
]

# Seconds after which the next address is tried, while earlier attempts go on.
_ATTEMPT_DELAY = 0.25

# Size of the read buffer: the maximum bytes that one read from the network returns.
_READ_SIZE = 64 * 1024
# Size of the pieces in which trio sends a large body.
_PIECE = 16 * 1024
# Seconds to read the reply that has arrived while a write fails.
_LAST_READ = 0.25


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of one pool, on one asyncio event loop."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_READ_SIZE))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the pool sets none
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - also unset
    ) -> AsyncioSocket:
        """
        Connect to the first of a server's addresses that accepts a connection.

        Raises:
            httpcore.ConnectTimeout, httpcore.ConnectError: No address accepted.
        """
        with map_connect_errors(), anyio.fail_after(timeout):
            return await HappyEyeballs(self._socket).run(
                await find_addresses(host, port)
            )

    def _socket(self) -> AsyncioSocket:
        return _PlainSocket(self._buffer)

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*; httpcore calls this between its own retries."""
        await anyio.sleep(seconds)


class _PlainSocket(AsyncioSocket, asyncio.BufferedProtocol):
    """
    A TCP connection, used without TLS or under a TLS connection.

    It reads into a shared buffer: for a protocol without a buffer, asyncio (Python 3.11
    to 3.14) allocates 256 KiB at every read, which costs more than the read. A TLS
    connection has no shared buffer: asyncio and uvloop would decrypt only as many bytes
    as fit into the buffer, and lose the rest if the server then closes the connection.
    """

    def __init__(self, buffer: memoryview) -> None:
        """Use *buffer*, which all sockets of one pool share."""
        super().__init__()
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - it never grows
        """Return the shared buffer; `buffer_updated` empties it after each read."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Copy the bytes, then zero the buffer: a server may echo the API key."""
        received = self._buffer[:nbytes]
        self.data_received(received)
        received[:] = bytes(nbytes)


async def find_addresses(host: str, port: int) -> list[tuple[str, int]]:
    """
    Resolve *host*, and return its addresses, IPv4 and IPv6 alternating.

    Raises:
        OSError: The host name is unknown.
        UnicodeError: *host* is not a valid host name.
    """
    with suppress(ValueError):
        return [(str(ipaddress.ip_address(host)), port)]
    loop, kinds = asyncio.get_running_loop(), dict[int, list[tuple[str, int]]]()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for kind, _, _, _, (address, *_) in found:
        kinds.setdefault(kind, []).append((str(address), port))
    rounds = itertools.zip_longest(*kinds.values())
    if not kinds:
        raise OSError(f"{host} has no address")
    return [address for pair in rounds for address in pair if address is not None]


@define
class HappyEyeballs:
    """
    Tries a server's addresses, each at most 0.25 s after the last, until one accepts.

    Attributes:
        make: Returns a new socket for one attempt.
    """

    make: Callable[[], AsyncioSocket]
    _winner: AsyncioSocket | None = field(default=None, init=False)
    _errors: list[OSError | OverflowError] = field(factory=list, init=False)

    async def run(self, addresses: list[tuple[str, int]]) -> AsyncioSocket:
        """
        Return the first connection that opens.

        Raises:
            OSError, OverflowError: No connection opens; the error that was raised last.
        """
        try:
            async with anyio.create_task_group() as tasks:
                for address in addresses:
                    failed = Flag()
                    tasks.start_soon(self._try, address, failed, tasks.cancel_scope)
                    with anyio.move_on_after(_ATTEMPT_DELAY):
                        await failed.wait()
        except BaseException:
            if self._winner is not None:
                self._winner.abort()
            raise
        if self._winner is None:
            raise self._reason()
        return self._winner

    def _reason(self) -> OSError | OverflowError:
        if self._errors:
            return self._errors.pop()
        return OSError("the task that connects was cancelled from outside")

    async def _try(
        self, address: tuple[str, int], failed: Flag, attempts: anyio.CancelScope
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, opened = await loop.create_connection(self.make, *address)
        except (OSError, OverflowError) as error:  # OverflowError: a port above 65535
            self._errors.append(error)
            failed.set()
            return
        if self._winner is None:
            self._winner = opened
            attempts.cancel()
        else:  # two attempts succeeded in the same step of the event loop
            opened.abort()


class TrioBackend(httpcore.AsyncNetworkBackend):
    """Opens connections on trio, as httpcore's backend, but with `TrioSocket`."""

    def __init__(self) -> None:
        self._backend: Any = httpcore.TrioBackend()

    async def connect_tcp(self, *where: Any, **options: Any) -> TrioSocket:
        """Connect as httpcore does."""
        return TrioSocket(await self._backend.connect_tcp(*where, **options))

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
        self._early = bytearray()  # received during a write
        self._end: httpcore.ReadError | None = None  # raised by a read during a write
        self._ended = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; b"" if the server has stopped sending."""
        if not self._early and not self._ended:
            return await self._stream.read(max_bytes, timeout)
        if not self._early and self._end is not None:
            raise self._end
        data = bytes(self._early[:max_bytes])
        del self._early[:max_bytes]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """
        Send *buffer*, in pieces of which each has its own *timeout*.

        Raises:
            httpcore.WriteError: The connection broke, or the server refused the request
                before all of it was sent; then httpcore reads the server's reply.
            httpcore.WriteTimeout: A piece could not be sent in time.
        """
        if len(buffer) <= _PIECE:
            await self._stream.write(buffer, timeout)
            return
        wake_early(self._stream.get_extra_info("socket"))
        failed: Exception | None = httpcore.WriteError("the server replied early")
        listened = Flag()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, listened, tasks.cancel_scope)
            try:
                for at in range(0, len(buffer), _PIECE):
                    await self._stream.write(buffer[at : at + _PIECE], timeout)
                failed = None
            except (httpcore.WriteError, httpcore.WriteTimeout) as error:
                failed = error
                if isinstance(error, httpcore.WriteError):  # read what has arrived
                    with anyio.move_on_after(_LAST_READ):
                        await listened.wait()
            tasks.cancel_scope.cancel()
        if isinstance(failed, httpcore.WriteTimeout) and refuses(
            self._early, late=True
        ):
            failed = httpcore.WriteError("the server replied and reads nothing more")
        if failed is not None:
            raise failed

    async def _listen(self, listened: Flag, writing: anyio.CancelScope) -> None:
        """Read until the server refuses the request or the connection ends."""
        try:
            while not refuses(self._early):
                await self._read_early()
            if self._stream.get_extra_info("ssl_object") is not None:
                # trio cannot read from a TLS connection after a cancelled write.
                with anyio.move_on_after(_LAST_READ):
                    while True:
                        await self._read_early()
        except httpcore.ReadError as error:
            self._ended, self._end = True, error
        except EOFError:
            self._ended = True
        listened.set()
        writing.cancel()

    async def _read_early(self) -> None:
        if len(self._early) > _READ_SIZE:  # an answer that begins early can wait
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

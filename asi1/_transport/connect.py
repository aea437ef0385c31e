# ruff: noqa: ASYNC109 - as in httpcore's interface, see `httpcore_network`
"""Opens connections to servers, on asyncio."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import socket
import weakref

from collections.abc import Callable
from contextlib import suppress

import anyio

from attrs import define, field

from .asyncio_socket import AsyncioSocket
from .event_loop import Flag
from .sending import map_connect_errors


__all__ = ["AsyncioNetwork", "HappyEyeballs", "find_addresses"]

# Seconds after which the next address is tried, while earlier attempts go on.
_ATTEMPT_DELAY = 0.25

# Size of the read buffer: the maximum bytes that one read from the network returns.
_READ_SIZE = 256 * 1024
# These zeros are never written to, so the operating system uses no memory for them.
_ZEROS = memoryview(bytes(_READ_SIZE))
# The read buffer of each event loop.
_buffers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = (
    weakref.WeakKeyDictionary()
)


class AsyncioNetwork:
    """Opens connections on one asyncio event loop."""

    def __init__(self) -> None:
        # Two event loops may read at once, in two threads, so each has its own buffer.
        loop = asyncio.get_running_loop()
        found = _buffers.get(loop)
        if found is None:
            found = _buffers[loop] = memoryview(bytearray(_READ_SIZE))
        self._buffer = found

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None
    ) -> AsyncioSocket:
        """
        Connect to the first of a server's addresses that accepts a connection.

        Raises:
            ConnectTimeout, ConnectError: No address accepted the connection.
        """
        with map_connect_errors(), anyio.fail_after(timeout):
            return await HappyEyeballs(self._socket).run(
                await find_addresses(host, port)
            )

    def _socket(self) -> AsyncioSocket:
        return _PlainSocket(self._buffer)


class _PlainSocket(AsyncioSocket, asyncio.BufferedProtocol):
    """
    A TCP connection, used without TLS or under a TLS connection.

    It reads into a shared buffer: for a protocol without a buffer, asyncio (Python 3.11
    to 3.14) allocates 256 KiB at every read, which costs more than the read. A TLS
    connection has no shared buffer: asyncio and uvloop would decrypt only as many bytes
    as fit into the buffer, and lose the rest if the server then closes the connection.
    """

    def __init__(self, buffer: memoryview) -> None:
        """Use *buffer*, which all sockets of one event loop share."""
        super().__init__()
        self._buffer = buffer

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - it never grows
        """Return the shared buffer; `buffer_updated` empties it after each read."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Copy the bytes, then zero the buffer: a server may echo the API key."""
        received = self._buffer[:nbytes]
        self.data_received(received)
        received[:] = _ZEROS[:nbytes]


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
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except RuntimeError:
        # At exit, Python cannot start a thread that resolves the host name. So the
        # event loop resolves it, although this blocks the loop.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for kind, _, _, _, (address, *_) in found:
        kinds.setdefault(kind, []).append((str(address), port))
    rounds = itertools.zip_longest(*kinds.values())
    if not kinds:
        raise OSError(f"{host} has no address")
    return [address for pair in rounds for address in pair if address is not None]


@define(eq=False, repr=False)
class HappyEyeballs:
    """
    Tries a server's addresses, each at most 0.25 s after the one before, until one
    accepts.

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
            OSError, OverflowError: No connection opened; this is the error of the
                attempt that failed last.
        """
        if len(addresses) == 1:
            # A group of tasks would take most of the memory of an open connection.
            _, only = await asyncio.get_running_loop().create_connection(
                self.make, *addresses[0]
            )
            return only
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
        # OverflowError means a port above 65535.
        except (OSError, OverflowError) as error:
            self._errors.append(error)
            failed.set()
            return
        if self._winner is None:
            self._winner = opened
            attempts.cancel()
        else:  # two attempts succeeded in the same step of the event loop
            opened.abort()

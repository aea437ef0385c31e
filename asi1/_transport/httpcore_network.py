# ruff: noqa: ASYNC109 - httpcore's interface has timeouts
"""Lets httpcore use the connections that asi1 opens on asyncio."""

from __future__ import annotations

import ssl

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpcore

from . import network_errors
from .asyncio_socket import AsyncioSocket
from .chunk_merger import ChunkMerger
from .connect import AsyncioNetwork
from .network_errors import TransportError


__all__ = ["HTTPCoreBackend", "HTTPCoreStream", "as_httpcore", "from_httpcore"]


@contextmanager
def as_httpcore() -> Iterator[None]:
    """Raise each `TransportError` as httpcore's error of the same name."""
    try:
        yield
    except TransportError as error:
        # *error* stays the new error's context. It is not its cause, which httpcore 1.0
        # drops when it raises the new error again.
        kind: type[Exception] = getattr(httpcore, type(error).__name__)
        raise kind(str(error))  # noqa: B904 - see above


def from_httpcore(error: BaseException) -> BaseException:
    """Return the `TransportError` for httpcore's *error*; another error unchanged."""
    name = type(error).__name__
    kind = getattr(network_errors, name, None)
    if kind is None or not isinstance(error, getattr(httpcore, name, ())):
        return error
    made: BaseException = kind(str(error))
    made.__cause__ = error
    return made


class HTTPCoreBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of one pool of httpcore, on one asyncio event loop."""

    def __init__(self) -> None:
        self._network = AsyncioNetwork()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the pool sets none
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - also unset
    ) -> HTTPCoreStream:
        """
        Connect as `AsyncioNetwork.connect_tcp` does.

        Raises:
            httpcore.ConnectTimeout, httpcore.ConnectError: No address accepted.
        """
        with as_httpcore():
            return HTTPCoreStream(await self._network.connect_tcp(host, port, timeout))

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*; httpcore calls this between its own retries."""
        await anyio.sleep(seconds)


class HTTPCoreStream(httpcore.AsyncNetworkStream):
    """
    An `AsyncioSocket` with httpcore's interface.

    The chunks of the replies are merged, since h11 takes long for each.
    """

    def __init__(self, stream: AsyncioSocket) -> None:
        self._stream = stream
        self._chunks = ChunkMerger()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; b"" if the server has stopped sending."""
        with as_httpcore():
            return self._chunks.merge(await self._stream.read(max_bytes, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send *buffer*, or buffer it until the rest of the request is written."""
        self._chunks.begin()
        with as_httpcore():
            await self._stream.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> HTTPCoreStream:
        """Return the same connection with TLS on top."""
        with as_httpcore():
            secure = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return HTTPCoreStream(secure)

    def get_extra_info(self, info: str) -> Any:
        """Return the attribute of the connection that httpcore calls *info*."""
        return self._stream.get_extra_info(info)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

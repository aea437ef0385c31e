# ruff: noqa: ASYNC109 - httpcore's interface has timeouts
"""
Lets h11 and httpcore take over a connection whose reply is not ordinary.

They get the bytes that have arrived as if they had sent the request and read the reply
themselves. So the outcome is the same as on a connection that was theirs all along.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpcore

from .asyncio_socket import AsyncioSocket
from .http_pool import Connection
from .httpcore_network import HTTPCoreStream
from .plain_http import Outgoing


__all__ = ["pieces", "request_of", "some_request", "taken_over"]

# The connections are open already, so the server's name does not matter.
_HOST = "localhost"
_ORIGIN = httpcore.Origin(b"http", _HOST.encode(), 80)


def taken_over(
    stream: AsyncioSocket, received: bytes, expiry: float | None
) -> httpcore.AsyncConnectionInterface:
    """
    Return a connection of httpcore that reads *received*, then *stream*.

    The first request that it is given counts as sent.

    Args:
        stream: An open connection that has sent a request.
        received: The reply's first bytes.
        expiry: Seconds after which the idle connection must be closed; None for never.
    """
    network = _Taken(_Replay(stream, received))
    return Connection(_ORIGIN, keepalive_expiry=expiry, network_backend=network)


def request_of(asked: Outgoing) -> httpcore.Request:
    """Return *asked* as a request of httpcore."""
    return httpcore.Request(
        asked.method,
        httpcore.URL(scheme="http", host=_HOST, port=80, target=asked.address.target),
        headers=asked.raw_headers(),
        content=asked.body,
        extensions={"timeout": asked.timeouts},
    )


def some_request() -> httpcore.Request:
    """Return a request that h11 may take for the one that was sent."""
    return httpcore.Request("GET", f"http://{_HOST}/", headers={"host": _HOST})


async def pieces(stream: Any) -> AsyncGenerator[bytes, None]:
    """Yield the pieces of a body of httpcore, and close what yields them."""
    async with aclosing(aiter(stream)) as found:
        async for piece in found:
            yield piece


class _Taken(httpcore.AsyncNetworkBackend):
    """Returns the stream that is open already as a new connection."""

    def __init__(self, stream: HTTPCoreStream) -> None:
        self._stream = stream

    async def connect_tcp(self, *_: Any, **__: Any) -> HTTPCoreStream:
        return self._stream


class _Replay(HTTPCoreStream):
    """A stream that has sent a request, and received the first bytes of the reply."""

    def __init__(self, stream: AsyncioSocket, received: bytes) -> None:
        super().__init__(stream)
        self._received, self._sent = received, True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; b"" if the server has stopped sending."""
        self._sent = False
        if not self._received:
            return await super().read(max_bytes, timeout)
        data, self._received = self._received[:max_bytes], self._received[max_bytes:]
        return self._chunks.merge(data)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send *buffer*, unless it belongs to the request that was sent before."""
        if not self._sent:
            await super().write(buffer, timeout)

    def get_extra_info(self, info: str) -> Any:
        """Return the attribute of the connection that httpcore calls *info*."""
        if info == "is_readable" and self._received:
            return True
        return super().get_extra_info(info)

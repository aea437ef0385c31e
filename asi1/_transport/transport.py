"""
A request out, and a reply in.

No redirect is followed. What is raised on the way is ours: see `error_map`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, nullcontext, suppress
from functools import lru_cache
from typing import Any, Self, cast
from urllib.parse import urlsplit

import anyio
import httpx

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._protocol.request import Request
from .._settings.secret import Secret
from .client_pools import Pools
from .decompress import decoded
from .error_map import FOREIGN, translated
from .loop_pools import Slot


__all__ = ["Reply", "Transport"]

# Methods whose requests tell how long their body is, even if they have none.
_WITH_LENGTH = ("POST", "PUT", "PATCH")

_url = lru_cache(maxsize=64)(httpx.URL)

# Pieces after which other tasks have their turn: one read can hold thousands.
_TURN = 256
# Pieces of a body that are read on for its end, at the most.
_LEFT = 1000


@define
class Reply:
    """
    An open reply. Who got it closes it.

    Attributes:
        headers: Names in lowercase; of repeated ones, all values joined by commas.
        body: Its pieces as they come, decompressed. Reading raises APIConnectionError
            if the connection breaks, APIResponseError if the encoding is not kept to.
    """

    status: int
    headers: Mapping[str, str]
    body: AsyncGenerator[bytes, None] = field(init=False, repr=False)
    _host: str
    _key: Secret
    _stream: httpx.AsyncByteStream = field(repr=False)
    _slot: Slot = field(repr=False)

    _raw: AsyncGenerator[bytes, None] = field(init=False, repr=False)
    _ended: bool = field(default=False, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # httpx declares less than it gives.
        raw: Any = aiter(self._stream)
        self._raw = raw if isinstance(raw, AsyncGenerator) else _closable(raw)
        self.body = self._pieces()

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        encoding = self.headers.get("content-encoding", "")
        body = decoded(self._raw, encoding) if encoding else self._raw
        with translated(self._host, self._key):
            async with aclosing(body) if encoding else nullcontext():
                count = 0
                async for piece in body:
                    yield piece
                    count += 1
                    if count % _TURN == 0:
                        await checkpoint()
            self._ended = True

    async def aclose(self, patience: float = 0.0) -> None:
        """
        Give the connection back if the body is read to its end; else close it.

        Args:
            patience: Seconds to read on for that end.
        """
        with anyio.CancelScope(shield=True):
            try:
                if not self._ended:
                    await self._read_on(patience)
                with suppress(*FOREIGN):
                    await self._stream.aclose()
            finally:
                self._slot.release()

    async def _read_on(self, patience: float) -> None:
        # httpx nests generators that nobody closes. Reading on, and being cancelled in
        # the innermost of them, ends them all.
        with anyio.move_on_after(patience), suppress(*FOREIGN):
            for _ in range(_LEFT):
                if await anext(self._raw, None) is None:
                    break
        await self.body.aclose()
        await self._raw.aclose()


async def _closable(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        yield piece


class _Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """
    A request's body in one piece.

    httpx's own is an async generator, which is left open, and complained of by trio,
    when the connection breaks under it.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once([self._body] if self._body else [])

    def __iter__(self) -> Iterator[bytes]:
        yield self._body


@define
class _Once:
    """An async iterator over what there is."""

    _items: list[bytes]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._items:
            raise StopAsyncIteration
        return self._items.pop(0)


def _reply(response: httpx.Response, host: str, key: Secret, slot: Slot) -> Reply:
    headers = {name.lower(): key.redact(v) for name, v in response.headers.items()}
    stream = cast("httpx.AsyncByteStream", response.stream)
    if response.is_stream_consumed:
        # A hook or transport of the user's has read it, which undid the encoding. Read
        # once more, the connection would give what others wait for.
        stream = _Body(response.content)
        headers.pop("content-encoding", None)
    return Reply(response.status_code, headers, host, key, stream, slot)


@define(eq=False)
class Transport:
    """
    Sends the requests of one client and of its children.

    Attributes:
        pools: Where it finds connections.
    """

    pools: Pools

    async def send(
        self, request: Request, key: Secret, extra: Mapping[str, str]
    ) -> Reply:
        """
        Send *request* once and return its reply as soon as the headers are there.

        Args:
            request: Without the key.
            key: Added as the Authorization header, unless the caller set one.
            extra: Headers of this try.

        Raises:
            APIConnectionError: No reply came.
            ClientClosedError: As for `Pools.slot`.
            ConfigurationError: As for `Pools.slot`.
        """
        host = urlsplit(request.url).netloc
        slot = await self.pools.slot(request.timeouts.pool, host)
        try:
            with translated(host, key):
                response = await slot.pool.transport.handle_async_request(
                    self._prepare(request, key, extra)
                )
                return _reply(response, host, key, slot)
        except BaseException:
            slot.release()
            raise

    def _prepare(
        self, request: Request, key: Secret, extra: Mapping[str, str]
    ) -> httpx.Request:
        # In a function of its own, so that no frame an error passes holds the header.
        url, limits = _url(request.url), request.timeouts
        body = _Body(request.body or b"")
        headers = {
            # httpx would decode the name for it, which not every name can stand.
            "host": url.netloc.decode("ascii"),
            "authorization": f"Bearer {key.reveal()}",
            **request.headers,
            **extra,
        }
        if request.body or request.method in _WITH_LENGTH:
            headers["content-length"] = f"{len(request.body or b'')}"
        prepared = httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=body,
            extensions={
                "timeout": {
                    "connect": limits.connect,
                    "write": limits.write,
                    "pool": limits.pool,
                    "read": None,
                }
            },
        )
        # Transports, hooks and signatures of the user's look at its content.
        prepared.read()
        prepared.stream = body
        return prepared

    async def aclose(self) -> None:
        """Close the connections of this event loop; other loops close their own."""
        await self.pools.aclose()

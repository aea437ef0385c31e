"""
Sends one HTTP request, and returns its reply, whose body is still to be read.

No redirect is followed. The errors of the network and of httpx are translated: see
`error_map`.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Mapping,
)
from contextlib import aclosing, nullcontext, suppress
from types import ModuleType
from typing import Any, cast
from urllib.parse import urlsplit

import anyio

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._fork_lock import run_apart_once
from .._protocol.request import Request
from .._settings.secret import Secret
from .adapters import DirectTransport, is_genuine, preload_httpx
from .address import Address, read_address
from .client_pools import Pools
from .error_map import TranslateErrors
from .loop_pools import Slot
from .plain_http import Outgoing


__all__ = ["Reply", "Transport"]

# Methods whose requests have a content-length header even without a body.
_WITH_LENGTH = ("POST", "PUT", "PATCH")
# Number of body fragments after which the reader lets other tasks run, since one read
# from the network can contain thousands of fragments.
_PIECES_PER_STEP = 256
# Maximum number of body fragments that `Reply.aclose` reads to reach the body's end.
_DRAINED_PIECES = 1000


def _outgoing(
    request: Request,
    address: Address,
    key: Secret,
    extra: Mapping[str, str],
    sending: Callable[[], object],
) -> Outgoing:
    # A separate function, so that no frame in an error's traceback refers to the header
    # with the API key.
    body = request.body or b""
    headers = {
        # Without a Host header, httpx 0.28 would decode the host name, which fails for
        # some names.
        "host": address.netloc,
        "authorization": f"Bearer {key.reveal()}",
        **request.headers,
        **extra,
    }
    if body or request.method in _WITH_LENGTH:
        headers["content-length"] = f"{len(body)}"
    timeouts = request.timeouts
    limits = {
        "connect": timeouts.connect,
        "write": timeouts.write,
        "pool": timeouts.pool,
        "read": None,  # asi1 itself applies those of reading
    }
    return Outgoing(
        request.method, request.url, address, headers, body, limits, sending
    )


@define(eq=False, repr=False)
class Reply:
    """
    An open reply, which the caller of `Transport.send` must close.

    Attributes:
        headers: Names in lowercase; the values of a repeated header joined by commas.
        cut: Whether the compressed data is incomplete, although the body arrived in
            full.
        body: The decompressed bytes, as they arrive. Reading raises APIConnectionError
            if the connection breaks, APIResponseError if they cannot be decompressed.
    """

    status: int
    headers: Mapping[str, str]
    cut: bool = field(default=False, init=False)
    body: AsyncGenerator[bytes, None] = field(init=False)
    _host: str
    _key: Secret
    _stream: Any
    _slot: Slot

    _raw: AsyncGenerator[bytes, None] = field(init=False)
    _ended: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        # httpx's annotations promise only an async iterator, so a stream that is not an
        # async generator is wrapped in one.
        raw: Any = aiter(self._stream)
        self._raw = raw if isinstance(raw, AsyncGenerator) else _generator(raw)
        self.body = self._pieces()

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        encoding = self.headers.get("content-encoding", "")
        with TranslateErrors(self._host, self._key):
            body = self._raw
            if encoding:
                body = _decompress()(self._raw, encoding, self._note_cut)
            async with aclosing(body) if encoding else nullcontext():
                count = 0
                async for piece in body:
                    yield piece
                    count += 1
                    if count % _PIECES_PER_STEP == 0:
                        await checkpoint()
            self._ended = True

    def _note_cut(self) -> None:
        self.cut = True

    async def aclose(self, drain_timeout: float = 0.0) -> None:
        """
        Keep the connection for reuse if the body was read to its end; else close the
        connection.

        Args:
            drain_timeout: Seconds in which the rest of the body may still be read.
        """
        try:
            if not self._ended:
                await self._drain(drain_timeout)
            # A transport may raise any exception.
            with suppress(Exception), anyio.CancelScope(shield=True):
                await self._stream.aclose()
        finally:
            self._slot.release()

    async def _drain(self, seconds: float) -> None:
        # httpx 0.28 nests generators and closes only the outermost. Cancelling a read
        # in the innermost generator ends all of them.
        # One scope shields the reading and limits it: many streams end at once.
        with anyio.move_on_after(seconds, shield=True), suppress(Exception):
            for _ in range(_DRAINED_PIECES):
                if await anext(self._raw, None) is None:
                    break
        for pieces in (self.body, self._raw):
            with suppress(Exception), anyio.CancelScope(shield=True):
                await pieces.aclose()


@run_apart_once
def _httpx_request() -> ModuleType:
    from . import httpx_request  # noqa: PLC0415 - rarely used on asyncio

    return httpx_request


@run_apart_once
def _decompress() -> Callable[..., AsyncGenerator[bytes, None]]:
    from .decompress import decompress  # noqa: PLC0415 - asi1 asks for no encoding

    return decompress


async def _generator(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        yield piece


def _without_key(headers: dict[str, str], key: Secret) -> dict[str, str]:
    """Return *headers* without the key."""
    # Headers rarely contain the key, so all of them are searched at once first.
    if not key.is_plainly_in("\n".join((*headers, *headers.values()))):
        return headers
    return {key.redact(name): key.redact(value) for name, value in headers.items()}


@define(eq=False, repr=False)
class Transport:
    """
    Sends the requests of a client and of its copies from `with_options`.

    Attributes:
        pools: The pools of connections that the requests are sent over.
    """

    pools: Pools

    async def send(
        self,
        request: Request,
        key: Secret,
        extra: Mapping[str, str],
        sending: Callable[[], object] = bool,
    ) -> Reply:
        """
        Send *request* once; return its reply as soon as the reply's headers arrived.

        Args:
            request: The request, without the key.
            key: Sent as the Authorization header, unless the request or *extra* has
                one.
            extra: More headers, only for this attempt.
            sending: Called before the first byte may leave this machine.

        Raises:
            APIConnectionError: No reply arrived.
            ClientClosedError: As for `Pools.slot`.
            ConfigurationError: As for `Pools.slot`.
        """
        host = urlsplit(request.url).netloc
        slot = await self.pools.slot(request.timeouts.pool, host)
        try:
            with TranslateErrors(host, key):
                address = read_address(request.url)
                if address is None:
                    address = await self._address_by_httpx(request.url)
                status, headers, stream = await self._send(
                    slot.pool.transport,
                    _outgoing(request, address, key, extra, sending),
                )
            return Reply(status, _without_key(headers, key), host, key, stream, slot)
        except BaseException:
            slot.release()
            raise

    async def _send(
        self, transport: Any, asked: Outgoing
    ) -> tuple[int, dict[str, str], Any]:
        """Return the status, the headers, and the stream of the body of the reply."""
        if self._is_plain(transport, asked):
            reply = await cast("DirectTransport", transport).send_plainly(asked)
            return reply.status, reply.headers, reply.stream
        if self.pools.own:
            # httpcore reads the body, which calls `sending`, once it has a connection.
            await preload_httpx()
        else:
            # A user-provided transport may send the body without reading it.
            asked.sending()
        response = await transport.handle_async_request(
            _httpx_request().for_httpx(asked)
        )
        return response.status_code, *_httpx_request().from_httpx(response)

    async def _address_by_httpx(self, url: str) -> Address:
        if self.pools.own:
            await preload_httpx()
        return cast("Address", _httpx_request().address_by_httpx(url))

    def _is_plain(self, transport: Any, asked: Outgoing) -> bool:
        """Whether asi1 itself speaks HTTP with the server, without httpx and h11."""
        return (
            isinstance(transport, DirectTransport)
            and transport.on_asyncio
            and is_genuine()
            and asked.is_plain()
        )

    async def aclose(self) -> None:
        """Close the connections of this event loop; other loops close their own."""
        await self.pools.aclose()

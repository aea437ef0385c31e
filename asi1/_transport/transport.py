"""
Sends one HTTP request, and returns its reply, whose body is still to be read.

No redirect is followed. The errors of httpx are translated: see `error_map`.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterator,
    Mapping,
)
from contextlib import aclosing, nullcontext, suppress
from functools import lru_cache
from typing import Any, Self, cast
from urllib.parse import urlsplit

import anyio
import httpx

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._fork_lock import run_apart_once
from .._protocol.request import Request
from .._settings.secret import Secret
from .._settings.timeouts import Timeouts
from .client_pools import Pools
from .error_map import TranslateErrors
from .loop_pools import Slot


__all__ = ["Reply", "Transport"]

# Methods whose requests have a content-length header even without a body.
_WITH_LENGTH = ("POST", "PUT", "PATCH")

# Number of body fragments after which the reader lets other tasks run, since one read
# from the network can contain thousands of fragments.
_PIECES_PER_STEP = 256
# Maximum number of body fragments that `Reply.aclose` reads to reach the body's end.
_DRAINED_PIECES = 1000


@lru_cache(maxsize=64)
def _parsed(url: str) -> tuple[httpx.URL, bytes]:
    """Return *url* as an object of httpx, and the value of its Host header."""
    parsed = httpx.URL(url)
    return parsed, parsed.netloc


def _limits(timeouts: Timeouts) -> dict[str, float | None]:
    """Return the timeouts for httpx; asi1 itself applies those of reading."""
    return {
        "connect": timeouts.connect,
        "write": timeouts.write,
        "pool": timeouts.pool,
        "read": None,
    }


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
    _stream: httpx.AsyncByteStream
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
        with anyio.CancelScope(shield=True):
            try:
                if not self._ended:
                    await self._drain(drain_timeout)
                with suppress(Exception):  # a transport may raise any exception
                    await self._stream.aclose()
            finally:
                self._slot.release()

    async def _drain(self, seconds: float) -> None:
        # httpx 0.28 nests async generators and closes only the outermost. If a read is
        # cancelled in the innermost generator, all of them end.
        with anyio.move_on_after(seconds), suppress(Exception):
            for _ in range(_DRAINED_PIECES):
                if await anext(self._raw, None) is None:
                    break
        for pieces in (self.body, self._raw):
            with suppress(Exception):
                await pieces.aclose()


@run_apart_once
def _decompress() -> Callable[..., AsyncGenerator[bytes, None]]:
    from .decompress import decompress  # noqa: PLC0415 - asi1 asks for no encoding

    return decompress


async def _generator(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for piece in pieces:
        yield piece


class _Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """
    A request's body as one bytes object.

    httpx's own body is an async generator. If the connection breaks while the body is
    sent, that generator stays open, and trio warns of it.
    """

    def __init__(self, body: bytes, read: Callable[[], object] = bool) -> None:
        """Wrap *body*; *read* is called when the body is about to be sent."""
        self._body, self._read = body, read

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._read()
        return _ListIterator([self._body] if self._body else [])

    def __iter__(self) -> Iterator[bytes]:
        yield self._body


@define(eq=False, repr=False)
class _ListIterator:
    """An async iterator over a list; it removes each item that it returns."""

    _items: list[bytes]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._items:
            raise StopAsyncIteration
        return self._items.pop(0)


def _reply(response: httpx.Response, host: str, key: Secret, slot: Slot) -> Reply:
    headers = _without_key(response.headers, key)
    stream = cast("httpx.AsyncByteStream", response.stream)
    if response.is_stream_consumed:
        # A user-provided hook or transport has read and decompressed the body. Another
        # read from the connection would return bytes of another call's reply.
        stream = _Body(response.content)
        headers.pop("content-encoding", None)
    return Reply(response.status_code, headers, host, key, stream, slot)


def _without_key(headers: httpx.Headers, key: Secret) -> dict[str, str]:
    """Return *headers* with names in lowercase, and without the key."""
    lower = {name.lower(): value for name, value in headers.items()}
    # Headers rarely contain the key, so all of them are searched at once first.
    if not key.is_plainly_in("\n".join((*lower, *lower.values()))):
        return lower
    return {key.redact(name): key.redact(value) for name, value in lower.items()}


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
            # httpcore reads the body as soon as it has a connection, before the headers
            # are sent. A user-provided transport may send the body without reading it.
            if not self.pools.own:
                sending()
            with TranslateErrors(host, key):
                response = await slot.pool.transport.handle_async_request(
                    self._prepare(request, key, extra, sending)
                )
            return _reply(response, host, key, slot)
        except BaseException:
            slot.release()
            raise

    def _prepare(
        self,
        request: Request,
        key: Secret,
        extra: Mapping[str, str],
        sending: Callable[[], object],
    ) -> httpx.Request:
        # `_prepare` is a separate function, so that no frame in an error's traceback
        # refers to the header with the API key.
        url, host = _parsed(request.url)
        body = _Body(request.body or b"", sending)
        headers = {
            # Without a Host header, httpx 0.28 would decode the host name, which fails
            # for some names.
            "host": host.decode("ascii"),
            "authorization": f"Bearer {key.reveal()}",
            **request.headers,
            **extra,
        }
        if request.body or request.method in _WITH_LENGTH:
            headers["content-length"] = f"{len(request.body or b'')}"
        prepared = httpx.Request(
            request.method,
            url,
            # httpx takes twice as long for a dict of str.
            headers=[(name.encode(), headers[name].encode()) for name in headers],
            stream=body,
            extensions={"timeout": _limits(request.timeouts)},
        )
        # The body is read into the request, since user-provided transports, hooks and
        # auth may read `request.content`. `read` replaces the stream, so it is set
        # again.
        prepared.read()
        prepared.stream = body
        return prepared

    async def aclose(self) -> None:
        """Close the connections of this event loop; other loops close their own."""
        await self.pools.aclose()

"""
Connections that send ordinary requests, and read ordinary replies, without h11.

A reply that is not ordinary, or is cut, is handed to h11 and httpcore with all bytes
that were not read. So they judge it as if they had read the connection from its start.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl

from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import anyio

from attrs import define, field, frozen

from .._fork_lock import run_apart_once
from .asyncio_socket import AsyncioSocket
from .connect import AsyncioNetwork
from .event_loop import in_worker
from .network_errors import ConnectError, ReadError, RemoteProtocolError, WriteError
from .plain_http import (
    HEAD_END,
    ChunkedBody,
    Head,
    LengthBody,
    Outgoing,
    may_be_plain,
    read_head,
)


if TYPE_CHECKING:
    import httpcore


__all__ = ["Connection", "PlainReply", "connect"]

# Maximum number of bytes in one read; as many as asyncio receives at once.
_READ_SIZE = 256 * 1024
# The module `h11_connection`, once it is imported.
_h11: list[ModuleType] = []


@frozen
class PlainReply:
    """
    The head of a reply, and the stream of its body.

    Attributes:
        headers: Names in lowercase; the values of a repeated header joined by commas.
    """

    status: int
    headers: dict[str, str]
    stream: _Body


async def connect(
    asked: Outgoing,
    network: AsyncioNetwork,
    context: ssl.SSLContext | None,
    expiry: float | None,
) -> Connection:
    """
    Open a connection for a request.

    Args:
        asked: The request, which is not sent yet.
        network: Opens the connection.
        context: For TLS; None if all servers are addressed by http.
        expiry: Seconds after which the idle connection must be closed; None for never.

    Raises:
        ConnectError, ConnectTimeout: No address accepted the connection.
    """
    scheme, host, port = asked.address.origin
    timeout = asked.timeouts["connect"]
    stream = await network.connect_tcp(host, port, timeout)
    if scheme == "https":
        if context is None:  # never send the key without TLS
            stream.abort()
            raise ConnectError("there is no TLS context")
        context.set_alpn_protocols(["http/1.1"])
        stream = await stream.start_tls(context, host, timeout)
    return Connection(asked.address.origin, stream, expiry)


@define(eq=False)
class Connection:
    """
    One connection; h11 reads it from the first reply on that is not ordinary.

    Attributes:
        busy: Whether it has a request whose reply is not closed yet.
        closed: Whether it is closed, and so of no more use.
    """

    origin: tuple[str, str, int]
    stream: AsyncioSocket
    expiry: float | None
    busy: bool = field(default=True, init=False)
    closed: bool = field(default=False, init=False)
    _expires: float | None = field(default=None, init=False)
    # Whether the server refused a request before it had read all of it. It would take
    # the next request for the rest of that one.
    _refused: bool = field(default=False, init=False)
    _by_h11: httpcore.AsyncConnectionInterface | None = field(default=None, init=False)

    def has_expired(self, now: float) -> bool:
        """Whether the idle connection must be closed instead of used."""
        if self._by_h11 is not None:
            return self._by_h11.has_expired()
        expired = self._expires is not None and now > self._expires
        # A server sends nothing while no request is open, except that it closes.
        return expired or bool(self.stream.get_extra_info("is_readable"))

    async def send(self, asked: Outgoing) -> PlainReply:
        """Send *asked*, and return the reply; an error closes the connection."""
        try:
            if self._by_h11 is None:
                await self._write(asked)
                data, head = await self._read_head()
                if head is not None:
                    return self._plain(head, data)
                self._by_h11 = await self._hand_over(data)
            else:
                asked.sending()
            answer = await self._by_h11.handle_async_request(_h11[0].request_of(asked))
        except BaseException as error:  # noqa: BLE001 - it is raised again
            await self.aclose()
            raise _own(error)  # noqa: B904 - it has its cause
        from .httpx_request import headers_of  # noqa: PLC0415 - imported with h11

        headers = headers_of(answer.headers)
        return PlainReply(answer.status, headers, _Body(self, by_h11=answer.stream))

    def _plain(self, head: Head, first: bytes) -> PlainReply:
        reader = ChunkedBody() if head.length is None else LengthBody(head.length)
        body = _Body(self, reader, reader.feed(first), keeps=head.keeps)
        return PlainReply(head.status, head.headers, body)

    async def _write(self, asked: Outgoing) -> None:
        asked.sending()
        timeout = asked.timeouts["write"]
        try:
            await self.stream.write(asked.head() + asked.body, timeout)
            await self.stream.write(b"", timeout)
        except WriteError:  # there may be a reply that tells why
            self._refused = True

    async def _read_head(self) -> tuple[bytes, Head | None]:
        """Return the bytes after the head, and the head; or all bytes, and None."""
        data, end = b"", -1
        while end < 0:
            try:
                piece = await self.stream.read(_READ_SIZE)
            except ReadError:  # raised again when h11 reads on
                return data, None
            data += piece
            end = data.find(HEAD_END)
            if not piece or (end < 0 and not may_be_plain(data)):
                return data, None
        end += len(HEAD_END)
        head = read_head(data[:end])
        return (data, None) if head is None else (data[end:], head)

    async def _hand_over(self, received: bytes) -> httpcore.AsyncConnectionInterface:
        """Return a connection of httpcore that reads *received*, then the stream."""
        if not _h11:
            _h11.append(await in_worker(_load_h11))
        made = _h11[0].taken_over(self.stream, received, self.expiry)
        return cast("httpcore.AsyncConnectionInterface", made)

    async def rest(self, reader: ChunkedBody) -> AsyncGenerator[bytes, None]:
        """Let h11 read the rest of a body that is not ordinary, or is cut."""
        received, dropped = reader.replay()
        other = await self._hand_over(received)
        answer = await other.handle_async_request(_h11[0].some_request())
        async with aclosing(_h11[0].pieces(answer.stream)) as pieces:
            async for piece in pieces:
                if left := piece[dropped:]:
                    yield left
                dropped = 0
        await answer.aclose()
        self._by_h11 = other

    @property
    def read_by_h11(self) -> bool:
        """Whether h11 has read a reply to its end, and could read another."""
        return self._by_h11 is not None and self._by_h11.is_idle()

    async def end(self, *, keeps: bool) -> None:
        """Leave the connection open for the next request, or close it."""
        if not keeps or self._refused or self.expiry == 0:
            await self.aclose()
            return
        self.busy = False
        if self.expiry is not None:
            self._expires = asyncio.get_running_loop().time() + self.expiry

    def abort(self) -> None:
        """Close the connection in the event loop's next iteration."""
        self.closed = True
        self.stream.abort()

    async def aclose(self) -> None:
        """Close the connection."""
        self.closed = True
        with anyio.CancelScope(shield=True):
            await self.stream.aclose()


class _Body:
    """The body of a reply; whoever reads it must close it."""

    __slots__ = ("_by_h11", "_closed", "_first", "_keeps", "_reader", "_wire")

    def __init__(
        self,
        connection: Connection,
        reader: ChunkedBody | LengthBody | None = None,
        first: bytes = b"",
        *,
        keeps: bool = True,
        by_h11: Any = None,
    ) -> None:
        self._wire, self._reader, self._first = connection, reader, first
        self._keeps, self._by_h11, self._closed = keeps, by_h11, False

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        reader, read = self._reader, self._wire.stream.read
        piece, self._first = self._first, b""
        try:
            while reader is not None:
                if piece:
                    yield piece
                if reader.whole:
                    return
                # Nothing is kept while a stream waits for its next bytes.
                piece = b""
                data = b"" if reader.odd else await read(_READ_SIZE)
                if not data:
                    break
                piece = reader.feed(data)
                del data
            async with aclosing(self._others()) as others:
                async for piece in others:
                    yield piece
        except BaseException as error:  # noqa: BLE001 - it is raised again
            await self._wire.aclose()
            raise _own(error)  # noqa: B904 - it has its cause

    def _others(self) -> AsyncGenerator[bytes, None]:
        """Return what h11 reads of the body."""
        if isinstance(self._reader, LengthBody):
            raise RemoteProtocolError(self._reader.cut())
        if self._reader is None:
            return _h11[0].pieces(self._by_h11)  # type: ignore[no-any-return]
        return self._wire.rest(self._reader)

    async def aclose(self) -> None:
        """Keep the connection if the body was read to its end; else close it."""
        if self._closed:
            return
        self._closed = True
        reader = self._reader
        if reader is None:
            await self._by_h11.aclose()
        whole = self._wire.read_by_h11 or (
            reader is not None and reader.whole and not reader.rest
        )
        await self._wire.end(keeps=self._keeps and whole)


def _own(error: BaseException) -> BaseException:
    """Return a `TransportError` for an error of httpcore; other errors unchanged."""
    if not _h11:
        return error
    from .httpcore_network import from_httpcore  # noqa: PLC0415 - imported with h11

    return from_httpcore(error)


@run_apart_once
def _load_h11() -> ModuleType:
    importlib.import_module(f"{__package__}.httpx_request")
    return importlib.import_module(f"{__package__}.h11_connection")

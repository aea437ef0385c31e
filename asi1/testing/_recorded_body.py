"""The bodies of replies that a cassette records or replays."""

from __future__ import annotations

import re
import time

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio
import httpx

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._settings.secret import Secret
from ._exchange import Asked, CassetteError, Exchange
from ._tape import Tape


__all__ = ["Closing", "Recorded", "Replayed", "redacted"]

# Headers of a reply that are not recorded: cookies, and headers about the transfer.
_DROPPED = frozenset(
    {
        *("set-cookie", "set-cookie2", "connection", "keep-alive", "content-encoding"),
        *("content-length", "transfer-encoding"),
    }
)
# Matches the last event of a stream. A server may keep the body open after it.
_LAST_EVENT = re.compile(rb"(?:\A|[\r\n])data: ?\[DONE\][ \t]*[\r\n]")
# Maximum bytes of the last event, which may arrive in several pieces.
_LAST_SIZE = 64


def redacted(body: bytes, secret: Secret) -> bytes:
    """Return the complete *body* without secrets, even those split into pieces."""
    for encoding in ("utf-8", "latin-1"):
        with suppress(UnicodeDecodeError):
            text = body.decode(encoding)
            clean = secret.redact_end(secret.redact(text))
            return body if clean == text else clean.encode(encoding)
    return body


class Closing(httpx.AsyncByteStream):
    """The body of a reply; `aclose` also closes the transport that sent the request."""

    def __init__(
        self, stream: httpx.AsyncByteStream, transport: httpx.AsyncBaseTransport
    ) -> None:
        self._stream = stream
        self._transport = transport

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        await self._stream.aclose()
        await self._transport.aclose()


@define(eq=False)
class Recorded(httpx.AsyncByteStream):
    """The body of a reply; recorded after its last event, or when its reader leaves."""

    _stream: httpx.AsyncByteStream
    _response: httpx.Response
    _asked: Asked
    _secret: Secret
    _tape: Tape
    _began: float
    _pieces: list[bytes] = field(factory=list, init=False)
    _at: list[float] = field(factory=list, init=False)
    _end: bytes = field(default=b"", init=False)
    _done: bool = field(default=False, init=False)
    _source: AsyncIterator[bytes] | None = field(default=None, init=False)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._source is None:
            self._source = aiter(self._stream)
        try:
            piece = await anext(self._source)
        except StopAsyncIteration:
            self._write(left=False)
            raise
        except Exception:
            self._done = True  # a reply that broke off is not recorded
            raise
        self._pieces.append(piece)
        self._at.append(time.monotonic() - self._began)
        end = self._end + piece
        self._end = end[-_LAST_SIZE:]
        if self._has_events and _LAST_EVENT.search(end):
            self._write(left=True)
        return piece

    @property
    def _has_events(self) -> bool:
        return "event-stream" in self._response.headers.get("content-type", "")

    async def aclose(self) -> None:
        try:
            self._write(left=True)
        finally:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()
            await self._stream.aclose()

    def _write(self, *, left: bool) -> None:
        if self._done:
            return
        self._done = True
        pieces, at = self._pieces, self._at
        body = b"".join(pieces)
        encoding = self._response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            unpacked = httpx.Response(
                200, headers={"content-encoding": encoding}, content=body
            )
            pieces, at = [unpacked.content], at[-1:]
            body = pieces[0]
        clean = redacted(body, self._secret)
        if clean != body:
            # The secret may span several pieces, so the body is stored as one piece.
            pieces, at = [clean], at[-1:]
        ended = self._has_events and _LAST_EVENT.search(clean) is not None
        complete = ended or not left
        exchange = Exchange(
            self._asked,
            self._response.status_code,
            self._kept_headers(),
            pieces,
            at,
            not complete,
        )
        self._tape.add(exchange)

    def _kept_headers(self) -> dict[str, str]:
        redact, headers = self._secret.redact, self._response.headers
        kept = {name.lower(): value for name, value in headers.items()}
        return {redact(k): redact(v) for k, v in kept.items() if k not in _DROPPED}


class Replayed(httpx.AsyncByteStream):
    """The body of a recorded reply, in the pieces in which it arrived."""

    def __init__(self, exchange: Exchange, path: Path, *, times: bool) -> None:
        pieces = exchange.pieces
        at = exchange.at if times and len(exchange.at) == len(pieces) else ()
        self._at = [*at, *[0.0] * (len(pieces) - len(at))]
        self._pieces = list(pieces)
        self._left = exchange.left
        self._path = path
        self._began = anyio.current_time()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await checkpoint()
        if not self._pieces:
            if self._left:
                raise CassetteError(
                    f"{self._path}: the reply was recorded only up to here, since its"
                    " reader closed it; record it again"
                )
            raise StopAsyncIteration
        wait = self._began + self._at.pop(0) - anyio.current_time()
        if wait > 0:
            await anyio.sleep(wait)
        return self._pieces.pop(0)

    async def aclose(self) -> None:
        self._pieces.clear()

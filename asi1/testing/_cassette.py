"""
`cassette`: an httpx transport that records replies in a file, and replays them.

Recorded are no headers of requests, no cookies and no API key, and no exchange during
which the connection failed.
"""

from __future__ import annotations

import os
import time

from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self, TypeAlias, cast, get_args
from urllib.request import getproxies

import anyio
import httpx

from anyio.lowlevel import checkpoint
from attrs import define, field

from .._models.errors import ConfigurationError
from .._settings.config import is_loopback
from .._settings.echoes import secrets_of
from .._settings.secret import Secret
from .._transport.adapters import DirectTransport, preload_httpcore, proxy_transport
from .._transport.tls import placeholder_context, ssl_context
from ._exchange import Asked, CassetteError, Exchange
from ._tape import Tape


__all__ = ["Cassette", "Mode", "cassette"]

Mode: TypeAlias = Literal["replay-or-record", "record", "replay", "off"]

# Headers of a reply that are not recorded: cookies, and how its bytes were sent.
_DROPPED = frozenset(
    {
        *("set-cookie", "set-cookie2", "connection", "keep-alive", "content-encoding"),
        *("content-length", "transfer-encoding"),
    }
)


def cassette(
    path: str | os.PathLike[str],
    mode: Mode = "replay-or-record",
    *,
    times: bool = False,
    transport: httpx.AsyncBaseTransport | None = None,
    hide: Iterable[str] = (),
) -> Cassette:
    """
    Return a transport that records replies in a file, and replays them.

    Give it to a client as ``transport=``. It may be used by ``with`` or without.

    A recorded request is the same as another if its method, path, query and body are
    the same; JSON is compared as values. The host, the headers, and the fields
    ``session_id`` and ``idempotency_key`` of the body do not count. A request that was
    recorded several times is replayed in that order, each recording once.

    Args:
        path: The file; created with its folder.
        mode: "replay-or-record" replays what is recorded, and sends and records the
            rest. "record" sends everything; its first recording replaces the file.
            "replay" sends nothing: a request without a recording left raises
            `CassetteError`. "off" sends everything, and does not touch the file.
        times: Whether to replay the pauses between the parts of a reply.
        transport: Sends what is to be recorded; httpx's own transport if left out.
        hide: Strings that are recorded as ``***``, besides the API key. Strings of
            less than 8 characters are not found.

    Raises:
        ConfigurationError: *mode* or *path* is wrong.
    """
    if mode not in get_args(Mode):
        known = ", ".join(map(repr, get_args(Mode)))
        raise ConfigurationError(f"mode: must be one of {known}, not {mode!r:.80}")
    given: object = path
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise ConfigurationError("path: must be the path of a file")
    tape = Tape(Path(path).absolute(), anew=mode == "record")
    return Cassette(tape, mode, times=times, transport=transport, hide=tuple(hide))


class Cassette(httpx.AsyncBaseTransport):
    """A transport that records replies in a file and replays them; see `cassette`."""

    def __init__(
        self,
        tape: Tape,
        mode: Mode,
        *,
        times: bool,
        transport: httpx.AsyncBaseTransport | None,
        hide: tuple[str, ...],
    ) -> None:
        """Users call `cassette`."""
        self._tape = tape
        self._mode: Mode = mode
        self._times = times
        self._transport = transport
        self._hide = hide

    def __repr__(self) -> str:
        return f"<Cassette {str(self.path)!r} mode={self.mode!r}>"

    @property
    def path(self) -> Path:
        """The file."""
        return self._tape.path

    @property
    def mode(self) -> Mode:
        """The mode: see `cassette`."""
        return self._mode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: each exchange is in the file as soon as it ends."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Replay the reply to *request*, or send the request and record the reply.

        Raises:
            CassetteError: There is no recording, or the file cannot be used.
            httpx.TransportError: The request could not be sent.
        """
        if self._mode == "off":
            return await self._send(request)
        body = await request.aread()
        secret = self._secret(request)
        text = secret.redact(str(request.url))
        asked = Asked.of(request.method, text, _redacted(body, secret))
        if self._mode != "record":
            found = self._tape.take(asked)
            if found is not None:
                return self._replay(found)
        if self._mode == "replay":
            raise CassetteError(self._tape.explain(asked))
        began = time.monotonic()
        response = await self._send(request)
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _Recorded(stream, response, asked, secret, self._tape, began)
        return response

    def _secret(self, request: httpx.Request) -> Secret:
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = request.url.query.decode("latin-1")
        return Secret("", (*self._hide, *secrets_of(headers, query)))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        if self._transport is not None:
            return await self._transport.handle_async_request(request)
        transport = await _network_transport(request.url)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await transport.aclose()
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _Closing(stream, transport)
        return response

    def _replay(self, found: Exchange) -> httpx.Response:
        stream = _Replayed(found, self.path, times=self._times)
        return httpx.Response(found.status, headers=found.headers, stream=stream)


def _redacted(body: bytes, secret: Secret) -> bytes:
    """Return *body* without secrets, which are searched in all of it at once."""
    for encoding in ("utf-8", "latin-1"):
        with suppress(UnicodeDecodeError):
            text = body.decode(encoding)
            clean = secret.redact_end(secret.redact(text))
            return body if clean == text else clean.encode(encoding)
    return body


async def _network_transport(url: httpx.URL) -> httpx.AsyncBaseTransport:
    """Return a transport for one exchange, which works on any event loop."""
    await preload_httpcore()
    context = placeholder_context()
    if url.scheme == "https":
        context = await ssl_context(trust_env=True)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    proxies = {} if is_loopback(url.host) else getproxies()
    proxied = None
    if proxies:
        proxied = proxy_transport(context, limits, str(url), proxies)
    return proxied or DirectTransport(context, limits)


class _Closing(httpx.AsyncByteStream):
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
class _Recorded(httpx.AsyncByteStream):
    """The body of a reply; recorded when it ends, or when its reader closes it."""

    _stream: httpx.AsyncByteStream
    _response: httpx.Response
    _asked: Asked
    _secret: Secret
    _tape: Tape
    _began: float
    _pieces: list[bytes] = field(factory=list, init=False)
    _at: list[float] = field(factory=list, init=False)
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
        return piece

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
        clean = _redacted(body, self._secret)
        if clean != body:
            # The secret may be in several pieces, so the cuts are lost.
            pieces, at = [clean], at[-1:]
        complete = not left or b"[DONE]" in clean
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


class _Replayed(httpx.AsyncByteStream):
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

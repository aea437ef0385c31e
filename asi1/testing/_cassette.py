"""
`cassette`: an httpx transport that records replies in a file, and replays them.

The file contains no request headers, no cookies and no API key, and no exchange during
which the connection failed.
"""

from __future__ import annotations

import os
import time

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, cast, get_args

import anyio
import httpx

from .._models.errors import ConfigurationError
from .._settings.config import is_loopback
from .._settings.echoes import secrets_of
from .._settings.secret import Secret
from .._transport.adapters import DirectTransport, preload_network
from .._transport.client_pools import read_proxies
from .._transport.event_loop import in_worker
from .._transport.tls import placeholder_context, ssl_context
from ._exchange import Asked, CassetteError, Exchange
from ._recorded_body import Closing, Recorded, Replayed, redacted
from ._tape import Tape


__all__ = ["Cassette", "Mode", "cassette"]

# Seconds for which the connection of a recorded exchange is kept after it.
_EXPIRY = 0.0

Mode: TypeAlias = Literal["replay-or-record", "record", "replay", "off"]


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

    Give it to a client as ``transport=``. A ``with`` block is possible, but not needed.

    A request matches a recorded one if method, path, query and body are equal; JSON is
    compared by its values. The host, the headers, and the fields ``session_id`` and
    ``idempotency_key`` of the body are not compared. A request that was recorded
    several times is replayed in that order, each recording once.

    Args:
        path: The file; created with its folder.
        mode: "replay-or-record" replays recorded requests, and sends and records all
            others. "record" sends everything; its first recording replaces the file.
            "replay" sends nothing: a request without a recording left raises
            `CassetteError`. "off" sends everything, and does not touch the file.
        times: Whether to replay the pauses between the parts of a reply.
        transport: Sends requests that are recorded; httpx's own transport if left out.
        hide: Strings that are recorded as ``***``, besides the API key. Strings of
            less than 8 characters are not hidden.

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
        """Users call `cassette` instead."""
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
        """Do nothing: each exchange is in the file once its last event was read."""

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
        asked = Asked.of(request.method, text, redacted(body, secret))
        if self._mode != "record":
            found = self._tape.take(asked)
            if found is not None:
                return self._replay(found)
        if self._mode == "replay":
            raise CassetteError(self._tape.explain(asked))
        began = time.monotonic()
        response = await self._send(request)
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = Recorded(stream, response, asked, secret, self._tape, began)
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
            response: httpx.Response = await transport.handle_async_request(request)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await transport.aclose()
            raise
        stream = cast("httpx.AsyncByteStream", response.stream)
        response.stream = Closing(stream, transport)
        return response

    def _replay(self, found: Exchange) -> httpx.Response:
        stream = Replayed(found, self.path, times=self._times)
        return httpx.Response(found.status, headers=found.headers, stream=stream)


async def _network_transport(url: httpx.URL) -> Any:
    """Return a transport for one exchange, which works on any event loop."""
    await preload_network()
    context = placeholder_context()
    if url.scheme == "https":
        context = await ssl_context(trust_env=True)
    proxies = {} if is_loopback(url.host) else await in_worker(read_proxies)
    proxied = None
    if proxies:
        from .._transport.proxies import proxy_transport  # noqa: PLC0415 - imported

        proxied = proxy_transport(context, _EXPIRY, str(url), proxies)
    return proxied or DirectTransport(context, _EXPIRY)

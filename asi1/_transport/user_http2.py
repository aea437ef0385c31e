"""
Keeps a user's HTTP/2 connections usable after cancelled calls.

httpcore 1.0 and httpcore2 2.16 do not tell the server that a stream was cancelled. So
each cancelled call leaves a stream open, and after 100 of them the connection refuses
all calls. A call that is cancelled while httpcore sets the connection up leaves a
connection that fails with a ValueError, and one that is cancelled while it writes may
lose the frames of other calls, which then wait for ever.

This module uses private names of both libraries; if they are missing, it does nothing.
"""

from __future__ import annotations

import math

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import anyio

from .user_loops import transports_of


__all__ = ["http2_pools", "send_over_http2"]

# The error code CANCEL of RFC 9113, section 7.
_CANCEL = 8
# Seconds after which a write fails; meanwhile, a cancelled call waits for its write.
_WRITING = 10.0
# Maximum seconds for telling the server of a cancelled stream.
_TELLING = 1.0
# A cancelled call waits for writes of at most this many bytes. The writes of HTTP/2 are
# smaller; those of HTTP/1.1 may be large, but contain bytes of one call only.
_SMALL = 64 * 1024
# Maximum seconds for setting up a connection, which goes on even if the first request
# is cancelled.
_SET_UP = 5.0


def http2_pools(owner: object) -> list[Any]:
    """Give *owner*'s HTTP/2 pools a `_WholeWrites` backend, and return these pools."""
    pools: list[Any] = [getattr(each, "_pool", None) for each in transports_of(owner)]
    found = [pool for pool in pools if getattr(pool, "_http2", False)]
    for pool in found:
        backend = getattr(pool, "_network_backend", None)
        if backend is not None and not isinstance(backend, _WholeWrites):
            pool._network_backend = _WholeWrites(backend)
    return found


class _WholeWrites:
    """A network backend, or a stream of one, whose small writes are not cancelled."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def connect_tcp(self, *args: Any, **options: Any) -> _WholeWrites:
        return _WholeWrites(await self.inner.connect_tcp(*args, **options))

    async def connect_unix_socket(self, *args: Any, **options: Any) -> _WholeWrites:
        return _WholeWrites(await self.inner.connect_unix_socket(*args, **options))

    async def start_tls(self, *args: Any, **options: Any) -> _WholeWrites:
        return _WholeWrites(await self.inner.start_tls(*args, **options))

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - as in httpcore
    ) -> None:
        if len(buffer) > _SMALL:
            await self.inner.write(buffer, timeout)
            return
        most = _WRITING if timeout is None else min(timeout, _WRITING)
        with anyio.CancelScope(shield=True):
            await self.inner.write(buffer, most)


async def send_over_http2(
    send: Callable[[Any], Awaitable[Any]], request: Any, pools: list[Any]
) -> Any:
    """
    Send *request* over HTTP/2; if the response is closed early, its stream is reset.

    Args:
        send: Sends a request, and returns its response.
        request: A request of httpx or httpx2.
        pools: The pools that may send it.

    Raises:
        TimeoutError: The server did not answer the set-up of a connection.
    """
    with anyio.CancelScope() as scope:

        async def trace(event: str, _: object) -> None:
            # If httpcore were cancelled while it sets a connection up, the connection
            # would stay broken.
            if event == "http2.send_connection_init.started":
                scope.shield, scope.deadline = True, anyio.current_time() + _SET_UP
            elif event == "http2.send_request_headers.started":
                scope.shield, scope.deadline = False, math.inf

        request.extensions = {**request.extensions, "trace": trace}
        try:
            response = await send(request)
        except BaseException:
            await _reset_lost_streams(pools)
            raise
        if response.extensions.get("http_version") == b"HTTP/2":
            response.stream = _ResettingBody(response.stream, pools)
        return response
    raise TimeoutError(f"the HTTP/2 connection was not set up within {_SET_UP:g} s")


class _ResettingBody:
    """A reply's body; `aclose` resets the stream of a body that was not read whole."""

    def __init__(self, stream: Any, pools: list[Any]) -> None:
        self._stream, self._pools = stream, pools

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
        await _reset_lost_streams(self._pools)


def _http2_of(connection: Any) -> Any:
    """Return the HTTP/2 connection in *connection*, even behind a proxy; else None."""
    while connection is not None and not hasattr(connection, "_h2_state"):
        connection = getattr(connection, "_connection", None)
    return connection


async def _reset_lost_streams(pools: list[Any]) -> None:
    """
    Reset the streams that no call waits for any more.

    Their connection is not used for new calls, as after a cancelled call over HTTP/1.1:
    the server may have sent data that no task reads, which fills the connection's flow
    control window.
    """
    with suppress(AttributeError):  # raised if httpcore has renamed private names
        for pool in pools:
            for each in list(pool.connections):
                connection = _http2_of(each)
                if connection is not None:
                    in_use = any(call.connection is each for call in pool._requests)
                    await _retire_if_lost(connection, in_use=in_use)


async def _retire_if_lost(connection: Any, *, in_use: bool) -> None:
    state, events = connection._h2_state, connection._events
    lost = [
        number
        for number, stream in list(state.streams.items())
        if number not in events and not stream.closed
    ]
    with anyio.CancelScope(shield=True), suppress(Exception):
        for number in lost:
            connection._connection_error = True
            state.reset_stream(number, error_code=_CANCEL)
        if lost:
            with anyio.move_on_after(_TELLING):
                await connection._write_outgoing_data(SimpleNamespace(extensions={}))
        if connection._connection_error and not in_use:
            await connection.aclose()

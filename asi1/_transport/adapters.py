"""
The httpx transports that send requests: httpx's own, or a user-provided one.

An httpx client is used only if the user provides one.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import httpx

from .._fork_lock import run_apart_once
from .event_loop import in_worker, loop_token


if TYPE_CHECKING:
    import httpcore


__all__ = [
    "DirectTransport",
    "UserClient",
    "UserTransport",
    "network_backend",
    "preload_httpcore",
]

# A request's extension with this key is a list of the bodies of its replies.
_HELD = "asi1.held"
# The modules of this package that import httpcore.
_MODULES = (f"{__package__}.http_pool", f"{__package__}.connect")
# True once httpcore is imported; `sys.modules` has a module before its import ends.
_preloaded = False


async def preload_httpcore() -> None:
    """Import httpcore, and the modules of this package that need it, in a thread."""
    global _preloaded  # noqa: PLW0603 - modules are imported once per process
    if not _preloaded:
        await in_worker(_import_httpcore)
        _preloaded = True


@run_apart_once
def _import_httpcore() -> None:
    for name in _MODULES:
        importlib.import_module(name)
    # asyncio resolves host names in threads of `concurrent.futures.thread`, which
    # cannot be imported while Python is exiting.
    with suppress(RuntimeError):
        importlib.import_module("concurrent.futures.thread")


class DirectTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, but with asi1's connection pool."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=context, limits=limits)
        # These imports are fast: `preload_httpcore` has already run them in a thread.
        from .http_pool import ConnectionPool  # noqa: PLC0415
        from .httpcore_internals import replace_pool  # noqa: PLC0415

        replace_pool(self, lambda: ConnectionPool(context, limits, network_backend()))


def network_backend() -> httpcore.AsyncNetworkBackend:
    """Return an object that opens connections on the running event loop."""
    if isinstance(loop_token(), asyncio.AbstractEventLoop):
        from .connect import AsyncioBackend  # noqa: PLC0415

        return AsyncioBackend()
    return _trio_backend()()


@run_apart_once
def _trio_backend() -> type[httpcore.AsyncNetworkBackend]:
    from .trio_socket import TrioBackend  # noqa: PLC0415 - most programs use asyncio

    return TrioBackend


class UserTransport(httpx.AsyncBaseTransport):
    """Sends through a user-provided transport, and never closes that transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except httpx.HTTPStatusError as error:
            if (reply := _reply_in(error, request, [])) is None:
                raise
            return reply


class UserClient(httpx.AsyncBaseTransport):
    """Sends through a user-provided httpx client, adds its headers, never closes it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        prepared = self._client.build_request(
            request.method,
            request.url,
            content=request.content,
            headers=request.headers,
            extensions=request.extensions,
        )
        prepared.stream = request.stream
        held: list[_HeldBody] = []
        prepared.extensions = {**prepared.extensions, _HELD: held}
        hooks = self._client.event_hooks
        if hooks["response"] and hooks["response"][0] is not _hold_body:
            # Replace the list, since other tasks may be running the old list's hooks.
            hooks["response"] = [_hold_body, *hooks["response"]]
        try:
            response = await self._client.send(
                prepared, stream=True, follow_redirects=False
            )
        except BaseException as error:
            reply = None
            if isinstance(error, httpx.HTTPStatusError):
                reply = _reply_in(error, prepared, held)
            await _let_go(held, reply)
            if reply is None:
                raise
            return reply
        await _let_go(held, response)
        return response

    async def aclose(self) -> None:
        """Do nothing: the user closes the client."""


class _HeldBody(httpx.AsyncByteStream):
    """
    A reply's body; while *held*, `aclose` leaves it open unless it was fully read.

    httpx closes a reply if one of the client's hooks raises an error.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self.stream = stream
        self.held = True
        self.closed = self.ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.stream:
            yield piece
        self.ended = True

    async def aclose(self) -> None:
        self.closed = True
        if self.ended or not self.held:
            await self.stream.aclose()


async def _hold_body(response: httpx.Response) -> None:
    """Keep the body of a reply to asi1's request open; a response hook of httpx."""
    held = response.request.extensions.get(_HELD)
    if held is not None and isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _HeldBody(response.stream)
        held.append(response.stream)


async def _let_go(held: list[_HeldBody], kept: httpx.Response | None) -> None:
    """Close the bodies that `aclose` left open, except the body of the reply *kept*."""
    for body in held:
        body.held = False
        if body.closed and (kept is None or kept.stream is not body):
            with anyio.CancelScope(shield=True), suppress(Exception):
                await body.stream.aclose()


def _reply_in(
    error: httpx.HTTPStatusError, request: httpx.Request, held: list[_HeldBody]
) -> httpx.Response | None:
    """
    Return the reply that a hook or a transport raised because of its status.

    None if it is the reply to another request, such as for a token. The body is empty
    if it was closed before it was read.
    """
    reply = error.response
    if reply.request.url != request.url or reply.is_stream_consumed:
        return reply if reply.request.url == request.url else None
    if not reply.is_closed:
        return reply
    headers = [(k, v) for k, v in reply.headers.multi_items() if k != "content-length"]
    body = next((each for each in held if each is reply.stream), None)
    if body is None:
        headers = [(k, v) for k, v in headers if k != "content-encoding"]
    return httpx.Response(
        reply.status_code, headers=headers, stream=body or httpx.ByteStream(b"")
    )

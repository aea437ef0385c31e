"""
Sends requests through a user-provided client or transport, of httpx or of httpx2.

asi1 never closes the user's client or transport.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import lru_cache
from types import ModuleType
from typing import Any

import anyio
import httpx

from .._models.errors import ConfigurationError
from .error_map import families, kinds
from .user_http2 import http2_pools, send_over_http2
from .user_loops import hand_over, on_this_loop


__all__ = ["UserClient", "UserTransport", "check_client", "check_transport"]

# Key of the request extension that lists the bodies of the request's replies.
_HELD = "asi1.held"


def _family_of(value: object, name: str) -> ModuleType | None:
    """Return httpx or httpx2 if *value* is of its class *name*; None if of neither."""
    for family in families():
        if isinstance(value, getattr(family, name, ())):
            return family
    return None


def check_client(client: object) -> None:
    """
    Check the argument ``http_client`` of a client.

    Raises:
        ConfigurationError: *client* is not an AsyncClient of httpx or httpx2.
    """
    _check("http_client", client, "AsyncClient", ("Client", "AsyncClient"))


def check_transport(transport: object) -> None:
    """
    Check the argument ``transport`` of a client.

    Raises:
        ConfigurationError: *transport* is not an AsyncBaseTransport of httpx or httpx2.
    """
    name, instead = "AsyncBaseTransport", ("BaseTransport", "AsyncHTTPTransport")
    _check("transport", transport, name, instead)


def _check(argument: str, value: object, name: str, instead: tuple[str, str]) -> None:
    """
    Check that *value* is of the class *name*, and prepare it for several event loops.

    *instead*: the blocking class that users pass by mistake, and the class to pass.
    """
    if _family_of(value, name) is None:
        raise ConfigurationError(
            f"{argument}: must be an httpx.{name}, for ASI1 too,"
            f" {_instead(value, *instead)}"
        )
    hand_over(value)


def _instead(given: object, blocking: str, name: str) -> str:
    kind = type(given)
    package = kind.__module__.partition(".")[0]
    said = (
        f"not {kind.__name__}"
        if package == "builtins"
        else f"not {package}.{kind.__name__}"
    )
    family = _family_of(given, blocking)
    if family is None:
        return said
    return (
        f"{said}: the blocking client is async inside; pass"
        f" {family.__name__}.{name}(...) with the same arguments"
    )


class UserTransport(httpx.AsyncBaseTransport):
    """Sends through a user-provided transport."""

    def __init__(self, transport: Any) -> None:
        self._family = _family_of(transport, "AsyncBaseTransport") or httpx
        self._transport, self._copies = on_this_loop(transport)
        self._pools = http2_pools(self._transport)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        prepared: Any = request
        if self._family is not httpx:
            prepared = self._family.Request(
                request.method,
                str(request.url),
                headers=request.headers.raw,
                stream=_stream(self._family, request.stream),
                extensions=request.extensions,
            )
            prepared.read()
            prepared.stream = _stream(self._family, request.stream)
        send = self._transport.handle_async_request
        try:
            if self._pools:
                return await send_over_http2(send, prepared, self._pools)  # type: ignore[no-any-return]
            return await send(prepared)  # type: ignore[no-any-return]
        except kinds("HTTPStatusError") as error:
            if (reply := _reply_in(error, prepared, [])) is None:
                raise
            return reply

    async def aclose(self) -> None:
        """Close the copy for this event loop; the user closes the transport itself."""
        await _close(self._copies)


class UserClient(httpx.AsyncBaseTransport):
    """Sends through a user-provided client, with its headers, query and cookies."""

    def __init__(self, client: Any) -> None:
        self._family = _family_of(client, "AsyncClient") or httpx
        self._client, self._copies = on_this_loop(client)
        self._pools = http2_pools(self._client)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        held: list[_HeldBody] = []
        prepared = self._prepared(request, held)
        hooks = self._client.event_hooks
        if hooks["response"] and hooks["response"][0] is not _hold_body:
            # Replace the list, since other tasks may be running the old list's hooks.
            hooks["response"] = [_hold_body, *hooks["response"]]
        try:
            response = await self._send(prepared)
        except BaseException as error:
            reply = None
            if isinstance(error, kinds("HTTPStatusError")):
                reply = _reply_in(error, prepared, held)
            await _let_go(held, reply)
            if reply is None:
                raise
            return reply
        await _let_go(held, response)
        return response  # type: ignore[no-any-return]

    def _prepared(self, request: httpx.Request, held: list[_HeldBody]) -> Any:
        more: dict[str, Any] = {}
        if self._client.params and request.url.query:
            # httpx 0.28 drops the URL's query if the client has a query of its own.
            more["params"] = request.url.params.multi_items()
        prepared = self._client.build_request(
            request.method,
            request.url if self._family is httpx else str(request.url),
            content=request.content,
            headers=request.headers.raw,
            extensions=request.extensions,
            **more,
        )
        prepared.stream = _stream(self._family, request.stream)
        prepared.extensions = {**prepared.extensions, _HELD: held}
        return prepared

    async def _send(self, request: Any) -> Any:
        if self._pools:
            return await send_over_http2(self._send_once, request, self._pools)
        return await self._send_once(request)

    async def _send_once(self, request: Any) -> Any:
        return await self._client.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        """Close the copy for this event loop; the user closes the client itself."""
        await _close(self._copies)


async def _close(copies: list[Any]) -> None:
    for each in copies:
        with suppress(Exception):
            await each.aclose()


class _Stream:
    """The body of a request, for httpx2 instead of httpx."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> Any:
        return aiter(self._stream)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)


@lru_cache(maxsize=2)
def _stream_class(family: ModuleType) -> Any:
    bases = _Stream, family.AsyncByteStream, family.SyncByteStream
    return type("Stream", bases, {})


def _stream(family: ModuleType, stream: Any) -> Any:
    return stream if family is httpx else _stream_class(family)(stream)


@lru_cache(maxsize=2)
def _held_class(family: ModuleType) -> Any:
    return type("HeldBody", (_HeldBody, family.AsyncByteStream), {})


class _HeldBody:
    """
    A reply's body; while *held*, `aclose` leaves it open unless it was fully read.

    httpx closes a reply if one of the client's hooks raises an error.
    """

    def __init__(self, stream: Any) -> None:
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


async def _hold_body(response: Any) -> None:
    """Response hook for httpx: keeps the body of a reply to asi1's request open."""
    held = response.request.extensions.get(_HELD)
    family = _family_of(response.stream, "AsyncByteStream")
    if held is not None and family is not None:
        response.stream = _held_class(family)(response.stream)
        held.append(response.stream)


async def _let_go(held: list[_HeldBody], kept: Any) -> None:
    """Close the bodies that `_HeldBody.aclose` left open, except *kept*'s body."""
    for body in held:
        body.held = False
        if body.closed and (kept is None or kept.stream is not body):
            with anyio.CancelScope(shield=True), suppress(Exception):
                await body.stream.aclose()


def _reply_in(error: Any, request: Any, held: list[_HeldBody]) -> httpx.Response | None:
    """
    Return the reply in an error that a hook or transport raised for the reply's status.

    Return None if it is the reply to another request, such as one for a token. The body
    is empty if it was closed before it was read.
    """
    reply: Any = error.response
    if reply.request.url != request.url:
        return None
    if reply.is_stream_consumed or not reply.is_closed:
        return reply  # type: ignore[no-any-return]
    headers = [(k, v) for k, v in reply.headers.multi_items() if k != "content-length"]
    body = next((each for each in held if each is reply.stream), None)
    if body is None:
        headers = [(k, v) for k, v in headers if k != "content-encoding"]
    stream: Any = httpx.ByteStream(b"") if body is None else body
    return httpx.Response(reply.status_code, headers=headers, stream=stream)

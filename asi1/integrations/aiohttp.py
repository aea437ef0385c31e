"""
asi1 in aiohttp's server: the client in the application, streams for browsers.

    app = web.Application(middlewares=[error_middleware])
    app.cleanup_ctx.append(client_ctx())

    async def chat(request: web.Request) -> web.StreamResponse:
        client = get_client(request)
        stream = client.chat.completions.stream(messages=request.query["q"])
        return await stream_response(request, stream)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, suppress
from functools import partial

import anyio

from .. import AsyncASI1, AsyncChatStream, AsyncEventBytes
from .._models.errors import ASI1Error
from .._models.json_text import dump_json
from .._protocol.public_error import failure
from ._events import events_of
from ._watch import while_there


try:
    from aiohttp import web
    from aiohttp.typedefs import Handler
except ImportError as _missing:
    raise ImportError(
        "asi1.integrations.aiohttp needs aiohttp: pip install 'asi1[aiohttp]'"
    ) from _missing


__all__ = [
    "client_ctx",
    "error_middleware",
    "error_response",
    "get_client",
    "stream_response",
]

_CLIENT = web.AppKey("asi1", AsyncASI1)
# Seconds between looks at the connection: aiohttp tells no handler that it was lost.
_LOOK = 0.5


def client_ctx(
    make: Callable[[], AsyncASI1] = AsyncASI1,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """
    Return a context that makes a client when the application starts, and closes it.

    Used as ``app.cleanup_ctx.append(client_ctx())``; subapplications share the client.

    Args:
        make: Makes the client; called once for each start.
    """

    async def run(app: web.Application) -> AsyncIterator[None]:
        async with make() as client:
            app[_CLIENT] = client
            yield

    return run


def get_client(request: web.Request) -> AsyncASI1:
    """
    Return the application's client.

    Raises:
        RuntimeError: The application has no `client_ctx`.
    """
    client = request.config_dict.get(_CLIENT)
    if client is None:
        raise RuntimeError(
            "the application has no client: app.cleanup_ctx.append(client_ctx()), of"
            f" {__name__}"
        )
    return client


def error_response(error: Exception) -> web.Response:
    """
    Return what a caller may know of *error*.

    The status is that of the event ``failed`` (see `AsyncEventBytes`), the body holds
    that event's data, ``{"error": {"status": ...}}``, and ``retry-after`` is passed on.
    """
    told = failure(error)
    return web.Response(
        body=dump_json({"error": told.to_dict()}),
        status=told.status,
        headers=told.headers,
        content_type="application/json",
    )


@web.middleware
async def error_middleware(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Answer what fails in a handler with an `ASI1Error` as `error_response` does."""
    try:
        return await handler(request)
    except ASI1Error as error:
        return error_response(error)


async def stream_response(
    request: web.Request,
    stream: AsyncChatStream,
    *,
    ping: float | None = 15.0,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """
    Answer *request* with a stream that a browser reads as server-sent events.

    The events are told in `AsyncEventBytes`. An error before the first of them, in the
    first *ping* seconds, is answered as by `error_response`. The call ends when the
    browser leaves, also in a silence.

    Args:
        request: The request to answer.
        stream: Read from where it stands; best not yet begun, as
            ``client.chat.completions.stream(...)`` returns it.
        ping: Seconds of silence after which a comment is sent; None for never.
        headers: More headers of the reply.

    Returns:
        What the handler returns: a reply that is already sent, or that of an error.

    Raises:
        TypeError: *stream* is no stream of `AsyncASI1`.
    """
    # No proxy shall keep the events, or wait for more of them.
    ours = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    reply = web.StreamResponse(headers={**ours, **(headers or {})})
    reply.content_type = "text/event-stream"
    reply.charset = "utf-8"

    async def left() -> None:
        # aiohttp takes the transport away once it is lost.
        while request.transport is not None:  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(_LOOK)

    async with aclosing(events_of(stream, ping)) as events:
        try:
            await while_there(partial(_answer, request, reply, events), left)
        except ASI1Error as error:
            return error_response(error)
    return reply


async def _answer(
    request: web.Request, reply: web.StreamResponse, events: AsyncEventBytes
) -> None:
    await events.open()
    with suppress(ConnectionResetError):  # the browser has left
        await reply.prepare(request)
        async for data in events:
            await reply.write(data)
        await reply.write_eof()

"""
asi1 in aiohttp's server: one client per application, and streams for browsers.

    app = web.Application(middlewares=[error_middleware])
    app.cleanup_ctx.append(client_ctx())

    async def chat(request: web.Request) -> web.StreamResponse:
        client = get_client(request)
        stream = client.chat.completions.stream(messages=request.query["q"])
        return await stream_response(request, stream)
"""

from __future__ import annotations

import asyncio

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from .. import AsyncASI1, AsyncChatStream, AsyncEventBytes
from .._install import install_hint
from .._models.base import Model
from .._models.errors import ASI1Error, ClientClosedError
from .._models.json_text import dump_json
from .._protocol.public_error import failure
from .._settings.validators import number, wrong
from ._events import closing_event, events_of
from ._watch import cancel_when_left


if TYPE_CHECKING:
    from .. import AsyncToolRun


try:
    from aiohttp import web
    from aiohttp.typedefs import Handler
except ImportError as _missing:
    raise ImportError(
        f"asi1.integrations.aiohttp needs aiohttp: {install_hint('aiohttp')}"
    ) from _missing


__all__ = [
    "client_ctx",
    "error_middleware",
    "error_response",
    "get_client",
    "stream_response",
]

_CLIENT = web.AppKey("asi1", AsyncASI1)
# Set when the application is shutting down, and streams must end.
_CLOSING = web.AppKey("asi1.closing", asyncio.Event)
# Seconds between checks of the connection: aiohttp (3.x) does not notify a handler when
# the connection is lost.
_CHECK_INTERVAL = 0.5


def client_ctx(
    make: Callable[[], AsyncASI1] = AsyncASI1, *, grace: float = 10.0
) -> Callable[[web.Application], AsyncIterator[None]]:
    """
    Return a cleanup context that makes a client when the application starts, and closes
    the client when the application ends.

    Use it as ``app.cleanup_ctx.append(client_ctx())``. Subapplications share the
    client.

    Args:
        make: Makes the client; called at each start.
        grace: Seconds that open streams have to end when the application shuts down.
            Then `stream_response` ends them with the event ``failed``. *grace* must be
            less than aiohttp's own ``shutdown_timeout``, which cuts streams off (60 s).

    Raises:
        ArgumentError: *grace* is not a number of at least 0.
    """
    if problem := number(0)(grace):
        raise wrong("grace", problem, grace)

    async def run(app: web.Application) -> AsyncIterator[None]:
        closing = asyncio.Event()

        async def close_later(_: web.Application) -> None:
            asyncio.get_running_loop().call_later(grace, closing.set)

        # A subapplication's signals are frozen before it starts; its streams end with
        # those of the main application, if that has a client too.
        with suppress(RuntimeError):
            app.on_shutdown.append(close_later)
            app[_CLOSING] = closing
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
            "the application has no client: add one with"
            f" app.cleanup_ctx.append(client_ctx()), from {__name__}"
        )
    return client


def error_response(error: Exception) -> web.Response:
    """
    Return the HTTP reply for *error*, without details that browsers must not see.

    Not a coroutine function, unlike that of `asi1.integrations.starlette`. Status and
    body are those of the event ``failed`` (see `AsyncEventBytes`): the body is
    ``{"error": {"status": ...}}``, the event's data. ``retry-after`` is passed on.
    """
    public = failure(error)
    return web.Response(
        body=dump_json({"error": public.to_dict()}),
        status=public.status,
        headers=public.headers,
        content_type="application/json",
    )


@web.middleware
async def error_middleware(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """
    Reply with `error_response` when a handler raises an `ASI1Error`.

    Raises:
        TypeError: A handler returned an object of asi1, such as an answer, instead of
            an HTTP reply.
    """
    try:
        reply: Any = await handler(request)
    except ASI1Error as error:
        return error_response(error)
    if isinstance(reply, Model):
        raise TypeError(
            f"a handler returned a {type(reply).__name__}, which is not a reply; return"
            " web.json_response(answer.to_dict())"
        )
    response: web.StreamResponse = reply
    return response


async def stream_response(
    request: web.Request,
    stream: AsyncChatStream | AsyncToolRun,
    *,
    ping: float | None = 15.0,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """
    Reply to *request* with a stream, or a run with tools, as server-sent events.

    `AsyncEventBytes` describes the events. An error in the first *ping* seconds, if no
    event was sent before, becomes an `error_response`. The call ends when the browser
    disconnects, even while no events come. When the application shuts down, the last
    event is ``failed`` with the status 503; see `client_ctx`.

    Args:
        request: The request to reply to.
        stream: The stream or the run, as ``client.chat.completions.stream(...)`` or
            ``run_tools(...)`` returns it. If a part was read before, the rest is sent.
        ping: Seconds without an event after which a comment is sent; None for never.
        headers: Additional headers of the reply.

    Returns:
        The reply, for the handler to return: already sent, or an `error_response`.

    Raises:
        TypeError: *stream* is neither a stream nor a run of `AsyncASI1`.
    """
    # Without these headers, proxies may cache the events, or buffer them.
    defaults = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    reply = web.StreamResponse(headers={**defaults, **(headers or {})})
    reply.content_type = "text/event-stream"
    reply.charset = "utf-8"

    prepared = events_of(stream, ping)
    closing = request.config_dict.get(_CLOSING) or asyncio.Event()

    async def left() -> None:
        # aiohttp (3.x) sets the transport to None when the connection is lost.
        while request.transport is not None and not closing.is_set():
            with anyio.move_on_after(_CHECK_INTERVAL):
                await closing.wait()

    async with aclosing(prepared) as events:
        sent = [b""]
        try:
            await cancel_when_left(partial(_answer, request, reply, events, sent), left)
            if closing.is_set() and not reply.prepared:
                raise ClientClosedError("the service is closing")
        except ASI1Error as error:
            return error_response(error)
        if closing.is_set() and (event := closing_event(sent[0])):
            with _unless_left(request):
                await reply.write(event)
                await reply.write_eof()
    return reply


async def _answer(
    request: web.Request,
    reply: web.StreamResponse,
    events: AsyncEventBytes,
    sent: list[bytes],
) -> None:
    """Send *events*; *sent* receives the events that were sent last."""
    await events.open()
    with _unless_left(request):
        await reply.prepare(request)
        async for data in events:
            sent[0] = data
            await reply.write(data)
        await reply.write_eof()


@contextmanager
def _unless_left(request: web.Request) -> Iterator[None]:
    """Suppress errors of the connection to a browser that has disconnected."""
    try:
        yield
    except ConnectionError:
        transport = request.transport
        if transport is not None and not transport.is_closing():
            # The error comes from a user's journal, not from the browser's connection.
            raise

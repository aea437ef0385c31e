"""
asi1 in Starlette, and in frameworks that are built on it.

A lifespan makes and closes one client per application; streams become server-sent
events for browsers; errors become HTTP statuses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    aclosing,
    asynccontextmanager,
    suppress,
)
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from .. import AsyncASI1, AsyncChatStream, AsyncEventBytes
from .._install import install_hint
from .._models.errors import ASI1Error, ClientClosedError
from .._protocol.public_error import failure
from ._events import closing_event, events_of
from ._watch import cancel_when_left


if TYPE_CHECKING:
    from .. import AsyncToolRun


try:
    from starlette.background import BackgroundTask
    from starlette.requests import HTTPConnection
    from starlette.responses import JSONResponse, Response
    from starlette.types import Receive, Scope, Send
except ImportError as _missing:
    raise ImportError(
        f"asi1.integrations.starlette needs Starlette: {install_hint('starlette')}"
    ) from _missing


__all__ = ["ChatStreamResponse", "error_response", "get_client", "lifespan"]

# The status that nginx logs for a client that disconnects before the reply.
_CLIENT_CLOSED_REQUEST = 499
# Seconds that a cancelled reply has to send its last event.
_LAST_WORDS = 1.0


def lifespan(
    make: Callable[[], AsyncASI1] = AsyncASI1,
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """
    Return a lifespan that makes a client when the application starts, and closes the
    client when the application ends.

    Use it as ``FastAPI(lifespan=lifespan())``, or within a lifespan of your own::

        async with lifespan()(app) as state:
            yield {**state, "db": db}

    Args:
        make: Makes the client; called at each start.
    """

    @asynccontextmanager
    async def run(_: Any) -> AsyncIterator[dict[str, Any]]:
        async with make() as client:
            yield {"asi1": client}

    return run


def get_client(connection: HTTPConnection) -> AsyncASI1:
    """
    Return the application's client.

    Raises:
        RuntimeError: The application has no `lifespan`.
    """
    client = getattr(connection.state, "asi1", None)
    if not isinstance(client, AsyncASI1):
        raise RuntimeError(  # noqa: TRY004 - the application is wrong, not a type
            "the application has no client: create it with lifespan=lifespan(), from"
            " asi1.integrations; in a test, TestClient(app) runs it only inside `with`"
        )
    return client


async def error_response(_: object, error: Exception) -> Response:
    """
    Return the HTTP reply for *error*, without details that browsers must not see.

    An exception handler, and so a coroutine function of the request and the error:
    ``FastAPI(exception_handlers={ASI1Error: error_response})``.
    Status and body are those of the event ``failed`` (see `AsyncEventBytes`): the body
    is ``{"error": {"status": ...}}``, the event's data. ``retry-after`` is passed on.
    """
    public = failure(error)
    return JSONResponse(
        {"error": public.to_dict()}, status_code=public.status, headers=public.headers
    )


class ChatStreamResponse(Response):
    """
    A reply that sends a stream, or a run with tools, as server-sent events.

    `AsyncEventBytes` describes the events. An error in the first *ping* seconds, if no
    event was sent before, becomes an `error_response`. The call ends when the browser
    disconnects, even while no events come. If the server cancels the reply, as uvicorn
    does at its end, the last event is ``failed`` with the status 503.

    Args:
        stream: The stream or the run, as ``client.chat.completions.stream(...)`` or
            ``run_tools(...)`` returns it. If a part was read before, the rest is sent.
        ping: Seconds without an event after which a comment is sent; None for never.
        headers: Additional headers of the reply.
        background: A task to run after the reply.

    Raises:
        TypeError: *stream* is neither a stream nor a run of `AsyncASI1`.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: AsyncChatStream | AsyncToolRun,
        *,
        ping: float | None = 15.0,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        # Without these headers, proxies may cache the events, or buffer them.
        defaults = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        self.status_code = 200
        self.background = background
        self.body = b""
        self.init_headers({**defaults, **(headers or {})})
        del self.headers["content-length"]
        self._events = events_of(stream, ping)
        self._started = False
        self._sent = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream's events, or a reply for the stream's error."""

        async def left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async with aclosing(self._events) as events:
            try:
                await cancel_when_left(
                    partial(self._answer, events, scope, receive, send), left
                )
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True), anyio.move_on_after(_LAST_WORDS):
                    await self._close(scope, receive, send)
                raise
        if not self._started:
            # The browser has disconnected, but a reply is sent, because Starlette's
            # middleware raises if an endpoint sends none.
            with suppress(OSError):
                response = Response(status_code=_CLIENT_CLOSED_REQUEST)
                await response(scope, receive, send)
        if self.background is not None:
            await self.background()

    async def _answer(
        self, events: AsyncEventBytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await events.open()
        except ASI1Error as error:
            self._started = True
            refusal = await error_response(None, error)
            await refusal(scope, receive, send)
            return
        self._started = True
        start = {"status": self.status_code, "headers": self.raw_headers}
        # Some servers raise OSError after the browser has disconnected.
        with suppress(OSError):
            await send({"type": "http.response.start", **start})
            async for self._sent in events:
                await send(_body(self._sent, more=True))
            await send(_body(b"", more=False))

    async def _close(self, scope: Scope, receive: Receive, send: Send) -> None:
        """End a reply that was cancelled."""
        with suppress(OSError, RuntimeError):  # the reply has ended already
            if self._started:
                await send(_body(closing_event(self._sent), more=False))
                return
            refusal = await error_response(None, ClientClosedError("closing"))
            await refusal(scope, receive, send)


def _body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}

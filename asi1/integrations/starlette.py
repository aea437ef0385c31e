"""
asi1 in Starlette, and in what is built on it.

One client for each application, made and closed with it; streams that browsers read as
server-sent events; errors as HTTP statuses.
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
from typing import Any

from .. import AsyncASI1, AsyncChatStream, AsyncEventBytes
from .._models.errors import ASI1Error
from .._protocol.public_error import failure
from ._events import events_of
from ._watch import while_there


try:
    from starlette.background import BackgroundTask
    from starlette.requests import HTTPConnection
    from starlette.responses import JSONResponse, Response
    from starlette.types import Receive, Scope, Send
except ImportError as _missing:
    raise ImportError(
        "asi1.integrations.starlette needs Starlette: pip install 'asi1[starlette]'"
    ) from _missing


__all__ = ["ChatStreamResponse", "error_response", "get_client", "lifespan"]

# What logs call a browser that has left before the reply began.
_LEFT = 499


def lifespan(
    make: Callable[[], AsyncASI1] = AsyncASI1,
) -> Callable[[Any], AbstractAsyncContextManager[dict[str, Any]]]:
    """
    Return a lifespan that makes a client when the application starts, and closes it.

    Used as ``FastAPI(lifespan=lifespan())``. A lifespan of your own enters it, and adds
    what it yields to its state::

        async with lifespan()(app) as state:
            yield {**state, "db": db}

    Args:
        make: Makes the client; called once for each start.
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
        raise RuntimeError(  # noqa: TRY004 - it is about the application
            "the application has no client: give it lifespan=lifespan(), of asi1's"
            " integration; in a test, TestClient(app) runs it only inside `with`"
        )
    return client


async def error_response(_: object, error: Exception) -> Response:
    """
    Answer with what a caller may know of *error*.

    An exception handler: ``FastAPI(exception_handlers={ASI1Error: error_response})``.
    The status is that of the event ``failed`` (see `AsyncEventBytes`), the body holds
    that event's data, ``{"error": {"status": ...}}``, and ``retry-after`` is passed on.
    """
    told = failure(error)
    return JSONResponse(
        {"error": told.to_dict()}, status_code=told.status, headers=told.headers
    )


class ChatStreamResponse(Response):
    """
    A stream that a browser reads as server-sent events; they are told in
    `AsyncEventBytes`.

    An error before the first event, in the first *ping* seconds, is answered as by
    `error_response`. The call ends when the browser leaves, also in a silence.

    Args:
        stream: Read from where it stands; best not yet begun, as
            ``client.chat.completions.stream(...)`` returns it.
        ping: Seconds of silence after which a comment is sent; None for never.
        headers: More headers of the reply.
        background: Run afterwards.

    Raises:
        TypeError: *stream* is no stream of `AsyncASI1`.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: AsyncChatStream,
        *,
        ping: float | None = 15.0,
        headers: Mapping[str, str] | None = None,
        background: BackgroundTask | None = None,
    ) -> None:
        # No proxy shall keep the events, or wait for more of them.
        ours = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        self.status_code = 200
        self.background = background
        self.body = b""
        self.init_headers({**ours, **(headers or {})})
        del self.headers["content-length"]
        self._events = events_of(stream, ping)
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request: by events, or by an error."""

        async def left() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        async with aclosing(self._events) as events:
            await while_there(partial(self._answer, events, scope, receive, send), left)
        if not self._started:
            # Nobody hears this, but middleware insists on a reply.
            with suppress(OSError):
                await Response(status_code=_LEFT)(scope, receive, send)
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
        with suppress(OSError):  # how some servers say that the browser has left
            await send({"type": "http.response.start", **start})
            async for data in events:
                await send(_body(data, more=True))
            await send(_body(b"", more=False))


def _body(data: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}

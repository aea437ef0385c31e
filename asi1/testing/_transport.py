"""
Plans acted out in process, as a transport of httpx: no sockets, no thread.

The bytes of a plan go through h11 as they would on the far side of a socket, and its
complaints become the errors that they become on asi1's own connections. Time passes
only in `anyio.sleep`, so a virtual clock works on asyncio and on trio.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf

import anyio
import h11
import httpx

from anyio.lowlevel import checkpoint

from .._transport.http_pool import begins_http
from ._plan import Close, End, Pause, Plan, Reset, Stall, flat
from ._render import Renderer
from ._request import Ending, RecordedRequest, joined
from ._script import Script


__all__ = ["FakeTransport"]


_READ_SIZE = 65536  # what httpcore takes from a socket at once, in bytes
_EVENT_SIZE = 100 * 1024  # httpcore's bound on an unfinished head, in bytes


class FakeTransport(httpx.AsyncBaseTransport):
    """
    Answers as the script says, in the event loop of the client.

    Each request has a connection of its own; of the request's time limits the one for
    reading is kept.

    Args:
        script: Chooses the replies.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Answer one request.

        Returns:
            The response, its body unread.

        Raises:
            httpx.TransportError: As httpx's own transport raises it.
        """
        ending = Ending()
        path, _, query = request.url.raw_path.decode("latin-1").partition("?")
        recorded = RecordedRequest(
            method=request.method,
            path=path,
            query=query,
            headers=joined(request.headers.raw),
            body=await request.aread(),
            ending=ending,
        )
        timeout = request.extensions.get("timeout", {})
        replay = _Replay(self._script.answer(recorded), request.method, ending)
        replay.patience = timeout.get("read")
        try:
            head = await replay.head()
        except BaseException:
            await replay.aclose()
            raise
        return httpx.Response(
            status_code=head.status_code,
            headers=head.headers.raw_items(),
            stream=replay,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": head.reason},
        )


class _Replay(httpx.AsyncByteStream):
    """The client's end of a connection that has a plan at its other end."""

    # Iterated by `__anext__` and not by an async generator: nobody closes the
    # generator below another one, and trio complains of each one left open.

    def __init__(self, plan: Plan, method: str, ending: Ending) -> None:
        self._steps = flat((*plan, End()))
        self._renderer = Renderer(head_only=method == "HEAD")
        self._ending = ending
        self._unread = b""
        self._conn = h11.Connection(h11.CLIENT, max_incomplete_event_size=_EVENT_SIZE)
        request = h11.Request(method=method, target="/", headers=[("host", "fake")])
        self._conn.send(request)
        self._conn.send(h11.EndOfMessage())
        self.patience: float | None = None

    async def head(self) -> h11.Response:
        while not isinstance(event := await self._event(), h11.Response):
            pass
        return event

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        event = await self._event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        self._ending.end("sent")
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._ending.end("left")

    async def _event(self) -> object:
        try:
            while (event := self._conn.next_event()) is h11.NEED_DATA:
                self._feed(await self._read())
        except h11.RemoteProtocolError as exc:
            self._ending.end("sent")
            raise httpx.RemoteProtocolError(str(exc)) from exc
        return event

    def _feed(self, data: bytes) -> None:
        if not data and self._conn.their_state is h11.SEND_RESPONSE:
            self._ending.end("sent")
            self._judge()
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response."
            )
        self._conn.receive_data(data)

    def _judge(self) -> None:
        """Raise if what came before the server left is no HTTP."""
        unread = self._conn.trailing_data[0]
        if self._conn.their_state is h11.SEND_RESPONSE and not begins_http(unread):
            raise httpx.RemoteProtocolError(f"illegal status line: {unread!r}")

    async def _read(self) -> bytes:
        await checkpoint()
        silence = 0.0
        while not self._unread:
            match step := next(self._steps, Close()):
                case Pause(seconds) | Stall(seconds):
                    silence = await self._keep_silent(silence, seconds)
                case Reset():
                    self._ending.end("sent")
                    self._judge()
                    raise httpx.ReadError("")
                case Close():
                    return b""
                case _:
                    self._unread = self._renderer.render(step)
        data, self._unread = self._unread[:_READ_SIZE], self._unread[_READ_SIZE:]
        return data

    async def _keep_silent(self, so_far: float, seconds: float | None) -> float:
        total = so_far + (inf if seconds is None else seconds)
        if self.patience is not None and total > self.patience:
            await anyio.sleep(self.patience - so_far)
            raise httpx.ReadTimeout("")
        await anyio.sleep(total - so_far)
        return total

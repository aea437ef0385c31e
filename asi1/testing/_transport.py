"""
An httpx transport that makes the fake's replies in process, without sockets.

h11 parses the bytes of a plan as on a real connection; h11's errors become the httpx
errors of a real connection. The transport waits only in `anyio.sleep`, so that a
virtual clock works, on asyncio and on trio.
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
from ._request import Ending, RecordedRequest, join_headers
from ._script import Script


__all__ = ["FakeTransport"]


_READ_SIZE = 65536  # bytes in one read, as in httpcore
_EVENT_SIZE = 100 * 1024  # bytes; httpcore's limit for a response's headers


class FakeTransport(httpx.AsyncBaseTransport):
    """
    An httpx transport that sends scripted replies, in the client's event loop.

    Each request has its own connection; of the request's timeouts, only the read
    timeout applies.

    Args:
        script: Chooses the replies.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Answer one request with the reply that the script chooses.

        Returns:
            The response, with an unread body.

        Raises:
            httpx.TransportError: The class that httpx's own transport would raise.
        """
        ending = Ending()
        path, _, query = request.url.raw_path.decode("latin-1").partition("?")
        recorded = RecordedRequest(
            method=request.method,
            path=path,
            query=query,
            headers=join_headers(request.headers.raw),
            body=await request.aread(),
            ending=ending,
        )
        timeout = request.extensions.get("timeout", {})
        early = self._script.take_early(recorded)
        if early is not None:
            await anyio.sleep(early.reading.duration(len(recorded.body)))
        plan = self._script.answer(recorded, early)
        stream = _ReplyStream(plan, request.method, ending)
        stream.read_timeout = timeout.get("read")
        try:
            head = await stream.head()
        except BaseException:
            await stream.aclose()
            raise
        return httpx.Response(
            status_code=head.status_code,
            headers=head.headers.raw_items(),
            stream=stream,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": head.reason},
        )


class _ReplyStream(httpx.AsyncByteStream):
    """The body of a response; carries out the reply's steps as the client reads it."""

    # This class has `__anext__` in place of an async generator, because httpx does not
    # close the generator of a partly read body, and trio warns of unclosed generators.

    def __init__(self, plan: Plan, method: str, ending: Ending) -> None:
        self._steps = flat((*plan, End()))
        self._renderer = Renderer(head_only=method == "HEAD")
        self._ending = ending
        self._unread = b""
        self._conn = h11.Connection(h11.CLIENT, max_incomplete_event_size=_EVENT_SIZE)
        request = h11.Request(method=method, target="/", headers=[("host", "fake")])
        self._conn.send(request)
        self._conn.send(h11.EndOfMessage())
        self.read_timeout: float | None = None

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
            self._check_http()
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response."
            )
        self._conn.receive_data(data)

    def _check_http(self) -> None:
        """Raise if the connection ended after bytes that are not HTTP."""
        unread = self._conn.trailing_data[0]
        if self._conn.their_state is h11.SEND_RESPONSE and not begins_http(unread):
            raise httpx.RemoteProtocolError(f"illegal status line: {unread!r}")

    async def _read(self) -> bytes:
        await checkpoint()
        waited = 0.0
        while not self._unread:
            match step := next(self._steps, Close()):
                case Pause(seconds) | Stall(seconds):
                    waited = await self._wait(waited, seconds)
                case Reset():
                    self._ending.end("sent")
                    self._check_http()
                    raise httpx.ReadError("")
                case Close():
                    return b""
                case _:
                    self._unread = self._renderer.render(step)
        data, self._unread = self._unread[:_READ_SIZE], self._unread[_READ_SIZE:]
        return data

    async def _wait(self, waited: float, seconds: float | None) -> float:
        total = waited + (inf if seconds is None else seconds)
        if self.read_timeout is not None and total > self.read_timeout:
            await anyio.sleep(self.read_timeout - waited)
            raise httpx.ReadTimeout("")
        await anyio.sleep(total - waited)
        return total

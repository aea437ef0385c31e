"""
The streamed answer of one call, for the streams of both clients.

`ChunkStream` is a class, not a generator: so a stream can be closed early, be read by
several methods, and be garbage-collected while its call runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, Self

from .._models.busy_errors import StreamBusyError, StreamConsumedError
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import ASI1Error, StreamClosedError
from .._models.response import ResponseInfo
from .._protocol.request import Request
from .._transport.event_loop import call_soon, loop_token
from .attempts import OneRequest
from .call import Call
from .chunk_reader import ChunkReader
from .engine import Engine
from .task import CallTask


__all__ = ["ChunkStream", "Observer", "chunk_stream"]

_CONSUMED = (
    "the stream was already read; to get thoughts and text, loop over its chunks"
)


class Observer(Protocol):
    """An object that is notified when the reading of an answer ends."""

    def ended(self, answer: ChatCompletion, *, whole: bool) -> None:
        """
        Record the *answer* as it was at the end; called once, on the event loop.

        Args:
            answer: The part of the answer that has arrived.
            whole: True if the reader has received the complete answer: the stream was
                read to its end, or to the last finish reason; False if the stream
                failed or was closed early.
        """

    def dropped(self) -> None:
        """Record that the call was abandoned; may be called twice, from any thread."""


class ChunkStream:
    """
    Delivers the chunks of one answer to one reader at a time.

    A cancelled read loses no chunk: the next read returns it. Garbage collection of the
    stream cancels its call: the call and its task hold no reference to the stream.

    Attributes:
        consumed: Whether the stream was read to its end.
        closed: Whether the stream was closed.
        reading: Whether a reader is waiting for a chunk.
    """

    # Class attributes, since `__del__` reads them even if `__init__` was interrupted.
    _task: CallTask | None = None
    _observer: Observer | None = None

    def __init__(
        self,
        call: Call[ChatCompletionChunk],
        begin: Callable[[], CallTask],
        observer: Observer | None = None,
    ) -> None:
        """Create the stream of *call*; its first use starts the call with *begin*."""
        self.consumed: bool = False
        self.closed: bool = False
        self.reading: bool = False
        self._call = call
        self._begin = begin
        self._observer = observer
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        state = "closed" if self.closed else "read" if self.consumed else "open"
        return f"<ChunkStream {state} status={self.response.status}>"

    def check_unread(self) -> None:
        """Raise `StreamConsumedError` if the stream was read to its end."""
        if self.consumed:
            raise StreamConsumedError(_CONSUMED)

    async def open(self) -> Self:
        """
        Start the call, wait until the server begins to answer, and return the stream.

        Raises:
            ASI1Error: As for `next_batch`, if the call fails before its first chunk.
        """
        if self.closed:
            raise StreamClosedError("the stream was closed")
        if self._task is None:
            self._task = self._begin()
        try:
            await self._call.opened.wait()
            self._call.queue.check()
        except BaseException as error:
            if isinstance(error, ASI1Error):
                self._error = error
            await self.aclose()
            del self  # else an error's traceback would keep the stream alive
            raise
        return self

    async def next_batch(self) -> Sequence[ChatCompletionChunk]:
        """
        Wait for a chunk, and return all unread chunks; an empty sequence at the end.

        Raises:
            ASI1Error: The call failed, or the stream is closed or being read.
        """
        if self.closed:
            error = self._error or StreamClosedError("the stream was closed")
            raise error.with_traceback(None)
        if self._task is not None and not self._task.here:
            raise StreamClosedError("the stream was begun in another process")
        if self.reading:
            raise StreamBusyError("the stream is already being read")
        self.reading = True
        try:
            if self._task is None:
                self._task = self._begin()
            batch = await self._call.queue.get()
        except BaseException as error:
            self.reading = False
            if isinstance(error, ASI1Error):
                self._error = error
                self._notify_observer()
            # The error's traceback refers to this frame. Without `del`, a caller that
            # holds the error would keep the stream, and so its call, alive.
            del self
            raise
        self.reading = False
        if not batch:
            self.consumed = True
            self._notify_observer()
        return batch

    async def grown(self) -> ChatCompletion:
        """Wait for new chunks, unless the stream is over; return the answer so far."""
        if not self.consumed:
            await self.next_batch()
        return self.snapshot()

    async def final(self) -> ChatCompletion:
        """
        Read the stream to its end, and return the complete answer.

        Raises:
            ASI1Error: As for `next_batch`.
        """
        while not self.consumed:
            await self.next_batch()
        return self.snapshot()

    def snapshot(self) -> ChatCompletion:
        """Return the part of the answer that has arrived."""
        return self._call.answer()

    @property
    def response(self) -> ResponseInfo:
        """The response metadata so far: status, attempts, times."""
        return self._call.info()

    def shut(self) -> None:
        """Make later reads raise `StreamClosedError`; needs no running event loop."""
        self.closed = True

    async def aclose(self, *, delivered: bool = True) -> None:
        """
        Close the stream and its connection; may be called twice, and by any task.

        A waiting reader gets `StreamClosedError`.

        Args:
            delivered: Whether the caller has received every part of the answer in the
                batches that `next_batch` returned.
        """
        self._notify_observer(delivered=delivered)
        self.closed = True
        self.abandon()
        error = StreamClosedError("the stream was closed")
        if self._task is None or self._task.token is loop_token():
            self._call.queue.abandon(error)
            if self._task is not None:
                await self._task.join()
        # The task runs on another event loop, so it cannot be awaited.
        elif self._task.here:
            call_soon(self._task.token, lambda: self._call.queue.abandon(error))

    def _notify_observer(self, *, delivered: bool = True) -> None:
        observer = self._observer
        if observer is None:
            return
        if self._task is None:  # keep the observer, since the call may still begin
            observer.dropped()
        else:
            self._observer = None
            reader, unread = self._call.reader, self._call.queue.unread()
            complete = reader is not None and reader.whole
            read = complete and delivered and not any(map(self.has_part, unread))
            observer.ended(self.snapshot(), whole=self.consumed or read)

    def leave(self) -> None:
        """Cancel the call without waiting for it; must run on the call's event loop."""
        # First, so that a conversation's observer can add a complete answer to the
        # history: after `abandon` it no longer can.
        self._notify_observer()
        self.abandon()

    def abandon(self) -> None:
        """Cancel the call without waiting for it; may be called from any thread."""
        # A call whose queue has ended is not cancelled: its task ends by itself, and
        # first reads the rest of the body, so that the connection can be reused.
        if self._task is not None and not self._call.queue.ended:
            self._task.stop()
        observer = self._observer
        if observer is not None:
            observer.dropped()

    @contextmanager
    def abandoned_if_left(self) -> Iterator[None]:
        """Cancel the call if the block raises an exception other than `ASI1Error`."""
        try:
            yield
        except ASI1Error:
            raise
        except BaseException:
            self.abandon()
            raise

    @staticmethod
    def has_part(chunk: ChatCompletionChunk) -> bool:
        """Return whether *chunk* has a part of the answer or a finish reason."""
        if chunk.text or chunk.thought or chunk.executable_data:
            return True
        return any(
            choice.finish_reason
            or choice.delta.content
            or choice.delta.reasoning
            or choice.delta.tool_calls
            or choice.delta.refusal
            or choice.delta.extra
            for choice in chunk.choices
        )

    def __del__(self) -> None:
        self.abandon()


def chunk_stream(engine: Engine, request: Request) -> ChunkStream:
    """
    Return the stream of the answer to *request*; the first read starts the call.

    If the client is closed already, this function does not raise, but the first read
    does: so the caller always gets a stream, which it can close.
    """
    call = Call(engine.resources, OneRequest(request), ChunkReader)
    return ChunkStream(call, partial(engine.begin, call))

"""
The answer of one call while it is written, for the streams of both clients.

An object, never a bare generator: it can be left early, asked twice, and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol, Self

from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import (
    ASI1Error,
    StreamBusyError,
    StreamClosedError,
    StreamConsumedError,
)
from .._models.response import ResponseInfo
from .._protocol.request import Request
from .._transport.event_loop import call_soon, loop_token
from .answer_reader import ChunkReader
from .call import Call, OneRequest
from .engine import Engine
from .task import CallTask


__all__ = ["AnswerStream", "Observer", "answer_stream"]

_CONSUMED = "the stream was read to its end before; for thoughts and text loop over it"


class Observer(Protocol):
    """What is told how the reading of an answer ended."""

    def ended(self, answer: ChatCompletion, *, whole: bool) -> None:
        """
        Take note of the last state of the *answer*; called once, on the loop.

        Args:
            answer: As far as it has come.
            whole: Whether it was read to its end; else it failed, or was closed early.
        """

    def dropped(self) -> None:
        """Take note that the call is cancelled; from any thread, perhaps again."""


class AnswerStream:
    """
    Reads an answer for one reader at a time.

    A reader who is cancelled while it waits loses nothing and may go on reading. A
    stream that is garbage-collected cancels its call: the call and its task hold no
    reference to the stream.

    Attributes:
        consumed: Whether it was read to its end.
        closed: Whether it was closed.
        reading: Whether a reader waits at this moment.
    """

    # Here, since `__del__` also runs after an interrupted constructor.
    _task: CallTask | None = None
    _observer: Observer | None = None

    def __init__(
        self,
        call: Call[ChatCompletionChunk],
        begin: Callable[[], CallTask],
        observer: Observer | None = None,
    ) -> None:
        """Make the stream of *call*, which *begin* starts at the first use."""
        self.consumed = False
        self.closed = False
        self.reading = False
        self._call = call
        self._begin = begin
        self._observer = observer
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        state = "closed" if self.closed else "read" if self.consumed else "open"
        return f"<AnswerStream {state} status={self.response.status}>"

    def check_unread(self) -> None:
        """Raise `StreamConsumedError` if there is nothing more to read."""
        if self.consumed:
            raise StreamConsumedError(_CONSUMED)

    async def open(self) -> Self:
        """
        Start the call, wait until the server begins to answer, and return the stream.

        Raises:
            ASI1Error: What reading the stream raises, before its first chunk.
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
            del self  # as in `next_batch`
            raise
        return self

    async def next_batch(self) -> Sequence[ChatCompletionChunk]:
        """
        Return all the chunks that have come, at least one; none at the end.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        if self.closed:
            error = self._error or StreamClosedError("the stream was closed")
            raise error.with_traceback(None)
        if self._task is not None and not self._task.here:
            raise StreamClosedError("the stream was begun by another process")
        if self.reading:
            raise StreamBusyError("the stream is being read by somebody else")
        self.reading = True
        try:
            if self._task is None:
                self._task = self._begin()
            batch = await self._call.queue.get()
        except BaseException as error:
            self.reading = False
            if isinstance(error, ASI1Error):
                self._error = error
                self._tell_end()
            # A reader who is cancelled drops the stream; the frames that the error
            # keeps must not keep it.
            del self
            raise
        self.reading = False
        if not batch:
            self.consumed = True
            self._tell_end()
        return batch

    async def grown(self) -> ChatCompletion:
        """Wait for more of the answer, if there is more; return what has come."""
        if not self.consumed:
            await self.next_batch()
        return self.snapshot()

    async def final(self) -> ChatCompletion:
        """
        Read what is left, and return the whole answer.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        while not self.consumed:
            await self.next_batch()
        return self.snapshot()

    def snapshot(self) -> ChatCompletion:
        """Return the answer as far as it has come from the server."""
        return self._call.answer()

    @property
    def response(self) -> ResponseInfo:
        """How the reply comes: status, attempts, times; filled as they are known."""
        return self._call.info()

    def shut(self) -> None:
        """Let no more be read, even if there is no loop to close the stream on."""
        self.closed = True

    async def aclose(self) -> None:
        """
        Close the stream and its connection; may be called twice, and by any task.

        A reader who waits gets `StreamClosedError`.
        """
        self._tell_end()
        self.closed = True
        self.abandon()
        error = StreamClosedError("the stream was closed")
        if self._task is None or self._task.token is loop_token():
            self._call.queue.abandon(error)
            if self._task is not None:
                await self._task.join()
        elif self._task.here:  # on another loop, which cannot be waited for from here
            call_soon(self._task.token, lambda: self._call.queue.abandon(error))

    def _tell_end(self) -> None:
        observer = self._observer
        if observer is None:
            return
        if self._task is None:  # it has not begun, and may still
            observer.dropped()
        else:
            self._observer = None
            observer.ended(self.snapshot(), whole=self.consumed)

    def abandon(self) -> None:
        """Let the call end without waiting for it; may be called from any thread."""
        # A call that has brought everything ends by itself, and tidies its connection
        # up so that the next call can use it.
        if self._task is not None and not self._call.queue.ended:
            self._task.stop()
        observer = self._observer
        if observer is not None:
            observer.dropped()

    @contextmanager
    def abandoned_if_left(self) -> Iterator[None]:
        """Abandon the call if the block is left by anything but an `ASI1Error`."""
        try:
            yield
        except ASI1Error:
            raise
        except BaseException:
            self.abandon()
            raise

    def __del__(self) -> None:
        self.abandon()


def answer_stream(engine: Engine, request: Request) -> AnswerStream:
    """
    Return the stream of the answer to *request*, not begun.

    Raises:
        ClientClosedError: The client was closed before.
    """
    call = engine.call(OneRequest(request), ChunkReader)
    return AnswerStream(call, partial(engine.begin, call))

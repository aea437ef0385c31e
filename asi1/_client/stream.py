"""
The streamed answer as its reader sees it.

An object, never a bare generator: it can be left early, asked twice, and dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from .._call.call import Call
from .._call.task import CallTask
from .._models.base_types import public
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import (
    ASI1Error,
    StreamBusyError,
    StreamClosedError,
    StreamConsumedError,
)
from .._models.response import ResponseInfo
from .._transport.event_loop import call_soon, loop_token
from .display import screen
from .to_sse import AsyncEventBytes


__all__ = ["AsyncChatStream", "AsyncPieces"]

_CONSUMED = "the stream was read to its end before; for thoughts and text loop over it"


@public
class AsyncChatStream:
    """
    An answer while it is written: an async iterator of its chunks.

    Best used as ``async with``, which closes the connection when the block is left,
    however it is left. A stream that is dropped closes too. A reader who is cancelled
    while it waits for a chunk loses nothing and may go on reading.

    Reading raises:
        StreamTruncatedError: The stream ended before the answer did.
        StreamInterruptedError: The connection broke after the first chunk.
        StreamDecodeError: An event is no chunk.
        ServerStreamError: The server reported an error in the stream.
        APITimeoutError: No chunk came in time, or the whole took too long.
        APIStatusError, APIConnectionError, APIResponseError, ClientClosedError,
            ConfigurationError: As for `AsyncCompletions.create`; only before the
            first chunk.
        StreamBusyError: Somebody else is reading at this moment.
        StreamClosedError: It was closed.
        StreamConsumedError: It was read to its end before.
    """

    def __init__(
        self,
        call: Call[ChatCompletionChunk],
        begin: Callable[[Call[ChatCompletionChunk]], CallTask],
    ) -> None:
        """Made by the client; *begin* starts the call, at first use."""
        self._call = call
        self._begin = begin
        self._pump: CallTask | None = None
        self._left: Iterator[ChatCompletionChunk] = iter(())
        self._reading = False
        self._closed = False
        self._consumed = False
        self._error: BaseException | None = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else "read" if self._consumed else "open"
        return f"<AsyncChatStream {state} status={self.response.status}>"

    async def __aenter__(self) -> Self:
        """
        Start the call, and wait until the server begins to answer.

        Raises:
            ASI1Error: What reading the stream raises, before its first chunk.
        """
        if self._closed:
            raise StreamClosedError("the stream was closed")
        if self._pump is None:
            self._pump = self._begin(self._call)
        try:
            await self._call.opened.wait()
            self._call.queue.check()
        except BaseException as error:
            if isinstance(error, ASI1Error):
                self._error = error
            await self.aclose()
            del self  # as in `__anext__`
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        if self._consumed:
            raise StreamConsumedError(_CONSUMED)
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        for chunk in self._left:  # of what came together
            return chunk
        try:
            batch = await self._next_batch()
        except BaseException:
            # A reader who is cancelled drops the stream; the frames that the
            # error keeps must not keep it.
            del self
            raise
        if not batch:
            raise StopAsyncIteration
        self._left = iter(batch)
        return next(self._left)

    async def _next_batch(self) -> Sequence[ChatCompletionChunk]:
        """
        Return all the chunks that have come, at least one; none at the end.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        if self._closed:
            error = self._error or StreamClosedError("the stream was closed")
            raise error.with_traceback(None)
        if self._pump is not None and not self._pump.here:
            raise StreamClosedError("the stream was begun by another process")
        if self._reading:
            raise StreamBusyError("the stream is being read by somebody else")
        self._reading = True
        try:
            if self._pump is None:
                self._pump = self._begin(self._call)
            batch = await self._call.queue.get()
        except BaseException as error:
            self._reading = False
            if isinstance(error, ASI1Error):
                self._error = error
            del self  # as above
            raise
        self._reading = False
        self._consumed = not batch
        return batch

    async def aclose(self) -> None:
        """
        Close the stream and its connection; may be called twice, and by any task.

        Somebody who is reading gets `StreamClosedError`. `snapshot` and `response` can
        still be used.
        """
        self._closed = True
        self._left = iter(())
        self._drop()
        error = StreamClosedError("the stream was closed")
        if self._pump is None or self._pump.token is loop_token():
            self._call.queue.abandon(error)
            if self._pump is not None:
                await self._pump.join()
        elif self._pump.here:  # on another loop, which cannot be waited for from here
            call_soon(self._pump.token, lambda: self._call.queue.abandon(error))

    def _drop(self) -> None:
        """Let the call end without waiting for it; may be called from any thread."""
        pump = getattr(self, "_pump", None)
        # A call that has brought everything ends by itself, and tidies its connection
        # up so that the next call can use it.
        if pump is not None and not self._call.queue.ended:
            pump.stop()

    def __del__(self) -> None:
        self._drop()

    @property
    def consumed(self) -> bool:
        """Whether it was read to its end."""
        return self._consumed

    @property
    def response(self) -> ResponseInfo:
        """How the reply comes: status, attempts, times; filled as they are known."""
        return self._call.info()

    @property
    def text_stream(self) -> AsyncPieces:
        """The text of choice 0 in its pieces, none of them empty."""
        return AsyncPieces(self, lambda chunk: chunk.text)

    @property
    def thought_stream(self) -> AsyncPieces:
        """The model's thoughts in their pieces, none of them empty."""
        return AsyncPieces(self, lambda chunk: chunk.thought)

    def snapshot(self) -> ChatCompletion:
        """Return the answer as far as it has come from the server, at any time."""
        return self._call.answer()

    async def get_final_completion(self) -> ChatCompletion:
        """
        Read what is left, and return the answer: text, thoughts, tool calls, usage.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        while not self._consumed:
            await self._next_batch()
        self._left = iter(())
        return self._call.answer()

    def to_sse(self, *, ping: float | None = 15.0) -> AsyncEventBytes:
        """
        Return what is left as server-sent events, encoded, for a web framework to send.

        Args:
            ping: Seconds of silence after which a comment is sent; None for never.

        Raises:
            ArgumentError, StreamConsumedError: *ping* is no time; it was all read.
        """
        aiter(self)  # raises if there is nothing more to read
        return AsyncEventBytes(self, self._left, ping)  # raises if *ping* is no time

    async def display(self, *, thoughts: bool = True) -> ChatCompletion:
        """
        Show the answer while it comes, and return it.

        A notebook shows it as markdown, below the cell. Elsewhere its text is written
        to standard output. Whoever interrupts or cancels this ends the call; what has
        come stays on show.

        Args:
            thoughts: Whether a notebook shows the thoughts too, folded away.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        with screen(thoughts=thoughts) as show, self._given_up():
            while True:
                answer = await self._grown()
                show(answer)
                if self._consumed:
                    return answer

    async def _grown(self) -> ChatCompletion:
        """Wait for more of the answer, if there is more; return what has come."""
        if not self._consumed:
            await self._next_batch()
        self._left = iter(())
        return self._call.answer()

    @contextmanager
    def _given_up(self) -> Iterator[None]:
        """End the call if the block is left by what is no error of the stream's."""
        try:
            yield
        except ASI1Error:
            raise
        except BaseException:
            self._drop()
            raise


@public
class AsyncPieces:
    """An async iterator of the texts that one part of a stream's chunks holds."""

    def __init__(
        self, stream: AsyncChatStream, pick: Callable[[ChatCompletionChunk], str]
    ) -> None:
        """Made by the stream."""
        self._stream = stream
        self._pick = pick

    def __aiter__(self) -> Self:
        aiter(self._stream)  # raises if there is nothing more to read
        return self

    async def __anext__(self) -> str:
        while True:
            try:
                piece = self._pick(await anext(self._stream))
            except BaseException:
                del self  # as in `AsyncChatStream`
                raise
            if piece:
                return piece

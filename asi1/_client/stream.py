"""The streamed answer as its reader sees it: the public side of `AnswerStream`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._call.answer_stream import AnswerStream
from .._fork_lock import loader
from .._models.base_types import public
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.response import ResponseInfo


if TYPE_CHECKING:
    from .._call.answer_events import AnswerEvents
    from .to_sse import AsyncEventBytes


__all__ = ["AsyncChatStream", "AsyncPieces"]


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

    def __init__(self, answer: AnswerStream) -> None:
        """Made by the client."""
        self._answer = answer
        self._left: Iterator[ChatCompletionChunk] = iter(())

    def __repr__(self) -> str:
        return repr(self._answer).replace("AnswerStream", "AsyncChatStream")

    async def __aenter__(self) -> Self:
        """
        Start the call, and wait until the server begins to answer.

        Raises:
            ASI1Error: What reading the stream raises, before its first chunk.
        """
        try:
            await self._answer.open()
        except BaseException:
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
        self._answer.check_unread()
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        for chunk in self._left:  # of what came together
            return chunk
        try:
            batch = await self._answer.next_batch()
        except BaseException:
            # A reader who is cancelled drops the stream; the frames that the
            # error keeps must not keep it.
            del self
            raise
        if not batch:
            raise StopAsyncIteration
        self._left = iter(batch)
        return next(self._left)

    async def aclose(self) -> None:
        """
        Close the stream and its connection; may be called twice, and by any task.

        Somebody who is reading gets `StreamClosedError`. `snapshot` and `response` can
        still be used.
        """
        self._left = iter(())
        await self._answer.aclose()

    @property
    def consumed(self) -> bool:
        """Whether it was read to its end."""
        return self._answer.consumed

    @property
    def response(self) -> ResponseInfo:
        """How the reply comes: status, attempts, times; filled as they are known."""
        return self._answer.response

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
        return self._answer.snapshot()

    async def get_final_completion(self) -> ChatCompletion:
        """
        Read what is left, and return the answer: text, thoughts, tool calls, usage.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        answer = await self._answer.final()
        self._left = iter(())
        return answer

    def to_sse(self, *, ping: float | None = 15.0) -> AsyncEventBytes:
        """
        Return what is left as server-sent events, encoded, for a web framework to send.

        Args:
            ping: Seconds of silence after which a comment is sent; None for never.

        Raises:
            ArgumentError, StreamConsumedError: *ping* is no time; it was all read.
        """
        self._answer.check_unread()
        kind, events = _to_sse()
        return kind(events(self._answer, self._left, ping))

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
        screen = _screen()
        with screen(thoughts=thoughts) as show, self._answer.abandoned_if_left():
            while True:
                answer = await self._answer.grown()
                self._left = iter(())
                show(answer)
                if self._answer.consumed:
                    return answer


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
                del self  # as in `AsyncChatStream.__anext__`
                raise
            if piece:
                return piece


@loader
def _to_sse() -> tuple[type[AsyncEventBytes], type[AnswerEvents]]:
    from .._call.answer_events import AnswerEvents  # noqa: PLC0415
    from .to_sse import AsyncEventBytes  # noqa: PLC0415

    return AsyncEventBytes, AnswerEvents


@loader
def _screen() -> Callable[
    ..., AbstractContextManager[Callable[[ChatCompletion], None]]
]:
    from .display import screen  # noqa: PLC0415

    return screen

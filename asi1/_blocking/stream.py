"""
The streamed answer for blocking callers: a `ChunkStream`, read on the loop thread.

A cross-thread call takes time, so each one returns all chunks that have arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from .._call.chunk_stream import ChunkStream
from .._client.loader import loader
from .._models.base_types import Hinted, dropping, public
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.response import ResponseInfo
from .loop_thread import close_on_loop, loop_thread


if TYPE_CHECKING:
    from .._call.answer_events import AnswerEvents
    from .._call.chunk_sse import ChunkEvents
    from .to_sse import EventBytes


__all__ = ["ChatStream", "Pieces", "on_loop"]

_T = TypeVar("_T")


@public
class ChatStream(Hinted):
    """
    The model's answer, streamed while it is written: an iterator of chunks.

    Same as `AsyncChatStream`, but blocks.

    Reading raises:
        StreamTruncatedError: The stream ended before the answer was complete.
        StreamInterruptedError: The connection broke after the first chunk.
        StreamDecodeError: An event is not a valid chunk.
        ServerStreamError: The server reported an error in the stream.
        APITimeoutError: No chunk arrived in time, or the total timeout passed.
        APIStatusError, APIConnectionError, APIResponseError, ConfigurationError: As for
            `Completions.create`; only before the first chunk.
        ClientClosedError: The client was closed.
        StreamBusyError: Another thread is reading.
        StreamClosedError: The stream was closed.
        StreamConsumedError: The stream was already read to its end.
    """

    def __init__(self, answer: ChunkStream) -> None:
        """Users do not construct this class; the client does."""
        self._answer = answer
        self._batch: Iterator[ChatCompletionChunk] = iter(())

    def __repr__(self) -> str:
        return repr(self._answer).replace("ChunkStream", "ChatStream")

    def __enter__(self) -> Self:
        loop_thread().run(self._answer.open)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        self._answer.check_unread()
        return self

    def __next__(self) -> ChatCompletionChunk:
        for chunk in self._batch:  # unread chunks of the last batch
            return chunk
        # On Ctrl-C in this block, the call is cancelled.
        with self._answer.abandoned_if_left():
            batch = loop_thread().run(self._answer.next_batch)
        self._batch = dropping(batch)
        return next(self._batch)  # raises StopIteration after the last chunk

    def close(self) -> None:
        """
        Close the stream and its connection; may be called twice, and by any thread.

        Same as `AsyncChatStream.aclose`, but blocks.
        """
        delivered = not any(map(self._answer.has_part, self._batch))
        self._batch = iter(())
        self._answer.shut()  # needs no event loop: runs in the caller's thread
        close_on_loop(partial(self._answer.aclose, delivered=delivered))

    @property
    def consumed(self) -> bool:
        """Whether the stream was read to its end."""
        return self._answer.consumed

    @property
    def response(self) -> ResponseInfo:
        """The response metadata so far: status, attempts, times."""
        return self._answer.response

    @property
    def text_stream(self) -> Pieces:
        """The text of choice 0, as non-empty text deltas."""
        return Pieces(self, lambda chunk: chunk.text)

    @property
    def thought_stream(self) -> Pieces:
        """The model's thoughts, as non-empty text deltas."""
        return Pieces(self, lambda chunk: chunk.thought)

    def snapshot(self) -> ChatCompletion:
        """
        Return the part of the answer that has arrived; allowed at any time.

        Same as `AsyncChatStream.snapshot`.
        """
        return on_loop(self._answer.snapshot)

    def get_final_completion(self) -> ChatCompletion:
        """
        Read to the end, and return the answer: text, thoughts, tool calls, usage.

        Same as `AsyncChatStream.get_final_completion`, but blocks.

        Raises:
            ASI1Error: As for reading the stream.
        """
        self._batch = iter(())
        with self._answer.abandoned_if_left():
            return loop_thread().run(self._answer.final)

    def to_sse(self, *, ping: float | None = 15.0) -> EventBytes:
        """
        Return the unread chunks as server-sent events, for a web framework to send.

        Same as `AsyncChatStream.to_sse`, but blocks.

        Args:
            ping: Seconds of silence after which a comment is sent; None for never.

        Raises:
            ArgumentError: *ping* is neither None nor a number above 0.
            StreamConsumedError: The stream was already read to its end.
        """
        self._answer.check_unread()
        kind, events, source = _to_sse()
        return kind(events(source(self._answer, self._batch), ping))

    def display(self, *, thoughts: bool = True) -> ChatCompletion:
        """
        Show the answer while it arrives, and return it.

        Same as `AsyncChatStream.display`, but blocks.

        Args:
            thoughts: Whether a notebook shows the model's thoughts too, folded away.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        self._batch = iter(())
        screen = _screen()
        with screen(thoughts=thoughts) as show, self._answer.abandoned_if_left():
            while True:
                answer = loop_thread().run(self._answer.grown)
                show(answer)
                if self._answer.consumed:
                    return answer


def on_loop(read: Callable[[], _T]) -> _T:
    """Call *read* on the loop thread, where no task can change the answer meanwhile."""

    async def reading() -> _T:
        return read()

    return loop_thread().run(reading)


@public
class Pieces:
    """
    An iterator over the non-empty text deltas, or thoughts, of a stream.

    Same as `AsyncPieces`, but blocks.
    """

    def __init__(
        self, stream: ChatStream, pick: Callable[[ChatCompletionChunk], str]
    ) -> None:
        """Users do not construct this class; the stream does."""
        self._stream = stream
        self._pick = pick

    def __iter__(self) -> Self:
        iter(self._stream)  # raises an error if all chunks were read already
        return self

    def __next__(self) -> str:
        while True:
            piece = self._pick(next(self._stream))
            if piece:
                return piece


@loader
def _to_sse() -> tuple[type[EventBytes], type[AnswerEvents], type[ChunkEvents]]:
    from .._call.answer_events import AnswerEvents  # noqa: PLC0415
    from .._call.chunk_sse import ChunkEvents  # noqa: PLC0415
    from .to_sse import EventBytes  # noqa: PLC0415

    return EventBytes, AnswerEvents, ChunkEvents


@loader
def _screen() -> Callable[
    ..., AbstractContextManager[Callable[[ChatCompletion], None]]
]:
    from .._client.display import screen  # noqa: PLC0415

    return screen

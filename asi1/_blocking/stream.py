"""
The streamed answer for blocking callers: `AsyncChatStream`, driven.

Chunks cross the threads in batches, all that came since the last time, so that the hop
is paid once for each batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from .._client.display import screen
from .._client.stream import AsyncChatStream
from .._client.to_sse import AsyncEventBytes
from .._models.base_types import public
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.response import ResponseInfo
from .loop_thread import close_on_loop, loop_thread
from .to_sse import EventBytes


__all__ = ["ChatStream", "Pieces"]


@public
class ChatStream:
    """Same as `AsyncChatStream`, but blocks."""

    def __init__(self, stream: AsyncChatStream) -> None:
        """Made by the client."""
        self._stream = stream
        self._left: Iterator[ChatCompletionChunk] = iter(())

    def __repr__(self) -> str:
        return repr(self._stream).replace("AsyncChatStream", "ChatStream")

    def __enter__(self) -> Self:
        loop_thread().run(self._stream.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        aiter(self._stream)  # raises if there is nothing more to read
        return self

    def __next__(self) -> ChatCompletionChunk:
        for chunk in self._left:  # of what came together
            return chunk
        with self._stream._given_up():  # by Ctrl-C: nobody will read on
            batch = loop_thread().run(self._stream._next_batch())
        self._left = iter(batch)
        return next(self._left)  # which there is none of at the end

    def close(self) -> None:
        """Same as `AsyncChatStream.aclose`, but blocks."""
        self._left = iter(())
        self._stream._closed = True  # even if there is no loop to close it on
        close_on_loop(self._stream.aclose)

    @property
    def consumed(self) -> bool:
        """Same as `AsyncChatStream.consumed`."""
        return self._stream.consumed

    @property
    def response(self) -> ResponseInfo:
        """Same as `AsyncChatStream.response`."""
        return self._stream.response

    @property
    def text_stream(self) -> Pieces:
        """Same as `AsyncChatStream.text_stream`, but blocks."""
        return Pieces(self, lambda chunk: chunk.text)

    @property
    def thought_stream(self) -> Pieces:
        """Same as `AsyncChatStream.thought_stream`, but blocks."""
        return Pieces(self, lambda chunk: chunk.thought)

    def snapshot(self) -> ChatCompletion:
        """Same as `AsyncChatStream.snapshot`."""
        return loop_thread().run(_call(self._stream.snapshot))

    def get_final_completion(self) -> ChatCompletion:
        """Same as `AsyncChatStream.get_final_completion`, but blocks."""
        self._left = iter(())
        with self._stream._given_up():
            return loop_thread().run(self._stream.get_final_completion())

    def to_sse(self, *, ping: float | None = 15.0) -> EventBytes:
        """Same as `AsyncChatStream.to_sse`, but blocks."""
        iter(self)  # raises if there is nothing more to read
        events = AsyncEventBytes(self._stream, self._left, ping)
        return EventBytes(events, self.close)

    def display(self, *, thoughts: bool = True) -> ChatCompletion:
        """Same as `AsyncChatStream.display`, but blocks."""
        self._left = iter(())
        with screen(thoughts=thoughts) as show, self._stream._given_up():
            while True:
                answer = loop_thread().run(self._stream._grown())
                show(answer)
                if self._stream.consumed:
                    return answer


async def _call(read: Callable[[], ChatCompletion]) -> ChatCompletion:
    # On the loop's thread, where nothing changes while it is read.
    return read()


@public
class Pieces:
    """Same as `AsyncPieces`, but blocks."""

    def __init__(
        self, stream: ChatStream, pick: Callable[[ChatCompletionChunk], str]
    ) -> None:
        """Made by the stream."""
        self._stream = stream
        self._pick = pick

    def __iter__(self) -> Self:
        iter(self._stream)  # raises if there is nothing more to read
        return self

    def __next__(self) -> str:
        while True:
            piece = self._pick(next(self._stream))
            if piece:
                return piece

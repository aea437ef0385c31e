"""The streamed answer: the public class around `ChunkStream`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._models.base_types import Hinted, dropping, public
from .._models.completion import ChatCompletion
from .._models.response import ResponseInfo
from .lazy_engine import LazyEngine
from .loader import async_loader, loader


if TYPE_CHECKING:
    from .._call.answer_events import AnswerEvents
    from .._call.chunk_sse import ChunkEvents
    from .._call.chunk_stream import ChunkStream
    from .._call.engine import Engine
    from .._models.chunks import ChatCompletionChunk
    from .._protocol.request import Request
    from .to_sse import AsyncEventBytes


__all__ = ["AsyncChatStream", "AsyncPieces", "LazyAnswer", "chunk_stream_of"]


class LazyAnswer:
    """
    The answer to *request*, whose `ChunkStream` is made at its first use.

    Attributes:
        closed: Whether the stream was closed before it was made.
    """

    def __init__(self, lazy: LazyEngine, request: Request) -> None:
        self._lazy = lazy
        self._request = request
        self.closed: bool = False

    def __call__(self) -> ChunkStream:
        """Create the `ChunkStream`, and return it."""
        return chunk_stream_of()(self._lazy.get(), self._request)

    async def ready(self) -> None:
        """Import what a `ChunkStream` needs, and let other tasks run meanwhile."""
        await self._lazy.ready()
        await chunk_stream_of.ready()


@public
class AsyncChatStream(Hinted):
    """
    The model's answer, streamed while it is written: an async iterator of chunks.

    Use it with ``async with``, which closes the stream however the block is left.
    Garbage collection of the stream cancels its call too. A cancelled read loses no
    chunk: the next read returns it.

    Reading raises:
        StreamTruncatedError: The stream ended before the answer was complete.
        StreamInterruptedError: The connection broke after the first chunk.
        StreamDecodeError: An event is not a valid chunk.
        ServerStreamError: The server reported an error in the stream.
        APITimeoutError: No chunk arrived in time, or the total timeout passed.
        APIStatusError, APIConnectionError, APIResponseError, ConfigurationError: As for
            `AsyncCompletions.create`; only before the first chunk.
        ClientClosedError: The client was closed.
        StreamBusyError: Another task is reading.
        StreamClosedError: The stream was closed.
        StreamConsumedError: The stream was already read to its end.
    """

    def __init__(
        self, answer: ChunkStream | None, lazy: LazyAnswer | None = None
    ) -> None:
        """Users do not construct this class; the client does."""
        self._made = answer
        self._lazy = lazy
        self._batch: Iterator[ChatCompletionChunk] = iter(())

    @property
    def _answer(self) -> ChunkStream:
        if self._made is None:
            assert self._lazy is not None  # noqa: S101 - for mypy
            # If two threads read first at the same time, both get the same stream.
            self._made = made = vars(self).setdefault("_first", self._lazy())
            # `aclose` in another thread sets `closed`, then reads `_made`. Here `_made`
            # is set, then `closed` is read: so at least one of both closes the stream.
            if self._lazy.closed:
                made.shut()
        return self._made

    async def _ready(self) -> ChunkStream:
        if self._lazy is not None:
            await self._lazy.ready()
        return self._answer

    def __repr__(self) -> str:
        return repr(self._answer).replace("ChunkStream", "AsyncChatStream")

    async def __aenter__(self) -> Self:
        """
        Start the call, and wait until the server begins to answer.

        Raises:
            ASI1Error: As for reading the stream up to its first chunk.
        """
        try:
            await (self._made or await self._ready()).open()
        except BaseException:
            del self  # else an error's traceback would keep the stream alive
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
        if self._made is not None:
            self._made.check_unread()
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        for chunk in self._batch:  # unread chunks of the last batch
            return chunk
        try:
            batch = await (self._made or await self._ready()).next_batch()
        except BaseException:
            # The error's traceback refers to this frame. Without `del`, a caller that
            # holds the error would keep the stream, and so its call, alive.
            del self
            raise
        if not batch:
            raise StopAsyncIteration
        self._batch = dropping(batch)
        return next(self._batch)

    async def aclose(self) -> None:
        """
        Close the stream and its connection; may be called twice, and by any task.

        A waiting reader gets `StreamClosedError`. `snapshot` and `response` still work.
        """
        if self._lazy is not None:
            self._lazy.closed = True
        if (answer := self._made) is None:  # nothing was imported, and no call begun
            return
        delivered = not any(map(answer.has_part, self._batch))
        self._batch = iter(())
        await answer.aclose(delivered=delivered)

    close = aclose  # the name that OpenAI's client uses

    @property
    def consumed(self) -> bool:
        """Whether the stream was read to its end."""
        return self._answer.consumed

    @property
    def response(self) -> ResponseInfo:
        """The response metadata so far: status, attempts, times."""
        return self._answer.response

    @property
    def text_stream(self) -> AsyncPieces:
        """The text of choice 0, as non-empty text deltas."""
        return AsyncPieces(self, lambda chunk: chunk.text)

    @property
    def thought_stream(self) -> AsyncPieces:
        """The model's thoughts, as non-empty text deltas."""
        return AsyncPieces(self, lambda chunk: chunk.thought)

    def snapshot(self) -> ChatCompletion:
        """
        Return the part of the answer that has arrived; allowed at any time.

        It may contain chunks that were not read yet, and has no choices before the
        first chunk has arrived.
        """
        return self._answer.snapshot()

    async def get_final_completion(self) -> ChatCompletion:
        """
        Read to the end, and return the answer: text, thoughts, tool calls, usage.

        Raises:
            ASI1Error: As for reading the stream.
        """
        answer = await (await self._ready()).final()
        self._batch = iter(())
        return answer

    def to_sse(self, *, ping: float | None = 15.0) -> AsyncEventBytes:
        """
        Return the unread chunks as server-sent events, for a web framework to send.

        Args:
            ping: Seconds of silence after which a comment is sent; None for never.

        Raises:
            ArgumentError: *ping* is neither None nor a number above 0.
            StreamConsumedError: The stream was already read to its end.
        """
        self._answer.check_unread()
        kind, events, source = _to_sse()
        return kind(events(source(self._answer, self._batch), ping))

    async def display(self, *, thoughts: bool = True) -> ChatCompletion:
        """
        Show the answer while it arrives, and return it.

        A notebook shows the answer as markdown, below the cell. Elsewhere the answer's
        text is written to standard output. Control characters are shown as symbols, and
        invisible characters are left out; the returned answer still contains them. An
        interrupt or cancellation cancels the call; the part of the answer that has
        arrived stays visible. A cell whose last line is ``display()`` shows the answer
        only once.

        Args:
            thoughts: Whether a notebook shows the model's thoughts too, folded away.

        Raises:
            ASI1Error: What reading the stream raises.
        """
        source = await self._ready()
        screen = _screen()
        with screen(thoughts=thoughts) as show, source.abandoned_if_left():
            while True:
                answer = await source.grown()
                self._batch = iter(())
                show(answer)
                if source.consumed:
                    return answer


@public
class AsyncPieces:
    """An async iterator over the non-empty text deltas, or thoughts, of a stream."""

    def __init__(
        self, stream: AsyncChatStream, pick: Callable[[ChatCompletionChunk], str]
    ) -> None:
        """Users do not construct this class; the stream does."""
        self._stream = stream
        self._pick = pick

    def __aiter__(self) -> Self:
        aiter(self._stream)  # raises an error if the stream was read to its end
        return self

    async def __anext__(self) -> str:
        while True:
            try:
                piece = self._pick(await anext(self._stream))
            except BaseException:
                del self  # else an error's traceback would keep the stream alive
                raise
            if piece:
                return piece


@async_loader("_call.chunk_stream", "_protocol.fast_chunks")
def chunk_stream_of() -> Callable[[Engine, Request], ChunkStream]:
    """Import and return the function that makes a `ChunkStream`."""
    from .._call.chunk_stream import chunk_stream  # noqa: PLC0415 - with the engine
    from .._protocol import fast_chunks  # noqa: F401, PLC0415 - of the first event

    return chunk_stream


@loader
def _to_sse() -> tuple[type[AsyncEventBytes], type[AnswerEvents], type[ChunkEvents]]:
    from .._call.answer_events import AnswerEvents  # noqa: PLC0415
    from .._call.chunk_sse import ChunkEvents  # noqa: PLC0415
    from .to_sse import AsyncEventBytes  # noqa: PLC0415

    return AsyncEventBytes, AnswerEvents, ChunkEvents


@loader
def _screen() -> Callable[
    ..., AbstractContextManager[Callable[[ChatCompletion], None]]
]:
    from .display import screen  # noqa: PLC0415

    return screen

"""
An answer, read out of one reply to its end: in one piece, or as events.

Nothing that happens after a whole answer makes it fail.
"""

from __future__ import annotations

from typing import TypeVar

import attrs

from attrs import define, field

from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    ServerStreamError,
    StreamDecodeError,
    StreamError,
    StreamInterruptedError,
    StreamTruncatedError,
)
from .._models.response import ResponseInfo
from .._protocol.fast_chunks import Glancer
from .._protocol.reply import body_kind, is_done, read_answer, read_event
from .._protocol.sse_reader import EventDecoder, EventTooLargeError
from .._protocol.stream_answer import Assembler, as_chunk
from .reply_reader import Body, ReplyReader


__all__ = ["AnswerReader", "ChunkReader"]

# Bytes that tell what a body is.
_HEAD = 64
# Seconds for what may follow the last finish reason.
_AFTER_FINISH = 10.0

_T = TypeVar("_T")


@define(eq=False)
class _CompletionReader(ReplyReader[_T]):
    """Reads an answer, in whichever of the two forms the server sends it."""

    _assembler: Assembler = field(init=False)
    _glancer: Glancer = field(factory=Glancer, init=False)
    _answer: ChatCompletion | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._assembler = Assembler(self.request.choices)

    @property
    def whole(self) -> bool:
        """Whether the answer is all there."""
        return self._answer is not None or self._assembler.finished

    @property
    def begun(self) -> bool:
        """Whether a chunk has come; an answer in one piece has none."""
        return self._assembler.chunks > 0

    def answer(self) -> ChatCompletion:
        """Return the answer so far."""
        return self._answer or self._assembler.answer()

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        if self.begun:
            return StreamInterruptedError(error.message)
        return super()._broken(error)

    async def _deliver(self, batch: list[ChatCompletionChunk]) -> None:
        """Put the chunks into the queue, if the caller reads the answer in pieces."""

    async def _read_body(self, pieces: Body) -> None:
        content_type = self.info.headers.get("content-type", "")
        kind, head = body_kind(content_type, b""), b""
        if kind == "other":
            head = await anext(pieces, b"")
            kind = body_kind(content_type, head)
        if kind == "events":
            self.opened.set()
            await self._read_events(head, pieces)
        else:
            await self._read_answer(await self._rest(pieces, head))

    async def _read_answer(self, body: bytes) -> None:
        """Take an answer that came in one piece, whether asked for so or not."""
        try:
            self._answer = read_answer(self.info, body)
        except APIResponseError:
            # What an error quotes is cut, and half a key would not be known as one.
            read_answer(self.info, self.config.api_key.redact_bytes(body))
            raise
        await self._deliver([as_chunk(self._answer)])

    async def _read_events(self, head: bytes, pieces: Body) -> None:
        decoder = EventDecoder(self.config.max_event_bytes)
        start = bytearray(head)
        done = await self._take(decoder, head)
        while not done:
            data = await anext(pieces, None)
            if data is None:
                break
            # It may be an answer in one piece, whatever the headers say.
            if not self.begun and body_kind("", bytes(start[:_HEAD])) != "events":
                start += data[: self.config.max_event_bytes - len(start)]
            done = await self._take(decoder, data)
        if not done and not self.whole:
            left = decoder.unfinished()
            if not any(is_done(data) for _, data, _, _ in left):
                await self._cut_short(bytes(start), len(left))
        elif not self.begun:
            raise APIResponseError("the stream ended without a single chunk")

    async def _cut_short(self, start: bytes, left: int) -> None:
        if not self.begun and body_kind("", start) != "events":
            await self._read_answer(start)
            return
        tail = ", in the middle of an event" if left else ""
        raise StreamTruncatedError(
            f"the stream ended after {self._assembler.chunks} chunks{tail}, without"
            " [DONE] and without a finish reason for every choice"
        )

    async def _take(self, decoder: EventDecoder, data: bytes) -> bool:
        """
        Hand over the chunks that *data* completes.

        Returns:
            Whether the stream is done, or broke when the answer was whole.

        Raises:
            StreamError: It broke before.
        """
        batch: list[ChatCompletionChunk] = []
        broken: StreamError | None = None
        done = False
        look, add = self._glancer.look, self._assembler.add
        try:
            for name, text, _, _ in decoder.feed(data):
                chunk = look(text)
                if chunk is None or name == "error":
                    if is_done(text):
                        done = True
                        break
                    chunk = self._chunk(name, text)
                    if chunk is None:
                        continue
                add(chunk)
                batch.append(chunk)
        except EventTooLargeError as error:
            broken = StreamDecodeError(f"{error} (max_event_bytes)")
        except (ServerStreamError, StreamDecodeError) as error:
            broken = error
        if batch:
            await self._hand_over(batch)
        if broken and not self.whole:
            raise broken
        if self.whole and (batch or decoder.midway):
            self.timer.shorten(_AFTER_FINISH)
        return done or broken is not None

    def _chunk(self, name: str, data: bytes) -> ChatCompletionChunk | None:
        try:
            return read_event(name, data)
        except (ServerStreamError, StreamDecodeError):
            # What an error quotes is cut, and half a key would not be known as one.
            read_event(name, self.config.api_key.redact_bytes(data))
            raise

    async def _hand_over(self, batch: list[ChatCompletionChunk]) -> None:
        if self.info.time_to_first_token is None and any(
            chunk.thought or chunk.text for chunk in batch
        ):
            first = self.timer.elapsed
            self.info = attrs.evolve(self.info, time_to_first_token=first)
        await self._deliver(batch)
        self.timer.arm("idle")


class AnswerReader(_CompletionReader[ChatCompletion]):
    """Reads an answer for a caller who wants it in one piece."""

    def result(self, info: ResponseInfo) -> list[ChatCompletion]:
        """Return the answer."""
        return [attrs.evolve(self.answer(), response=info)]


class ChunkReader(_CompletionReader[ChatCompletionChunk]):
    """Reads an answer for a caller who wants its chunks as they come."""

    streams = True

    def result(self, info: ResponseInfo) -> list[ChatCompletionChunk]:  # noqa: ARG002
        """Return nothing: all chunks are in the queue already."""
        return []

    async def _deliver(self, batch: list[ChatCompletionChunk]) -> None:
        self.queue.put(batch)
        if self.queue.full:
            self.timer.arm("total")  # a slow reader is not the server's silence
            await self.queue.room()

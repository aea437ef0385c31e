"""
Reads the model's answer from one HTTP reply: a JSON body or an event stream.

An error that occurs after the answer is complete is ignored.
"""

from __future__ import annotations

from typing import TypeVar

import attrs

from attrs import define, field

from .._models.chunks import ChatCompletionChunk, as_chunk, in_parts
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
from .._models.json_steps import loader_in_steps
from .._models.response import ResponseInfo
from .._protocol.converter import decode_in_steps
from .._protocol.fast_chunks import FastChunkReader
from .._protocol.reply import (
    BOM,
    answer_value,
    body_kind,
    event_value,
    is_done,
    read_event,
)
from .._protocol.sse_reader import EventDecoder, EventTooLargeError
from .._protocol.stream_answer import Assembler
from .reply_reader import TURN, Body, ReplyReader


__all__ = ["AnswerReader", "ChunkReader"]

# Number of bytes at the start of a body that tell JSON from an event stream.
_HEAD = 64
# Seconds to wait for the usage chunk and [DONE] after every choice has a finish reason.
_AFTER_FINISH = 10.0

# Maximum number of bytes that are split into events at once.
_PIECE = 32 * 1024
# Numbers of bytes, and of lines, that take about one unit of work to split into events.
_BYTES_PER_UNIT = 1024
_LINES_PER_UNIT = 4
# The converter's units of work for each JSON object in an event.
_UNITS_PER_PART = 4
# JSON objects and bytes above which an event is read in turns.
_MANY_PARTS = 64
_LARGE = 32 * 1024

_T = TypeVar("_T")


@define(eq=False)
class _CompletionReader(ReplyReader[_T]):
    """Reads an answer, whether the server sends it as JSON or as events."""

    _assembler: Assembler = field(init=False)
    _fast_path: FastChunkReader = field(factory=FastChunkReader, init=False)
    _answer: ChatCompletion | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._assembler = Assembler(self.request.choices)

    @property
    def whole(self) -> bool:
        """Whether the answer is complete."""
        return self._answer is not None or self._assembler.finished

    @property
    def begun(self) -> bool:
        """Whether a chunk of an event stream has arrived; False for a JSON body."""
        return self._assembler.chunks > 0

    def answer(self) -> ChatCompletion:
        """Return the part of the answer that has arrived."""
        return self._answer or self._assembler.answer()

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        if self.begun:
            return StreamInterruptedError(error.message)
        return super()._broken(error)

    async def _deliver(self, batch: list[ChatCompletionChunk]) -> None:
        """Do nothing with the chunks; `ChunkReader` overrides this to queue them."""

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
        """Read a JSON answer; a server may send one even if a stream was requested."""
        load = await self._in_turns(loader_in_steps(body.removeprefix(BOM)))
        value = answer_value(self.info, body, self.config.api_key, load)
        answer = await self._in_turns(decode_in_steps(ChatCompletion, value))
        if self.streams:
            chunk = await self._in_turns(as_chunk(answer))
            self._answer = answer
            await self._deliver([chunk])
        self._answer = answer

    async def _read_events(self, head: bytes, pieces: Body) -> None:
        decoder = EventDecoder(self.config.max_event_bytes)
        start = bytearray(head)
        done = await self._feed_all(decoder, head)
        while not done:
            data = await anext(pieces, None)
            if data is None:
                break
            # The reply may be JSON although its headers announce an event stream, so
            # the bytes are saved until they prove to be an event stream.
            if not self.begun and body_kind("", bytes(start[:_HEAD])) != "events":
                start += data[: self.config.max_event_bytes - len(start)]
            done = await self._feed_all(decoder, data)
        if not done and not self.whole:
            left = decoder.unfinished()
            if not any(is_done(data) for _, data, _, _ in left):
                await self._ended_early(bytes(start), len(left))
        elif not self.begun:
            raise APIResponseError("the stream ended without a single chunk")

    async def _ended_early(self, start: bytes, left: int) -> None:
        if not self.begun and body_kind("", start) != "events":
            await self._read_answer(start)
            return
        tail = ", in the middle of an event" if left else ""
        raise StreamTruncatedError(
            f"the stream ended after {self._assembler.chunks} chunks{tail}, without"
            " [DONE] and without a finish reason for every choice"
        )

    async def _feed_all(self, decoder: EventDecoder, data: bytes) -> bool:
        """Pass *data* to `_feed`, in pieces that take a short time to split."""
        for at in range(0, len(data), _PIECE):
            if await self._feed(decoder, data[at : at + _PIECE]):
                return True
            if self._work >= TURN:
                await self._worked(0)
        return False

    async def _feed(self, decoder: EventDecoder, data: bytes) -> bool:
        """
        Decode *data*, and deliver every chunk whose last byte it contains.

        Returns:
            True if [DONE] arrived, or the stream broke after the answer was complete.

        Raises:
            StreamError: The stream broke before the answer was complete.
        """
        batch: list[ChatCompletionChunk] = []
        broken: StreamError | None = None
        done, before = False, self._assembler.chunks
        read_fast, add = self._fast_path.read, self._assembler.add
        work = 1 + len(data) // _BYTES_PER_UNIT + data.count(b"\n") // _LINES_PER_UNIT
        try:
            for name, text, _, _ in decoder.feed(data):
                work += 1
                chunk = read_fast(text)
                if chunk is None or name == "error":
                    if is_done(text):
                        done = True
                        break
                    work += await self._read_other(name, text, batch)
                else:
                    add(chunk)
                    batch.append(chunk)
                if work >= TURN:
                    work = await self._turn(batch)
        except EventTooLargeError as error:
            broken = StreamDecodeError(f"{error} (max_event_bytes)")
        except (ServerStreamError, StreamDecodeError) as error:
            broken = error
        if batch:
            await self._deliver_timed(batch)
        self._work += work
        if broken and not self.whole:
            raise broken
        if self.whole and (self._assembler.chunks > before or decoder.midway):
            self.timer.shorten(_AFTER_FINISH)
        return done or broken is not None

    async def _turn(self, batch: list[ChatCompletionChunk]) -> int:
        """Deliver and empty *batch*, let other tasks run, and return 0."""
        if batch:
            await self._deliver_timed(batch[:])
            batch.clear()
        await self._worked(TURN)
        return 0

    async def _read_other(
        self, name: str, text: bytes, batch: list[ChatCompletionChunk]
    ) -> int:
        """Read and add an event's chunk, if any; return the units of work it took."""
        parts = text.count(b"{")
        if parts > _MANY_PARTS or len(text) > _LARGE:
            await self._turn(batch)
            batch += await self._read_large(name, text)
        elif chunk := read_event(name, text, self.config.api_key):
            self._assembler.add(chunk)
            batch.append(chunk)
        return 1 + parts * _UNITS_PER_PART

    async def _read_large(self, name: str, text: bytes) -> list[ChatCompletionChunk]:
        """Read and add the chunk of one large event in turns; return it in a list."""
        load = await self._in_turns(loader_in_steps(text, repair=True))
        value = event_value(name, text, self.config.api_key, load)
        if value is None:
            return []
        chunk = await self._in_turns(decode_in_steps(ChatCompletionChunk, value))
        chunks = self._assembler.chunks
        for part in in_parts(chunk):
            self._assembler.add(part)
            await self._worked(TURN)
        self._assembler.chunks = chunks + 1
        return [chunk]

    async def _deliver_timed(self, batch: list[ChatCompletionChunk]) -> None:
        if self.info.time_to_first_token is None and any(
            chunk.thought or chunk.text for chunk in batch
        ):
            first = self.timer.elapsed
            self.info = attrs.evolve(self.info, time_to_first_token=first)
        await self._deliver(batch)
        self.timer.arm("idle")


class AnswerReader(_CompletionReader[ChatCompletion]):
    """Reads an answer for a call without streaming."""

    def result(self, info: ResponseInfo) -> list[ChatCompletion]:
        """Return a list of one item: the complete answer."""
        return [attrs.evolve(self.answer(), response=info)]


class ChunkReader(_CompletionReader[ChatCompletionChunk]):
    """Reads an answer for a call with streaming, and queues its chunks."""

    streams = True

    def result(self, info: ResponseInfo) -> list[ChatCompletionChunk]:  # noqa: ARG002
        """Return an empty list: all chunks are in the queue already."""
        return []

    async def _deliver(self, batch: list[ChatCompletionChunk]) -> None:
        self.queue.put(batch)
        if self.queue.full:
            self.timer.arm("total")  # a slow reader must not cause an idle timeout
            await self.queue.room()

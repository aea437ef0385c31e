"""
Reads the model's answer from one HTTP reply.

Usually the body is a stream of server-sent events, but it may be JSON.
"""

from __future__ import annotations

from typing import TypeVar

from attrs import define

from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import APIResponseError, StreamTruncatedError
from .._models.response import ResponseInfo, Usage
from .._protocol.chunk_event import is_done
from .._protocol.reply import BOM, body_kind
from .._protocol.sse_reader import EventDecoder
from .._transport.event_loop import run_in_turns
from .event_reader import EventReader, chunk_parts, ready
from .json_reader import Load
from .reply_reader import AFTER_FINISH, Body


__all__ = ["ChunkReader", "EventAnswerReader"]

# Number of bytes at the start of a body that tell JSON from an event stream.
_HEAD = 64

_T = TypeVar("_T")


@define(eq=False)
class _StreamReader(EventReader[_T]):
    """Reads a body that should be events, but may be JSON."""

    @property
    def whole(self) -> bool:
        """Whether the answer is complete."""
        return self._answer is not None or super().whole

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server has reported; None if it has reported none."""
        return (self._answer or self._assembler).usage

    @property
    def model(self) -> str:
        """The name of the answering model; "" until the server has sent it."""
        return (self._answer or self._assembler).model

    def answer(self) -> ChatCompletion:
        """Return the part of the answer that has arrived."""
        return self._answer or self._assembler.answer()

    async def read_events(self, head: bytes, pieces: Body) -> None:
        """Read a body that should be server-sent events: *head*, then *pieces*."""
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
                if self._answer is None and await self._completes(start, data):
                    continue
            done = await self._feed_all(decoder, data)
        if rest := self._rest_of_texts():
            await self._deliver_timed(rest)
        if not done and not self.whole:
            left = list(await ready(decoder, decoder.unfinished()))
            if not any(is_done(data) for _, data in left):
                await self._ended_early(bytes(start), len(left))
        if not self.begun and self._assembler.empty and self._answer is None:
            raise APIResponseError("the stream ended without a single chunk")
        if self._kept:
            await self._deliver(self._kept)

    async def _ended_early(self, start: bytes, left: int) -> None:
        blank = not start.removeprefix(BOM).strip()
        if not self.begun and not blank and body_kind("", start) != "events":
            await self._read_answer(start)
            return
        tail = ", in the middle of an event" if left else ""
        raise StreamTruncatedError(
            f"the stream ended after {self._assembler.chunks} chunks{tail}, without"
            " [DONE] and without a finish reason for every choice",
            # Not retried in a call without streaming: there a server sends nothing
            # until the model is done, so a retry would pay for a second answer.
            retryable=self.streams and not self.begun,
        )


class EventAnswerReader(_StreamReader[ChatCompletion]):
    """Reads events for a call without streaming: see `AnswerReader`."""

    def result(self, info: ResponseInfo) -> list[ChatCompletion]:
        """Return a list of one item: the complete answer."""
        return [self._complete(info)]


class ChunkReader(_StreamReader[ChatCompletionChunk]):
    """Reads an answer for a call with streaming, and queues its chunks."""

    streams = True

    def result(self, info: ResponseInfo) -> list[ChatCompletionChunk]:  # noqa: ARG002
        """Return an empty list: all chunks are in the queue already."""
        # Building a long answer takes time, and only an answer that the token limit
        # ended may need a warning. So no other streamed answer is built here.
        if self._answer is not None or self._assembler.cut_by_length:
            self._warn_if_exhausted(self.answer())
        return []

    async def _answer_of(self, body: bytes, load: Load | None) -> ChatCompletion:
        answer = await super()._answer_of(body, load)
        chunk = await run_in_turns(chunk_parts().as_chunk(answer))
        self._answer = answer
        await self._deliver([chunk])
        return answer

    async def _deliver(self, batch: list[ChatCompletionChunk]) -> None:
        self.queue.put(batch)
        if self.watch is not None:
            self.watch.chunks(len(batch), self.info.time_to_first_token)
        if self.queue.full:
            self.timer.arm("total")  # a slow reader must not cause an idle timeout
            await self.queue.room()
            if self._ending:
                self.timer.shorten(AFTER_FINISH)
            else:
                self.timer.arm("idle")

"""
Reads the chunks of a model's answer from a stream's events, and lets other tasks run.

An error that occurs after the answer is complete is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import attrs

from attrs import define, field

from .._fork_lock import run_apart_once
from .._models.chunks import ChatCompletionChunk
from .._models.errors import (
    StreamDecodeError,
    StreamError,
)
from .._models.json_text import has_surrogates
from .._protocol.chunk_event import event_value, is_done, read_event
from .._protocol.converter import decode, decode_in_steps
from .._protocol.members import is_name_of_ping
from .._protocol.normalise import HalfCharacters
from .._protocol.sse_reader import (
    Event,
    EventDecoder,
    EventTooLargeError,
    load_read_fields,
)
from .._protocol.stream_answer import Assembler
from .._transport.event_loop import import_in_worker, run_in_turns
from .json_reader import JSONReader, in_steps
from .reply_reader import AFTER_FINISH, TURN


if TYPE_CHECKING:
    from .._protocol.fast_chunks import FastChunkReader


__all__ = ["EventReader", "chunk_parts", "ready"]

# Maximum number of chunks that are buffered before the first part of the answer. A
# server may send empty chunks until the first-token timeout passes.
_MOST_KEPT = 1000
# After this many bytes without a part of the answer, no more chunks are buffered, since
# a chunk may be large.
_MOST_KEPT_BYTES = 1024 * 1024

# Maximum number of bytes that are split into events in one step.
_PIECE = 32 * 1024
# To split this many bytes, or this many lines, into events takes about 20 microseconds:
# one unit of work (see `TURN`).
_BYTES_PER_UNIT = 1024
_LINES_PER_UNIT = 4
# Reading each JSON object in an event counts as this many units of work, of about 20
# microseconds each (see `TURN`).
_UNITS_PER_PART = 4
# An event with more JSON objects or more bytes than this is read in several steps.
_MANY_PARTS = 64
_LARGE = 32 * 1024
# A server may split a surrogate pair between two events. The halves are not joined in
# events of more bytes than this: joining blocks the event loop, and no server splits a
# pair between events that are so long.
_TOO_LONG_TO_JOIN = 64 * 1024

_T = TypeVar("_T")


@run_apart_once
def chunk_parts() -> ModuleType:
    """
    Import and return the module that splits large chunks, and turns an answer into a
    chunk.
    """
    from .._models import chunk_parts  # noqa: PLC0415

    return chunk_parts


@run_apart_once
def _fast_chunk_reader() -> type[FastChunkReader]:
    from .._protocol.fast_chunks import FastChunkReader  # noqa: PLC0415 - of streams

    return FastChunkReader


@define(eq=False)
class EventReader(JSONReader[_T]):
    """Reads the events of a stream, and assembles their chunks into an answer."""

    # Whether a chunk with a part of the answer has arrived. The chunks before it are
    # buffered, so that a retry repeats no chunk that the caller has received;
    # `_bytes_before` counts the bytes until then.
    _begun: bool = field(default=False, init=False)
    _kept: list[ChatCompletionChunk] = field(factory=list, init=False)
    _bytes_before: int = field(default=0, init=False)
    # Whether the answer is complete, so that the end of the stream is expected.
    _ending: bool = field(default=False, init=False)
    # Whether the bytes that `_feed` is decoding contain a part of the answer.
    _carried: bool = field(default=False, init=False)

    # These three objects are created at the first event, since an answer that comes as
    # JSON needs none of them.
    @cached_property
    def _assembler(self) -> Assembler:
        return Assembler(self.request.choices)

    @cached_property
    def _fast_path(self) -> FastChunkReader:
        return _fast_chunk_reader()()

    @cached_property
    def _halves(self) -> HalfCharacters:
        return HalfCharacters()

    @property
    def whole(self) -> bool:
        """Whether the answer is complete."""
        return self._assembler.finished

    @property
    def begun(self) -> bool:
        """Whether a part of a streamed answer has arrived; False for a JSON body."""
        return self._begun

    async def _deliver(self, batch: list[ChatCompletionChunk]) -> None:
        """Do nothing with the chunks; `ChunkReader` overrides this to queue them."""

    async def _feed_all(self, decoder: EventDecoder, data: bytes) -> bool:
        """Pass *data* to `_feed` in fragments, and let other tasks run in between."""
        for at in range(0, len(data), _PIECE):
            if await self._feed(decoder, data[at : at + _PIECE]):
                return True
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
        self._carried = carried = done = False
        self._bytes_before += 0 if self._begun else len(data)
        read_fast, add = self._fast_path.read, self._assembler.add
        # The fast path cannot join surrogate halves: it is not used while one waits.
        waiting = self._halves.waiting
        work = 1 + len(data) // _BYTES_PER_UNIT + data.count(b"\n") // _LINES_PER_UNIT
        try:
            for name, text in await ready(decoder, decoder.feed(data)):
                work += 1
                chunk = None
                if not waiting and (name == "message" or name.lower() != "error"):
                    chunk = read_fast(text)
                if chunk is not None:
                    carried = add(chunk) or carried
                    batch.append(chunk)
                elif is_done(text):
                    done = True
                    break
                else:
                    # `_deliver_timed` must know if *batch* has a part of the answer.
                    self._carried |= carried
                    work += await self._read_other(name, text, batch)
                if work >= TURN:
                    self._carried |= carried
                    work = await self._turn(batch)
        except EventTooLargeError as error:
            broken = StreamDecodeError(f"{error} (max_event_bytes)")
        except StreamError as error:
            broken = error
        self._carried |= carried
        self._work += work
        if done or broken:
            batch += self._rest_of_texts()
        if batch:
            await self._deliver_timed(batch)
        self._check_end(broken)
        return done or broken is not None

    def _check_end(self, broken: StreamError | None) -> None:
        """
        Raise *broken*, if any, unless the answer is complete.

        A complete answer shortens the wait for the end of the stream.
        """
        if broken and not self.whole:
            self._set_wait(broken)
            raise broken
        if self.whole and not self._ending:  # once: later events move no deadline
            self._ending = True
            self.timer.shorten(AFTER_FINISH)

    async def _turn(self, batch: list[ChatCompletionChunk]) -> int:
        """
        Deliver and empty *batch*, and let other tasks run; return 0, the number of
        units of work done since then.
        """
        if batch:
            await self._deliver_timed(batch[:])
            batch.clear()
        await self._worked(TURN)
        return 0

    async def _read_other(
        self, name: str, text: bytes, batch: list[ChatCompletionChunk]
    ) -> int:
        """Add an event's chunk, if any, to *batch*; return the units of work done."""
        parts = text.count(b"{")
        if parts > _MANY_PARTS or len(text) > _LARGE:
            await self._turn(batch)
            batch += await self._read_large(name, text)
        elif chunk := read_event(name, text, self.key, self._halves):
            chunk = self._assembler.new_part(chunk)
            self._carried |= self._assembler.add(chunk, ping=is_name_of_ping(name))
            batch.append(chunk)
        return 1 + parts * _UNITS_PER_PART

    async def _read_large(self, name: str, text: bytes) -> list[ChatCompletionChunk]:
        """Read a large event in steps, so that other tasks run; return its chunks."""
        short = len(text) <= _TOO_LONG_TO_JOIN
        if short and (self._halves.waiting or has_surrogates(text)):
            value = event_value(name, text, self.key, halves=self._halves)
        else:
            load = await run_in_turns(in_steps()(text, repair=True))
            value = event_value(name, text, self.key, load)
        if value is None:
            return []
        batch = [] if short else self._rest_of_texts()
        chunk = await run_in_turns(decode_in_steps(ChatCompletionChunk, value))
        chunk = self._assembler.new_part(chunk)
        chunks, ping = self._assembler.chunks, is_name_of_ping(name)
        for part in chunk_parts().in_parts(chunk):
            self._carried |= self._assembler.add(part, ping=ping)
            await self._worked(TURN)
        self._assembler.chunks = chunks + 1
        return [*batch, chunk]

    def _rest_of_texts(self) -> list[ChatCompletionChunk]:
        """Return a chunk with U+FFFD for each unpaired surrogate, or [] for none."""
        if not self._halves.waiting:
            return []
        chunk = decode(ChatCompletionChunk, self._halves.rest())
        self._carried |= self._assembler.add(chunk)
        return [chunk]

    async def _deliver_timed(self, batch: list[ChatCompletionChunk]) -> None:
        """Deliver *batch*; a part of the answer in it restarts the idle timeout."""
        if not self._carried and not self._begun:
            if self._bytes_before <= _MOST_KEPT_BYTES:
                self._kept += batch[: _MOST_KEPT - len(self._kept)]
            return
        self._begun = True
        if self.info.time_to_first_token is None and any(
            chunk.thought or chunk.text for chunk in batch
        ):
            first = self.timer.elapsed
            self.info = attrs.evolve(self.info, time_to_first_token=first)
        if self._kept:
            batch = self._kept + batch
            self._kept = []
        await self._deliver(batch)
        if self._carried and not self._ending:
            self.timer.arm("idle")


async def ready(decoder: EventDecoder, events: Iterable[Event]) -> Iterable[Event]:
    """Return *events* of *decoder*; import first what reads their fields."""
    if decoder.needs_fields:
        await import_in_worker(load_read_fields)
    return events

"""Reads the model's answer from one HTTP reply: a JSON body or an event stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from attrs import define, field

from .._log import logger
from .._models.base_types import JSON
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    StreamInterruptedError,
    StreamTruncatedError,
)
from .._models.json_text import load_json
from .._models.response import ResponseInfo, Usage
from .._protocol.converter import decode, decode_in_steps
from .._protocol.reply import BOM, answer_value, body_kind, is_done
from .._protocol.sse_reader import EventDecoder
from .._transport.event_loop import run_in_turns
from .event_reader import EventReader, chunk_parts, in_steps
from .reply_reader import AFTER_FINISH, Body


__all__ = ["AnswerReader", "ChunkReader"]

# Number of bytes at the start of a body that tell JSON from an event stream.
_HEAD = 64
# Maximum bytes of a JSON body that is parsed in one step; a larger body takes several.
_SMALL = 32 * 1024

_T = TypeVar("_T")
_Load: TypeAlias = Callable[[bytes], JSON]


def _is_complete(value: JSON) -> bool:
    """
    Whether a JSON body is complete: each choice has a finish reason, or it is an error.

    False for the first object of a body of JSON lines: it has no finish reason.
    """
    if not isinstance(value, dict):
        return False
    choices = value.get("choices")
    if not isinstance(choices, list) or not choices:
        return bool(value.get("error"))
    return all(isinstance(c, dict) and c.get("finish_reason") for c in choices)


@define(eq=False)
class _CompletionReader(EventReader[_T]):
    """Reads an answer, whether the server sends it as JSON or as events."""

    _answer: ChatCompletion | None = field(default=None, init=False)

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

    def _warn_if_exhausted(self, answer: ChatCompletion) -> None:
        if answer.exhausted:
            # The log shows the URL without its query, which may contain secrets.
            url = self.request.url.partition("?")[0]
            logger.warning(
                "%s %s: the model's thoughts used all tokens of the answer, which has"
                " no text; raise max_tokens, or lower thinking_budget",
                self.request.method,
                url,
            )

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        if self.begun:
            return StreamInterruptedError(error.message)
        return super()._broken(error)

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
            body = await self._rest(pieces, head)
            if self._answer is None:
                await self._read_answer(body)

    async def _read_early(self, body: bytes) -> bool:
        try:
            value = (await self._loaded(body))(body.removeprefix(BOM))
        except ValueError:
            return False
        if not _is_complete(value):
            return False
        await self._read_answer(body, lambda _: value)
        return True

    async def _read_answer(self, body: bytes, load: _Load | None = None) -> None:
        """Read a JSON answer; a server may send one even if a stream was requested."""
        try:
            self._answer = await self._answer_of(body, load)
        except APIResponseError as error:
            self._set_wait(error)
            raise

    async def _loaded(self, body: bytes) -> _Load:
        """
        Return a function that returns the parsed *body*; a large body is parsed here,
        in steps between which other tasks run.
        """
        if len(body) <= _SMALL:
            return load_json
        return await run_in_turns(in_steps()(body.removeprefix(BOM)))

    async def _answer_of(self, body: bytes, load: _Load | None) -> ChatCompletion:
        load = load or await self._loaded(body)
        value = answer_value(self.info, body, self.key, load)
        if len(body) <= _SMALL:
            answer = decode(ChatCompletion, value)
        else:
            answer = await run_in_turns(decode_in_steps(ChatCompletion, value))
        if self.streams:
            chunk = await run_in_turns(chunk_parts().as_chunk(answer))
            self._answer = answer
            await self._deliver([chunk])
        return answer

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
                if self._answer is None and await self._completes(start, data):
                    continue
            done = await self._feed_all(decoder, data)
        if rest := self._rest_of_texts():
            await self._deliver(rest)
        if not done and not self.whole:
            left = decoder.unfinished()
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
            # Without streaming, a server sends nothing until the model is done: a
            # retry would pay for the whole answer a second time.
            retryable=self.streams and not self.begun,
        )


class AnswerReader(_CompletionReader[ChatCompletion]):
    """Reads an answer for a call without streaming."""

    def result(self, info: ResponseInfo) -> list[ChatCompletion]:
        """Return a list of one item: the complete answer."""
        answer = self.answer()
        self._warn_if_exhausted(answer)
        # Only this reader has the answer, and `attrs.evolve` would take far longer.
        object.__setattr__(answer, "response", info)
        return [answer]


class ChunkReader(_CompletionReader[ChatCompletionChunk]):
    """Reads an answer for a call with streaming, and queues its chunks."""

    streams = True

    def result(self, info: ResponseInfo) -> list[ChatCompletionChunk]:  # noqa: ARG002
        """Return an empty list: all chunks are in the queue already."""
        # Building a long answer takes time, and only an answer that the token limit
        # ended may need a warning. So no other streamed answer is built here.
        if self._answer is not None or self._assembler.cut_by_length:
            self._warn_if_exhausted(self.answer())
        return []

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

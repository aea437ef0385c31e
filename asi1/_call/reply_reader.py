"""
One reply, read to its end: what it is, its chunks, and whether it is whole.

A status of success proves nothing, and neither does an end of the body. Nothing that
happens after a whole answer makes it fail.
"""

from __future__ import annotations

import time

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TypeAlias

import anyio
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
from .._models.raw import RawReply
from .._models.response import ResponseInfo, read_info
from .._models.status_errors import APIStatusError
from .._protocol.fast_chunks import FastChunkReader
from .._protocol.reply import body_kind, is_done, read_answer, read_error, read_event
from .._protocol.request import Request
from .._protocol.sse_reader import EventDecoder, EventTooLargeError
from .._protocol.stream_answer import Assembler, as_chunk
from .._settings.config import ClientConfig
from .._transport.event_loop import Flag
from .._transport.transport import Reply
from .batch_queue import Handover
from .timer import Timer


__all__ = ["Reading", "Result"]

Result: TypeAlias = ChatCompletion | RawReply
_Body: TypeAlias = AsyncGenerator[bytes, None]

# Bytes read of an error's body. The error keeps half of them, or less.
_ERROR_BODY = 128 * 1024
# Bytes that tell what a body is.
_HEAD = 64
# Seconds for a refusal's body, and for what may follow the last finish reason.
_REFUSAL = 5.0
_AFTER_FINISH = 10.0


@define(eq=False)
class Reading:
    """
    Reads the reply of one try.

    Attributes:
        out: Takes the chunks of a stream as they come.
        opened: Set once the server has begun to answer.
        info: The account of the reply, empty until there is one.
    """

    config: ClientConfig
    request: Request
    timer: Timer
    out: Handover[Result | ChatCompletionChunk]
    opened: Flag
    info: ResponseInfo = field(factory=ResponseInfo, init=False)
    _assembler: Assembler = field(init=False)
    _fast: FastChunkReader = field(factory=FastChunkReader, init=False)
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

    async def read(self, reply: Reply) -> Result:
        """
        Read the reply; hand its chunks over if a stream is wanted.

        Args:
            reply: What is left of its body afterwards holds nothing of worth.

        Returns:
            The whole answer, or the plain reply if that is wanted.

        Raises:
            APIStatusError: The server refused.
            APIConnectionError: The connection broke before the first chunk.
            APIResponseError: The reply is not an answer.
            StreamError: The stream broke; ``partial`` is not filled yet.
        """
        self.info = read_info(reply.status, reply.headers)
        if not 200 <= reply.status < 300:
            raise await self._refusal(reply.body)
        if self.request.wants != "chunks":
            self.timer.arm("idle")  # of a plain call, the headers are the first sign
        try:
            if self.request.wants == "bytes":
                body = await self._rest(reply.body, b"")
                return RawReply(content=body, response=self.info)
            await self._read_body(reply.body)
        except (APIConnectionError, APIResponseError) as error:
            if not self.whole:
                raise self._broken(error) from error.__cause__
        return self.answer()

    async def _refusal(self, pieces: _Body) -> APIStatusError:
        body = bytearray()
        self.timer.arm("total")
        with anyio.move_on_after(_REFUSAL), suppress(APIError):
            async for piece in pieces:
                body += piece
                if len(body) > _ERROR_BODY:
                    break
        return read_error(self.info, bytes(body), self.config.api_key, wall=time.time())

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        """Return what it means that the body broke off after the reply had begun."""
        if self.begun:
            return StreamInterruptedError(error.message)
        # A stream that has handed out nothing may begin anew; of a plain call the model
        # had done its work.
        if isinstance(error, APIConnectionError):
            error.retryable = error.retryable and self.request.wants == "chunks"
        return error

    async def _read_body(self, pieces: _Body) -> None:
        content_type = self.info.headers.get("content-type", "")
        kind, head = body_kind(content_type, b""), b""
        if kind == "other":
            head = await anext(pieces, b"")
            kind = body_kind(content_type, head)
        if kind == "events":
            self.opened.set()
            await self._read_events(head, pieces)
        else:
            self._read_answer(await self._rest(pieces, head))

    async def _rest(self, pieces: _Body, head: bytes) -> bytes:
        body = bytearray(head)
        async for piece in pieces:
            body += piece
            self.timer.arm("idle")
            if len(body) > self.config.max_event_bytes:
                raise APIResponseError(
                    f"the reply is larger than {self.config.max_event_bytes:,} bytes"
                    " (max_event_bytes)"
                )
        return bytes(body)

    def _read_answer(self, body: bytes) -> None:
        """Take an answer that came in one piece, whether asked for so or not."""
        self._answer = read_answer(self.info, body, self.config.api_key)
        if self.request.wants == "chunks":
            self.out.put([as_chunk(self._answer)])

    async def _read_events(self, head: bytes, pieces: _Body) -> None:
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
                self._cut_short(bytes(start), len(left))
        elif not self.begun:
            raise APIResponseError("the stream ended without a single chunk")

    def _cut_short(self, start: bytes, left: int) -> None:
        if not self.begun and body_kind("", start) != "events":
            self._read_answer(start)
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
        read_fast, add = self._fast.read, self._assembler.add
        try:
            for name, text, _, _ in decoder.feed(data):
                chunk = read_fast(text)
                if chunk is None or name == "error":
                    if is_done(text):
                        done = True
                        break
                    chunk = read_event(name, text, self.config.api_key)
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

    async def _hand_over(self, batch: list[ChatCompletionChunk]) -> None:
        if self.info.time_to_first_token is None and any(
            chunk.thought or chunk.text for chunk in batch
        ):
            first = self.timer.elapsed
            self.info = attrs.evolve(self.info, time_to_first_token=first)
        if self.request.wants == "chunks":
            self.out.put(batch)
            if self.out.full:
                self.timer.arm("total")  # a slow reader is not the server's silence
                await self.out.room()
        self.timer.arm("idle")

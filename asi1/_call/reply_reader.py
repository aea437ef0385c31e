"""
One reply, read to its end: the base of what reads answers and plain bytes.

A status of success proves nothing, and neither does an end of the body.
"""

from __future__ import annotations

import time

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import ClassVar, Generic, TypeAlias, TypeVar

import anyio

from attrs import define, field

from .._models.completion import ChatCompletion
from .._models.errors import APIConnectionError, APIError, APIResponseError
from .._models.response import ResponseInfo, read_info
from .._models.status_errors import APIStatusError
from .._protocol.reply import read_error
from .._protocol.request import Request
from .._settings.config import ClientConfig
from .._transport.event_loop import Flag
from .._transport.transport import Reply
from .batch_queue import BatchQueue
from .timer import Timer


__all__ = ["Body", "ReplyReader"]

_T = TypeVar("_T")
Body: TypeAlias = AsyncGenerator[bytes, None]

# Bytes read of an error's body. The error keeps half of them, or less.
_ERROR_BODY = 128 * 1024
# Seconds for an error's body.
_REFUSAL = 5.0


@define(eq=False)
class ReplyReader(ABC, Generic[_T]):
    """
    Reads the reply of one attempt; *_T* is what it puts into the queue.

    Attributes:
        streams: Whether the caller reads the reply in pieces.
        queue: Takes the pieces of a stream as they come.
        opened: Set once the server has begun to answer.
        info: The response metadata, empty until there is a reply.
    """

    streams: ClassVar[bool] = False

    config: ClientConfig
    request: Request
    timer: Timer
    queue: BatchQueue[_T]
    opened: Flag
    info: ResponseInfo = field(factory=ResponseInfo, init=False)

    @property
    def whole(self) -> bool:
        """Whether the answer is all there."""
        return False

    @property
    def begun(self) -> bool:
        """Whether a chunk has come; an answer in one piece has none."""
        return False

    def answer(self) -> ChatCompletion:
        """Return the answer so far."""
        return ChatCompletion()

    @abstractmethod
    def result(self, info: ResponseInfo) -> list[_T]:
        """Return what the queue is still to be given of a whole answer."""

    async def read(self, reply: Reply) -> None:
        """
        Read the reply; put its pieces into the queue if they are wanted.

        Args:
            reply: What is left of its body afterwards holds nothing of worth.

        Raises:
            APIStatusError: The server refused.
            APIConnectionError: The connection broke before the first chunk.
            APIResponseError: The reply is not an answer.
            StreamError: The stream broke; ``partial`` is not filled yet.
        """
        self.info = read_info(reply.status, reply.headers)
        if not 200 <= reply.status < 300:
            raise await self._refusal(reply.body)
        if not self.streams:
            self.timer.arm("idle")  # of a plain call, the headers are the first sign
        try:
            await self._read_body(reply.body)
        except (APIConnectionError, APIResponseError) as error:
            if not self.whole:
                raise self._broken(error) from error.__cause__

    @abstractmethod
    async def _read_body(self, pieces: Body) -> None:
        """Read the body of a reply with a status of success."""

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        """Return what it means that the body broke off after the reply had begun."""
        # A stream that has handed out nothing may begin anew; of a plain call the model
        # had done its work.
        if isinstance(error, APIConnectionError):
            error.retryable = error.retryable and self.streams
        return error

    async def _refusal(self, pieces: Body) -> APIStatusError:
        body = bytearray()
        self.timer.arm("total")
        with anyio.move_on_after(_REFUSAL), suppress(APIError):
            async for piece in pieces:
                body += piece
                if len(body) > _ERROR_BODY:
                    break
        return read_error(self.info, bytes(body), self.config.api_key, wall=time.time())

    async def _rest(self, pieces: Body, head: bytes) -> bytes:
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

"""
Reads one HTTP reply: the base class for answers, images and raw bytes.

Neither a success status nor the end of the body proves that an answer is complete.
"""

from __future__ import annotations

import time

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

import anyio
import attrs

from anyio.lowlevel import checkpoint
from attrs import Factory, define, field

from .._fork_lock import run_apart_once
from .._models.completion import ChatCompletion
from .._models.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    ServerStreamError,
)
from .._models.response import NO_INFO, ResponseInfo, Usage, read_info
from .._models.status_errors import APIStatusError
from .._protocol.reply import load_wait_of, read_error
from .._protocol.request import Request
from .._settings.config import ClientConfig
from .._settings.secret import Secret
from .._transport.event_loop import Flag
from .._transport.transport import Reply
from .batch_queue import BatchQueue
from .timer import Timer


if TYPE_CHECKING:
    from .._models.cost import Rates
    from .watch import Watch


__all__ = ["AFTER_FINISH", "TURN", "Body", "ReplyReader"]

_T = TypeVar("_T")
Body: TypeAlias = AsyncGenerator[bytes, None]

# Other tasks run after this many units of work, of at most about 20 microseconds each.
# Otherwise a reader that never waits, since all bytes have arrived, would block them.
TURN = 512
# Seconds to wait for the end of the body after a complete answer, and for the usage and
# [DONE] after every choice of a stream has a finish reason.
AFTER_FINISH = 10.0
# A body is parsed at most this many times before its end has arrived.
_MOST_TRIES = 8
# If a body has grown by more than `_MANY_BYTES`, the first `_FEW_BRACES` braces in its
# new bytes are found one by one, and only those after them are counted (see `_count`).
_MANY_BYTES = 4 * 1024
_FEW_BRACES = 64
# Maximum bytes to read of an error body; the exception contains fewer of them.
_ERROR_BODY = 512 * 1024
# Seconds to wait for an error body.
_ERROR_BODY_TIMEOUT = 5.0


def _key_with_secrets(reader: ReplyReader[Any]) -> Secret:
    query = reader.request.url.partition("?")[2]
    return reader.config.api_key.with_secrets_of(reader.request.headers, query)


_KEY = Factory(_key_with_secrets, takes_self=True)


@define(eq=False, repr=False)
class ReplyReader(ABC, Generic[_T]):
    """
    Reads the reply of one attempt; *_T* is the type of the items in the queue.

    Attributes:
        streams: Whether the caller reads the reply chunk by chunk.
        queue: Receives the chunks of a stream as they arrive.
        opened: Set once the server has begun to answer.
        info: The response metadata, empty until the reply's headers have arrived.
        watch: Reports new chunks to the hooks; None without hooks.
        key: The API key, together with all other secrets of the request.
    """

    streams: ClassVar[bool] = False

    config: ClientConfig
    request: Request
    timer: Timer
    queue: BatchQueue[_T]
    opened: Flag
    info: ResponseInfo = field(default=NO_INFO, init=False)
    watch: Watch | None = field(default=None, init=False)
    key: Secret = field(init=False, default=_KEY)
    _work: int = field(default=0, init=False)
    # The number of unclosed "{" in the body's bytes so far; the number of these bytes;
    # and how often the body was parsed.
    _open: int = field(default=0, init=False)
    _counted: int = field(default=0, init=False)
    _tries: int = field(default=0, init=False)

    @property
    def whole(self) -> bool:
        """Whether the answer is complete."""
        return False

    @property
    def begun(self) -> bool:
        """Whether a part of a streamed answer has arrived; False without a stream."""
        return False

    @property
    def usage(self) -> Usage | None:
        """The tokens that the server has reported; None if it has reported none."""
        return None

    @property
    def model(self) -> str:
        """The name of the answering model; "" until the server has sent it."""
        return ""

    @property
    def rates(self) -> Rates | None:
        """The price that the user has set for the model; None if there is none."""
        config = self.config
        if not config.prices and not config.models:
            return None
        names = self.model, self.request.model
        return _own_rates()(config.prices, config.models, *names)

    @property
    def metadata(self) -> ResponseInfo:
        """The response metadata, with the price that the user has set for the model."""
        rates = self.rates
        return self.info if rates is None else attrs.evolve(self.info, rates=rates)

    def answer(self) -> ChatCompletion:
        """Return the part of the answer that has arrived."""
        return ChatCompletion()

    @abstractmethod
    def result(self, info: ResponseInfo) -> list[_T]:
        """Return the items of a complete reply that are not in the queue yet."""

    async def read(self, reply: Reply) -> None:
        """
        Read the reply; if the caller streams, queue its chunks as they arrive.

        Args:
            reply: Its body may be left partly unread; the caller closes it.

        Raises:
            APIStatusError: The server refused the request.
            APIConnectionError: The connection broke before the first chunk.
            APIResponseError: The reply is not a valid answer.
            StreamError: The stream broke; the caller still has to set ``partial``.
        """
        self.info = read_info(reply.status, reply.headers, self.request.model)
        if not 200 <= reply.status < 300:
            raise await self._refusal(reply.body)
        if not self.streams:
            self.timer.arm("idle")  # the first-token timeout is for streams
        try:
            await self._read_body(reply.body)
        except (APIConnectionError, APIResponseError) as error:
            if not self.whole:
                raise self._broken(error) from error.__cause__

    @abstractmethod
    async def _read_body(self, pieces: Body) -> None:
        """Read the body of a reply with a success status."""

    def _broken(self, error: APIConnectionError | APIResponseError) -> APIError:
        """Set `retryable` of *error*, which broke off a body, and return *error*."""
        # A stream that delivered no chunk may be retried. A call without streaming may
        # not: the model has written the answer already, and would write it again.
        if isinstance(error, APIConnectionError):
            error.retryable = error.retryable and self.streams
        return error

    def _set_wait(self, error: APIError) -> None:
        """Set whether and when *error*, in a reply with status 2xx, is retried."""
        if not isinstance(error, APIResponseError | ServerStreamError):
            return
        if self.begun:  # otherwise a retry would repeat the parts that were delivered
            error.retryable = False
        if error.retryable:
            wait_of = load_wait_of()
            error.retry_after = wait_of(self.info.headers, error.body, time.time())

    async def _worked(self, units: int) -> None:
        """
        Count *units* of work; after each `TURN` units, let other tasks and timeouts
        run.
        """
        self._work += units
        if self._work >= TURN:
            self._work = 0
            await checkpoint()

    async def _refusal(self, pieces: Body) -> APIStatusError:
        body = bytearray()
        self.timer.arm("total")
        with anyio.move_on_after(_ERROR_BODY_TIMEOUT), suppress(APIError):
            async for piece in pieces:
                body += piece
                if len(body) > _ERROR_BODY:
                    break
        return read_error(self.info, bytes(body), self.key, wall=time.time())

    async def _rest(self, pieces: Body, head: bytes) -> bytes:
        """
        Read the rest of a body that begins with *head*, and return the whole body; b""
        if `_completes` has read the answer before the body's end.
        """
        body: bytes | bytearray = head
        whole = head != b"" and await self._completes(body, head)
        async for piece in pieces:
            # Only a body of several pieces is copied.
            if body and isinstance(body, bytes):
                body = bytearray(body)
            body += piece
            # White space does not restart the idle timeout: some servers send it while
            # the model works.
            if not whole and not piece.isspace():
                self.timer.arm("idle")
            if len(body) > self.config.max_event_bytes:
                raise APIResponseError(
                    f"the reply is larger than {self.config.max_event_bytes:,} bytes"
                    " (max_event_bytes)"
                )
            whole = whole or await self._completes(body, piece)
        return b"" if whole else bytes(body)

    async def _completes(self, body: bytes | bytearray, piece: bytes) -> bool:
        """
        Whether *piece*, the last piece of *body* so far, completes the answer.

        If so, the answer is read at once: the end of the body may never come, since
        servers and proxies forget it or break the connection before it.
        """
        if self._tries == _MOST_TRIES or piece.rstrip()[-1:] != b"}":
            return False
        self._open += _count(body, b"{", self._counted)
        self._open -= _count(body, b"}", self._counted)
        self._counted = len(body)
        if self._open:
            return False
        self._tries += 1
        if not await self._read_early(bytes(body)):
            return False
        self.timer.shorten(AFTER_FINISH)
        return True

    async def _read_early(self, body: bytes) -> bool:  # noqa: ARG002
        """Return False; `JSONReader` overrides this to read *body* if complete."""
        return False


def _count(data: bytes | bytearray, sign: bytes, at: int) -> int:
    """Return how often *sign* occurs in *data* from *at* on."""
    found = 0
    # Python 3.11 finds a byte about 50 times as fast as it counts one, so the few
    # braces of a long answer are found one by one.
    if len(data) - at > _MANY_BYTES:
        while found < _FEW_BRACES:
            at = data.find(sign, at) + 1
            if at == 0:
                return found
            found += 1
    return found + data.count(sign, at)


# Most clients have no prices of their own, and never import this module.
@run_apart_once
def _own_rates() -> Callable[..., Rates | None]:
    from .._settings.prices import own_rates  # noqa: PLC0415

    return own_rates

"""
Answers calls from the client's cache, and stores new answers there.

A cache that is broken, slow or full never fails a call: the first problem is reported,
and the call goes on as without a cache.
"""

from __future__ import annotations

import asyncio

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import anyio
import attrs

from attrs import define, field

from .._log import logger, warn_of
from .._models.errors import APIError
from .._models.response import ResponseInfo
from .._protocol.cached_answer import KeptReply, cache_key, may_be_kept, unpack
from .._protocol.request import Request
from .._settings.cache import Cache, check_cache
from .._settings.timeouts import Timeouts
from .._transport.event_loop import in_worker, loop_token, real_clock
from .._transport.transport import Reply
from .batch_queue import BatchQueue
from .bytes_reader import BytesReader
from .reply_reader import Body, ReplyReader
from .reply_recorder import Recorder, TakenReply
from .timer import Timer


__all__ = ["AnswerCache", "CachedCall", "CallAttempts", "Send"]

_T = TypeVar("_T")

# Maximum seconds that a method of the cache may take; fewer if the call's total timeout
# passes earlier.
_TIMEOUT = 5.0
# Seconds for which a cache is not used after one of its methods took too long.
_PAUSE = 60.0
# A request's body of more bytes than this is hashed in a worker thread.
_LARGE = 32 * 1024
_NO_TIMEOUTS = Timeouts.of(None)


class CachedCall(Protocol):
    """The methods and attributes of a `Call` that this module uses."""

    resources: Any
    reader_class: type[ReplyReader[Any]]
    began: float | None
    queue: BatchQueue[Any]
    reader: ReplyReader[Any] | None

    def info(self) -> ResponseInfo:
        """Return the response metadata so far."""
        ...

    def new_reader(self, request: Request, timer: Timer) -> ReplyReader[Any]:
        """Create and return the call's `reader`, for the reply to *request*."""
        ...


class CallAttempts(Protocol):
    """The methods and attributes of a call's `Attempts` that this module uses."""

    cached: bool
    elapsed: float | None


Send: TypeAlias = Callable[[Request], Awaitable[None]]


@define(eq=False)
class AnswerCache:
    """
    The cache of a client and of the clients that its `with_options` returns.

    Attributes:
        store: The `SQLiteCache`, or a user-provided cache.
        reads: False if answers are only stored, and not read.
    """

    store: Cache
    reads: bool = True
    _reported: set[str] = field(factory=set)
    _paused: dict[str, float] = field(factory=dict)
    _clock: Callable[[], float] = field(factory=real_clock)

    def __attrs_post_init__(self) -> None:
        check_cache(self.store)

    def renewing(self) -> AnswerCache:
        """
        Return a copy of this cache that reads no answers, but stores new ones in place
        of the old.
        """
        return attrs.evolve(self, reads=False)

    async def answer(
        self, call: CachedCall, attempts: CallAttempts, send: Send, request: Request
    ) -> None:
        """
        Answer *call* from the cache, or else with *send*, and store the new answer.

        Args:
            call: The call.
            attempts: The attempts of the call.
            send: Sends the request, and puts the answer into the call's queue.
            request: The request to answer.

        Raises:
            APIError: *send* raised it.
        """
        if not _is_cacheable(call, request):
            await send(request)
            return
        secret = call.resources.config.api_key
        streams = call.reader_class.streams
        timer = Timer(call.began or 0.0, request.timeouts, stream=streams)
        key = await _apart(len(request.body or b""), lambda: cache_key(request, secret))
        if self.reads and await self._answer_from(key, call, attempts, request, timer):
            return
        usual = call.resources.transport
        recorder = Recorder(usual.pools)
        call.resources = attrs.evolve(call.resources, transport=recorder)
        try:
            await send(request)
        finally:
            call.resources = attrs.evolve(call.resources, transport=usual)
        await self._keep(key, call, recorder.taken)

    async def _answer_from(
        self,
        key: str,
        call: CachedCall,
        attempts: CallAttempts,
        request: Request,
        timer: Timer,
    ) -> bool:
        """Answer *call* from the cache; return False if that is not possible."""
        data: object = await self._use("get", lambda: self.store.get(key), timer)
        if data is not None and not isinstance(data, bytes):
            self._report(f"get returned {type(data).__name__}, not bytes", None)
            return False
        kept = None if data is None else unpack(data)
        config = call.resources.config
        if kept is None or len(kept.data) > config.max_event_bytes:
            return False
        kept_timer = Timer(timer.began, _NO_TIMEOUTS, stream=timer.stream)
        reader, attempts.cached = call.new_reader(request, kept_timer), True
        reply = _Reply.of(kept)
        try:
            with kept_timer:
                async with aclosing(reply.body):
                    await reader.read(cast("Reply", reply))
        except APIError:  # e.g. the answer was stored by another version of asi1
            if reader.begun:
                raise
        if not reader.whole:
            attempts.cached = False
            return False
        attempts.elapsed = timer.elapsed
        logger.debug("%s %s: from the cache", request.method, _bare(request.url))
        if result := reader.result(call.info()):
            call.queue.put(result)
        call.queue.end()
        return True

    async def _keep(self, key: str, call: CachedCall, reply: TakenReply | None) -> None:
        """Store the answer of a call that has succeeded, if it may be stored."""
        reader = call.reader
        if reader is None or not reader.whole or reply is None or reply.dropped:
            return
        result = reader.answer()
        if not result.choices:
            (result,) = reader.result(ResponseInfo())
        if not may_be_kept(result, reader.request.choices):
            return
        # Shielded, since a program may close its client as soon as it has the answer,
        # and the answer must be stored all the same.
        with anyio.CancelScope(shield=True):
            value = await _apart(reply.size, lambda: reply.packed(reader.key))
            if value is not None:
                keep = partial(self.store.set, key, value)
                await self._use("set", keep, reader.timer)

    async def _use(
        self, name: str, use: Callable[[], Awaitable[_T]], timer: Timer
    ) -> _T | None:
        """
        Return the result of a method of the cache; None if the method fails, or if the
        cache is not used for a while because a method was too slow.

        The method is cancelled when the total timeout of *timer* passes, so a slow
        cache does not make a call longer.
        """
        if self._clock() < self._paused.get("until", 0.0):
            return None
        seconds = min(_TIMEOUT, timer.left)
        try:
            with anyio.move_on_after(seconds) as scope:
                return await use()
        # A cache that asks a cancelled asyncio task for its result raises the task's
        # CancelledError, which does not mean that the call was cancelled.
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            self._report(f"{name} raised CancelledError", error)
        except Exception as error:  # noqa: BLE001 - a cache must not fail the call
            self._report(f"{name} raised {type(error).__name__}: {error}", error)
        else:
            if scope.cancelled_caught and seconds == _TIMEOUT:
                self._paused["until"] = self._clock() + _PAUSE
                self._report(f"{name} took more than {_TIMEOUT:g} s", None)
        return None

    def _report(self, problem: str, error: BaseException | None) -> None:
        if self._reported:
            return
        self._reported.add(problem)
        text = (
            f"the cache of answers fails, and calls go on without it: {problem}; this"
            " is reported once per client"
        )
        warn_of(text, error)


def _is_cacheable(call: CachedCall, request: Request) -> bool:
    # Two kinds of calls are not cached: in a session, the answer depends on earlier
    # messages, which the server keeps; and `client.request` may call any endpoint.
    in_session = "x-session-id" in request.headers
    plain = issubclass(call.reader_class, BytesReader)
    return request.cache and not plain and not in_session


def _is_cancelled() -> bool:
    """Whether the running asyncio task was cancelled."""
    if not isinstance(loop_token(), asyncio.AbstractEventLoop):
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _apart(size: int, work: Callable[[], _T]) -> _T:
    """Return the result of *work*, run in a worker thread if *size* bytes are many."""
    return work() if size <= _LARGE else await in_worker(work)


def _bare(url: str) -> str:
    return url.partition("?")[0]


@define
class _Reply:
    """A reply from the cache, in the form in which a `ReplyReader` reads replies."""

    status: int
    headers: Mapping[str, str]
    body: Body

    @classmethod
    def of(cls, kept: KeptReply) -> _Reply:
        async def body() -> AsyncGenerator[bytes, None]:
            yield kept.data

        return cls(kept.status, kept.headers, body())

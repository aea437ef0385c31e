"""
One API call from start to end: sends requests, waits, retries, records the outcome.

The modules of `_call` read the clock and draw random jitter, so that the modules of
`_protocol` need neither a clock nor random numbers.
"""

from __future__ import annotations

import itertools

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from attrs import define, evolve, field

from .._fork_lock import ExitingError
from .._models.base import as_sent
from .._models.completion import ChatCompletion
from .._models.errors import (
    APIError,
    APITimeoutError,
    ASI1Error,
    CallCancelledError,
    ClientClosedError,
    StreamClosedError,
    StreamError,
)
from .._models.response import NO_INFO, ResponseInfo
from .._models.status_errors import APIStatusError
from .._protocol.request import Request
from .._transport.event_loop import Flag, finish_steps, loop_clock, loop_token
from .attempts import Attempts, Requests, idempotency_headers, redaction
from .batch_queue import BatchQueue
from .reply_reader import ReplyReader
from .resources import Bill, Resources
from .task import is_closing
from .timer import Timer


if TYPE_CHECKING:
    from .._models.call_info import Wait
    from .asked_key import AskedKey
    from .watch import Watch


__all__ = ["Call"]

_T = TypeVar("_T")

# Seconds to wait for the end of the body after a complete answer: a connection can only
# be reused after the end of the body was read.
_DRAIN = 0.25


@define(eq=False, repr=False)
class Call(Generic[_T]):
    """
    One API call, run by one task.

    Attributes:
        resources: The resources of the client.
        requests: Provides the requests to send.
        reader_class: Reads the replies, and puts items of type *_T* into the queue.
        began: When the timeouts start, on the loop's clock; None before the call runs.
        parent: The `Watch` of the run that makes this call; None if no run does.
        queue: Receives the chunks of a stream, or else the single result.
        opened: Set once the server has begun to answer, or the call has ended.
        reader: Reads the reply of the last attempt; None before the first attempt.
    """

    resources: Resources
    requests: Requests
    reader_class: type[ReplyReader[_T]]
    began: float | None = None
    parent: Watch | None = field(default=None, init=False)
    queue: BatchQueue[_T] = field(factory=BatchQueue, init=False)
    opened: Flag = field(factory=Flag, init=False)
    _attempts: Attempts = field(init=False)
    _timer: Timer = field(init=False)
    _watch: Watch | None = field(default=None, init=False)
    _key: AskedKey | None = field(default=None, init=False)
    _bill: Bill = field(init=False)
    reader: ReplyReader[_T] | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._attempts = Attempts(self.resources.retry_budget)
        streams = self.reader_class.streams
        self._key = self.resources.asked_key(self.requests, streams=streams)
        self.requests = self._key or self.requests
        if self.resources.queue is not None:
            self.resources.queue.enter()

    async def run(self) -> None:
        """Make the call; put its results, and its error if it fails, into the queue."""
        error: Exception | None = None
        try:
            await self._make()
        except GeneratorExit:  # thrown into a task that its event loop left unfinished
            error = self._stopped()
            raise
        except anyio.get_cancelled_exc_class():
            error = self._stopped()
            raise
        except Exception as caught:  # noqa: BLE001 - the reader of the queue raises it
            error = caught
            if isinstance(error, ExitingError):
                error = ASI1Error(f"{error}; no more calls can be made")
            # The traceback's frames refer to server data, so the traceback is removed.
            error.__traceback__ = None
            if isinstance(error, ASI1Error):
                error.__context__ = None
            self.queue.end(error)
        except (SystemExit, KeyboardInterrupt) as exiting:
            self.queue.end(exiting)  # raised by the user's transport or limiter
            error = self._stopped()
        finally:
            self.opened.set()
            try:
                self._tell_end(error)
            except (SystemExit, KeyboardInterrupt) as exiting:
                self.queue.abandon(exiting)  # raised by a hook

    def settle(self) -> None:
        """Record that the task has ended; wake the reader if the task never began."""
        if self.resources.queue is not None:
            self.resources.queue.leave()
        if not self.queue.ended:
            self.queue.end(self._cancelled())
        self.opened.set()

    def _cancelled(self) -> ASI1Error:
        by = "or its task was cancelled from outside"
        if self.reader_class.streams:
            return StreamClosedError(f"the stream was closed, {by}")
        return ClientClosedError(f"the client was closed during the call, {by}")

    def _stopped(self) -> ASI1Error | None:
        """End the queue of a cancelled call; return its error, None if it succeeded."""
        error: ASI1Error = CallCancelledError("the caller no longer waits for the call")
        if is_closing():
            error = ClientClosedError("the client was closed during the call")
        elif self.reader_class.streams:
            error = StreamClosedError("the stream was left before its end")
        self.queue.end(error if is_closing() else self._cancelled())
        whole = self._attempts.answered or (self.reader and self.reader.whole)
        told = None if whole else error
        self._attempts.stopped(told, self.info().status, self._attempts.now())
        return told

    def info(self) -> ResponseInfo:
        """Return the response metadata so far."""
        return self._attempts.of(self.reader.metadata if self.reader else NO_INFO)

    def answer(self) -> ChatCompletion:
        """Return the answer so far."""
        answer = self.reader.answer() if self.reader else ChatCompletion()
        return as_sent(evolve(answer, response=self.info()), answer)

    def new_reader(self, request: Request, timer: Timer) -> ReplyReader[_T]:
        """Create and return the `reader`, for the reply to *request*."""
        reader = self.reader_class(
            self.resources.config, request, timer, self.queue, self.opened
        )
        reader.watch, self.reader = self._watch, reader
        return reader

    async def _make(self) -> None:
        clock = loop_clock(loop_token())
        began = self.began = clock() if self.began is None else self.began
        now = self._attempts.now = lambda: clock() - began
        first = await self.requests.first(began)
        if self.resources.hooks is not None:
            self._watch = self.resources.hooks.watch(first, self.parent, now)
            self._watch.start()
        request: Request | None = first
        send = self.resources.cached(self, self._attempts, self._attempt_until_answered)
        while request is not None:
            try:
                await send(request)
                request = None
            except APIStatusError as error:
                request = await self.requests.after(error)
                if request is None:
                    raise
                self._attempts.repeat(error, self._watch)

    async def _attempt_until_answered(self, request: Request) -> None:
        streams = self.reader_class.streams
        self._timer = Timer(self.began or 0.0, request.timeouts, stream=streams)
        headers = idempotency_headers(request.idempotency_key)
        failed: tuple[ReplyReader[_T] | None, APIError | None] = None, None
        for retries in itertools.count():
            self._attempts.prepare(request, retries)
            reader = self.new_reader(request, self._timer)
            try:
                sent = self._attempts.sent
                self._bill = await self.resources.bill(reader, sent=sent)
            except ASI1Error as refused:
                self.reader = failed[0]
                raise refused from failed[1]
            try:
                await self._attempt(reader, headers)
            except APIError as error:
                self._bill.settle(error, sent=self._attempts.attempt_sent)
                wait = await self._failed(reader, error)
                if wait is None:
                    raise error from error.__cause__
                failed = reader, error.with_traceback(None)
                await anyio.sleep(wait)
            except ASI1Error:
                self._bill.cancel_unanswered()
                raise
            else:
                return
            finally:
                self._bill.settle(sent=self._attempts.attempt_sent)

    async def _attempt(
        self, reader: ReplyReader[_T], headers: Mapping[str, str]
    ) -> None:
        limiter = self.resources.limiter
        with self._timer:
            if limiter is None:
                await self._send(reader, headers)
            else:
                from .rate_permit import permit  # noqa: PLC0415 - loaded with *limiter*

                self._timer.arm("total")
                async with permit(limiter, reader, self._waits):
                    await self._send(reader, headers)
        if self.queue.ended:
            return
        if reader.whole:  # the answer was complete before the timeout passed
            self._succeeded(reader)
            return
        raise self._attempts.timed_out(self._timer)

    async def _send(self, reader: ReplyReader[_T], headers: Mapping[str, str]) -> None:
        if self._key is not None:
            await self._key.ask(reader, self._timer, self._attempts)
        self._attempts.begin(self._timer.elapsed)
        self._timer.arm("first_token")
        send, sending = self.resources.transport.send, self._attempts.sending
        reply = await send(reader.request, reader.key, headers, sending)
        drain = 0.0
        try:
            await reader.read(reply)
            self._timer.disarm()
            self._succeeded(reader)
            drain = _DRAIN
        finally:
            await reply.aclose(drain)

    def _waits(self, wait: Wait) -> None:
        """Report that the call waits for its rate limiter."""
        if self._attempts.wait(wait) and self._watch is not None:
            self._watch.wait(wait)

    def _succeeded(self, reader: ReplyReader[_T]) -> None:
        """Record a successful attempt, queue its result, and end the queue."""
        self._bill.settle()
        self._attempts.succeeded(reader.info.status, self._timer.elapsed)
        if result := reader.result(self._attempts.complete(reader.metadata)):
            self.queue.put(result)
        self.queue.end()

    async def _failed(self, reader: ReplyReader[_T], error: APIError) -> float | None:
        """Record a failed attempt; return the seconds until its retry; None if none."""
        scrub, without_key = redaction()
        await finish_steps(scrub(error, reader.key))
        error.response = self.info()  # the retry policy reads the response's headers
        now, begun, wait = self._timer.elapsed, reader.begun, None
        # Not retried: an answer of which chunks were delivered, and an attempt that
        # still waited for the limiter (a timeout or the user's limiter ended it).
        if not begun and self._attempts.awaited is None:
            wait = self._attempts.next_wait(error, self._timer.left)
        attempt = self._attempts.failed(error, wait, now)
        error.response = await finish_steps(without_key(self.info(), reader.key))
        if isinstance(error, APITimeoutError):
            error.elapsed = now
        if isinstance(error, StreamError) or (
            isinstance(error, APITimeoutError) and begun
        ):
            error.partial = await finish_steps(without_key(self.answer(), reader.key))
        if wait is not None and attempt is not None and self._watch is not None:
            self._watch.retry(error.response, error, attempt)
        return wait

    def _tell_end(self, error: Exception | None) -> None:
        if self._watch is not None:
            reader = self.reader
            arrived = reader is not None and (reader.begun or reader.whole)
            answer = self.answer() if arrived else None
            redact = str if reader is None else reader.key.redact
            self._watch.end(error, self.info(), answer, redact)

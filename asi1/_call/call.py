"""
One call from start to end: its tries, the waits between them, how it ended.

Here, in `reply_reader`, `timer` and `rate_limiter` are the clocks and the dice. What to do
next is decided below.
"""

from __future__ import annotations

import itertools
import random
import uuid

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

import anyio
import attrs

from attrs import define, field

from .._log import logger
from .._models.chunks import ChatCompletionChunk
from .._models.completion import ChatCompletion
from .._models.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ASI1Error,
    ClientClosedError,
    StreamClosedError,
    StreamError,
)
from .._models.response import Attempt, ResponseInfo
from .._models.status_errors import RateLimitError
from .._protocol.request import Request
from .._settings.config import ClientConfig
from .._settings.hooks import Hooks
from .._settings.rate_limit import Limiter, LimitOutcome
from .._transport.event_loop import Flag
from .._transport.transport import Transport
from .batch_queue import Handover
from .reply_reader import Reading, Result
from .retry_budget import RetryBudget
from .scrub_errors import scrub
from .timer import Timer


__all__ = ["Exchange"]

# Seconds to wait for the end of a body whose answer is whole, to keep its connection.
_DRAIN = 0.25


@define(eq=False)
class Exchange:
    """
    One call, run by one task.

    Attributes:
        dice: Draws a number in [0, 1).
        began: When its time began to count, on the loop's clock; None for its start.
        out: Where the chunks, or the one answer, are handed over.
        opened: Set once the server has begun to answer, or the call has ended.
    """

    config: ClientConfig
    request: Request
    transport: Transport
    budget: RetryBudget
    limiter: Limiter | None = None
    hooks: Hooks = field(factory=Hooks)
    dice: Callable[[], float] = random.random
    began: float | None = None
    out: Handover[Result | ChatCompletionChunk] = field(factory=Handover, init=False)
    opened: Flag = field(factory=Flag, init=False)
    _timer: Timer = field(init=False)
    _reading: Reading | None = field(default=None, init=False)
    _attempts: list[Attempt] = field(factory=list, init=False)
    _elapsed: float | None = field(default=None, init=False)

    async def run(self) -> None:
        """Make the call; what happens is handed over. Raises only a cancellation."""
        try:
            await self._call()
        except anyio.get_cancelled_exc_class():
            self.out.end(self._ended_from_outside())
            raise
        except Exception as error:  # noqa: BLE001 - raised again by who reads
            # With the reader's frames: those of this task hold what the server said.
            error.__traceback__ = None
            if isinstance(error, ASI1Error):
                error.__context__ = None
            self.out.end(error)
            self._tell_end(error)
        except (SystemExit, KeyboardInterrupt) as error:
            self.out.end(error)  # from a transport or limiter of the user's
        else:
            self.out.end()
            self._tell_end(None)
        finally:
            self.opened.set()

    def settle(self) -> None:
        """Let nobody wait whose call was cancelled, by others, before it began."""
        if not self.out.ended:
            self.out.end(self._ended_from_outside())
        self.opened.set()

    def _ended_from_outside(self) -> ASI1Error:
        by = "or its task was cancelled by others"
        if self.request.wants == "chunks":
            return StreamClosedError(f"the stream was closed, {by}")
        return ClientClosedError(f"the client was closed during the call, {by}")

    def info(self) -> ResponseInfo:
        """Return the account of the call so far."""
        info = self._reading.info if self._reading else ResponseInfo()
        return attrs.evolve(info, attempts=tuple(self._attempts), elapsed=self._elapsed)

    def answer(self) -> ChatCompletion:
        """Return the answer so far."""
        answer = self._reading.answer() if self._reading else ChatCompletion()
        return attrs.evolve(answer, response=self.info())

    def _start(self) -> float:
        """Return when the call began; it is now if it has not yet."""
        if self.began is None:
            self.began = anyio.current_time()
        return self.began

    async def _call(self) -> None:
        streams = self.request.wants == "chunks"
        self._timer = Timer(self._start(), self.request.timeouts, stream=streams)
        headers = _idempotency(self.request.idempotency_key)
        for number in itertools.count(1):
            since = self._timer.elapsed
            self._reading = Reading(
                self.config, self.request, self._timer, self.out, self.opened
            )
            try:
                await self._try(self._reading, headers, number, since)
            except APIError as error:
                wait = self._failed(error, number, since)
                if wait is None:
                    raise error from error.__cause__
                if self.hooks.on_retry is not None:
                    self._tell(self.hooks.on_retry, self._attempts[-1])
                await anyio.sleep(wait)
            else:
                return

    async def _try(
        self,
        reading: Reading,
        headers: Mapping[str, str],
        number: int,
        since: float,
    ) -> None:
        with self._timer:
            if self.limiter is None:
                await self._send(reading, headers, number, since)
            else:
                self._timer.arm("total")
                async with self._permit(self.limiter, reading):
                    await self._send(reading, headers, number, since)
        if self.out.ended:
            return
        if reading.whole:  # and only its end was missing
            self._succeeded(number, since, reading.answer())
            return
        phase = self._timer.deadline.phase
        streams = self.request.wants == "chunks"
        raise APITimeoutError(
            f"timed out: {self.request.timeouts.explain(phase, stream=streams)}",
            phase=phase,
        )

    async def _send(
        self,
        reading: Reading,
        headers: Mapping[str, str],
        number: int,
        since: float,
    ) -> None:
        self._timer.arm("first_token")
        reply = await self.transport.send(self.request, self.config.api_key, headers)
        patience = 0.0
        try:
            result = await reading.read(reply)
            self._timer.disarm()
            self._succeeded(number, since, result)
            patience = _DRAIN
        finally:
            await reply.aclose(patience)

    @asynccontextmanager
    async def _permit(
        self, limiter: Limiter, reading: Reading
    ) -> AsyncGenerator[None, None]:
        """Hold a place with the limiter, and tell it how the try ended."""
        tokens = self.request.tokens
        await limiter.acquire(tokens)
        outcome = LimitOutcome(estimated=tokens)
        try:
            yield
            usage = reading.answer().usage
            used = None if usage is None else usage.total_tokens
            outcome = attrs.evolve(outcome, used=used)
        except RateLimitError as error:
            outcome = attrs.evolve(outcome, refused=True, retry_after=error.retry_after)
            raise
        finally:
            limiter.release(outcome)

    def _succeeded(self, number: int, since: float, result: Result) -> None:
        """Note the last try, and let the reader go on; the rest is tidying up."""
        self._elapsed = self._timer.elapsed
        status = self._reading.info.status if self._reading else None
        attempt = Attempt(number=number, status=status, elapsed=self._elapsed - since)
        self._note(attempt)
        self.budget.succeeded(number - 1)
        if self.request.wants != "chunks":
            self.out.put([attrs.evolve(result, response=self.info())])
        self.out.end()

    def _failed(self, error: APIError, number: int, since: float) -> float | None:
        """Note a try that failed; return how long to wait for the next, if any."""
        scrub(error, self.config.api_key)
        error.response = self.info()  # the policy reads its headers
        now = self._timer.elapsed
        begun = self._reading is not None and self._reading.begun
        wait = None
        if not begun:  # once a chunk is out, a second try would say it again
            wait = self.request.retry.next_wait(
                error, number, dice=self.dice(), left=self._timer.left
            )
        if wait is not None and not self.budget.spend():
            wait = None
        sent = error.sent if isinstance(error, APIConnectionError) else True
        attempt = Attempt(
            number=number,
            status=self.info().status,
            cause=f"{type(error).__name__}: {error}",
            sent=sent,
            elapsed=now - since,
            wait=wait,
        )
        self._note(attempt)
        self._elapsed = now
        error.response = self.info()
        if isinstance(error, APITimeoutError):
            error.elapsed = now
        if isinstance(error, StreamError) or (
            isinstance(error, APITimeoutError) and begun
        ):
            error.partial = self.answer()
        return wait

    def _note(self, attempt: Attempt) -> None:
        self._attempts.append(attempt)
        # Without the query, which may hold anything, and without the server's words.
        logger.debug(
            "%s %s, try %d: status %s after %.3f s, next after %s s",
            self.request.method,
            self.request.url.partition("?")[0],
            attempt.number,
            attempt.status,
            attempt.elapsed,
            attempt.wait,
        )

    def _tell_end(self, error: Exception | None) -> None:
        if self.hooks.on_end is not None:
            self._tell(self.hooks.on_end, self.info(), error)

    def _tell(self, hook: Callable[..., object], *what: object) -> None:
        try:
            hook(*what)
        except Exception:  # noqa: BLE001 - who watches must not change what happens
            logger.exception("a hook failed")


def _idempotency(key: str | None) -> dict[str, str]:
    if key is None:
        return {}
    return {"idempotency-key": str(uuid.uuid4()) if key == "auto" else key}

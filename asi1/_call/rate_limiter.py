"""A rate limiter for one process; calls are served in order of arrival."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import anyio

from attrs import define, evolve, field, frozen

from .._models.call_info import Wait
from .._models.status_errors import RateLimitError
from .._settings.rate_limit import Limiter, LimitOutcome, RateLimit, counted_tokens
from .._settings.rate_window import Window
from .._transport.event_loop import loop_token, real_clock
from .reply_reader import ReplyReader


__all__ = ["LocalLimiter", "Report", "UserLimiter", "limiter_of", "permit"]

# A function that is called with each `Wait` that a call begins.
Report: TypeAlias = Callable[[Wait], object]


def _ignore(wait: Wait) -> None:
    """Do nothing with *wait*."""


@define(eq=False)
class _LoopLocks:
    """
    The lock and the semaphore for which the calls of one event loop wait.

    Attributes:
        in_order: Held by the call at the front of the queue.
        slots: A semaphore with one slot for each call that may run; None for no limit.
        front: The wait of the call at the front; None if it does not wait.
        until: When the wait of the call at the front ends.
        behind: Callbacks of the calls behind the front, to report the front's wait.
    """

    in_order: anyio.Lock
    slots: anyio.Semaphore | None
    front: Wait | None = field(default=None, init=False)
    until: float = field(init=False)
    behind: set[Report] = field(factory=set, init=False)


@define(eq=False)
class LocalLimiter:
    """
    Delays the calls of a client and its children to stay within a `RateLimit`.

    Attributes:
        limit: The rate limit.
        clock: Returns the seconds of a clock that all event loops of the process share.
    """

    limit: RateLimit
    clock: Callable[[], float] = field(factory=real_clock)
    _windows: tuple[Window, Window, Window] = field(init=False)
    _not_before: float = field(default=0.0, init=False)
    _by_loop: WeakKeyDictionary[Any, _LoopLocks] = field(
        factory=WeakKeyDictionary, init=False
    )

    def __attrs_post_init__(self) -> None:
        self._windows = self.limit.windows()

    async def acquire(self, tokens: int, report: Report = _ignore) -> None:
        """
        Wait in order of arrival until the limits allow a call of *tokens* tokens.

        *report* is called with each wait, before it begins.
        """
        locks = self._loop_locks()
        if locks.slots is not None:
            if locks.slots.value == 0:
                most = self.limit.max_concurrency
                report(Wait(reason="max_concurrency", limit=most))
            await locks.slots.acquire()
        try:
            await self._queue(tokens, report, locks)
        except BaseException:
            if locks.slots is not None:
                locks.slots.release()
            raise

    async def _queue(self, tokens: int, report: Report, locks: _LoopLocks) -> None:
        if locks.front is not None:
            left = max(0.0, locks.until - self.clock())
            report(evolve(locks.front, seconds=left))
        else:
            locks.behind.add(report)
        try:
            async with locks.in_order:
                locks.behind.discard(report)
                await self._wait_at_front(tokens, report, locks)
        finally:
            locks.behind.discard(report)

    async def _wait_at_front(
        self, tokens: int, report: Report, locks: _LoopLocks
    ) -> None:
        try:
            while wait := self._wait(tokens):
                locks.front, locks.until = wait, self.clock() + wait.seconds
                report(wait)
                while locks.behind:
                    locks.behind.pop()(wait)
                await anyio.sleep(wait.seconds)
        finally:
            locks.front = None
        now = self.clock()
        for _, window, amount in self._amounts(tokens):
            window.take(now, amount)

    def release(self, outcome: LimitOutcome) -> None:
        """Replace the estimate by the used tokens, if known; slow down after a 429."""
        locks = self._loop_locks()
        if locks.slots is not None:
            locks.slots.release()
        requests, _, tokens = self._windows
        if outcome.used is not None:
            tokens.correct(outcome.estimated, outcome.used)
            requests.went_well()
        if outcome.refused:
            requests.refused()
            until = self.clock() + (outcome.retry_after or 0.0)
            self._not_before = max(self._not_before, until)

    def _wait(self, tokens: int) -> Wait | None:
        """Return the longest `Wait` of a call of *tokens* tokens; None for no wait."""
        now = self.clock()
        waits = [
            Wait(reason=name, limit=window.limit, seconds=window.wait(now, amount))
            for name, window, amount in self._amounts(tokens)
        ]
        waits.append(Wait(reason="retry_after", seconds=self._not_before - now))
        longest = max(waits, key=lambda wait: wait.seconds)
        return longest if longest.seconds > 0 else None

    def _amounts(self, tokens: int) -> list[tuple[str, Window, float]]:
        requests, daily, tokens_used = self._windows
        return [
            ("requests_per_minute", requests, 1),
            ("requests_per_day", daily, 1),
            ("tokens_per_minute", tokens_used, tokens),
        ]

    def _loop_locks(self) -> _LoopLocks:
        token = loop_token()
        if token not in self._by_loop:
            most = self.limit.max_concurrency
            slots = None if most is None else anyio.Semaphore(most)
            self._by_loop[token] = _LoopLocks(anyio.Lock(), slots)
        return self._by_loop[token]


@frozen
class UserLimiter:
    """Asks a user-provided limiter, which cannot say which limit a call waits for."""

    limiter: Limiter

    async def acquire(self, tokens: int, report: Report) -> None:  # noqa: ARG002 - as `LocalLimiter`
        """Wait until the user-provided limiter permits a call of *tokens* tokens."""
        await self.limiter.acquire(tokens)

    def release(self, outcome: LimitOutcome) -> None:
        """Tell the user-provided limiter how an attempt ended."""
        self.limiter.release(outcome)


def limiter_of(limit: RateLimit | Limiter) -> LocalLimiter | UserLimiter:
    """Return the limiter of a client whose argument ``rate_limit`` is *limit*."""
    if isinstance(limit, RateLimit):
        return LocalLimiter(limit)
    return limit if isinstance(limit, LocalLimiter) else UserLimiter(limit)


@asynccontextmanager
async def permit(
    limiter: LocalLimiter | UserLimiter, reader: ReplyReader[Any], report: Report
) -> AsyncGenerator[None, None]:
    """
    Wait for the permit of an attempt; tell *limiter* how the attempt ended.

    Args:
        limiter: The limiter of the client.
        reader: Reads the reply of the attempt.
        report: Called with each `Wait` for the permit.
    """
    tokens, retry = reader.request.tokens, reader.request.retry
    await limiter.acquire(tokens, report)
    outcome = LimitOutcome(estimated=tokens)
    try:
        yield
        sent = len(reader.request.body or b"") + tokens
        used = counted_tokens(reader.usage, sent)
        outcome = evolve(outcome, used=used)
    except RateLimitError as error:
        asked = error.retry_after
        if asked is not None:  # caps the server's wait, which delays other calls
            asked = min(asked, retry.max_retry_after)
        outcome = evolve(outcome, refused=True, retry_after=asked)
        raise
    finally:
        limiter.release(outcome)

"""A rate limiter for one process; calls are served in order of arrival."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import anyio

from attrs import define, field

from .._settings.rate_limit import LimitOutcome, RateLimit
from .._settings.rate_window import Window
from .._transport.event_loop import loop_token, real_clock


__all__ = ["LocalLimiter"]


@define(eq=False)
class _LoopLocks:
    """The lock and the semaphore that the calls of one event loop wait for."""

    in_order: anyio.Lock
    slots: anyio.Semaphore | None


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

    async def acquire(self, tokens: int) -> None:
        """Wait in order of arrival until the limits allow a call of *tokens* tokens."""
        locks = self._loop_locks()
        if locks.slots is not None:
            await locks.slots.acquire()
        try:
            async with locks.in_order:
                while wait := self._wait(tokens):  # noqa: ASYNC110 - time passes without an event
                    await anyio.sleep(wait)
                now = self.clock()
                for window, amount in self._amounts(tokens):
                    window.take(now, amount)
        except BaseException:
            if locks.slots is not None:
                locks.slots.release()
            raise

    def release(self, outcome: LimitOutcome) -> None:
        """Count the used tokens, if known, not the estimate; slow down after a 429."""
        locks = self._loop_locks()
        if locks.slots is not None:
            locks.slots.release()
        requests, _, tokens = self._windows
        if outcome.used is not None:
            tokens.correct(outcome.used - outcome.estimated)
            requests.went_well()
        if outcome.refused:
            requests.refused()
            until = self.clock() + (outcome.retry_after or 0.0)
            self._not_before = max(self._not_before, until)

    def _wait(self, tokens: int) -> float:
        now = self.clock()
        waits = [window.wait(now, amount) for window, amount in self._amounts(tokens)]
        return max(0.0, self._not_before - now, *waits)

    def _amounts(self, tokens: int) -> list[tuple[Window, float]]:
        requests, daily, tokens_used = self._windows
        return [(requests, 1), (daily, 1), (tokens_used, tokens)]

    def _loop_locks(self) -> _LoopLocks:
        token = loop_token()
        if token not in self._by_loop:
            most = self.limit.max_concurrency
            slots = None if most is None else anyio.Semaphore(most)
            self._by_loop[token] = _LoopLocks(anyio.Lock(), slots)
        return self._by_loop[token]

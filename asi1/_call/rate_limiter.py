"""The limiter of one process: first come, first served."""

from __future__ import annotations

import time

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import anyio

from attrs import define, field

from .._settings.rate_limit import LimitOutcome, RateLimit
from .._settings.rate_window import Window
from .._transport.event_loop import loop_token


__all__ = ["LocalLimiter"]


@define(eq=False)
class _Turns:
    """What the calls of one event loop wait with."""

    next: anyio.Lock
    places: anyio.Semaphore | None


@define(eq=False)
class LocalLimiter:
    """
    Keeps one client, and its children, below a `RateLimit`.

    Attributes:
        clock: Seconds on a clock that all event loops of the process share.
    """

    limit: RateLimit
    clock: Callable[[], float] = time.monotonic
    _windows: tuple[Window, Window, Window] = field(init=False)
    _not_before: float = field(default=0.0, init=False)
    _by_loop: WeakKeyDictionary[Any, _Turns] = field(
        factory=WeakKeyDictionary, init=False
    )

    def __attrs_post_init__(self) -> None:
        self._windows = self.limit.windows()

    async def acquire(self, tokens: int) -> None:
        """Wait until every window has room, behind those who came before."""
        turns = self._turns()
        if turns.places is not None:
            await turns.places.acquire()
        try:
            async with turns.next:
                while wait := self._wait(tokens):  # noqa: ASYNC110 - no event tells
                    await anyio.sleep(wait)
                now = self.clock()
                for window, amount in self._amounts(tokens):
                    window.take(now, amount)
        except BaseException:
            if turns.places is not None:
                turns.places.release()
            raise

    def release(self, outcome: LimitOutcome) -> None:
        """Correct the count of tokens, and learn from a refusal."""
        turns = self._turns()
        if turns.places is not None:
            turns.places.release()
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
        requests, daily, spent = self._windows
        return [(requests, 1), (daily, 1), (spent, tokens)]

    def _turns(self) -> _Turns:
        token = loop_token()
        if token not in self._by_loop:
            most = self.limit.max_concurrency
            places = None if most is None else anyio.Semaphore(most)
            self._by_loop[token] = _Turns(anyio.Lock(), places)
        return self._by_loop[token]

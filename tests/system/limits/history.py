"""Generated histories of calls under one rate limit, on several event loops."""

from __future__ import annotations

import math

from typing import Any

import anyio

from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from asi1 import LimitOutcome, RateLimit
from asi1._call.rate_limiter import LocalLimiter

from ...support.many_loops import Loops
from .oracle import Oracle


__all__ = ["on"]

LIMITS = st.builds(
    RateLimit,
    requests_per_minute=st.sampled_from([None, 1, 2, 4]),
    tokens_per_minute=st.sampled_from([None, 50, 100]),
    max_concurrency=st.sampled_from([None, 1, 2, 3]),
)
# Numbers of tokens: some do not fit into any limit, and some just fit.
TOKENS = st.sampled_from([0, 1, 20, 50, 51, 100, 120])
# Sums of these seconds are exact as floats, so that no timer comes too early.
SHORT = 1 / 1024
SECONDS = st.sampled_from([SHORT, 0.5, 1.5, 10, 30, 60 - SHORT, 60, 61, 200])


@define(eq=False)
class _Call:
    """A call, and how it is to end."""

    loop: int
    tokens: int
    scope: anyio.CancelScope = field(init=False)
    end: anyio.Event = field(init=False)
    outcome: LimitOutcome = field(init=False)
    cancelled: bool = False
    ended: bool = False
    entry: list[float] | None = None

    def __attrs_post_init__(self) -> None:
        self.outcome = LimitOutcome(estimated=self.tokens)


class History(RuleBasedStateMachine):
    """A hypothesis state machine: calls begin, wait, run and end in any order, and the
    oracle checks each permit.
    """

    backends: tuple[str, ...] = ("asyncio", "asyncio", "asyncio")

    @initialize(limit=LIMITS)
    def make(self, limit):
        self.loops = Loops(self.backends)
        self.limiter = LocalLimiter(limit, clock=self.loops.clock)
        self.oracle = Oracle(limit)
        self.waiting: list[_Call] = []  # in order of arrival
        self.running: list[_Call] = []
        self.excused: set[int] = set()  # loops frozen since the last rule has run
        self.overdue = math.inf  # since this time a call that may start has waited

    # The task of a call:

    async def _call(self, call: _Call) -> None:
        self.waiting.append(call)
        call.scope, call.end = anyio.CancelScope(), anyio.Event()
        with call.scope:
            try:
                permit = await self.limiter.acquire(call.tokens)
            except BaseException:
                self.waiting.remove(call)
                raise
            self._permitted(call)
            try:
                await call.end.wait()
            finally:
                self.running.remove(call)
                self.oracle.released(call.entry, call.outcome, self.loops.now)
                self.limiter.release(permit, call.outcome)

    def _permitted(self, call: _Call) -> None:
        now = self.loops.now
        assert [] == self.oracle.broken(call.tokens, now)
        older = self.waiting[: self.waiting.index(call)]
        assert [] == [
            each
            for each in older
            if not each.cancelled and each.loop not in self._excused()
        ]
        self.waiting.remove(call)
        self.running.append(call)
        call.entry = self.oracle.permitted(call.tokens, now)

    def _excused(self) -> set[int]:
        frozen = {n for n, loop in enumerate(self.loops.each) if loop.frozen}
        return self.excused | frozen

    def _settle(self, seconds: float = 0.0) -> None:
        self.loops.advance(seconds) if seconds else self.loops.settle()
        self.excused.clear()

    def _end(self, call: _Call, **outcome: Any) -> None:
        call.ended = True
        call.outcome = LimitOutcome(estimated=call.tokens, **outcome)
        self.loops.each[call.loop].post(lambda _: call.end.set())

    def _some(self, calls: list[_Call], number: int) -> _Call | None:
        calls = [call for call in calls if not (call.ended or call.cancelled)]
        return calls[number % len(calls)] if calls else None

    # The rules, which say what may happen to the calls:

    @rule(loop=st.integers(0, 2), tokens=TOKENS, count=st.sampled_from([1, 1, 3]))
    def begin(self, loop, tokens, count):
        for _ in range(count):
            call = _Call(loop % len(self.loops.each), tokens)
            self.loops.run(call.loop, self._call, call)
        self._settle()

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 9), used=st.none() | TOKENS)
    def end(self, number, used):
        if call := self._some(self.running, number):
            self._end(call, used=used)
        self._settle()

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 9), pause=st.sampled_from([None, 0, 2, 60, 100]))
    def refuse(self, number, pause):
        if call := self._some(self.running, number):
            self._end(call, refused=True, retry_after=pause)
        self._settle()

    @precondition(lambda self: self.running or self.waiting)
    @rule(number=st.integers(0, 9))
    def cancel(self, number):
        if call := self._some(self.waiting + self.running, number):
            call.cancelled = True
            self.loops.each[call.loop].post(lambda _: call.scope.cancel())
        self._settle()

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self._settle(seconds)

    @rule(loop=st.integers(0, 2))
    def block_or_unblock(self, loop):
        one = self.loops.each[loop % len(self.loops.each)]
        one.frozen = not one.frozen
        self.excused.add(loop % len(self.loops.each))
        self._settle()

    # The invariants, which are true after each rule:

    @invariant()
    def call_that_may_go_has_gone(self):
        now, frozen = self.loops.now, self._excused()
        number, front = next(
            ((n, c) for n, c in enumerate(self.waiting) if c.loop not in frozen),
            (0, None),
        )
        # No call overtakes an older one that has to wait itself.
        ahead = [] if front is None else self.waiting[: number + 1]
        if not ahead or any(self.oracle.broken(each.tokens, now) for each in ahead):
            self.overdue = math.inf
            return
        held_up = len(ahead) > 1
        assert held_up, "the first call may go, and was not woken"
        self.overdue = min(self.overdue, now)
        assert now - self.overdue <= 2 + 2 * len(frozen), "a blocked loop stops others"

    def teardown(self):
        if not hasattr(self, "loops"):
            return
        try:
            for loop in self.loops.each:
                loop.frozen = False
            self.excused.update(range(len(self.loops.each)))
            self._settle()
            for _ in range(2 * len(self.waiting) + 10):
                for call in list(self.running):
                    if self._some([call], 0):
                        self._end(call)
                self._settle(101)
            assert ([], []) == (self.waiting, self.running)
            assert (0, 0) == (len(self.limiter._queue), len(self.limiter._running))
        finally:
            self.loops.close()


def on(*backends: str) -> type[History]:
    """Return the `History` class for event loops of the kinds *backends*."""
    return type("History", (History,), {"backends": backends})

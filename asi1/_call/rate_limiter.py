"""A rate limiter for one process; calls are served in order of arrival."""

from __future__ import annotations

import math
import os

from collections.abc import Callable
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel

from attrs import define, field

from .._models.call_info import Wait
from .._protocol.answer_tokens import AnswerTokens
from .._settings.rate_limit import LimitOutcome, RateLimit
from .._settings.rate_window import Entry, Window
from .._transport.event_loop import Flag, call_soon, loop_token, real_clock
from .shared_lock import shared


__all__ = ["LocalLimiter", "Permit", "Report"]

# A function that is called with each `Wait` that a call begins.
Report: TypeAlias = Callable[[Wait], object]

# Seconds in which the first call of the queue must react. If its event loop is blocked
# or has ended, calls of other event loops overtake it.
_GRACE = 1.0


def _ignore(wait: Wait) -> None:
    """Do nothing with *wait*."""


@define(eq=False)
class _Loop:
    """An event loop; *due*: when the first of its waiting calls must have reacted."""

    due: float = math.inf


@define(eq=False)
class _Waiter:
    """
    A call in the queue.

    Attributes:
        tokens: The call's estimated tokens.
        token: Identifies the call's event loop.
        loop: The call's event loop.
        wakeup: Wakes the call, to look at the limits again.
    """

    tokens: int
    token: Any
    loop: _Loop
    wakeup: Flag = field(factory=Flag, init=False)

    def wake(self) -> None:
        """Wake the call; may be called from any thread."""
        call_soon(self.token, self.wakeup.set)


@define(eq=False)
class Permit:
    """Allows one attempt; *entry* is the attempt's share of the token limit."""

    entry: Entry


@define(eq=False)
class LocalLimiter:
    """
    Delays the calls of a client and of its child clients to keep a `RateLimit`.

    The calls of all event loops wait in one queue. Only the first call of the queue may
    take a `Permit`, which allows one attempt. The call holds a lock while it checks the
    limits and takes the permit.

    Attributes:
        limit: The rate limit.
        clock: Returns the seconds of a clock that all event loops of the process share.
        answers: Estimates the tokens of answers.
    """

    limit: RateLimit
    clock: Callable[[], float] = field(factory=real_clock)
    answers: AnswerTokens = field(factory=AnswerTokens, init=False)
    _windows: tuple[Window, Window, Window] = field(init=False)
    _not_before: float = field(default=0.0, init=False)
    _queue: dict[_Waiter, None] = field(factory=dict, init=False)
    _asked: _Waiter | None = field(default=None, init=False)
    # Calls in the queue that have not been told yet which limit they wait for.
    _untold: set[_Waiter] = field(factory=set, init=False)
    _running: set[Permit] = field(factory=set, init=False)
    _loops: WeakKeyDictionary[Any, _Loop] = field(factory=WeakKeyDictionary, init=False)
    _process: int = field(factory=os.getpid, init=False)

    def __attrs_post_init__(self) -> None:
        self._windows = self.limit.windows()

    async def acquire(self, tokens: int, report: Report = _ignore) -> Permit:
        """
        Wait in order of arrival until the limits allow a call of *tokens* tokens.

        *report* is called with each wait, before it begins.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()
        waiter = self._join(tokens)
        try:
            while True:
                permit, wait, seconds = self._look(waiter)
                if permit is not None:
                    return permit
                if wait is not None:
                    report(wait)
                with anyio.move_on_after(seconds):
                    await waiter.wakeup.wait()
        except BaseException:
            self._leave(waiter)
            raise

    def release(self, permit: Permit, outcome: LimitOutcome) -> None:
        """Count the used tokens, if known, else the estimate; slow down after a 429."""
        requests, _, tokens = self._windows
        with shared.lock:
            now = self.clock()
            self._running.discard(permit)
            used = 0 if outcome.refused else outcome.used
            if used is not None:
                tokens.correct(permit.entry, used, now)
            if used:
                requests.went_well()
            if outcome.refused:
                requests.refused()
                until = now + (outcome.retry_after or 0.0)
                self._not_before = max(self._not_before, until)
            self._wake_front(now)

    def _join(self, tokens: int) -> _Waiter:
        token = loop_token()
        with shared.lock:
            if self._process != os.getpid():
                # The calls of the parent process do not run in a forked child.
                self._process = os.getpid()
                self._queue, self._untold, self._running = {}, set(), set()
            waiter = _Waiter(tokens, token, self._loops.setdefault(token, _Loop()))
            self._queue[waiter] = None
            self._untold.add(waiter)
        return waiter

    def _leave(self, waiter: _Waiter) -> None:
        with shared.lock:
            self._forget(waiter, self.clock())

    def _forget(self, waiter: _Waiter, now: float) -> None:
        """Remove *waiter* from the queue; wake the calls that are first now."""
        self._queue.pop(waiter, None)
        self._untold.discard(waiter)
        waiter.loop.due = math.inf
        self._wake_front(now)
        first = self._first(waiter.loop)
        if first is not None and first is not self._asked:
            first.wake()

    def _look(self, waiter: _Waiter) -> tuple[Permit | None, Wait | None, float]:
        """
        Take a permit for *waiter* if it is first in the queue and the limits allow it.

        Return a tuple: the permit, or None if *waiter* must wait; the limit that it
        waits for, if known; and the seconds after which to call `_look` again.
        """
        with shared.lock:
            now = self.clock()
            loop, waiter.wakeup = waiter.loop, Flag()
            loop.due = max(loop.due, now)  # proves that the event loop is not blocked
            front = self._front(now) or waiter
            wait = self._wait(front.tokens, now)
            if front is not waiter:
                # Another call is first: wake it, unless it was woken already.
                if front is not self._asked:
                    self._ask(front, now)
                if wait is not None:
                    self._untold.discard(waiter)
                if front.loop is not loop:
                    loop.due = math.inf
                watches = self._first(loop) is waiter
                return None, wait, _GRACE if watches else math.inf
            if wait is None:
                permit = self._take(waiter.tokens, now)
                self._forget(waiter, now)
                return permit, None, 0.0
            seconds = wait.seconds or math.inf  # unknown until another call ends
            self._asked, loop.due = waiter, now + seconds
            if waiter is not next(iter(self._queue)):
                # The calls before *waiter* were overtaken, but may react again.
                seconds = min(seconds, _GRACE)
            self._untold.discard(waiter)
            while self._untold:
                self._untold.pop().wake()
            return None, wait, seconds

    def _first(self, loop: _Loop) -> _Waiter | None:
        """
        Return the first call of *loop* in the queue. While calls of another event loop
        are before this call, it checks each second whether that loop still runs.
        """
        return next((each for each in self._queue if each.loop is loop), None)

    def _front(self, now: float) -> _Waiter | None:
        """Return the first call whose event loop is neither blocked nor ended."""
        return next(
            (each for each in self._queue if now <= each.loop.due + _GRACE), None
        )

    def _wake_front(self, now: float) -> None:
        front = self._front(now)
        if front is not None:
            self._ask(front, now)

    def _ask(self, front: _Waiter, now: float) -> None:
        self._asked = front
        front.loop.due = min(front.loop.due, now)
        front.wake()

    def _take(self, tokens: int, now: float) -> Permit:
        entries = [window.take(now, amount) for _, window, amount in self._of(tokens)]
        permit = Permit(entries[-1])
        self._running.add(permit)
        return permit

    def _wait(self, tokens: int, now: float) -> Wait | None:
        """Return a call's longest `Wait`, or None; the call needs *tokens* tokens."""
        most = self.limit.max_concurrency
        if most is not None and len(self._running) >= most:
            return Wait(reason="max_concurrency", limit=most)
        waits = [
            Wait(reason=name, limit=window.limit, seconds=window.wait(now, amount))
            for name, window, amount in self._of(tokens)
        ]
        waits.append(Wait(reason="retry_after", seconds=self._not_before - now))
        longest = max(waits, key=lambda wait: wait.seconds)
        return longest if longest.seconds > 0 else None

    def _of(self, tokens: int) -> list[tuple[str, Window, float]]:
        requests, daily, tokens_used = self._windows
        return [
            ("requests_per_minute", requests, 1),
            ("requests_per_day", daily, 1),
            ("tokens_per_minute", tokens_used, tokens),
        ]

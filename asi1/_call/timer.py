"""
The cancel scope that gives a try up when its time is over.

Every chunk of a stream puts that moment off. On asyncio the alarm is left as it
is, and looks at the moment when it rings: that costs less than a new one for each.
"""

from __future__ import annotations

import asyncio
import math

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import anyio

from attrs import define, field

from .._settings.timeouts import Deadline, Timeouts
from .._transport.event_loop import loop_clock, loop_token


__all__ = ["Timer"]


@define(eq=False)
class Timer:
    """
    Times one call, by the clock of its event loop.

    Used as ``with timer`` around each try, and armed anew at each sign of life.

    Attributes:
        began: When the call began, in seconds on the loop's clock.
        stream: Whether it is that of a stream.
        deadline: When, and for what, the try is given up next.
    """

    began: float
    _timeouts: Timeouts
    stream: bool
    _now: Callable[[], float] = field(factory=loop_clock)
    _token: Any = field(factory=loop_token)
    deadline: Deadline = field(init=False)
    _scope: anyio.CancelScope = field(init=False)
    _at: float = field(default=math.inf, init=False)
    _rings: float = field(default=math.inf, init=False)
    _alarm: asyncio.TimerHandle | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Begin a try, not armed yet."""
        self._scope = anyio.CancelScope()
        self._scope.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> bool:
        self._ring_at(math.inf)
        return self._scope.__exit__(kind, error, frames)

    def arm(self, phase: str) -> None:
        """Begin a phase now: "first_token", "idle", or "total" for that alone."""
        now = self._now()
        self.deadline = self._timeouts.deadline(
            phase, began=self.began, now=now, stream=self.stream
        )
        self._give_up_at(self.deadline.at, now)

    def shorten(self, seconds: float) -> None:
        """Give up *seconds* from now already, if the phase would last longer."""
        now = self._now()
        self._give_up_at(min(self.deadline.at, now + seconds), now)

    def disarm(self) -> None:
        """Stop timing: the answer is there, and nothing may take it back."""
        self._give_up_at(math.inf, self._now())

    def _give_up_at(self, at: float, now: float) -> None:
        self._at = at
        if at <= now:
            self._scope.cancel()
        elif not isinstance(self._token, asyncio.AbstractEventLoop):
            self._scope.deadline = at
        elif at < self._rings:
            self._ring_at(at)

    def _ring_at(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._rings = at
        if at < math.inf:
            self._alarm = self._token.call_at(at, self._ring)

    def _ring(self) -> None:
        if self._at <= self._now():
            self._scope.cancel()
        else:  # there were signs of life since
            self._ring_at(self._at)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._now() - self.began

    @property
    def left(self) -> float:
        """Seconds left of the call's total; infinite without one."""
        total = self._timeouts.total_for(stream=self.stream)
        return math.inf if total is None else total - self.elapsed

"""Floor 5. The cancel scope that gives a try up when its time is over."""

from __future__ import annotations

import math

from collections.abc import Callable
from typing import Self

import anyio

from attrs import define, field

from ._detached import loop_clock
from ._timeouts import Deadline, Timeouts


__all__ = ["Timer"]


@define(eq=False)
class Timer:
    """
    Times one call, by the clock of its event loop.

    Used as ``with timer.watching() as scope`` around each try, and armed anew at each
    sign of life.

    Attributes:
        began: When the call began, in seconds on the loop's clock.
        deadline: When, and for what, the try is given up next.
    """

    began: float
    _now: Callable[[], float]
    _timeouts: Timeouts
    _stream: bool
    deadline: Deadline = field(init=False)
    _scope: anyio.CancelScope = field(init=False)

    @classmethod
    def start(cls, timeouts: Timeouts, *, stream: bool, began: float) -> Self:
        """Time a call that began then, on the clock of the running loop."""
        return cls(began, loop_clock(), timeouts, stream)

    def watching(self) -> anyio.CancelScope:
        """Return the scope of a new try, armed for the whole call."""
        self._scope = anyio.CancelScope()
        self.arm("total")
        return self._scope

    def arm(self, phase: str) -> None:
        """Begin a phase now: "first_token", "idle", or "total" for that alone."""
        now = self._now()
        self.deadline = self._timeouts.deadline(
            phase, began=self.began, now=now, stream=self._stream
        )
        self._scope.deadline = self.deadline.at

    def shorten(self, seconds: float) -> None:
        """Give up *seconds* from now already, if the phase would last longer."""
        end = self._now() + seconds
        self._scope.deadline = min(self.deadline.at, end)

    def disarm(self) -> None:
        """Stop timing: the answer is there, and nothing may take it back."""
        self._scope.deadline = math.inf

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._now() - self.began

    @property
    def left(self) -> float:
        """Seconds left of the call's total; infinite without one."""
        total = self._timeouts.total_for(stream=self._stream)
        return math.inf if total is None else total - self.elapsed

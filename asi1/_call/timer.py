"""
Cancels an attempt at a call when one of the call's timeouts passes.

Each chunk of a stream moves the deadline. On asyncio, the timer handle stays scheduled
and reads the deadline when it fires: this is cheaper than a new handle per chunk. It
fires at least every `_MOST_WAIT` seconds, so that an earlier deadline rarely needs a
new handle either.
"""

from __future__ import annotations

import asyncio
import math

from collections.abc import Callable
from types import TracebackType
from typing import Any

import anyio

from attrs import define, field

from .._settings.timeouts import Deadline, Timeouts
from .._transport.event_loop import loop_clock, loop_token, new_scope


__all__ = ["Timer"]

# Maximum seconds until the timer handle fires, even if the deadline is later.
_MOST_WAIT = 10.0


@define(eq=False, repr=False)
class Timer:
    """
    The timeouts of one call, by the clock of its event loop.

    Used as ``with timer`` around each attempt; `arm` is called whenever data arrives.

    Attributes:
        began: When the call began, in seconds on the loop's clock.
        stream: Whether the call is a stream.
        deadline: The next deadline, and the name of the timeout that sets it.
        pause: Seconds of the call that its total timeout does not count.
    """

    began: float
    _timeouts: Timeouts
    stream: bool
    _token: Any = field(factory=loop_token)
    _now: Callable[[], float] = field(init=False)
    deadline: Deadline = field(init=False)
    pause: float = field(default=0.0, init=False)
    _scope: anyio.CancelScope = field(init=False)
    _at: float = field(init=False)
    _alarm_at: float = field(default=math.inf, init=False)
    _alarm: asyncio.TimerHandle | None = field(default=None, init=False)
    _on_asyncio: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._now = loop_clock(self._token)
        self._on_asyncio = isinstance(self._token, asyncio.AbstractEventLoop)

    def __enter__(self) -> None:
        """Begin an attempt; no deadline is set yet."""
        self._scope = new_scope(self._token)
        self._scope.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> bool:
        self._drop_alarm()
        return self._scope.__exit__(kind, error, frames)

    def arm(self, phase: str) -> None:
        """Restart the timeout *phase*; with "total", only the total timeout applies."""
        now = self._now()
        self.deadline = self._timeouts.deadline(
            phase, began=self.began + self.pause, now=now, stream=self.stream
        )
        self._cancel_at(self.deadline.at, now)

    def shorten(self, seconds: float) -> None:
        """Move the deadline to *seconds* from now, if that is earlier."""
        now = self._now()
        self._cancel_at(min(self.deadline.at, now + seconds), now)

    def disarm(self) -> None:
        """Remove the deadline, since a complete answer must not time out."""
        self._at = math.inf
        if not self._on_asyncio:
            self._scope.deadline = math.inf

    def _cancel_at(self, at: float, now: float) -> None:
        self._at = at
        if at <= now:
            self._scope.cancel()
        elif not self._on_asyncio:
            self._scope.deadline = at
        elif at < self._alarm_at:
            self._set_alarm(now)

    def _set_alarm(self, now: float) -> None:
        self._drop_alarm()
        if self._at < math.inf:
            self._alarm_at = min(self._at, now + _MOST_WAIT)
            self._alarm = self._token.call_at(self._alarm_at, self._on_alarm)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm, self._alarm_at = None, math.inf

    def _on_alarm(self) -> None:
        now = self._now()
        if self._at <= now:
            self._scope.cancel()
        else:  # the deadline is later, or was moved after this alarm was set
            self._set_alarm(now)

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._now() - self.began

    @property
    def left(self) -> float:
        """Seconds left of the call's total timeout; infinity if it has none."""
        total = self._timeouts.total_for(stream=self.stream)
        return math.inf if total is None else total - self.elapsed + self.pause

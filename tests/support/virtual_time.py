"""
An asyncio loop whose clock jumps, as trio's `MockClock` with an autojump of 0 does.

When every task waits for a timer, the clock is set to that timer and nobody sleeps.
Time spent in threads or in the kernel is not waited for: no sockets, no threads.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time


__all__ = ["VirtualTimeLoop"]

# asyncio runs the timers of less than now + this. After some months the sum is rounded
# back to now, and the timer that is due would never run: then the clock creeps on.
RESOLUTION = time.get_clock_info("monotonic").resolution


class JumpingSelector(selectors.DefaultSelector):
    """A selector that moves its clock on where another one would wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is, let *timeout* seconds have passed."""
        if timeout is None:  # no timer is set: only the outside world can go on
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now += timeout
            if self.now + RESOLUTION == self.now:
                self.now = math.nextafter(self.now, math.inf)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop that starts at second 0 and never waits for a timer."""

    def __init__(self) -> None:
        self._clock = JumpingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._clock.now

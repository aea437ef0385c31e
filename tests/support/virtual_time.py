"""
An asyncio event loop with virtual time, like trio's `MockClock` with autojump.

When every task waits for a timer, the clock jumps to that timer and no time passes.
The loop does not wait for threads or sockets, so tests with virtual time have none.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time

import trio.testing


__all__ = ["VirtualTimeLoop", "advance"]

# asyncio runs each timer that is due before now + RESOLUTION. After months of virtual
# time this sum is rounded to now, and no timer would ever run, so `select` then
# advances the clock to the next float.
RESOLUTION = time.get_clock_info("monotonic").resolution


class JumpingSelector(selectors.DefaultSelector):
    """A selector that advances its virtual clock in place of waiting for a timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Return ready sockets; if there are none, advance the clock by *timeout*."""
        if timeout is None:  # no timer is set, so wait for a socket or a thread
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

    def advance(self, seconds: float) -> None:
        """Advance the virtual clock, even if tasks are ready to run."""
        self._clock.now += seconds


def advance(seconds: float) -> None:
    """Advance the running loop's virtual clock, even if tasks are ready to run."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        clock.jump(seconds)
    else:
        assert isinstance(loop, VirtualTimeLoop)
        loop.advance(seconds)

"""
Lets the stop button of a notebook end a cell that awaits a call.

While a cell awaits, the signal makes ipykernel (7.4) schedule a cancellation, but does
not wake the event loop. So the cell would go on until the server sends something.
"""

from __future__ import annotations

import asyncio
import threading
import weakref

from collections.abc import Callable


__all__ = ["notice_interrupts"]

# Maximum seconds between two steps of an event loop, and so the longest delay of the
# stop button.
_INTERVAL = 0.2
# The event loops for which `notice_interrupts` has set a timer.
_loops = weakref.WeakSet[asyncio.AbstractEventLoop]()


def notice_interrupts(loop: object, busy: Callable[[], object]) -> None:
    """Run a step of *loop* at least every 0.2 s, while *busy* returns a true value."""
    # Python calls signal handlers only in the main thread, in which notebook cells run.
    here = threading.current_thread() is threading.main_thread()
    if not here or not isinstance(loop, asyncio.AbstractEventLoop) or loop in _loops:
        return

    def step() -> None:
        if busy():
            loop.call_later(_INTERVAL, step)
        else:
            _loops.discard(loop)

    _loops.add(loop)
    step()

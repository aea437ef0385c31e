"""What becomes of a coroutine whose caller is struck by Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from asi1._errand import Errand


class StruckAtTheEnd:
    """A lock whose second wait is over, and then interrupted."""

    def __init__(self):
        self._lock = threading.Lock()
        self._waits = 0

    def acquire(self):
        self._lock.acquire()
        self._waits += 1
        if self._waits == 2:
            raise KeyboardInterrupt

    def release(self):
        self._lock.release()


async def fail():
    raise ValueError("otter")


def test_an_error_that_nobody_came_to_take_is_not_complained_of():
    """
    A caller who is struck when the outcome is there already leaves no error behind
    that asyncio would complain of.
    """
    loop, complaints = asyncio.new_event_loop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    errand = Errand(fail(), loop)
    errand._over = StruckAtTheEnd()

    try:
        with pytest.raises(KeyboardInterrupt):
            errand.wait()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    del errand
    gc.collect()

    assert not complaints

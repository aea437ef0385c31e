"""What becomes of a coroutine whose caller is struck by Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

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


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_an_error_that_nobody_came_to_take_is_not_complained_of(loop):
    """
    A caller who is struck when the outcome is there already leaves no error behind
    that asyncio would complain of.
    """
    complaints = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    errand = Errand(fail(), loop)
    errand._over = StruckAtTheEnd()

    with pytest.raises(KeyboardInterrupt):
        errand.wait()
    del errand
    gc.collect()
    settle(loop)

    assert not complaints


def test_an_error_that_nobody_came_to_take_is_gone(loop):
    """
    What a coroutine held is freed without a collector, though its caller was struck
    when it had failed.
    """
    held = []

    class Held:
        pass

    async def fail_with_something():
        something = Held()
        held.append(weakref.ref(something))
        await fail()

    def run():
        errand = Errand(fail_with_something(), loop)
        errand._over = StruckAtTheEnd()
        with pytest.raises(KeyboardInterrupt):
            errand.wait()

    gc.disable()
    try:
        run()
        settle(loop)
        assert held[0]() is None
    finally:
        gc.enable()


def settle(loop):
    """Wait until the loop has done what it was told so far."""
    done = threading.Event()
    loop.call_soon_threadsafe(done.set)
    assert done.wait(10)

"""A coroutine's way to another thread's loop, and back."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import weakref

import pytest

import asi1

from asi1._blocking.interruptible_call import InterruptibleCall

from ..support.talk import TEXT


class Struck:
    """A lock that is struck by Ctrl-C where it is waited for, once *ready* holds."""

    def __init__(self, ready=lambda: None):
        self._ready = ready
        self._times = 0

    def acquire(self):
        self._times += 1
        if self._times == 2:
            self._ready()
            raise KeyboardInterrupt

    def release(self):
        pass


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    complaints = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    gc.collect()
    assert [] == complaints


def settle(loop):
    """Wait until the loop has done what it was told so far, and a few steps more."""
    for _ in range(5):
        done = threading.Event()
        loop.call_soon_threadsafe(done.set)
        assert done.wait(10)


async def say(text):
    await asyncio.sleep(0)
    return text


def test_what_a_coroutine_returns_comes_back(loop):
    """
    A coroutine's result, or its error, is its caller's.
    """

    async def fail():
        raise asi1.ASI1Error(TEXT)

    assert TEXT == InterruptibleCall(say(TEXT), loop).wait()
    with pytest.raises(asi1.ASI1Error, match=TEXT):
        InterruptibleCall(fail(), loop).wait()


def test_a_closed_loop_takes_no_coroutine():
    """
    On a loop that is closed the call fails, and its coroutine is closed unrun.
    """
    loop = asyncio.new_event_loop()
    loop.close()
    coroutine = say(TEXT)

    with pytest.raises(RuntimeError, match="closed"):
        InterruptibleCall(coroutine, loop).wait()

    assert inspect.CORO_CLOSED == inspect.getcoroutinestate(coroutine)


def test_a_loop_that_ends_lets_its_callers_go(loop):
    """
    A coroutine that is cancelled, as a loop does at its end, is an `ASI1Error`.
    """

    async def end():
        asyncio.current_task().cancel()
        await asyncio.sleep(10)

    with pytest.raises(asi1.ASI1Error, match="its event loop ended"):
        InterruptibleCall(end(), loop).wait()


def test_who_is_struck_before_the_beginning_begins_nothing(loop):
    """
    A caller interrupted before the loop came to its coroutine leaves it unrun.
    """
    begun, busy, free = [], threading.Event(), threading.Event()

    async def begin():
        begun.append(1)

    def hold():
        busy.set()
        free.wait(10)

    loop.call_soon_threadsafe(hold)
    assert busy.wait(10)
    coroutine = begin()
    call = InterruptibleCall(coroutine, loop)
    call._done = Struck()
    with pytest.raises(KeyboardInterrupt):
        call.wait()
    free.set()
    settle(loop)

    assert [] == begun
    assert inspect.CORO_CLOSED == inspect.getcoroutinestate(coroutine)


@pytest.mark.parametrize("last", ["word", "error"])
def test_who_is_struck_in_the_middle_cancels(loop, last):
    """
    A caller interrupted while the coroutine runs cancels it, and nobody complains of
    what it ends with.
    """
    begun, cancelled = threading.Event(), threading.Event()

    async def wait():
        try:
            begun.set()
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.set()
            if last == "error":
                raise ValueError(last) from None
            return last

    call = InterruptibleCall(wait(), loop)
    call._done = Struck(lambda: begun.wait(10))
    with pytest.raises(KeyboardInterrupt):
        call.wait()

    assert cancelled.wait(10)
    settle(loop)


def test_who_is_struck_at_the_end_is_not_complained_of(loop):
    """
    An error that comes at the moment when its caller is interrupted is nobody's.
    """

    async def fail():
        raise ValueError(TEXT)

    call = InterruptibleCall(fail(), loop)
    call._done = Struck(lambda: settle(loop))
    with pytest.raises(KeyboardInterrupt):
        call.wait()
    settle(loop)
    del call  # with its task, which complains of an error that nobody asked for


@pytest.mark.parametrize("end", ["value", "error", "error, and struck"])
def test_nothing_is_kept_in_a_circle(loop, end):
    """
    What a coroutine held is freed with its result or error, without a collector, also
    if its caller was struck at its end.
    """

    class Held:
        pass

    refs = []

    async def work():
        held = Held()
        refs.append(weakref.ref(held))
        await asyncio.sleep(0)
        if end != "value":
            raise ValueError(TEXT)
        return held

    def run():
        call = InterruptibleCall(work(), loop)
        if "struck" in end:
            call._done = Struck(lambda: settle(loop))
        try:
            call.wait()
            assert end == "value"
        except ValueError:
            assert end == "error"
        except KeyboardInterrupt:
            assert end == "error, and struck"

    gc.collect()
    gc.disable()
    try:
        run()
        settle(loop)
        assert refs[0]() is None
    finally:
        gc.enable()

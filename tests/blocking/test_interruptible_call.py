"""Cross-thread calls: a caller waits for a coroutine on another thread's loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import anyio
import pytest

import asi1

from asi1._blocking.interruptible_call import InterruptibleCall
from asi1._call.task import run_here

from ..support.talk import TEXT


class InterruptedLock:
    """A lock whose second `acquire` calls *ready*, then raises KeyboardInterrupt."""

    def __init__(self, ready=lambda: None):
        self._ready = ready
        self._times = 0

    def acquire(self, timeout=-1):
        self._times += 1
        if self._times == 2:
            self._ready()
            raise KeyboardInterrupt

    def release(self):
        pass


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    reports = []
    loop.set_exception_handler(lambda _, context: reports.append(context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    gc.collect()
    assert [] == reports


def settle(loop):
    """Wait for at least five iterations of *loop*, in which pending callbacks run."""
    for _ in range(5):
        done = threading.Event()
        loop.call_soon_threadsafe(done.set)
        assert done.wait(10)


async def say(text):
    await asyncio.sleep(0)
    return text


def test_caller_gets_the_result_or_the_error_of_the_coroutine(loop):
    """
    A cross-thread call returns the result of its coroutine, and raises the error that
    its coroutine raises.
    """

    async def fail():
        raise asi1.ASI1Error(TEXT)

    assert TEXT == InterruptibleCall(lambda: say(TEXT), loop).wait()
    with pytest.raises(asi1.ASI1Error, match=TEXT):
        InterruptibleCall(fail, loop).wait()


def test_call_on_a_closed_loop_fails_and_makes_no_coroutine():
    """
    A cross-thread call on a closed loop raises, and makes no coroutine: otherwise
    Python would warn that the coroutine was never awaited.
    """
    loop = asyncio.new_event_loop()
    loop.close()
    made = []

    with pytest.raises(RuntimeError, match="closed"):
        InterruptibleCall(lambda: made.append(1), loop).wait()

    assert [] == made


@pytest.mark.system
def test_caller_gets_an_error_if_the_event_loop_ends_during_its_call(loop):
    """
    An event loop that ends cancels its tasks; a caller that waits for such a task gets
    an `ASI1Error` instead of waiting for ever.
    """

    async def end():
        asyncio.current_task().cancel()
        await asyncio.sleep(10)

    with pytest.raises(asi1.ASI1Error, match="its event loop ended"):
        InterruptibleCall(end, loop).wait()


@pytest.mark.system
def test_caller_gets_an_error_if_its_task_is_cancelled_before_it_begins(loop):
    """
    If the task of a call is cancelled before its first step, so that it never wakes the
    caller itself, the caller does not wait for ever: it gets an `ASI1Error`.
    """

    def cancelled(loop, coroutine, **options):
        task = asyncio.Task(coroutine, loop=loop, **options)
        task.cancel()
        return task

    async def call():
        raise AssertionError("the coroutine has begun")

    loop.set_task_factory(cancelled)

    with pytest.raises(asi1.ASI1Error, match="its event loop ended"):
        InterruptibleCall(call, loop).wait()


@pytest.mark.system
def test_call_interrupted_before_its_coroutine_starts_makes_no_coroutine(loop):
    """
    If the caller is interrupted before the loop has started the coroutine, no coroutine
    is made, so Python cannot warn that one was never awaited.
    """
    made, busy, free = [], threading.Event(), threading.Event()

    def begin():
        made.append(1)
        return say(TEXT)

    def hold():
        busy.set()
        free.wait(10)

    loop.call_soon_threadsafe(hold)
    assert busy.wait(10)
    call = InterruptibleCall(begin, loop)
    call._done = InterruptedLock()
    with pytest.raises(KeyboardInterrupt):
        call.wait()
    free.set()
    settle(loop)

    assert [] == made


@pytest.mark.system
@pytest.mark.parametrize("last", ["value", "error"])
def test_interrupted_call_cancels_its_running_coroutine(loop, last):
    """
    If the caller is interrupted while the coroutine runs, the coroutine is cancelled. A
    result or an error with which it still ends reaches no caller and no log.
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

    call = InterruptibleCall(wait, loop)
    call._done = InterruptedLock(lambda: begun.wait(10))
    with pytest.raises(KeyboardInterrupt):
        call.wait()

    assert cancelled.wait(10)
    settle(loop)


@pytest.mark.system
def test_interrupted_call_cancels_its_request_by_an_anyio_cancel_scope(loop):
    """
    If a caller is interrupted while its request runs, an anyio cancel scope ends the
    request and lets it clean up. asyncio's ``Task.cancel()`` would break the connection
    pool.
    """
    begun, over, cleaned = threading.Event(), threading.Event(), []

    async def request():
        begun.set()
        try:
            await asyncio.sleep(10)
        finally:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.001)
            cleaned.append(True)

    def work():
        return run_here(request, lambda _: None, lambda _: over.set())

    call = InterruptibleCall(work, loop)
    call._done = InterruptedLock(lambda: begun.wait(10))
    with pytest.raises(KeyboardInterrupt):
        call.wait()

    assert over.wait(10)
    settle(loop)
    assert [True] == cleaned
    assert (None,) == call._outcome  # the scope has caught the cancellation


@pytest.mark.system
def test_asyncio_does_not_log_the_error_of_an_interrupted_call(loop):
    """
    If the coroutine raises an error just as its caller is interrupted, asyncio does not
    report that error as "never retrieved".
    """

    async def fail():
        raise ValueError(TEXT)

    call = InterruptibleCall(fail, loop)
    call._done = InterruptedLock(lambda: settle(loop))
    with pytest.raises(KeyboardInterrupt):
        call.wait()
    settle(loop)
    del call  # frees the task, so asyncio would now report an unretrieved error


@pytest.mark.system
@pytest.mark.parametrize("end", ["value", "error", "error and interrupt"])
def test_finished_call_is_freed_without_the_garbage_collector(loop, end):
    """
    The objects that a coroutine refers to are freed as soon as its cross-thread call
    has ended, by a result, an error or an interrupt, since the call leaves no reference
    cycle.
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
        call = InterruptibleCall(work, loop)
        if "interrupt" in end:
            call._done = InterruptedLock(lambda: settle(loop))
        try:
            call.wait()
            assert end == "value"
        except ValueError:
            assert end == "error"
        except KeyboardInterrupt:
            assert end == "error and interrupt"

    gc.collect()
    gc.disable()
    try:
        run()
        settle(loop)
        assert refs[0]() is None
    finally:
        gc.enable()

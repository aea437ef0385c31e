"""The task of an exchange, and the queue between it and its reader."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import anyio
import anyio.lowlevel
import pytest

from asi1._call.batch_queue import BatchQueue
from asi1._call.task import start

from ..support.talk import until


asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


@pytest.fixture
def handover():
    return BatchQueue()


async def test_a_reader_gets_all_that_waits(handover):
    """
    One read brings everything that was handed over since the last one, in order.
    """
    handover.put([1, 2])
    handover.put([3])

    assert [1, 2, 3] == list(await handover.get())

    handover.put([4])
    handover.end()

    assert [4] == list(await handover.get())
    assert [] == list(await handover.get())
    assert [] == list(await handover.get())


async def test_a_reader_waits_for_what_comes(handover):
    """
    A reader who comes first is woken by the next batch, and by the end.
    """
    got = []

    async def read():
        while batch := await handover.get():
            got.append(list(batch))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for number in range(3):
            await anyio.wait_all_tasks_blocked()
            handover.put([number])
        await anyio.wait_all_tasks_blocked()
        handover.end()

    assert [[0], [1], [2]] == got


async def test_an_error_comes_after_what_was_handed_over(handover):
    """
    What was handed over before an error is read first; the error is raised again each
    time.
    """
    handover.put([1])
    handover.end(OSError("the first end counts"))
    handover.end()
    handover.put([2])

    handover.check()
    assert [1] == list(await handover.get())
    for _ in range(2):
        with pytest.raises(OSError, match="the first end counts"):
            await handover.get()
    with pytest.raises(OSError, match="the first end counts"):
        handover.check()


async def test_what_is_abandoned_is_gone(handover):
    """
    After it is abandoned a reader gets the error and nothing else, also one who waits.
    """
    handover.put([1])
    handover.abandon(OSError("closed"))

    with pytest.raises(OSError, match="closed"):
        await handover.get()

    waiting = BatchQueue()

    async def read():
        with pytest.raises(OSError, match="closed"):
            await waiting.get()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            waiting.abandon(OSError("closed"))


async def test_the_queue_is_bounded(handover):
    """
    A writer who waits for room goes on when the reader has caught up, or left.
    """
    written = []

    async def write():
        for number in range(100):
            handover.put([number])
            written.append(number)
            await handover.room()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            assert handover.full
            first = len(written)
            assert 17 >= first

            assert list(range(first)) == list(await handover.get())
            await anyio.wait_all_tasks_blocked()
            assert 2 * first == len(written)

            handover.abandon(OSError("closed"))


async def test_a_cancelled_read_loses_nothing(handover):
    """
    Readers who give up, at any moment, leave the queue as it is.
    """
    got = []

    async def write():
        for number in range(50):
            handover.put([number])
            await anyio.sleep(0.001)
        handover.end()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        while True:
            batch = None
            with anyio.move_on_after(0.0007):
                batch = await handover.get()
                got += batch
            if batch is not None and not batch:
                break

    assert list(range(50)) == got


@asyncio_only
async def test_a_natively_cancelled_read_loses_nothing(handover):
    """
    ``Task.cancel()`` of the reader, before and after a batch has come, loses nothing.
    """
    waiting = asyncio.ensure_future(handover.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    handover.put([1])

    woken = asyncio.ensure_future(handover.get())
    await asyncio.sleep(0)
    handover.put([2])
    too_late = woken.done()
    woken.cancel()
    await asyncio.wait([woken])

    got = [] if woken.cancelled() else list(woken.result())
    handover.put([3])
    got += await handover.get()
    assert not waiting.done() or waiting.cancelled()
    assert [1, 2, 3] == got
    assert too_late or not woken.cancelled() or got


@asyncio_only
async def test_a_read_that_is_cancelled_as_it_wakes_loses_nothing(handover):
    """
    ``Task.cancel()`` between the coming of a batch and the reader's next step leaves
    the batch where it is.
    """
    reader = asyncio.ensure_future(handover.get())
    await asyncio.sleep(0)
    handover.put(["kept"])
    reader.cancel()
    await asyncio.wait([reader])

    assert reader.cancelled()
    assert ["kept"] == list(await handover.get())


async def test_a_pump_runs_beside_its_starter():
    """
    A pump starts at once, sees the context variables of its starter, and says when it
    is done.
    """
    number = contextvars.ContextVar("number", default=0)
    number.set(7)
    seen = []

    async def run():
        await anyio.lowlevel.checkpoint()
        seen.append(number.get())

    pump = start(run, "a test")
    with anyio.fail_after(5):
        await pump.join()

    assert [7] == seen
    assert pump.done.is_set()
    pump.stop()
    await pump.join()


async def test_only_its_own_scope_stops_a_pump():
    """
    A pump outlives the task and the scope that started it.
    """
    over = anyio.Event()
    seen = []

    async def run():
        await over.wait()
        seen.append("went on")

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            pump = start(run, "a test")
            tasks.start_soon(anyio.sleep, 60)
            await anyio.lowlevel.checkpoint()
            scope.cancel()
    over.set()
    with anyio.fail_after(5):
        await pump.join()

    assert ["went on"] == seen


@pytest.mark.parametrize("where", ["here", "thread"])
async def test_a_pump_can_be_stopped_from_anywhere(where):
    """
    `stop` cancels the pump from its own loop's thread and from any other.
    """
    ended = []

    async def run():
        try:
            await anyio.sleep(60)
        finally:
            ended.append("cancelled")

    pump = start(run, "a test")
    await anyio.lowlevel.checkpoint()
    if where == "here":
        pump.stop()
    else:
        thread = threading.Thread(target=pump.stop)
        thread.start()
        thread.join()

    with anyio.fail_after(5):
        await pump.join()
    assert ["cancelled"] == ended


async def test_who_joins_waits_for_the_tidying_up():
    """
    A joining task that is cancelled by its scope still waits until the pump has
    cleaned up.
    """
    cleaned = []

    async def run():
        try:
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.02)
            cleaned.append(True)

    pump = start(run, "a test")
    await anyio.lowlevel.checkpoint()
    pump.stop()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await pump.join()

    assert [True] == cleaned


@asyncio_only
async def test_who_joins_and_is_cancelled_natively_waits_too():
    """
    ``Task.cancel()`` of a joining task, also more than once, takes effect when the pump
    has cleaned up.
    """
    cleaned = []

    async def run():
        try:
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.05)
            cleaned.append(True)

    pump = start(run, "a test")
    await asyncio.sleep(0)
    pump.stop()
    joining = asyncio.ensure_future(pump.join())
    for _ in range(3):
        await asyncio.sleep(0.005)
        joining.cancel()
    await asyncio.wait([joining])

    assert joining.cancelled()
    assert [True] == cleaned


def test_stopping_is_harmless_when_the_loop_is_gone(anyio_backend):
    """
    `stop` does nothing when the pump's event loop has ended.
    """
    kept = []

    async def leave_one():
        async def run():
            await anyio.sleep(60)

        kept.append(start(run, "a test"))
        await anyio.lowlevel.checkpoint()

    name, options = anyio_backend
    anyio.run(leave_one, backend=name, backend_options=options)

    kept[0].stop()
    assert kept[0].done.is_set()


async def test_a_pump_is_not_forgotten():
    """
    A pump that nobody holds runs to its end.
    """
    seen = []

    async def run():
        await anyio.sleep(0.01)
        seen.append(True)

    start(run, "a test")
    await until(lambda: seen)

    assert [True] == seen

"""The queue between a call's task and its reader."""

from __future__ import annotations

import asyncio

import anyio
import anyio.lowlevel
import pytest

from asi1._call.batch_queue import BatchQueue


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

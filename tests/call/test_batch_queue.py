"""The queue between a call task and its reader."""

from __future__ import annotations

import asyncio

import anyio
import anyio.lowlevel
import pytest

from asi1._call.batch_queue import BatchQueue


pytestmark = pytest.mark.virtual_time

asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


@pytest.fixture
def queue():
    return BatchQueue()


async def test_one_read_returns_all_queued_items_in_order(queue):
    """
    One read returns all items that were put into the queue since the previous read, in
    order. Once the queue has ended and is empty, a read returns no items.
    """
    queue.put([1, 2])
    queue.put([3])

    assert [1, 2, 3] == list(await queue.get())

    queue.put([4])
    queue.end()

    assert [4] == list(await queue.get())
    assert [] == list(await queue.get())
    assert [] == list(await queue.get())


async def test_waiting_reader_is_woken_by_new_items_and_by_the_end_of_the_queue(queue):
    """
    A reader that waits on an empty queue is woken when items are put into the queue,
    and when the queue ends.
    """
    got = []

    async def read():
        while batch := await queue.get():
            got.append(list(batch))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        for number in range(3):
            await anyio.wait_all_tasks_blocked()
            queue.put([number])
        await anyio.wait_all_tasks_blocked()
        queue.end()

    assert [[0], [1], [2]] == got


async def test_error_of_a_queue_is_raised_after_the_items_put_before_it(queue):
    """
    If a queue ends with an error, reads first return the items that were put into the
    queue before the error. Then each read raises the error.
    """
    queue.put([1])
    queue.end(OSError("the first end counts"))
    queue.end()
    queue.put([2])

    queue.check()
    assert [1] == list(await queue.get())
    for _ in range(2):
        with pytest.raises(OSError, match="the first end counts"):
            await queue.get()
    with pytest.raises(OSError, match="the first end counts"):
        queue.check()


async def test_read_of_an_abandoned_queue_raises_the_error_passed_to_abandon(queue):
    """
    A read of an abandoned queue returns no item and raises the error passed to
    `abandon`; a read that was waiting when the queue was abandoned raises the same
    error.
    """
    queue.put([1])
    queue.abandon(OSError("closed"))

    with pytest.raises(OSError, match="closed"):
        await queue.get()

    waiting = BatchQueue()

    async def read():
        with pytest.raises(OSError, match="closed"):
            await waiting.get()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            waiting.abandon(OSError("closed"))


async def test_writer_waits_while_the_queue_is_full(queue):
    """
    A writer waits once 16 of its calls of `put` are unread. It continues when the
    reader empties or abandons the queue.
    """
    written = []

    async def write():
        for number in range(100):
            queue.put([number])
            written.append(number)
            await queue.room()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            await anyio.wait_all_tasks_blocked()
            assert queue.full
            first = len(written)
            assert 16 == first

            assert list(range(first)) == list(await queue.get())
            await anyio.wait_all_tasks_blocked()
            assert 2 * first == len(written)

            queue.abandon(OSError("closed"))


async def test_cancelled_read_keeps_queued_items(queue):
    """
    A read that an anyio cancel scope cancels, at whatever moment, loses no item.
    """
    got = []

    async def write():
        for number in range(50):
            queue.put([number])
            await anyio.sleep(0.001)
        queue.end()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        while True:
            batch = None
            with anyio.move_on_after(0.0007):
                batch = await queue.get()
                got += batch
            if batch is not None and not batch:
                break

    assert list(range(50)) == got


@asyncio_only
async def test_read_cancelled_by_asyncio_keeps_queued_items(queue):
    """
    ``Task.cancel()`` of a reading task, before or after items were put into the queue,
    loses no item.
    """
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    queue.put([1])

    woken = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.put([2])
    too_late = woken.done()
    woken.cancel()
    await asyncio.wait([woken])

    got = [] if woken.cancelled() else list(woken.result())
    queue.put([3])
    got += await queue.get()
    assert not waiting.done() or waiting.cancelled()
    assert [1, 2, 3] == got
    assert too_late or not woken.cancelled() or got


@asyncio_only
async def test_read_cancelled_as_it_wakes_keeps_queued_items(queue):
    """
    ``Task.cancel()`` after new items have woken the reader, but before the reader has
    run again, leaves these items in the queue.
    """
    reader = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.put(["kept"])
    reader.cancel()
    await asyncio.wait([reader])

    assert reader.cancelled()
    assert ["kept"] == list(await queue.get())

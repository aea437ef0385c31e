"""`GroupWriter`: writes the rows of many tasks in groups."""

from __future__ import annotations

import threading

import anyio
import pytest

from asi1._client.batch.group_writer import Finished, GroupWriter
from asi1._models.completion import ChatCompletion

from ...support.talk import until


class Disk:
    """A disk whose first write lasts until the test ends it."""

    def __init__(self):
        self.groups = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def append(self, rows):
        self.begun.set()
        assert self.go_on.wait(60)
        self.groups.append(list(rows))


def finished(number):
    return Finished(b"%d\n" % number, ChatCompletion())


async def test_rows_that_arrive_during_a_write_are_written_together():
    """
    While rows are written, the rows of other tasks wait and form one group. Each task
    goes on only when its row is written.
    """
    disk, written, ended = Disk(), [], []
    writer = GroupWriter(disk.append, written.extend)

    async def work(number):
        await writer.write(finished(number))
        ended.append(number)

    async with anyio.create_task_group() as group:
        group.start_soon(work, 0)
        await until(disk.begun.is_set)
        for number in range(1, 6):
            group.start_soon(work, number)
        await anyio.wait_all_tasks_blocked()
        assert [] == ended
        disk.go_on.set()

    first, second = disk.groups
    assert ([b"0\n"], {1, 2, 3, 4, 5}) == (first, {int(row) for row in second})
    assert 6 == len(written)
    assert set(range(6)) == set(ended)


async def test_rows_of_cancelled_tasks_are_written_by_flush():
    """
    The rows of cancelled tasks are not lost: a write that has begun is completed, and
    `flush` writes the other rows.
    """
    disk, written = Disk(), []
    writer = GroupWriter(disk.append, written.extend)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(writer.write, finished(number))
        await until(disk.begun.is_set)
        group.start_soon(writer.write, finished(3))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        disk.go_on.set()
    await writer.flush()
    await writer.flush()

    rows = [row for group in disk.groups for row in group]
    assert [b"0\n", b"1\n", b"2\n", b"3\n"] == sorted(rows)
    assert 4 == len(written)


async def test_failed_write_raises_for_each_row_and_counts_no_row():
    """
    If rows cannot be written, each task whose row was among them gets an error, and
    none of the rows counts as written.
    """
    written, failed = [], []

    def fails(rows):
        raise OSError("no space")

    writer = GroupWriter(fails, written.extend)

    async def work(number):
        with pytest.raises(OSError, match=r"no space|could not be written"):
            await writer.write(finished(number))
        failed.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(work, number)

    assert ([], [0, 1, 2]) == (written, sorted(failed))

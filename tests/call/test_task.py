"""The task of an exchange, and the queue between it and its reader."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import anyio
import anyio.lowlevel
import pytest

from asi1._call.task import start

from ..support.talk import until


asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


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

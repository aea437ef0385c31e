"""The steps of an event loop that let ipykernel's stop button end a cell."""

from __future__ import annotations

import sys
import threading
import types

import anyio
import pytest

from asi1._call.notebook import notice_interrupts
from asi1._call.task import start
from asi1._transport.event_loop import loop_token


pytestmark = pytest.mark.virtual_time


async def test_loop_runs_steps_while_it_is_busy_and_then_no_more(anyio_backend_name):
    """
    On asyncio, a busy loop runs a step every 0.2 s, however often it is told to. Once
    it is not busy, it runs no further step. On trio it runs none: ipykernel is asyncio.
    """
    asked, busy = [], True

    def is_busy():
        asked.append(anyio.current_time())
        return busy

    notice_interrupts(loop_token(), is_busy)
    notice_interrupts(loop_token(), is_busy)
    await anyio.sleep(10.1)
    while_busy, busy = len(asked), False
    await anyio.sleep(10)
    after = len(asked) - while_busy

    assert ((51, 1) if anyio_backend_name == "asyncio" else (0, 0)) == (
        while_busy,
        after,
    )


async def test_loop_in_another_thread_runs_no_steps():
    """
    A loop outside of the main thread runs no steps, since no signal comes there.
    """
    asked = []
    loop = loop_token()
    thread = threading.Thread(
        target=notice_interrupts, args=(loop, lambda: asked.append(1))
    )
    thread.start()
    thread.join()

    assert [] == asked


async def test_call_task_runs_steps_only_in_a_kernel(anyio_backend_name, monkeypatch):
    """
    A call task makes its loop run steps if ipykernel is imported, and not otherwise.
    """
    steps = []

    async def nap():
        token = loop_token()
        if anyio_backend_name == "asyncio":
            steps.append(
                [each for each in token._scheduled if "step" in repr(each._callback)]
            )
        await anyio.sleep(1)

    for modules in ({}, {"ipykernel": types.ModuleType("ipykernel")}):
        with monkeypatch.context() as patched:
            patched.delitem(sys.modules, "ipykernel", raising=False)
            for name, module in modules.items():
                patched.setitem(sys.modules, name, module)
            await start(nap, "a test").join()
            await anyio.sleep(1)

    expected = [0, 1] if anyio_backend_name == "asyncio" else []
    assert expected == [len(each) for each in steps]

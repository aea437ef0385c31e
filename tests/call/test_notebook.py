"""The polling that lets the stop button of a notebook (ipykernel) end a cell."""

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


async def test_event_loop_polls_every_fifth_of_a_second_until_it_is_idle(
    anyio_backend_name,
):
    """
    On asyncio, an event loop with calls under way runs one callback every 0.2 s, even
    if the polling was started twice. An idle event loop runs none. On trio no callback
    runs, since ipykernel runs on asyncio.
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


async def test_event_loop_outside_of_the_main_thread_does_not_poll():
    """
    An event loop outside of the main thread does not poll, since Python handles signals
    in the main thread only.
    """
    asked = []
    loop = loop_token()
    thread = threading.Thread(
        target=notice_interrupts, args=(loop, lambda: asked.append(1))
    )
    thread.start()
    thread.join()

    assert [] == asked


async def test_call_task_starts_the_polling_only_in_a_notebook(
    anyio_backend_name, monkeypatch
):
    """
    A call task starts the polling only if ipykernel is imported.
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

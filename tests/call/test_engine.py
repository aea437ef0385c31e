"""`Engine`: how it starts and cancels the tasks of calls."""

from __future__ import annotations

import anyio
import pytest

from anyio.lowlevel import checkpoint

import asi1

from asi1._call.attempts import OneRequest
from asi1._call.bytes_reader import BytesReader

from ..support.calls import plain


pytestmark = pytest.mark.virtual_time


class Work:
    """The work of a call; records its task's name and whether `settle` was called."""

    def __init__(self):
        self.names = []
        self.settled = anyio.Event()

    async def run(self):
        await checkpoint()
        self.names.append(anyio.get_current_task().name)

    def settle(self):
        self.settled.set()


@pytest.fixture
async def engine(fake_client):
    return fake_client._engine


async def test_call_task_is_named_asi1_call_and_settles_its_work_at_its_end(engine):
    """
    The task of a call is named "asi1 call"; when it ends, the work's `settle` is
    called.
    """
    work = Work()

    engine.begin(work)
    with anyio.fail_after(60):
        await work.settled.wait()

    assert ["asi1 call"] == work.names
    assert set() == engine.tasks


async def test_settle_is_called_even_if_the_call_task_never_ran(engine):
    """
    If the task of a call is cancelled before the task ran, the work's `settle` is
    called all the same, so that a reader that waits for the result wakes.
    """
    work = Work()

    engine.begin(work).stop()
    with anyio.fail_after(60):
        await work.settled.wait()

    assert [] == work.names


async def test_closed_engine_and_its_child_begin_no_work(engine):
    """
    After an engine is closed, `begin` of the engine and of its child raises
    `ClientClosedError` and starts no task.
    """
    child = engine.child(engine.config)
    await engine.aclose()

    for each in (engine, child):
        with pytest.raises(asi1.ClientClosedError):
            each.begin(Work())

    assert set() == engine.tasks == child.tasks


async def test_cancelled_caller_cancels_its_call_at_once(fake, engine):
    """
    A caller that is cancelled while it waits for a result cancels the call, and does
    not wait for the call's timeouts to expire.
    """
    fake.fault("stall_before_headers")
    call = engine.call(OneRequest(plain()), BytesReader)
    began = anyio.current_time()

    with anyio.move_on_after(5):
        await engine.result(call)

    assert pytest.approx(5, abs=1) == anyio.current_time() - began
    assert set() == engine.tasks
    assert call.queue.ended

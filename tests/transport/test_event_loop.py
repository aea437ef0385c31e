"""Where imports run that a call needs while it is running."""

from __future__ import annotations

import asyncio
import threading

import pytest

from asi1._blocking.loop_thread import _in_real_time
from asi1._transport.event_loop import import_in_worker


async def test_import_during_a_call_runs_in_another_thread():
    """
    An import that a running call needs runs in another thread than the event loop.
    """
    assert threading.get_ident() != await import_in_worker(threading.get_ident)


@pytest.mark.virtual_time
async def test_import_on_a_virtual_clock_runs_on_the_event_loop():
    """
    On an event loop with a virtual clock, the import runs on the loop's own thread: a
    wait for another thread would let the clock jump.
    """
    assert threading.get_ident() == await import_in_worker(threading.get_ident)


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_loop_that_only_reads_another_real_clock_is_not_virtual(monkeypatch):
    """
    asi1's own event loop, which reads a clock that cannot be frozen, runs imports in
    another thread.
    """
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", loop.time)
    _in_real_time(loop)

    assert threading.get_ident() != await import_in_worker(threading.get_ident)

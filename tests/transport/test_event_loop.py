"""Imports and cancel scopes of a running call."""

from __future__ import annotations

import asyncio
import threading

import anyio
import pytest

from asi1._blocking.loop_thread import _in_real_time
from asi1._transport.event_loop import import_in_worker, loop_token, new_scope


async def thread_of_import():
    """Return the id of the thread in which an import of a call runs."""
    threads = []
    await import_in_worker(lambda: threads.append(threading.get_ident()))
    return threads.pop()


async def test_import_during_a_call_runs_in_another_thread():
    """
    An import that a running call needs runs in another thread than the event loop.
    """
    assert threading.get_ident() != await thread_of_import()


@pytest.mark.virtual_time
async def test_import_on_a_virtual_clock_runs_on_the_event_loop():
    """
    On an event loop with a virtual clock, the import runs on the loop's own thread: a
    wait for another thread would let the clock jump.
    """
    assert threading.get_ident() == await thread_of_import()


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_loop_that_only_reads_another_real_clock_is_not_virtual(monkeypatch):
    """
    asi1's own event loop, which reads a clock that cannot be frozen, runs imports in
    another thread.
    """
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "time", loop.time)
    _in_real_time(loop)

    assert threading.get_ident() != await thread_of_import()


async def test_import_is_repeated_only_until_it_succeeds():
    """
    An import that raised an error runs again the next time, until it succeeds once.
    """
    runs = []

    def load():
        runs.append(None)
        if len(runs) == 1:
            raise ImportError("for now")

    with pytest.raises(ImportError, match="for now"):
        await import_in_worker(load)
    for _ in range(2):
        await import_in_worker(load)

    assert 2 == len(runs)


async def test_new_scope_is_a_cancel_scope_of_the_running_event_loop():
    """`new_scope` returns a cancel scope of the class of the running event loop."""
    with anyio.fail_after(60), new_scope(loop_token()) as scope:
        scope.cancel()
        await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert type(anyio.CancelScope()) is type(scope)

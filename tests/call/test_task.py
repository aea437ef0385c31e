"""The call task: the task in which a call runs."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref

import anyio
import anyio.lowlevel
import pytest

from asi1._call.task import CallTask, run_here, running, start, stop_in
from asi1._transport.event_loop import Flag, loop_token

from ..support.talk import until


asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


async def test_call_task_sees_the_context_variables_of_the_starting_task():
    """
    A call task sees the context variables of the task that started it, and its flag
    `done` is set when the call task has ended.
    """
    number = contextvars.ContextVar("number", default=0)
    number.set(7)
    seen = []

    async def run():
        await anyio.lowlevel.checkpoint()
        seen.append(number.get())

    task = start(run, "a test")
    with anyio.fail_after(60):
        await task.join()

    assert [7] == seen
    assert task.done.is_set()
    task.stop()
    await task.join()


async def test_call_task_outlives_the_cancel_scope_it_was_started_in():
    """
    A call task goes on after the cancel scope in which it was started has been
    cancelled.
    """
    over = anyio.Event()
    seen = []

    async def run():
        await over.wait()
        seen.append("went on")

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            task = start(run, "a test")
            tasks.start_soon(anyio.sleep, 60)
            await anyio.lowlevel.checkpoint()
            scope.cancel()
    over.set()
    with anyio.fail_after(60):
        await task.join()

    assert ["went on"] == seen


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_call_task_can_be_stopped_from_any_thread(where):
    """
    `CallTask.stop` cancels the call task from the thread of the task's event loop and
    from any other thread.
    """
    ended = []

    async def run():
        try:
            await anyio.sleep(60)
        finally:
            ended.append("cancelled")

    task = start(run, "a test")
    await anyio.lowlevel.checkpoint()
    if where == "loop":
        task.stop()
    else:
        thread = threading.Thread(target=task.stop)
        thread.start()
        thread.join()

    with anyio.fail_after(60):
        await task.join()
    assert ["cancelled"] == ended


async def test_cancelled_join_waits_until_the_call_task_has_cleaned_up():
    """
    `CallTask.join` ends only after the call task has cleaned up, even if a cancel scope
    cancels the task that waits in `join`.
    """
    cleaned = []

    async def run():
        try:
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.02)
            cleaned.append(True)

    task = start(run, "a test")
    await anyio.lowlevel.checkpoint()
    task.stop()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await task.join()

    assert [True] == cleaned


@asyncio_only
async def test_join_cancelled_by_asyncio_waits_until_the_call_task_has_cleaned_up():
    """
    ``Task.cancel()`` of a task that waits in `CallTask.join`, even if called several
    times, takes effect only after the call task has cleaned up.
    """
    clean, cleaned = anyio.Event(), []

    async def run():
        try:
            await anyio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await clean.wait()
            cleaned.append(True)

    task = start(run, "a test")
    await asyncio.sleep(0)
    task.stop()
    joining = asyncio.ensure_future(task.join())
    for _ in range(3):
        await asyncio.sleep(0.005)
        joining.cancel()
    clean.set()
    await asyncio.wait([joining])

    assert joining.cancelled()
    assert [True] == cleaned


def test_call_task_stop_does_nothing_after_the_event_loop_has_ended(anyio_backend):
    """
    `CallTask.stop` does nothing and raises nothing after the event loop of the call
    task has ended.
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


async def test_call_task_without_a_reference_runs_to_its_end():
    """
    A call task to which the program has no reference runs to its end, though asyncio
    has only weak references to its tasks.
    """
    seen = []

    async def run():
        await anyio.sleep(0.01)
        seen.append(True)

    start(run, "a test")
    await until(lambda: seen)

    assert [True] == seen


async def test_call_task_of_another_process_is_neither_stopped_nor_awaited():
    """
    In a forked child, which has no call tasks of its parent, `CallTask.stop` cancels
    nothing and `CallTask.join` returns at once.
    """
    task = CallTask(loop_token(), pid=0)

    task.stop()
    with anyio.fail_after(60):
        await task.join()
    await anyio.lowlevel.checkpoint()

    assert not task.here
    assert not task._scope.cancel_called


async def test_call_task_is_a_running_task_of_its_loop_until_it_has_ended():
    """
    A call task is one of its event loop's running tasks until it has ended. Then its
    `done` callback is called, and only after that its `done` flag is set.
    """
    ended = []
    token = loop_token()

    task = start(
        anyio.lowlevel.checkpoint,
        "a test",
        done=lambda task: ended.append((task, task.done.is_set())),
    )

    assert [task] == running(token)
    assert [] == running(object())
    with anyio.fail_after(60):
        await task.join()
    assert [] == running(token)
    assert [(task, False)] == ended


class CountedFlag(Flag):
    """A flag that counts how often it is awaited."""

    waits = 0

    async def wait(self):
        self.waits += 1
        await super().wait()


async def test_cancelled_join_sleeps_until_the_call_task_has_ended():
    """
    The first wait in `CallTask.join` is not shielded from cancellation, since a shield
    costs time. If this wait is cancelled, a second wait is shielded and lasts until the
    call task has ended.
    """
    flag = CountedFlag()
    task = CallTask(loop_token(), done=flag)

    async def join():
        with anyio.CancelScope() as scope:
            scope.cancel()
            await task.join()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(join)
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        flag.set()

    assert 2 == flag.waits


@asyncio_only
async def test_call_in_its_callers_task_is_a_running_task_until_it_has_ended():
    """
    A call that `run_here` runs in its caller's task is one of the running tasks of the
    event loop until it has ended; then its `done` callback is called before its `done`
    flag is set.
    """
    token, seen = loop_token(), []

    async def run():
        seen.append(("runs", running(token) == begun, asyncio.current_task()))

    def done(task):
        seen.append(("done", running(token), task.done.is_set()))

    begun = []
    await run_here(run, begun.append, done)

    assert [("runs", True, asyncio.current_task()), ("done", [], False)] == seen
    assert begun[0].done.is_set()


@asyncio_only
async def test_stop_in_stops_a_call_that_runs_in_its_callers_task():
    """
    `stop_in` stops the call that runs in the given task: the call cleans up in its
    shield, then ends without an error. For a task without a call, `stop_in` returns
    False.
    """
    seen = []

    async def run():
        try:
            await asyncio.sleep(60)
        finally:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.001)
            seen.append("cleaned up")

    host = asyncio.ensure_future(run_here(run, seen.append, seen.append))
    await asyncio.sleep(0)
    other = asyncio.current_task()

    assert [True, False] == [stop_in(host), stop_in(other)]
    await host
    assert [seen[0], "cleaned up", seen[0]] == seen
    assert not stop_in(host)


@asyncio_only
@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
async def test_call_in_its_callers_task_ends_if_its_code_raises_a_cancellation(error):
    """
    If user code in a call of `run_here`, such as a key function, raises a cancellation
    error, the call ends without an error, like a call in a task of its own.
    """
    seen = []

    async def run():
        raise error

    await run_here(run, seen.append, seen.append)

    assert 2 == len(seen)


@asyncio_only
async def test_call_whose_callers_task_is_cancelled_raises():
    """
    If the task in which `run_here` runs a call is cancelled, `run_here` raises.
    """
    host = asyncio.ensure_future(
        run_here(anyio.sleep_forever, lambda _: None, lambda _: None)
    )
    await asyncio.sleep(0)
    host.cancel()

    with pytest.raises(asyncio.CancelledError):
        await host


@asyncio_only
async def test_call_that_has_ended_has_no_reference_to_its_callers_task():
    """
    The handle of an ended call has no reference to the task that ran the call. The
    task's context refers to the handle, so such a reference would be a cycle, which
    only the garbage collector frees.
    """
    begun, freed = [], []

    async def run():
        pass

    async def caller():
        await run_here(run, begun.append, lambda _: None)

    host = asyncio.ensure_future(caller())
    gc.disable()
    try:
        weakref.finalize(host, freed.append, True)
        await host
        begun.clear()
        del host
        await asyncio.sleep(0)
        assert [True] == freed
    finally:
        gc.enable()


@asyncio_only
async def test_call_task_that_is_cancelled_before_it_begins_has_ended():
    """
    A call task that the event loop cancels before its first step never does its work,
    but has ended: its `done` callback is called once, and its `done` flag is set.
    """
    begun, ended = [], []

    async def run():
        begun.append(True)

    task = start(run, "a test", ended.append)
    (own,) = [each for each in asyncio.all_tasks() if each.get_name() == "a test"]
    own.cancel()
    with anyio.fail_after(60):
        await task.join()

    assert ([], [task]) == (begun, ended)
    assert task.done.is_set()
    assert task not in running(loop_token())


@asyncio_only
async def test_handle_of_an_ended_call_task_keeps_nothing_alive():
    """
    The handle of an ended call task has no reference to the task, or to the `done`
    callback, which refers to the client: contexts that refer to the handle may be kept
    for long.
    """
    freed = []

    class Client:
        def left(self, _):
            pass

    client = Client()
    weakref.finalize(client, freed.append, "client")
    task = start(anyio.lowlevel.checkpoint, "a test", client.left)
    (own,) = [each for each in asyncio.all_tasks() if each.get_name() == "a test"]
    weakref.finalize(own, freed.append, "task")
    gc.disable()
    try:
        del client, own
        with anyio.fail_after(60):
            await task.join()
        await asyncio.sleep(0)
        assert ["client", "task"] == sorted(freed)
    finally:
        gc.enable()

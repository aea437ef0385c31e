"""Worker threads for blocking tools."""

import contextvars
import threading

import anyio
import pytest

from asi1._call import tool_thread
from asi1._call.tool_thread import _Worker, run_in_thread

from ..support.talk import until


class Odd(BaseException):
    """An exception that is not a subclass of `Exception`."""


variable = contextvars.ContextVar("variable")


async def test_tool_runs_in_another_thread_with_the_callers_context():
    """A tool runs in a daemon thread, and reads the context variables of its caller."""
    variable.set("of the caller")

    def work():
        thread = threading.current_thread()
        return thread.ident, thread.daemon, variable.get()

    ident, daemon, value = await run_in_thread(work)

    assert threading.get_ident() != ident
    assert (True, "of the caller") == (daemon, value)


async def test_worker_thread_runs_several_tools_in_turn():
    """A thread that has run a tool also runs the next tool."""
    first = await run_in_thread(threading.current_thread)
    await until(lambda: tool_thread._idle)
    last = tool_thread._idle[-1]

    second = await run_in_thread(threading.current_thread)
    await until(lambda: last in tool_thread._idle)

    assert first.is_alive()
    assert second.name == "asi1 tool"
    assert 1 == tool_thread._idle.count(last)


async def test_tools_at_the_same_time_have_a_thread_each():
    """Thirty tools that wait for each other all run: no tool waits for a thread."""
    together = threading.Barrier(30)

    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(run_in_thread, lambda: together.wait(60))

    assert not together.broken


@pytest.mark.parametrize("error", [ValueError("no"), Odd("no")], ids=["value", "odd"])
async def test_exception_of_a_tool_is_raised_in_the_waiting_task(error):
    """What a tool raises in its thread is raised in the task that waits for it."""

    def work():
        raise error

    with pytest.raises(type(error)) as caught:
        await run_in_thread(work)

    assert error is caught.value
    assert 1 == await run_in_thread(lambda: 1)


async def test_tool_of_a_cancelled_caller_runs_to_its_end():
    """
    If the caller is cancelled, the tool runs to its end. Its result is not given to the
    next caller.
    """
    release, ended = threading.Event(), threading.Event()

    def work():
        release.wait(60)
        ended.set()
        return "old"

    with anyio.move_on_after(0.01):
        await run_in_thread(work)
    other = await run_in_thread(lambda: "new")
    release.set()
    await until(ended.is_set)

    assert "new" == other
    assert "newer" == await run_in_thread(lambda: "newer")


async def test_idle_worker_thread_ends():
    """A worker thread that gets no tool during its idle time ends, and is removed from
    the list of idle workers.
    """
    before = set(threading.enumerate())
    worker = _Worker(idle_seconds=0.05)
    (thread,) = set(threading.enumerate()) - before
    tool_thread._idle.append(worker)

    await until(lambda: not thread.is_alive())

    assert worker not in tool_thread._idle


async def test_worker_that_was_taken_at_the_end_of_its_idle_time_runs_the_tool():
    """
    A caller may take a worker when its idle time ends. The worker then waits for the
    caller's tool.
    """
    done = threading.Event()
    before = set(threading.enumerate())
    worker = _Worker(idle_seconds=0.001)
    (thread,) = set(threading.enumerate()) - before
    await anyio.sleep(0.05)

    worker.run(done.set)

    await until(lambda: not thread.is_alive())
    assert done.is_set()
    assert worker not in tool_thread._idle

"""
Background tasks, calls from other threads and a cheap event, on asyncio and on trio.

anyio cannot start a task outside of a task group, and cannot call a function on a loop
from another thread without waiting. So this module uses asyncio and trio directly.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import sys
import time

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from attrs import define, field


__all__ = [
    "Flag",
    "Run",
    "call_soon",
    "finish_steps",
    "forget_library",
    "import_backends",
    "import_in_worker",
    "in_worker",
    "loop_clock",
    "loop_token",
    "new_scope",
    "real_clock",
    "run_in_turns",
    "spawn",
]

_T = TypeVar("_T")
Run: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

# asyncio has only weak references to tasks; this set keeps running tasks alive.
_tasks: set[asyncio.Task[None]] = set()
# The functions that have imported all; `sys.modules` would not tell that, since it has
# a module before its import ends.
_imported: set[Callable[[], object]] = set()


def loop_token() -> Any:
    """Return asyncio's running event loop, or the token of trio's running loop."""
    task = _asyncio_task()
    if task is not None:  # usually true, and faster than asking anyio
        return task.get_loop()
    return anyio.lowlevel.current_token().native_token


def _asyncio_task() -> asyncio.Task[Any] | None:
    """Return asyncio's running task; None outside of a task, or on trio's loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop of asyncio is running in this thread
        return None


def loop_clock(token: Any) -> Callable[[], float]:
    """Return the clock of the running event loop, whose token is *token*."""
    if isinstance(token, asyncio.AbstractEventLoop):
        return token.time
    return anyio.current_time


@cache
def real_clock() -> Callable[[], float]:
    """
    Return a clock that runs even if a test of the user's program freezes time.

    It is the clock of `time.monotonic`, read by another function where the system has
    one: freezegun 1.5 replaces `time.monotonic` in every module, and time-machine 3.6
    changes what it returns.
    """
    if hasattr(time, "CLOCK_MONOTONIC"):
        return partial(time.clock_gettime, time.CLOCK_MONOTONIC)
    return time.monotonic


def new_scope(token: Any) -> anyio.CancelScope:
    """Return a new cancel scope; *token* is the token of the running event loop."""
    # For each new scope, anyio (4.16) searches for the class of the running event loop,
    # which takes as long as making and entering the scope.
    kind: Any = type(token)
    return _scope_class(kind)()


@cache
def _scope_class(_: type) -> type[anyio.CancelScope]:
    return type(anyio.CancelScope())


def call_soon(token: Any, call: Callable[[], object]) -> None:
    """
    Schedule *call* on the event loop of *token*; works on any thread.

    If that event loop has ended, nothing happens.
    """
    # A closed asyncio loop raises RuntimeError; trio's RunFinishedError is a
    # RuntimeError.
    with suppress(RuntimeError):
        if isinstance(token, asyncio.AbstractEventLoop):
            token.call_soon_threadsafe(call)
        else:
            token.run_sync_soon(call)


def import_backends() -> None:
    """
    Import anyio's backends for the event loop libraries that the program has imported.

    Otherwise anyio (4.16) imports them on the event loop. There a slow import blocks
    all tasks, and an import that waits for another thread's may never end.
    """
    for library in ("asyncio", "trio"):
        if library in sys.modules:
            # The import may fail while another thread is importing the library.
            with suppress(ImportError, AttributeError, KeyError):
                importlib.import_module(f"anyio._backends._{library}")


def forget_library() -> None:
    """
    Make sniffio and anyio detect the running event loop again.

    A context variable of sniffio says "asyncio" or "trio", and is copied with the other
    variables into a thread or onto a loop where that is wrong. The variable does not
    exist yet while another thread is importing sniffio.
    """
    sniffio = sys.modules.get("sniffio")
    library = getattr(sniffio, "current_async_library_cvar", None)
    if library is not None:
        library.set(None)


async def in_worker(work: Callable[[], _T]) -> _T:
    """Run *work* in a worker thread, or here if Python cannot start a thread."""
    try:
        return await anyio.to_thread.run_sync(work)
    except RuntimeError:  # Python is exiting (3.12 and later), or has too many threads
        return work()


async def import_in_worker(load: Callable[[], object]) -> None:
    """
    Run *load*, which imports modules, in a worker thread, until it has succeeded once.

    On an event loop with a virtual clock, run *load* here: while a task waited for the
    thread, the clock would jump to the next timeout.
    """
    if load in _imported:
        return
    if _has_virtual_clock():
        load()
    else:
        await in_worker(load)
    _imported.add(load)


def _has_virtual_clock() -> bool:
    """Whether a test has replaced the running event loop's clock."""
    task = _asyncio_task()
    if task is None:
        clock = importlib.import_module("trio").lowlevel.current_clock()
        return hasattr(clock, "autojump_threshold")
    loop = task.get_loop()
    if not isinstance(loop, asyncio.BaseEventLoop) or loop.time is real_clock():
        return False  # uvloop's clock, or that of the blocking clients' loop
    return getattr(loop.time, "__func__", None) is not asyncio.BaseEventLoop.time


async def run_in_turns(steps: Generator[None, None, _T]) -> _T:
    """Return what the generator *steps* returns; other tasks run between its steps."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        await anyio.lowlevel.checkpoint()


async def finish_steps(steps: Generator[None, None, _T]) -> _T:
    """Run *steps* to its end, even if the caller is cancelled; let other tasks run."""
    result: Any = None
    # Cancellation waits until *steps* has removed the API key from an error. Otherwise
    # the `__context__` of the cancellation's exception would be an error with the key.
    with anyio.CancelScope(shield=True):
        result = await run_in_turns(steps)
    return cast("_T", result)


def spawn(
    token: Any, run: Run, name: str, done: Callable[[], None] = lambda: None
) -> None:
    """
    Run the coroutine function *run* in a background task.

    Args:
        token: The event loop; `spawn` must be called on its thread, in a task or not.
        run: Must not raise an exception.
        name: The task's name.
        done: Called once when the task ends, even if an ending event loop cancels the
            task before its first step.
    """
    ended = False

    def end() -> None:
        nonlocal ended
        if not ended:
            ended = True
            done()

    async def body() -> None:
        try:
            await run()
        finally:
            end()

    if not isinstance(token, asyncio.AbstractEventLoop):
        try:
            _spawn_trio(body, name)
        except RuntimeError:  # trio's loop is ending and starts no more tasks
            end()
        return
    task = token.create_task(body(), name=name)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    # A task that is cancelled before it begins never runs `body`, so `end` is also
    # called here.
    task.add_done_callback(lambda _: end())


def _spawn_trio(body: Run, name: str) -> None:
    import trio.lowlevel  # noqa: PLC0415 - trio may not be installed

    context = contextvars.copy_context()
    trio.lowlevel.spawn_system_task(body, name=name, context=context)


@define(eq=False, repr=False)
class Flag:
    """
    An event that costs less than anyio's: it needs no event loop until a task waits,
    and on asyncio each wait is one future.

    It must be set on the event loop on which tasks wait for it. Waiting for a flag that
    is already set is not a checkpoint.
    """

    _set: bool = field(default=False, init=False)
    _futures: list[asyncio.Future[None]] = field(factory=list, init=False)
    _event: anyio.Event | None = field(default=None, init=False)

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._set

    def set(self) -> None:
        """Set the flag permanently, and wake all waiting tasks."""
        self._set = True
        for future in self._futures:
            if not future.done():
                future.set_result(None)
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until the flag is set."""
        if self._set:
            return
        task = _asyncio_task()
        if task is None:
            self._event = self._event or anyio.Event()
            await self._event.wait()
            return
        future = task.get_loop().create_future()
        self._futures.append(future)
        try:
            await future
        finally:
            self._futures.remove(future)

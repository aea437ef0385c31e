"""
Tasks and calls that belong to an event loop, and to nobody in it.

anyio has no tasks without a group, and no calls from other threads that do not wait, so
these few lines know both loops.
"""

from __future__ import annotations

import asyncio
import contextvars

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel

from attrs import define, field


__all__ = ["Flag", "Run", "call_soon", "loop_clock", "loop_token", "spawn"]

Run: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

# asyncio keeps no reference to its tasks.
_tasks: set[asyncio.Task[None]] = set()


def loop_token() -> Any:
    """Return what stands for the running event loop: asyncio's loop, trio's token."""
    return anyio.lowlevel.current_token().native_token


def loop_clock() -> Callable[[], float]:
    """Return the clock of the running event loop, which tells seconds."""
    token = loop_token()
    if isinstance(token, asyncio.AbstractEventLoop):
        return token.time
    return anyio.current_time


def call_soon(token: Any, call: Callable[[], object]) -> None:
    """Have *call* called on the loop of *token*; from any thread; not if it is gone."""
    # asyncio's closed loop raises RuntimeError, and so does trio's RunFinishedError.
    with suppress(RuntimeError):
        if isinstance(token, asyncio.AbstractEventLoop):
            token.call_soon_threadsafe(call)
        else:
            token.run_sync_soon(call)


def spawn(
    token: Any, run: Run, name: str, done: Callable[[], None] = lambda: None
) -> None:
    """
    Run *run*, which must not raise, in a task of its own.

    Called on the loop of *token*, but not always by one of its tasks. *done* is called
    once, in the last step of the task; and even if others, such as a dying loop,
    cancel it before its first.
    """
    over = False

    def end() -> None:
        nonlocal over
        if not over:
            over = True
            done()

    async def body() -> None:
        try:
            await run()
        finally:
            end()

    if not isinstance(token, asyncio.AbstractEventLoop):
        _spawn_trio(body, name)
        return
    task = token.create_task(body(), name=name)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    # Which comes only when the loop has gone around again.
    task.add_done_callback(lambda _: end())


def _spawn_trio(body: Run, name: str) -> None:
    import trio.lowlevel  # noqa: PLC0415 - there only if the user's loop is trio's

    context = contextvars.copy_context()
    trio.lowlevel.spawn_system_task(body, name=name, context=context)


@define(eq=False)
class Flag:
    """
    As `anyio.Event`, but made without asking which event loop runs; to be set on the
    loop on which it is waited for. Waiting for what is set already is no checkpoint.

    On asyncio a wait is one future, which costs a fraction of anyio's own.
    """

    _set: bool = field(default=False, init=False)
    _futures: list[asyncio.Future[None]] = field(factory=list, init=False)
    _event: anyio.Event | None = field(default=None, init=False)

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._set

    def set(self) -> None:
        """Set it for good, and wake who waits."""
        self._set = True
        for future in self._futures:
            if not future.done():
                future.set_result(None)
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is set."""
        if self._set:
            return
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no loop of asyncio's runs here
            task = None
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

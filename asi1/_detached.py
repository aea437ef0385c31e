"""
Floor 4. Tasks and calls that belong to an event loop, and to nobody in it.

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


__all__ = ["Run", "call_soon", "loop_clock", "loop_token", "spawn"]

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

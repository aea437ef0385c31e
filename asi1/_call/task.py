"""
Runs each call in its own task, which only its own cancel scope can cancel.

There are three reasons for this:

- ``Task.cancel()`` of asyncio, during a request, would break httpx's connection pool.
- A cancel scope must not stay open across a ``yield``.
- A cancelled ``anext`` must not lose data: the caller reads from a `BatchQueue`.

But the call of a blocking caller runs in the task that the blocking client has begun
for it on its event loop.
"""

from __future__ import annotations

import asyncio
import os
import sys

from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any

import anyio

from attrs import define, field

from .._fork_lock import run_apart_once
from .._transport.event_loop import (
    Flag,
    Run,
    call_soon,
    loop_token,
    new_scope,
    spawn,
)


__all__ = [
    "CallTask",
    "is_closing",
    "run_here",
    "running",
    "start",
    "stop_in",
]

_running: set[CallTask] = set()

# The `CallTask` whose task is running; None outside the task of a call.
_current: ContextVar[CallTask | None] = ContextVar("asi1_call_task", default=None)


@define(eq=False, repr=False)
class CallTask:
    """
    The handle of the task that runs a call.

    Attributes:
        token: Identifies the task's event loop.
        done: Set when the task has ended and cleaned up, even if it was cancelled
            before its first step.
        closing: Whether the task was cancelled because its client was closed.
        host: The caller's task, in which `run_here` runs the call; None if the call has
            a task of its own.
    """

    token: Any
    _on_end: Callable[[CallTask], object] | None = None
    host: Any = None
    # The call's own task on asyncio, which has only weak references to tasks.
    _own: Any = field(default=None, init=False)
    _pid: int = field(factory=os.getpid)
    _scope: anyio.CancelScope = field(init=False)
    done: Flag = field(factory=Flag)
    closing: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._scope = new_scope(self.token)

    async def run(self, run: Run) -> None:
        """Do the work of the task: *run*, and all that follows its end."""
        _current.set(self)
        try:
            with self._scope:
                await run()
        finally:
            if self._own is not None:
                self._own.remove_done_callback(self.end)
            self.end()

    def end(self, _: object = None) -> None:
        """Tell that the task has ended; a second call does nothing."""
        # Also in a second call: `start` stores an eager task after the task has ended.
        self._own = None
        if self.done.is_set():
            return
        _running.discard(self)
        # The task's context, of which asyncio keeps copies, has this object. So it must
        # not refer to the task, or to the call and its client, any longer.
        on_end, self._on_end, self.host = self._on_end, None, None
        if on_end is not None:
            on_end(self)
        self.done.set()

    def start(self, run: Run, name: str) -> None:
        """Begin the task *name*, which does `run`."""
        if not isinstance(self.token, asyncio.AbstractEventLoop):
            spawn(self.token, partial(self.run, run), name, self.end)
            return
        self._own = self.token.create_task(self.run(run), name=name)
        # A task that is cancelled before it begins never does `run`.
        self._own.add_done_callback(self.end)

    @property
    def here(self) -> bool:
        """Whether this process started the task; False in a forked child."""
        return self._pid == os.getpid()

    def stop(self) -> None:
        """Cancel the task, from any thread; do nothing if its event loop has ended."""
        if self.here and not self.done.is_set():
            call_soon(self.token, self._scope.cancel)

    async def join(self) -> None:
        """
        Wait until the task has cleaned up, even if the caller is cancelled.

        Inside the task itself, such as in a tool that closes the client, return at
        once: the wait would never end.
        """
        if _current.get() is self:
            return
        cancelled: BaseException | None = None
        while self.here and not self.done.is_set():
            try:
                # Shielding the wait from cancellation costs time and is rarely needed,
                # so only waits after a cancellation are shielded.
                with anyio.CancelScope(shield=True) if cancelled else nullcontext():
                    await self.done.wait()
            except anyio.get_cancelled_exc_class() as error:
                cancelled = error  # asyncio's `Task.cancel()` ends even a shielded wait
        if cancelled is not None:
            raise cancelled


def is_closing() -> bool:
    """Whether the client of the running call task was closed."""
    task = _current.get()
    return task is not None and task.closing


def running(token: Any) -> list[CallTask]:
    """Return the call tasks that run on the event loop identified by *token*."""
    return [task for task in list(_running) if task.token is token and task.here]


def start(
    run: Run, name: str, done: Callable[[CallTask], None] | None = None
) -> CallTask:
    """
    Run *run* in a new task that may outlive the caller's task; return its handle.

    *done* is called with the handle before its `CallTask.done` is set.
    """
    task = CallTask(loop_token(), done)
    _running.add(task)
    task.start(run, name)
    if "ipykernel" in sys.modules:
        _notice_interrupts()(task.token, lambda: running(task.token))
    return task


async def run_here(
    run: Run, begun: Callable[[CallTask], None], done: Callable[[CallTask], None]
) -> None:
    """
    Run *run* in the running task of asyncio, since a new task takes time.

    To cancel the running task, call `stop_in`, and ``Task.cancel`` only if that returns
    False. *begun* is called with the call's handle before *run*, and *done* after it.
    """
    token = loop_token()
    host: Any = asyncio.current_task(token)
    task = CallTask(token, done, host)
    _running.add(task)
    begun(task)
    try:
        await task.run(run)
    except (asyncio.CancelledError, GeneratorExit):
        # If the user's code raised this exception, only the call has ended, not the
        # task: as in a task of `start`.
        if not _goes_on(host):
            raise


def _goes_on(host: asyncio.Task[Any]) -> bool:
    """Whether *host* is running, and was neither cancelled nor closed."""
    try:
        return asyncio.current_task() is host and not host.cancelling()
    except RuntimeError:  # no event loop is running
        return False


def stop_in(host: asyncio.Task[Any]) -> bool:
    """Stop the call that runs in *host* by `run_here`; return whether there is one."""
    for task in list(_running):
        if task.host is host:
            task.stop()
            return True
    return False


@run_apart_once
def _notice_interrupts() -> Callable[[object, Callable[[], object]], None]:
    from .notebook import notice_interrupts  # noqa: PLC0415 - only notebooks need it

    return notice_interrupts

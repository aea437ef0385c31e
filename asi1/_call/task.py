"""
A task that nothing but its own cancel scope stops.

A native ``Task.cancel()`` in the middle of a request spoils httpx's connection pool for
good, a cancel scope must not be held over a ``yield``, and a cancelled ``anext`` must
lose nothing. So every exchange runs in such a task, and whoever reads, reads from a
`BatchQueue`.
"""

from __future__ import annotations

import os

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import anyio

from attrs import define, field

from .._transport.event_loop import Flag, Run, call_soon, loop_token, spawn


__all__ = ["CallTask", "running", "start"]

_running: set[CallTask] = set()


@define(eq=False)
class CallTask:
    """
    The handle of a running task.

    Attributes:
        token: What stands for its loop.
        done: Set in its last step, when it has cleaned up; or once it is cancelled,
            by others, before its first.
    """

    token: Any
    _pid: int = field(factory=os.getpid)
    _scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    done: Flag = field(factory=Flag)

    @property
    def here(self) -> bool:
        """Whether the task runs in this process, and not in one that forked it."""
        return self._pid == os.getpid()

    def stop(self) -> None:
        """Cancel the task; from any thread, and even when its loop is gone."""
        if self.here and not self.done.is_set():
            call_soon(self.token, self._scope.cancel)

    async def join(self) -> None:
        """Wait until the task has cleaned up, whatever happens to the waiting one."""
        cancelled: BaseException | None = None
        while self.here and not self.done.is_set():
            try:
                # The shield costs something, and hardly anybody is cancelled here.
                with anyio.CancelScope(shield=True) if cancelled else nullcontext():
                    await self.done.wait()
            except anyio.get_cancelled_exc_class() as error:
                cancelled = error  # again and again, if it is asyncio's own
        if cancelled is not None:
            raise cancelled


def running(token: Any) -> list[CallTask]:
    """Return the pumps whose tasks are under way on the loop of *token*."""
    return [pump for pump in list(_running) if pump.token is token and pump.here]


def start(
    run: Run, name: str, done: Callable[[CallTask], None] = lambda _: None
) -> CallTask:
    """
    Run *run* in a task of its own, beside the current one, and return its handle.

    *done* is called with the handle before its `CallTask.done` is set.
    """
    pump = CallTask(loop_token())

    async def body() -> None:
        with pump._scope:  # noqa: SLF001 - the handle is this module's own
            await run()

    def ended() -> None:
        _running.discard(pump)
        done(pump)
        pump.done.set()

    _running.add(pump)
    spawn(pump.token, body, name, ended)
    return pump

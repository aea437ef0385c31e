"""
Worker threads for blocking tools.

After a tool, its thread waits for the next one, since starting a thread takes longer
than most tools do. The number of threads is not limited: a tool that hangs must not
make other tools wait.
"""

from __future__ import annotations

import contextvars
import os
import threading

from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from .._transport.event_loop import Flag, call_soon, forget_library, loop_token


__all__ = ["run_in_thread"]

# Seconds that a thread waits for its next tool before it ends.
_IDLE_SECONDS = 10.0


class _Worker:
    """A thread that runs one function after another."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        # A daemon, unlike the worker threads of anyio and asyncio: a tool that hangs
        # must not keep Python from exiting.
        threading.Thread(target=self._serve, name="asi1 tool", daemon=True).start()

    def run(self, job: Callable[[], None]) -> None:
        """Run *job*, which must not raise; the worker must not be among `_idle`."""
        self._jobs.put(job)

    def _serve(self) -> None:
        while job := self._next():
            job()
            del job  # the tool's values must not stay alive while the thread waits
            _idle.append(self)

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next job; return None after some seconds without one."""
        try:
            return self._jobs.get(timeout=self._idle_seconds)
        except Empty:
            try:
                _idle.remove(self)
            except ValueError:  # another thread has taken this worker meanwhile
                return self._jobs.get()
            return None


_idle: deque[_Worker] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # no worker runs in the child


async def run_in_thread(run: Callable[[], Any]) -> Any:
    """
    Return the result of *run*, which a worker thread calls with the caller's context.

    If the caller is cancelled, the thread runs on, and its result is dropped.
    """
    token, done = loop_token(), Flag()
    context = contextvars.copy_context()
    context.run(forget_library)  # no event loop runs in the worker thread
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(context.run(run))
        except BaseException as error:  # noqa: BLE001 - raised by the task
            errors.append(error)
        call_soon(token, done.set)

    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.run(work)
    await done.wait()
    if errors:
        raise errors.pop()
    return results.pop()

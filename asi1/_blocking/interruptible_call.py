"""
Runs a coroutine on another thread's event loop, for a caller that may be interrupted.

Ctrl-C can interrupt the main thread at any instruction. If that happens inside a
`threading.Condition`, the condition's lock may stay locked for ever, and the event loop
would hang on that lock. So the two threads share only a `threading.Lock`: the caller
waits to acquire this lock, and the event loop releases it.
"""

from __future__ import annotations

import asyncio
import threading

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, TypeVar

from attrs import define, field

from .._call.task import stop_in
from .._models.errors import ASI1Error
from .._transport.event_loop import forget_library


__all__ = ["InterruptibleCall"]

_T = TypeVar("_T")

_CHECK = 1.0  # seconds after which a waiting caller checks for signals again


@define(eq=False, repr=False)
class InterruptibleCall(Generic[_T]):
    """
    Runs the coroutine that *begin* returns on the *loop* of another thread, with the
    caller's contextvars.

    The coroutine is created on that loop. So if the caller is interrupted before that,
    there is no coroutine of which Python would warn that it was never awaited.
    """

    begin: Callable[[], Coroutine[Any, Any, _T]]
    loop: asyncio.AbstractEventLoop
    _done: threading.Lock = field(factory=threading.Lock, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _outcome: tuple[_T] | BaseException | None = field(default=None, init=False)

    def wait(self) -> _T:
        """
        Run the coroutine, and return its result; may be called only once.

        If the caller is interrupted, the coroutine is cancelled.

        Raises:
            ASI1Error: The coroutine was cancelled because its event loop ended.
            BaseException: The coroutine raised it, or it interrupted the caller.
        """
        self._done.acquire()
        try:
            self.loop.call_soon_threadsafe(self._begin)
            # CPython checks for signals before it blocks on a lock. A signal that comes
            # between the check and the blocking would not be handled until the call
            # ends, so the wait is split into short ones.
            while not self._done.acquire(timeout=_CHECK):
                pass
        except BaseException:
            self._request_cancel()
            raise
        outcome, self._outcome = self._outcome, None
        try:
            if isinstance(outcome, tuple):
                return outcome[0]
            if outcome is None or isinstance(outcome, asyncio.CancelledError):
                raise ASI1Error("the call was cancelled: its event loop ended")
            raise outcome
        finally:
            del outcome  # avoids a reference cycle between error and frame

    def _begin(self) -> None:
        # The task gets the caller's contextvars, even if the caller runs in trio.
        forget_library()
        self._task = task = self.loop.create_task(self._run())
        # A task that is cancelled before it begins never runs `_run`.
        task.add_done_callback(self._wake_caller)

    async def _run(self) -> None:
        try:
            self._outcome = (await self.begin(),)
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            self._outcome = error
        # The caller is woken last, when the loop has nothing left to do for the call.
        # Else both threads would want the GIL at once, and each would wait for the
        # other. A callback of the task would cost another turn of the loop.
        if self._task is not None:
            self._task.remove_done_callback(self._wake_caller)
        done = self._done
        del self  # avoids a reference cycle between error and frame
        done.release()

    def _wake_caller(self, _: asyncio.Task[None]) -> None:
        self._done.release()

    def _request_cancel(self) -> None:
        with suppress(RuntimeError):  # raised if the event loop is closed
            self.loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # There is no task if the caller was interrupted before it asked for one.
        if self._task is not None and not stop_in(self._task):
            self._task.cancel()

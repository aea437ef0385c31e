"""
Floor 7. A coroutine's way to the loop's thread, and its outcome's way back.

Signals strike a waiting main thread between any two steps, and Python's own condition
variables may then keep their lock for ever, on which the loop would hang. So no
lock is shared here but a plain one, which the caller waits for and the loop lets go.
"""

from __future__ import annotations

import asyncio
import sys
import threading

from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from attrs import define, field

from ._errors import ASI1Error


__all__ = ["Errand"]

_T = TypeVar("_T")


@define(eq=False)
class Errand(Generic[_T]):
    """One *coroutine* that runs on another thread's *loop*, in the caller's context."""

    coroutine: Coroutine[Any, Any, _T]
    loop: asyncio.AbstractEventLoop
    _over: threading.Lock = field(factory=threading.Lock, init=False)
    _task: asyncio.Task[_T] | None = field(default=None, init=False)

    def wait(self) -> _T:
        """
        Run it to its end, and return what it returns; called once.

        A caller who is interrupted cancels it.

        Raises:
            ASI1Error: It was cancelled, since its loop ended.
            BaseException: What the coroutine raised, or what interrupted the caller.
        """
        self._over.acquire()
        try:
            self.loop.call_soon_threadsafe(self._begin)
            self._over.acquire()
        except BaseException:
            self._give_up()
            raise
        task, self._task = self._task, None
        try:
            if task is None or task.cancelled():
                raise ASI1Error("the call was cancelled: its event loop ended")
            return task.result()
        finally:
            del task  # which keeps the error, whose frames keep this one

    def _begin(self) -> None:
        # The caller's context came along. Called from trio, it says that this is trio.
        sniffio = sys.modules.get("sniffio")
        if sniffio is not None:
            sniffio.current_async_library_cvar.set(None)
        self._task = self.loop.create_task(self.coroutine)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[_T]) -> None:
        if not task.cancelled():
            # Who called may be struck before it asks, and asyncio would complain.
            task.exception()
        self._over.release()

    def _give_up(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:  # the loop is closed
            self.coroutine.close()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:  # who called was struck before anything was begun
            self.coroutine.close()

"""
A coroutine's way to the loop's thread, and its outcome's way back.

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

from .._models.errors import ASI1Error


__all__ = ["Errand"]

_T = TypeVar("_T")


@define(eq=False)
class Errand(Generic[_T]):
    """One *coroutine* that runs on another thread's *loop*, in the caller's context."""

    coroutine: Coroutine[Any, Any, _T]
    loop: asyncio.AbstractEventLoop
    _over: threading.Lock = field(factory=threading.Lock, init=False)
    _told: bool = field(default=False, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _outcome: tuple[_T] | BaseException | None = field(default=None, init=False)

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
        outcome, self._outcome = self._outcome, None
        try:
            if isinstance(outcome, tuple):
                return outcome[0]
            if outcome is None or isinstance(outcome, asyncio.CancelledError):
                raise ASI1Error("the call was cancelled: its event loop ended")
            raise outcome
        finally:
            del outcome  # an error keeps its frames, of which this is one

    def _begin(self) -> None:
        # The caller's context came along. Called from trio, it says that this is trio.
        sniffio = sys.modules.get("sniffio")
        if sniffio is not None:
            sniffio.current_async_library_cvar.set(None)
        self._task = self.loop.create_task(self._run())
        self._task.add_done_callback(self._ended)

    async def _run(self) -> None:
        # The caller is told in the last step of the task: its callbacks come only once
        # the loop has gone around again.
        try:
            self._outcome = (await self.coroutine,)
        except BaseException as error:  # noqa: BLE001 - also an exit: it is the caller's
            self._outcome = error
        self._tell()
        del self  # the frames of an error must not lead back to it

    def _ended(self, _: asyncio.Task[None]) -> None:
        self.coroutine.close()  # if its loop ended before it was begun
        self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
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

"""
The one event-loop thread of a process, on which every blocking client runs.

Started when it is first needed, stopped when the interpreter exits, and left behind by
a fork: the child starts its own.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import os
import threading
import warnings

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import anyio

from .._call.task import running
from .._fork_lock import no_fork
from .._models.errors import ASI1Error, ConfigurationError
from .interruptible_call import Errand
from .warning import warn_in_a_loop


__all__ = ["LoopThread", "close_on_loop", "loop_thread", "new_loop"]

_T = TypeVar("_T")

# Seconds that leaving the interpreter waits for calls under way to be cancelled.
_PATIENCE = 0.5

_current: LoopThread | None = None
# Threads of a parent process, which do not run here. Kept, so that nothing of theirs
# is torn down from this side of the fork.
_inherited: list[LoopThread] = []


class LoopThread:
    """An event loop in a daemon thread of its own."""

    def __init__(self) -> None:
        """Start the thread, and wait until its loop runs."""
        try:
            self._loop = new_loop(os.environ)
        except OSError as error:
            raise ASI1Error(f"no event loop can be made: {error}") from error
        self._stopping = asyncio.Event()
        self._exiting = threading.Event()
        ready = threading.Lock()
        ready.acquire()
        self._thread = threading.Thread(
            target=self._serve, args=(ready,), name="asi1 event loop", daemon=True
        )
        try:
            self._thread.start()
            ready.acquire()
        except RuntimeError as error:
            self._loop.close()
            raise ASI1Error(f"no thread can be started: {error}") from error
        except BaseException:  # Ctrl-C: the next call starts another
            self._loop.call_soon_threadsafe(self._stopping.set)
            raise

    def _serve(self, ready: threading.Lock) -> None:
        async def until_stopped() -> None:
            anyio.Event()  # loads what anyio has for asyncio while the lock is held
            ready.release()
            await self._stopping.wait()
            await _end_tasks(self._loop)

        # At its end the runner cancels what is left, and closes async generators.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            main = runner.get_loop().create_task(until_stopped())
            while not main.done():
                # What a hook or transport of the user's exits with ends its own call,
                # and not all others.
                with suppress(SystemExit, KeyboardInterrupt):
                    self._loop.run_until_complete(main)

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        """
        Run *coroutine* to its end on the loop, in the caller's context, and return
        what it returns. A caller who is interrupted cancels it.

        Raises:
            ASI1Error: The caller is itself on that loop, which it would block for ever;
                Python is exiting; or the loop has ended.
        """
        try:
            self._check_caller()
        except BaseException:
            coroutine.close()
            raise
        try:
            return Errand(coroutine, self._loop).wait()
        except BaseException as error:
            if self._exiting.is_set() and threading.current_thread().daemon:
                self._vanish()
            if isinstance(error, ASI1Error):
                # The frames of the loop's thread say nothing to who called, and those
                # of an error that is raised twice would add up.
                error.__traceback__ = None
            raise

    def _check_caller(self) -> None:
        if threading.get_ident() == self._thread.ident:
            raise ASI1Error(
                "the blocking client was used on its own event loop;"
                " use AsyncASI1 there"
            )
        if self._exiting.is_set():
            if threading.current_thread().daemon:
                self._vanish()
            raise ASI1Error("Python is exiting; no call can be made any more")
        warn_in_a_loop()

    def _vanish(self) -> None:
        # Python is exiting. What still runs is a daemon thread, which is about to end
        # without a word, and has nobody to tell.
        threading.Event().wait()

    @property
    def exiting(self) -> bool:
        """Whether Python is exiting, and everything closed already."""
        return self._exiting.is_set()

    def stop(self) -> None:
        """End every call, then the loop and its thread."""
        self._exiting.set()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_PATIENCE)


async def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """End the calls through their scopes, which is clean, then whatever is left."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE / 2):
            while pumps := running(loop):
                for pump in pumps:
                    pump.stop()
                for pump in pumps:
                    await pump.join()
    me = asyncio.current_task()
    # What is cancelled may begin something on its way out.
    while others := [task for task in asyncio.all_tasks() if task is not me]:
        for task in others:
            task.cancel()
        await asyncio.wait(others)


def new_loop(env: Mapping[str, str]) -> asyncio.AbstractEventLoop:
    """
    Return a loop of the kind that ``ASI1_LOOP`` asks for: "asyncio", or "uvloop".

    Raises:
        ConfigurationError: It asks for another, or for what is not installed.
    """
    kind = env.get("ASI1_LOOP", "").strip() or "asyncio"
    if kind == "asyncio":
        return asyncio.new_event_loop()
    if kind != "uvloop":
        raise ConfigurationError(
            "the environment variable ASI1_LOOP: must be 'asyncio' or 'uvloop', not"
            f" {kind!r:.80}"
        )
    try:
        loop: asyncio.AbstractEventLoop = importlib.import_module(kind).new_event_loop()
    except ImportError as error:
        raise ConfigurationError(
            "the environment variable ASI1_LOOP: asks for uvloop, which cannot be"
            f" imported ({error})"
        ) from error
    return loop


def loop_thread() -> LoopThread:
    """Return this process's thread; the first call starts it."""
    global _current  # noqa: PLW0603 - one for each process is the point
    if _current is None:
        with no_fork:
            if _current is None:
                _current = LoopThread()
    return _current


def close_on_loop(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *close*, unless there is nothing left, or never was anything, to close."""
    if _current is not None and not _current.exiting:
        _current.run(close())


def _stop_at_exit() -> None:
    if _current is not None:
        # What is cancelled before its first step is complained of, to nobody's use.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        _current.stop()


def _start_anew() -> None:
    global _current  # noqa: PLW0603
    if _current is not None:
        _inherited.append(_current)
    _current = None


atexit.register(_stop_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

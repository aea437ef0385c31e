"""
The one event-loop thread of a process, on which every blocking client runs.

The thread starts at the first blocking call, and stops when the interpreter exits. A
forked child process starts its own thread.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib.util
import os
import threading
import warnings

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from .._call.task import running
from .._fork_lock import ExitingError, run_apart
from .._models.errors import ASI1Error, ConfigurationError
from .._transport.event_loop import real_clock, spawn
from .interruptible_call import InterruptibleCall
from .warning import warn_in_a_loop


__all__ = ["LoopThread", "check_loop", "close_on_loop", "loop_thread", "new_loop"]

_T = TypeVar("_T")

# Maximum seconds that Python waits at exit for running calls to be cancelled.
_EXIT_TIMEOUT = 0.5

_current: LoopThread | None = None
# Loop threads of the parent process, which do not run in this forked child. The list
# keeps them alive: freeing them would close event loops that belong to the parent.
_inherited: list[LoopThread] = []


class LoopThread:
    """An event loop in its own daemon thread."""

    def __init__(self) -> None:
        """Start the thread, and wait until its loop runs."""
        try:
            self._loop = new_loop(os.environ)
        except OSError as error:
            raise ASI1Error(f"cannot create an event loop: {error}") from error
        self._stopping = asyncio.Event()
        self._exiting = threading.Event()
        ready = threading.Lock()
        ready.acquire()
        self._thread = threading.Thread(
            target=self._serve, args=(ready,), name="asi1 event loop", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            self._loop.close()
            raise ASI1Error(f"cannot start a thread: {error}") from error
        ready.acquire()

    def _serve(self, ready: threading.Lock) -> None:
        async def until_stopped() -> None:
            ready.release()
            await self._stopping.wait()
            await _end_tasks(self._loop)

        try:
            # At the end of the block, `asyncio.Runner` cancels remaining tasks and
            # closes async generators.
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                main = runner.get_loop().create_task(until_stopped())
                while not main.done():
                    # If a user-provided hook or transport raises SystemExit or
                    # KeyboardInterrupt, only its call must end, not the event loop.
                    with suppress(SystemExit, KeyboardInterrupt):
                        self._loop.run_until_complete(main)
        except RuntimeError:
            # asyncio starts a thread to end the threads that resolve host names. At
            # exit, Python 3.12 refuses to start a thread; the resolver threads end
            # anyway.
            if not self.exiting:
                raise

    def run(self, begin: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """
        Run the coroutine that *begin* returns on the loop, with the caller's
        contextvars; return its result.

        If the caller is interrupted, the coroutine is cancelled.

        Raises:
            ASI1Error: The caller runs on that loop and would block it for ever; Python
                is exiting; or the event loop has ended.
        """
        self._check_caller()
        try:
            return InterruptibleCall(begin, self._loop).wait()
        except BaseException as error:
            if self._exiting.is_set() and threading.current_thread().daemon:
                self._block_forever()
            if isinstance(error, ASI1Error):
                # The traceback's frames in the loop thread do not help the caller, and
                # each raise of the same error would add more frames.
                error.__traceback__ = None
            raise

    def close(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """
        Run *close* on the loop, and wait for its end; do nothing if Python is exiting.

        On the loop's own thread, where the garbage collector may run the caller,
        *close* is only scheduled: waiting for it would block the loop for ever.
        """
        if self.exiting:
            return
        if not self._is_own:
            self.run(close)
            return

        async def close_quietly() -> None:
            with suppress(Exception):  # no caller waits for this error
                await close()

        spawn(self._loop, close_quietly, "asi1 close")

    @property
    def _is_own(self) -> bool:
        """Whether the caller runs on the loop's thread."""
        return threading.get_ident() == self._thread.ident

    def _check_caller(self) -> None:
        if self._is_own:
            raise ASI1Error(
                "the blocking client was used on its own event loop;"
                " use AsyncASI1 there"
            )
        if self._exiting.is_set():
            if threading.current_thread().daemon:
                self._block_forever()
            raise ASI1Error("Python is exiting; no more calls can be made")
        warn_in_a_loop()

    def _block_forever(self) -> None:
        # Python is exiting and will end this daemon thread, so an error would reach no
        # code that could handle it.
        threading.Event().wait()

    @property
    def exiting(self) -> bool:
        """Whether Python is exiting, so that all calls are cancelled or refused."""
        return self._exiting.is_set()

    def stop(self) -> None:
        """Cancel every call, then stop the loop and its thread."""
        self._exiting.set()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_EXIT_TIMEOUT)


async def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel each call's scope, so that the call cleans up; then cancel other tasks."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_EXIT_TIMEOUT / 2):
            while calls := running(loop):
                for call in calls:
                    call.stop()
                for call in calls:
                    await call.join()
    me = asyncio.current_task()
    # Repeated, since a cancelled task may start new tasks before it ends.
    while tasks := [task for task in asyncio.all_tasks() if task is not me]:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def check_loop(env: Mapping[str, str]) -> str:
    """
    Return the name in ``ASI1_LOOP`` of the event loop to use: "asyncio" (the default)
    or "uvloop".

    Raises:
        ConfigurationError: The variable has another value, or uvloop is not installed.
    """
    kind = env.get("ASI1_LOOP", "").strip() or "asyncio"
    if kind not in ("asyncio", "uvloop"):
        raise ConfigurationError(
            "the environment variable ASI1_LOOP: must be 'asyncio' or 'uvloop', not"
            f" {kind!r:.80}"
        )
    if kind == "uvloop" and importlib.util.find_spec(kind) is None:
        raise _without_uvloop("it is not installed")
    return kind


def new_loop(env: Mapping[str, str]) -> asyncio.AbstractEventLoop:
    """
    Return a new event loop, of the kind that `check_loop` returns.

    Raises:
        ConfigurationError: As for `check_loop`, or uvloop cannot be imported.
    """
    kind = check_loop(env)
    if kind == "asyncio":
        return _in_real_time(asyncio.new_event_loop())
    try:
        loop: asyncio.AbstractEventLoop = importlib.import_module(kind).new_event_loop()
    except ImportError as error:
        raise _without_uvloop(str(error)) from error
    return loop


def _without_uvloop(reason: str) -> ConfigurationError:
    return ConfigurationError(
        "the environment variable ASI1_LOOP: asks for uvloop, which cannot be"
        f" imported ({reason})"
    )


def _in_real_time(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """
    Make *loop* keep real time, although the program may have replaced `time.monotonic`.

    In a test with frozen time (with freezegun 1.5, for example), asyncio's timers would
    never fire: no timeout, and no wait before a retry, would ever end.
    """
    # Only asyncio's own loops read `time.monotonic`; uvloop reads libuv's clock.
    if isinstance(loop, asyncio.BaseEventLoop):
        setattr(loop, "time", real_clock())  # noqa: B010 - a method, to mypy
    return loop


def loop_thread() -> LoopThread:
    """
    Return the loop thread of this process; the first call starts it.

    Raises:
        ASI1Error: The thread cannot be started; perhaps because Python is exiting.
    """
    if _current is not None:
        return _current
    try:
        return run_apart(_start)
    except ExitingError as error:
        raise ASI1Error(f"{error}; no more calls can be made") from None


def _start() -> LoopThread:
    global _current  # noqa: PLW0603 - one thread per process
    if _current is None:  # another thread may have started the loop thread meanwhile
        _current = LoopThread()
    return _current


def close_on_loop(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *close* on the loop thread; do nothing if no loop thread was started."""
    if _current is not None:
        _current.close(close)


def _stop_at_exit() -> None:
    if _current is not None:
        # A coroutine that is cancelled before it began causes a "never awaited"
        # warning, which does not help a user whose program is exiting.
        warnings.filterwarnings("ignore", "coroutine .* was never awaited")
        _current.stop()


def _reset_in_child() -> None:
    global _current  # noqa: PLW0603
    if _current is not None:
        _inherited.append(_current)
    _current = None


atexit.register(_stop_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_in_child)

"""
Runs imports, and other work that neither a fork nor Ctrl-C may interrupt.

A forked child inherits every lock in its current state. A lock that another thread has
acquired (a module's import lock, or one in OpenSSL) is never released in the child. And
Ctrl-C during an import may leave that module's import lock acquired for ever.

``import asi1`` loads this module, which imports only built-in modules and those that
Python loads at its start: Ctrl-C during any other import here would show the user of
the command line a traceback.
"""

from __future__ import annotations

import _frozen_importlib as _bootstrap
import _thread
import atexit
import os
import sys


TYPE_CHECKING = False  # Not imported from `typing`, since loading `typing` takes time.
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _T = TypeVar("_T")

__all__ = ["ExitingError", "no_fork", "run_apart", "run_apart_once", "start_apart"]

# Maximum seconds that a fork and a ``with no_fork`` block wait for each other. Without
# a limit, the wait could be a deadlock with another lock or fork hook.
_TIMEOUT = 10.0
_LOOKS = 5000  # how often, in this time, a thread looks whether forks have ended


class ExitingError(RuntimeError):
    """Python is exiting, and can neither import a module nor start a thread."""


class _NoFork:
    """
    The work that `os.fork` waits for; used as ``with no_fork``.

    Several threads may be inside, and a thread may enter again. A fork and a thread
    give up waiting for each other after some seconds.

    Attributes:
        alone: A lock for work of one thread at a time: ``with no_fork, no_fork.alone``.
    """

    def __init__(self) -> None:
        self._entered = _thread._local()  # noqa: SLF001 - which is `threading.local`
        self._watched = False
        self._reset()

    def _reset(self) -> None:
        # For each thread that is about to fork, by its id: whether it holds `_free`.
        self._forking: dict[int, bool] = {}
        # How many threads are inside; the first acquires `_free`, the last releases it.
        self._count = 0
        self._counting = _thread.allocate_lock()
        self._free = _thread.allocate_lock()
        self.alone = _thread.RLock()

    def __enter__(self) -> None:
        stack = self._stack()
        stack.append(not any(stack) and self._join())

    def __exit__(self, *_: object) -> None:
        if self._stack().pop():
            self._leave()

    def _join(self) -> bool:
        """Count this thread; return False if a fork takes too long."""
        if not self._counting.acquire(timeout=_TIMEOUT):
            return False
        try:
            if not self._count and not self._free.acquire(timeout=_TIMEOUT):
                return False
            self._count += 1
            return True
        finally:
            self._counting.release()

    def _leave(self) -> None:
        with self._counting:
            self._count -= 1
            if not self._count:
                self._free.release()

    def _stack(self) -> list[bool]:
        # For each ``with`` block that this thread is in: whether the block counted it.
        stack: list[bool] = self._entered.__dict__.setdefault("stack", [])
        return stack

    @property
    def entered(self) -> bool:
        """Whether this thread is inside a ``with no_fork`` block."""
        return bool(self._stack())

    def watch(self) -> None:
        """
        Make forks wait for the work before they run any other library's fork hook.

        Python runs the hooks in reverse order of registration. A hook that was
        registered later, such as that of `logging`, would hold its own lock while the
        fork waits for an import that may need this lock.
        """
        self._watched = True
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self.before_fork)

    def prepare(self) -> None:
        """
        Load `logging`, and `threading` with it, before the first thread is started.

        Python 3.11 and 3.12 take the first thread that imports `threading` for the main
        thread. And `logging` must not register its fork hook while a thread is inside.
        """
        if not self._watched:
            import logging  # noqa: F401, PLC0415

            self.watch()

    def before_fork(self) -> None:
        """Wait until no other thread is inside; let none enter. May be called twice."""
        me = _thread.get_ident()
        if me not in self._forking:
            self._forking[me] = False  # stays False if Ctrl-C interrupts `acquire`
            if any(self._stack()):
                self._leave()
            self._forking[me] = self._free.acquire(timeout=_TIMEOUT)

    def wait_for_forks(self) -> None:
        """Wait until all begun forks have ended; give up after some seconds."""
        held, looks = _thread.allocate_lock(), 0
        held.acquire()
        while self._forking and looks < _LOOKS:
            held.acquire(timeout=_TIMEOUT / _LOOKS)  # only pauses: never released
            looks += 1

    def after_fork(self) -> None:
        """Undo `before_fork`."""
        if self._forking.pop(_thread.get_ident(), False):
            self._free.release()
        stack = self._stack()
        if any(stack):
            stack[stack.index(True)] = self._join()

    def after_fork_in_child(self) -> None:
        """Replace the locks, since no thread of the parent process can release them."""
        stack = self._stack()
        stack[:] = [False] * len(stack)
        self._reset()
        _forget_dead_imports()


def _forget_dead_imports() -> None:
    """
    Forget the imports that other threads had begun when this process was forked.

    CPython (3.11 to 3.14) copies the import lock of each module that another thread was
    importing, and no thread of the child releases it: the child could never import that
    module. Without the lock and the unfinished module, the child imports it anew.
    """
    me = _thread.get_ident()
    locks = getattr(_bootstrap, "_module_locks", {})
    for name, reference in list(locks.items()):
        if getattr(reference(), "owner", me) == me:
            continue
        locks.pop(name, None)
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if getattr(spec, "_initializing", False):
            sys.modules.pop(name, None)


# `os.fork` waits until no thread is inside.
no_fork = _NoFork()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=no_fork.before_fork,
        after_in_parent=no_fork.after_fork,
        after_in_child=no_fork.after_fork_in_child,
    )


class _Job:
    """A piece of work that a new thread does, with its result or error."""

    def __init__(self, work: Callable[[], Any], *, alone: bool) -> None:
        self._work, self._alone = work, alone
        self._outcome: tuple[Any] | BaseException | None = None
        self.done = _thread.allocate_lock()
        self.done.acquire()

    def run(self) -> None:
        import threading  # noqa: PLC0415 - `_NoFork.prepare` has loaded it

        sys.settrace(threading.gettrace())  # lets debuggers trace this thread too
        self.run_here()

    def run_here(self) -> None:
        """Do the work in this thread."""
        try:
            with no_fork:
                lock = no_fork.alone
                held = self._alone and lock.acquire(timeout=_TIMEOUT)
                try:
                    self._outcome = (self._work(),)
                finally:
                    if held:
                        lock.release()
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            self._outcome = error
        self.done.release()

    def result(self) -> Any:
        outcome, self._outcome = self._outcome, None
        try:
            if isinstance(outcome, tuple):
                return outcome[0]
            raise outcome or ExitingError
        finally:
            del outcome  # avoids a reference cycle between error and frame


def run_apart(work: Callable[[], _T]) -> _T:
    """
    Run *work* in a new thread, wait for its end, and return its result.

    In that thread no signal interrupts the work, forks wait for it, and only one thread
    at a time does such work. An interrupted caller does not interrupt the work.

    Raises:
        ExitingError: Python is exiting.
        BaseException: The work raised it.
    """
    job = start_apart(work)
    job.done.acquire()
    return job.result()  # type: ignore[no-any-return]


def start_apart(work: Callable[[], Any], *, alone: bool = True) -> _Job:
    """
    Start *work* in a new thread as `run_apart` does, but do not wait for its end. If
    not *alone*, calls of `run_apart` in other threads do not wait for its end either.

    The work is done in the caller's thread, before `start_apart` returns, if the caller
    itself is work that was started so, or if Python cannot start a new thread.

    Raises:
        ExitingError: Python is exiting.
    """
    if sys.is_finalizing():  # at exit, a new thread would never run
        raise ExitingError("Python is exiting")
    # Within other work, *work* must not wait for that work's end: a deadlock.
    job = _Job(work, alone=alone and not no_fork.entered)
    if no_fork.entered:
        job.run_here()
        return job
    no_fork.prepare()
    try:
        # `threading.Thread.start` is not used: if Ctrl-C interrupts it at the wrong
        # moment, it leaves a lock acquired, for which the new thread waits for ever.
        _thread.start_new_thread(job.run, ())
    except RuntimeError:  # Python is exiting (3.12 and later), or has too many threads
        job.run_here()
    return job


def run_apart_once(work: Callable[[], _T]) -> Callable[[], _T]:
    """
    Return a function that runs *work* with `run_apart`, until *work* succeeds once.

    From then on the function returns the result of that run.
    """
    results: list[_T] = []
    watched: list[Any] = []

    def run() -> _T:
        if not results:
            if not watched:
                watched.append(None)
                no_fork.watch()
            results.append(run_apart(work))
        return results[0]

    return run


def _finish() -> None:
    # At exit, Python ends daemon threads, such as those of `run_apart`. Some extension
    # modules crash if their import is cut short, so exit waits for a running import.
    no_fork.before_fork()
    no_fork.after_fork()


atexit.register(_finish)

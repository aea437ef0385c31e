"""
Warns if the blocking client is called in a thread with a running event loop.

Such a call delays the thread's other tasks but works, so a process warns only once. At
an interactive prompt (a notebook, ``python -m asyncio``) there is no warning, since the
prompt's event loop has nothing else to do.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import warnings

from types import FrameType


__all__ = ["warn_in_a_loop"]

_warned = False


def warn_in_a_loop() -> None:
    """Warn once per process if the caller blocks the event loop of its own thread."""
    global _warned  # noqa: PLW0603 - one warning per process
    # `sys.ps1` exists only in an interactive session, where no warning is needed.
    if _warned or not _in_a_loop() or hasattr(sys, "ps1"):
        return
    warnings.warn(
        "asi1.ASI1 blocks the event loop of this thread, and all its other tasks wait;"
        " use asi1.AsyncASI1 there",
        RuntimeWarning,
        stacklevel=_level(inspect.currentframe()),
    )
    _warned = True  # set last: if `warn` raises, the next call warns again


def _in_a_loop() -> bool:
    # Checks whether asyncio or trio is running in this thread, without blocking or
    # importing anything.
    loop = asyncio._get_running_loop()  # noqa: SLF001 - documented, and raises no error
    if loop is None:
        # While another thread imports trio, `current_trio_token` may not exist yet.
        trio = sys.modules.get("trio.lowlevel")
        current_token = getattr(trio, "current_trio_token", None)
        if current_token is None:
            return False
        try:
            current_token()
        except RuntimeError:
            return False
        return not _threads_are_greenlets()
    return not _threads_are_greenlets() or _runs_here(loop)


def _threads_are_greenlets() -> bool:
    """
    Whether gevent or eventlet has replaced Python's threads with greenlets.

    Then asyncio and trio take all greenlets, including that of asi1's event loop, for
    one thread: a loop that runs in one greenlet seems to run in all of them.
    """
    gevent = sys.modules.get("gevent.monkey")
    eventlet = sys.modules.get("eventlet.patcher")
    for patched, name in (
        (getattr(gevent, "is_module_patched", None), "threading"),
        (getattr(eventlet, "is_monkey_patched", None), "thread"),
    ):
        if patched is not None and patched(name):
            return True
    return False


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    # An asyncio loop stores the id of the thread that runs it. Under gevent and
    # eventlet, this id and the result of `get_ident` are ids of greenlets.
    return getattr(loop, "_thread_id", None) == threading.get_ident()


def _level(frame: FrameType | None) -> int:
    """Return the `warnings.warn` stacklevel of *frame*'s first caller outside asi1."""
    level = 1
    while frame and str(frame.f_globals.get("__name__")).startswith("asi1."):
        frame, level = frame.f_back, level + 1
    return level

"""
The blocking client in a thread that runs an event loop: works, and is told of.

Told of once, since it is slow and not wrong. At a prompt, a notebook's or that of
``python -m asyncio``, a loop runs as well, and nothing else waits for it.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings

from types import FrameType


__all__ = ["warn_in_a_loop"]

_warned = False


def warn_in_a_loop() -> None:
    """Warn, once in a process, if the caller blocks an event loop of its own."""
    global _warned  # noqa: PLW0603 - once for each process is the point
    if _warned or not _in_a_loop() or hasattr(sys, "ps1"):  # ps1: there is a prompt
        return
    warnings.warn(
        "asi1.ASI1 blocks the event loop of this thread, and all its other tasks wait;"
        " use asi1.AsyncASI1 there",
        RuntimeWarning,
        stacklevel=_level(inspect.currentframe()),
    )
    _warned = True  # not before: who turns warnings into errors shall find every place


def _in_a_loop() -> bool:
    # A caller's first question to its loop, of each kind; neither waits nor imports.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio.lowlevel")
        if trio is None:
            return False
        try:
            trio.current_trio_token()
        except RuntimeError:
            return False
    return True


def _level(frame: FrameType | None) -> int:
    """Count the frames from *frame* to the first that is not of this package."""
    level = 1
    while frame and str(frame.f_globals.get("__name__")).startswith("asi1."):
        frame, level = frame.f_back, level + 1
    return level

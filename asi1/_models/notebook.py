"""
Records which answer a notebook's cell shows, so that the cell shows it only once.

IPython is only looked up in `sys.modules`, since a notebook has imported it already.
"""

from __future__ import annotations

import sys
import weakref

from collections.abc import Callable
from typing import Any


__all__ = ["is_shown", "mark_as_shown", "running_shell"]

# A weak reference to the answer that was shown last, and the number of its cell.
_latest: tuple[Callable[[], object], object] = (lambda: None, None)


def running_shell() -> Any:
    """Return IPython's shell; None if this program does not run in IPython."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython() if get_ipython else None


def mark_as_shown(answer: object) -> None:
    """Record that the output of the running cell shows *answer*."""
    global _latest  # noqa: PLW0603 - a process runs at most one notebook
    _latest = weakref.ref(answer), _cell()


def is_shown(answer: object) -> bool:
    """Return whether the output of the running cell shows *answer* already."""
    latest, cell = _latest
    return answer is latest() and cell == _cell()


def _cell() -> object:
    return getattr(running_shell(), "execution_count", None)

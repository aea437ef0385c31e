"""
What must not be under way while the process forks.

A child inherits every lock as it is at that moment: that of a module that some thread
is loading, or those within OpenSSL, and would wait for ever when it needs it itself.
"""

from __future__ import annotations

import os
import threading

from collections.abc import Callable
from functools import cache
from typing import TypeVar


__all__ = ["loader", "no_fork"]

_T = TypeVar("_T")

# Forks wait for who holds it.
no_fork = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=no_fork.acquire,
        after_in_parent=no_fork.release,
        after_in_child=no_fork.release,
    )


def loader(load: Callable[[], _T]) -> Callable[[], _T]:
    """
    Let *load*, which imports what it returns, run once, and no fork meanwhile.

    Later calls take no lock: an event loop would wait for a thread that holds it.
    """

    @cache
    def loaded() -> _T:
        with no_fork:
            return load()

    return loaded

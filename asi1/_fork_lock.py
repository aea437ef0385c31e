"""
The lock that `os.fork` waits for, so that no child inherits an acquired lock.

A forked child inherits every lock in its current state. A lock that another thread has
acquired (a module's import lock, or one in OpenSSL) is never released in the child.
"""

from __future__ import annotations

import os
import threading

from collections.abc import Callable
from functools import cache
from typing import TypeVar


__all__ = ["loader", "no_fork"]

_T = TypeVar("_T")

# `os.fork` waits until this lock is free.
no_fork = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=no_fork.acquire,
        after_in_parent=no_fork.release,
        after_in_child=no_fork.release,
    )


def loader(load: Callable[[], _T]) -> Callable[[], _T]:
    """
    Return a cached version of *load*, a function that imports modules.

    The process cannot fork while *load* runs. Later calls return the cached result
    without the lock, since waiting for the lock would block the caller's event loop.
    """

    @cache
    def loaded() -> _T:
        with no_fork:
            return load()

    return loaded

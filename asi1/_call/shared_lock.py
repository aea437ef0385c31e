"""The lock of the counters that calls in several threads and event loops share."""

from __future__ import annotations

import os
import threading


__all__ = ["shared"]


class _SharedLock:
    """A lock that is held for some microseconds; a forked child gets a new one."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        # Reentrant, since a signal handler may make a call while the lock is held.
        self.lock = threading.RLock()


shared = _SharedLock()

"""Locks a file for one process, so that no two write to it at the same time."""

from __future__ import annotations

import sys

from typing import Any


__all__ = ["lock_file"]

# The locked byte on Windows: far behind the end of any file, since Windows lets no
# other process read a locked byte.
_BYTE = 1 << 62

if sys.platform == "win32":
    import msvcrt

    def lock_file(file: Any, *, wait: bool = False) -> bool:
        """
        Lock *file* until it is closed; return False if another process holds the lock.

        With *wait*, first wait until that process has closed it, 10 seconds at most.
        """
        file.seek(_BYTE)
        try:
            mode = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK
            msvcrt.locking(file.fileno(), mode, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock_file(file: Any, *, wait: bool = False) -> bool:
        """
        Lock *file* until it is closed; return False if another process holds the lock.

        With *wait*, wait until that process has closed it.
        """
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

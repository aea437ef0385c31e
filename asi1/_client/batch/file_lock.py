"""Locks a file for one process, so that two batches never write to the same output."""

from __future__ import annotations

import sys

from typing import Any


__all__ = ["lock_file"]

# The locked byte on Windows: far behind the end of any file, since Windows lets no
# other process read a locked byte.
_BYTE = 1 << 62

if sys.platform == "win32":
    import msvcrt

    def lock_file(file: Any) -> bool:
        """Lock *file* until it is closed; return False if another process has it."""
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def lock_file(file: Any) -> bool:
        """Lock *file* until it is closed; return False if another process has it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

"""
What must not be under way while the process forks.

A child inherits every lock as it is at that moment: that of a module that some thread
is loading, or those within OpenSSL, and would wait for ever when it needs it itself.
"""

from __future__ import annotations

import os
import threading


__all__ = ["no_fork"]

# Forks wait for who holds it.
no_fork = threading.RLock()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=no_fork.acquire,
        after_in_parent=no_fork.release,
        after_in_child=no_fork.release,
    )

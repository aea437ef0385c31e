"""
Ctrl-C waits while modules are loaded.

In the middle of an import it can crash an extension module, or leave the lock of the
import system held, for which every other thread then waits for ever.
"""

from __future__ import annotations

import signal

from collections.abc import Iterator
from contextlib import contextmanager


__all__ = ["uninterrupted"]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """
    Hold Ctrl-C back until the block is left.

    Where it does not raise KeyboardInterrupt, or not in this thread, nothing changes.

    Raises:
        KeyboardInterrupt: It was pressed in the meantime.
    """
    pressed: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    try:
        if usual is signal.default_int_handler:
            signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    except ValueError:  # another thread than the main one
        usual = None
    try:
        yield
    finally:
        if usual is signal.default_int_handler:
            signal.signal(signal.SIGINT, usual)
    if pressed:
        raise KeyboardInterrupt

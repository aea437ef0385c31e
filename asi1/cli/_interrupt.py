"""
Delays Ctrl-C while modules are imported.

In the middle of an import, Ctrl-C can crash an extension module. It can also leave an
import lock locked, so that every other thread that imports waits for ever.
"""

from __future__ import annotations

import signal

from collections.abc import Iterator
from contextlib import contextmanager


__all__ = ["delayed_interrupt"]


@contextmanager
def delayed_interrupt() -> Iterator[None]:
    """
    Delay Ctrl-C until the end of the block.

    This has no effect if Ctrl-C does not raise KeyboardInterrupt in this process, or in
    a thread other than the main thread.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in the block.
    """
    pressed: list[int] = []
    usual = signal.getsignal(signal.SIGINT)
    try:
        if usual is signal.default_int_handler:
            signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    except ValueError:  # only the main thread can set a handler
        usual = None
    try:
        yield
    finally:
        if usual is signal.default_int_handler:
            signal.signal(signal.SIGINT, usual)
    if pressed:
        raise KeyboardInterrupt

"""
Ends the program at once at Ctrl-C, while there is no call to cancel.

Otherwise KeyboardInterrupt could be raised anywhere, even in imports and in callbacks
whose exceptions Python prints. This module is the first that the command line loads; it
imports only built-in modules: the public `signal` would first load `enum`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found, unused-ignore]
import os


__all__ = ["cancel_on_interrupt", "quit_on_interrupt", "stop_on_signals"]

# Shows a terminal's cursor, which a progress line hides.
_SHOW_CURSOR = b"\x1b[?25h"


def quit_on_interrupt() -> None:
    """
    End the process with exit code 130 at Ctrl-C, instead of raising KeyboardInterrupt.

    This has no effect outside the main thread, nor in a process where Ctrl-C does not
    raise KeyboardInterrupt.
    """
    _replace(_signal.default_int_handler, _quit)


class cancel_on_interrupt:  # noqa: N801 - used as a function
    """
    Raise KeyboardInterrupt at Ctrl-C in the block, so that the call in it is cancelled.

    This has an effect only after `quit_on_interrupt`, and ends with the block.
    """

    def __enter__(self) -> None:
        self._raises = _replace(_quit, _signal.default_int_handler)

    def __exit__(self, *_: object) -> None:
        if self._raises:
            quit_on_interrupt()


class stop_on_signals:  # noqa: N801 - used as a function
    """
    Raise KeyboardInterrupt at the first Ctrl-C or SIGTERM in the block.

    The second signal ends the process at once. This has an effect only after
    `quit_on_interrupt`, and ends with the block.
    """

    def __enter__(self) -> None:
        self._raises = _replace(_quit, _stop)
        if self._raises:
            self._sigterm = _signal.signal(_signal.SIGTERM, _stop)

    def __exit__(self, *_: object) -> None:
        if self._raises:
            _signal.signal(_signal.SIGINT, _quit)
            _signal.signal(_signal.SIGTERM, self._sigterm)


def _stop(*_: object) -> None:
    for signal in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(signal, _quit_from_line)
    raise KeyboardInterrupt


def _quit_from_line(*_: object) -> None:
    try:
        if os.isatty(2):
            os.write(2, _SHOW_CURSOR)
    finally:
        os._exit(130)


def _quit(*_: object) -> None:
    os._exit(130)


def _replace(old: object, new: object) -> bool:
    """Replace the handler of Ctrl-C if it is *old*; return whether it was replaced."""
    if _signal.getsignal(_signal.SIGINT) is not old:
        return False
    try:
        _signal.signal(_signal.SIGINT, new)
    except ValueError:  # only the main thread can set a signal handler
        return False
    return True

"""Hides what is typed while no prompt is shown, and keeps it for the next prompt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


__all__ = ["drop_typed_ahead", "quiet_keys"]


@contextmanager
def quiet_keys(terminal: TextIO | None) -> Iterator[None]:
    """
    Inside the block, hide what is typed; the next prompt reads the hidden text.

    Without this, the typed text would appear in the middle of an answer, and the
    terminal would turn Enter into the key for a new line. Ctrl-C still interrupts.
    """
    before = _mode(terminal)
    if terminal is None or before is None:
        yield
        return
    import termios  # noqa: PLC0415 - not on Windows

    quiet = [*before]
    quiet[0] &= ~termios.ICRNL
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal.fileno(), termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal.fileno(), termios.TCSANOW, before)


def drop_typed_ahead(terminal: TextIO) -> None:
    """Drop typed text that was not read yet."""
    if _mode(terminal) is not None:
        import termios  # noqa: PLC0415 - not on Windows

        termios.tcflush(terminal.fileno(), termios.TCIFLUSH)


def _mode(terminal: TextIO | None) -> list[Any] | None:
    """Return the mode of *terminal*; None if it is not a Unix terminal."""
    try:
        import termios  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    try:
        return None if terminal is None else termios.tcgetattr(terminal.fileno())
    except (OSError, ValueError, termios.error):
        return None

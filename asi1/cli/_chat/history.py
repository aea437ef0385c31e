"""
The history of the user's messages, in a file that only its owner can read.

If the file cannot be read or written, the history is kept in memory: the chat goes on.
"""

from __future__ import annotations

import os
import sys

from collections.abc import Iterable, Mapping
from contextlib import suppress

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


__all__ = ["history_path", "open_history"]

_LONGEST = 10_000  # longest message that is kept, in characters


def history_path(env: Mapping[str, str], platform: str = sys.platform) -> str:
    """
    Return the path of the history in the user's state directory.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - prompt_toolkit takes a str
    folder = env.get("XDG_STATE_HOME", "")
    if platform == "win32":
        folder = env.get("LOCALAPPDATA", "")
    if not os.path.isabs(folder):  # noqa: PTH117 - as above
        folder = os.path.join(home, ".local", "state")  # noqa: PTH118 - as above
    return os.path.join(folder, "asi1", "history")  # noqa: PTH118 - as above


def open_history(path: str | None) -> History:
    """
    Return the history in the file *path*, with mode 0600; for None, one in memory.

    The mode of an existing file is corrected.
    """
    if path is None:
        return InMemoryHistory()
    try:
        folder = os.path.dirname(path)  # noqa: PTH120 - as above
        os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - as above
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(number, 0o600)
        finally:
            os.close(number)
    except OSError:
        return InMemoryHistory()
    return _File(path)


class _File(FileHistory):
    """A history file; very long messages are left out."""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        if len(string) > _LONGEST:
            return
        with suppress(OSError):  # the disk is full, or the file is gone
            super().store_string(string)

"""Reads what the user types: from a terminal, or line by line from a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TextIO

import asi1


__all__ = ["Reader", "lines_of"]


class Reader(Protocol):
    """Reads messages and commands."""

    def read(self, begun: str = "") -> str:
        """
        Return the next message or command; *begun* is text that is typed already.

        Raises:
            EOFError: The input has ended.
            KeyboardInterrupt: Ctrl-C was pressed; `discarded` has the text typed
                before.
        """
        ...

    def ask(self, question: str) -> str:
        """Return the answer to *question*; raise the errors of `read`."""
        ...

    @property
    def discarded(self) -> str:
        """The text that had been typed when `read` raised KeyboardInterrupt."""
        ...


def lines_of(stdin: TextIO | None) -> Iterator[str]:
    """
    Yield each line of *stdin*, without its line end; no lines if *stdin* is None.

    Raises:
        asi1.ConfigurationError: A line cannot be decoded as text.
    """
    first = True
    while stdin is not None:
        try:
            line = stdin.readline()
        except UnicodeDecodeError as error:
            raise asi1.ConfigurationError(
                f"standard input is not valid {error.encoding}"
            ) from None
        # These errors mean that standard input is closed, a directory, or not readable.
        except (OSError, ValueError):
            return
        if not line:
            return
        yield line.rstrip("\r\n").removeprefix("\ufeff" if first else "")
        first = False

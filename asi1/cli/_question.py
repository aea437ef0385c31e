"""
Reads the question from the command line, from standard input, or from both.

Piped standard input is read to its end; a terminal is read only if the question is
``-``.
"""

from __future__ import annotations

import threading

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

import asi1

from ._terminal import print_error


__all__ = ["read_question"]

# Seconds after which the command says that it is still reading standard input, since
# some pipes, such as those over ssh, are never closed.
_SILENCE = 1.0
_WAITING = (
    "waiting for the end of standard input (if there is nothing to read, run the"
    " command with < /dev/null)"
)


def read_question(
    given: str | None, stdin: TextIO | None, *, optional: bool = False
) -> str:
    """
    Return the question: the argument, a blank line, and the text of standard input.

    Args:
        given: The question on the command line; ``-`` to read the question from
            *stdin*, even from a terminal; None if the command line has no question.
        stdin: Standard input; None if it is closed.
        optional: Whether the question may be empty.

    Raises:
        asi1.ConfigurationError: The question is missing, or cannot be decoded.
    """
    dash = given == "-"
    asked = "" if given is None or dash else given.strip()
    piped = _read(stdin, from_terminal=dash)
    question = "\n\n".join(part for part in (asked, piped) if part.strip())
    if not question and not optional:
        raise asi1.ConfigurationError(
            'no question: give it as an argument, as in asi1 ask "Why?", or pipe it in'
        )
    return question


def _read(stdin: TextIO | None, *, from_terminal: bool) -> str:
    try:
        if stdin is None or (stdin.isatty() and not from_terminal):
            return ""
        with nullcontext() if stdin.isatty() else _explained_wait():
            return stdin.read().removeprefix("\ufeff").strip("\r\n")
    except UnicodeDecodeError as error:
        raise asi1.ConfigurationError(
            f"standard input is not valid {error.encoding}"
        ) from None
    except (OSError, ValueError):
        return ""  # standard input is closed, a directory, or not readable


@contextmanager
def _explained_wait() -> Iterator[None]:
    """Print a notice to stderr if reading standard input takes longer than a second."""
    timer = threading.Timer(_SILENCE, print_error, (_WAITING,))
    timer.daemon = True  # after Ctrl-C, Python does not wait for a daemon thread
    timer.start()
    try:
        yield
    finally:
        timer.cancel()

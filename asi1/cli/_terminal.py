"""
Writes text to a terminal, a file or a pipe.

A terminal gets only ANSI codes that this program writes: those in a text of the model
or the server could move the cursor and overwrite other output.
"""

from __future__ import annotations

import os
import sys

from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from .._models.visible import escape_hidden, utf16_escapes, visible


__all__ = ["Screen", "escaped", "flush", "print_error", "silence_broken_streams"]


class Screen:
    """
    A text stream that is flushed after each write.

    Args:
        stream: The stream; None, as Python represents a closed stream, writes nothing.
        env: The environment variables, of which TERM, NO_COLOR and WT_SESSION decide
            whether ANSI codes are written.

    Attributes:
        live: Whether the stream is a terminal.
        movable: Whether the stream is a terminal whose cursor ANSI codes can move.
        codes: Whether the stream may also get colors: NO_COLOR is not set.
        at_start: Whether the next character begins a line.
    """

    def __init__(self, stream: TextIO | None, env: Mapping[str, str]) -> None:
        self._stream = stream
        self._last = ""
        self.live = stream is not None and stream.isatty()
        self.movable = self.live and _supports_ansi(env)
        self.codes = self.movable and not env.get("NO_COLOR")
        self.at_start = True

    def write(self, text: str) -> None:
        """Write *text* and flush the stream."""
        self._put(self._visible(text), text)

    def dim(self, text: str) -> None:
        """Write *text* dimmed, if the terminal supports it."""
        # Each write also ends the dimming, so that Ctrl-C cannot leave a terminal dim.
        shown = self._visible(text)
        self._put(f"\x1b[2m{shown}\x1b[0m" if self.codes else shown, text)

    def write_json(self, text: str) -> None:
        """Write JSON; on a terminal, write invisible characters as JSON escapes."""
        if self.live:
            text = escape_hidden(text)
        self.write(text)

    def write_codes(self, shown: str) -> None:
        """Write *shown* as it is: whole lines, with ANSI codes of this program."""
        self._put(shown, "\n")

    def end_line(self) -> None:
        """Begin a new line, unless the stream is at the start of one."""
        if not self.at_start:
            self.write("\n")

    def _visible(self, text: str) -> str:
        return visible(text, self._last) if self.live else text

    def _put(self, shown: str, text: str) -> None:
        if self._stream is None or not text:
            return
        self._last = text[-1]
        self.at_start = text.endswith("\n")
        try:
            self._stream.write(shown)
        except UnicodeEncodeError as error:
            self._stream.write(escaped(shown, error.encoding))
        self._stream.flush()


def _supports_ansi(env: Mapping[str, str]) -> bool:
    # Windows does not set TERM; Windows Terminal, which supports ANSI, sets WT_SESSION.
    return env.get("TERM", "dumb") != "dumb" or "WT_SESSION" in env


def escaped(text: str, encoding: str) -> str:
    """Return *text* with each character that *encoding* lacks as its JSON escape."""
    return "".join(
        char if char.encode(encoding, "ignore") else utf16_escapes(char)
        for char in text
    )


def print_error(message: str, key_variable: str | None = None) -> None:
    """
    Write *message* to stderr as one ``asi1:`` line, with the API key redacted.

    A key of less than 8 characters is not redacted, as in all other messages.

    Args:
        message: The message.
        key_variable: The name of another environment variable that may have a key.
    """
    # These modules are imported here, so that only a failed command loads them.
    from .._settings.config import KEY_VARIABLES  # noqa: PLC0415
    from .._settings.secret import Secret  # noqa: PLC0415

    for name in (*KEY_VARIABLES, key_variable or ""):
        message = Secret(os.environ.get(name, "")).redact(message)
    line = visible(" ".join(message.split()))
    try:
        Screen(sys.stderr, os.environ).write(f"asi1: {line}\n")
    except OSError:
        silence_broken_streams()  # writing to stderr failed


def flush() -> None:
    """
    Flush standard output and standard error.

    Raises:
        OSError: One of the two streams cannot be written to.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def silence_broken_streams() -> None:
    """
    Redirect to the null device each standard stream that cannot be written to.

    Python flushes the standard streams at exit, and would print the same error again.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and _broken(stream):
            with suppress(OSError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream.fileno())
                os.close(null)


def _broken(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError:
        return True
    return False

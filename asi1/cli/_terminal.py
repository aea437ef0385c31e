"""
Text out to the terminal, or to what stands in its place.

A terminal gets ANSI codes of ours and of nobody else: those that a model or a server
writes could move the cursor and put words into our mouth.
"""

from __future__ import annotations

import os
import sys

from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO


__all__ = ["Screen", "complain", "flush", "let_go"]

# Control characters as their pictures (U+2400 and on), those without one as U+FFFD.
_PICTURES: dict[int, int | None] = {
    **{code: 0x2400 + code for code in range(32)},
    **dict.fromkeys(range(0x7F, 0xA0), 0xFFFD),
    ord("\n"): ord("\n"),
    ord("\t"): ord("\t"),
    ord("\r"): None,
}


class Screen:
    """
    A text stream that is written to piece by piece.

    Args:
        stream: Where to; None, which Python has in place of a closed one, for nowhere.
        env: The environment, which may want no ANSI codes.

    Attributes:
        live: Whether it is a terminal, with somebody in front of it.
        at_start: Whether the next character begins a line.
    """

    def __init__(self, stream: TextIO | None, env: Mapping[str, str]) -> None:
        self._stream = stream
        self.live = stream is not None and stream.isatty()
        self._codes = self.live and _knows_codes(env)
        self.at_start = True

    def write(self, text: str) -> None:
        """Write *text* and let it be seen at once."""
        self._put(self._visible(text), text)

    def dim(self, text: str) -> None:
        """Write *text*, less bright than the rest where that is possible."""
        # Each piece puts the terminal right again, so that no end can leave it dim.
        shown = self._visible(text)
        self._put(f"\x1b[2m{shown}\x1b[0m" if self._codes else shown, text)

    def end_line(self) -> None:
        """Begin a new line, unless one has just begun."""
        if not self.at_start:
            self.write("\n")

    def _visible(self, text: str) -> str:
        return text.translate(_PICTURES) if self.live else text

    def _put(self, shown: str, text: str) -> None:
        if self._stream is None or not text:
            return
        self.at_start = text.endswith("\n")
        try:
            self._stream.write(shown)
        except UnicodeEncodeError as error:
            self._stream.write(_escaped(shown, error.encoding))
        self._stream.flush()


def _knows_codes(env: Mapping[str, str]) -> bool:
    # WT_SESSION is the Windows Terminal's; Windows sets no TERM.
    named = env.get("TERM", "dumb") != "dumb" or "WT_SESSION" in env
    return named and not env.get("NO_COLOR")


def _escaped(text: str, encoding: str) -> str:
    """Escape what *encoding* lacks as JSON does, so that JSON stays JSON."""
    return "".join(
        char if char.encode(encoding, "ignore") else _units(char) for char in text
    )


def _units(char: str) -> str:
    code = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{code[at : at + 2].hex()}" for at in range(0, len(code), 2))


def complain(message: str) -> None:
    """Write *message* to stderr, as one line that begins with our name."""
    from .._settings.config import KEY_VARIABLES  # noqa: PLC0415 - loaded by a failure

    for name in KEY_VARIABLES:
        key = os.environ.get(name, "").strip()
        message = message.replace(key, "***") if key else message
    line = " ".join(message.split()).translate(_PICTURES)
    try:
        Screen(sys.stderr, os.environ).write(f"asi1: {line}\n")
    except OSError:
        let_go()  # nobody is left to be told


def flush() -> None:
    """
    Write what still waits in the buffers.

    Raises:
        OSError: It cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def let_go() -> None:
    """
    Point what cannot be written to at nothing.

    Python flushes once more at its end, and would tell of the same failure again.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and _broken(stream):
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)


def _broken(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError:
        return True
    return False

"""
Shows an answer as markdown while it arrives.

Finished blocks are printed once; only the last block is drawn again as it grows.
Drawing a long block takes long, so a separate thread draws, at most about twenty times
a second: the caller never waits for a drawing, and text that has arrived is shown even
if the next text comes late.
"""

from __future__ import annotations

import threading
import time

from collections import deque

from rich.console import Console

from ..._models.visible import visible
from .._terminal import Screen
from .blocks import blocks_of
from .region import Region
from .rows import rows_of


__all__ = ["MarkdownView"]

_INTERVAL = 0.05  # seconds between two drawings
_SHARE = 4  # the thread pauses for this many times as long as it has drawn


class MarkdownView:
    """
    Shows the thoughts of an answer dimmed, and its text as markdown.

    Args:
        screen: The terminal.
        console: A console of rich for the same terminal.
        thoughts: Whether thoughts are shown.
    """

    def __init__(self, screen: Screen, console: Console, *, thoughts: bool) -> None:
        self._screen = screen
        self._console = console
        self._thoughts = thoughts
        self._region = Region(screen, lambda: console.size)
        # Both threads use this deque only with operations that Ctrl-C cannot interrupt
        # half-way. A lock is not used: after Ctrl-C, it might stay locked.
        self._pieces: deque[tuple[str, str]] = deque()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._error: BaseException | None = None
        self._text = ""
        self._last = ""
        self._above = ""

    def add(self, thought: str, text: str) -> None:
        """
        Show the new *thought*, then the new *text*; each of them may be empty.

        Raises:
            OSError: The terminal is gone.
        """
        if self._error is not None:
            raise self._error
        self._pieces.append((thought if self._thoughts else "", text))
        if self._thread is None:
            self._stopped = False
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def end(self) -> None:
        """
        Show all text that has arrived, and begin a new line.

        Raises:
            OSError: The terminal is gone.
        """
        self._stopped = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._error is not None:
            raise self._error
        self._take()
        self._finish()
        self._screen.end_line()
        self._above = ""

    def _run(self) -> None:
        try:
            while not self._stopped:
                begun = time.monotonic()
                if self._take():
                    self._draw()
                spent = time.monotonic() - begun
                time.sleep(max(_INTERVAL, _SHARE * spent))
        except BaseException as error:  # noqa: BLE001 - `add` or `end` raises it
            self._error = error

    def _take(self) -> bool:
        """Add the text that has arrived to the blocks; return whether there was any."""
        taken = False
        while self._pieces:
            thought, text = self._pieces.popleft()
            taken = True
            if thought:
                self._think(thought)
            if text:
                self._text += visible(text, self._last)
                self._last = text[-1]
        return taken

    def _think(self, thought: str) -> None:
        self._finish()
        if self._above == "text":
            self._screen.write("\n")
        self._above = "thought"
        self._screen.dim(thought)

    def _draw(self) -> None:
        *finished, last = blocks_of(self._text)
        for block in finished:
            self._begin_block()
            self._region.finish(rows_of(block, self._console))
            self._above = "text"
        self._text = last
        if last.strip():
            self._begin_block()
            self._region.draw(rows_of(last, self._console))

    def _begin_block(self) -> None:
        """Write the blank line above a block, unless the block is the first."""
        if self._above:
            self._screen.end_line()
            self._screen.write("\n")
            self._above = ""

    def _finish(self) -> None:
        """Print the last block in its final form."""
        self._text += "\n" if self._text else ""
        self._draw()
        if self._text.strip():
            self._region.finish(rows_of(self._text, self._console))
            self._above = "text"
        self._text = ""

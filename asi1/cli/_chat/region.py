"""
The rows at the bottom of the terminal that change while an answer arrives.

Only changed rows are written again, in a single write, so that nothing flickers. A row
that has scrolled off the screen can no longer be changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from rich.text import Text

from .._terminal import Screen


__all__ = ["Region"]


class Region:
    """
    The rows of one block of an answer, until the block is finished.

    Args:
        screen: The terminal; the next character begins a line.
        size: Returns the terminal's columns and lines.
    """

    def __init__(self, screen: Screen, size: Callable[[], tuple[int, int]]) -> None:
        self._screen = screen
        self._size = size
        self._rows: list[str] = []
        self._scrolled = 0  # how many of the rows have scrolled off the screen
        self._columns = 0

    def draw(self, rows: Sequence[str]) -> None:
        """Show *rows* in place of the rows shown so far."""
        columns, lines = self._size()
        first = self._scrolled
        if columns == self._columns:
            first += _common(self._rows[first:], rows[first:])
        self._columns = columns
        self._write(first, rows[first:])
        self._rows = [*self._rows[:first], *rows[first:]]
        fitting = _fitting(self._rows, columns, lines - 1)
        self._scrolled = max(self._scrolled, len(self._rows) - fitting)

    def finish(self, rows: Sequence[str]) -> None:
        """
        Show *rows* in their final form; later rows are written below them.

        All rows are shown once more if the text of a row that has scrolled off the
        screen has changed, as in a table whose columns grew.
        """
        scrolled = self._scrolled
        if _words(self._rows[:scrolled]) != _words(rows[:scrolled]):
            self._write(self._scrolled, rows)
        else:
            self.draw(rows)
        self._rows, self._scrolled = [], 0

    def _write(self, first: int, rows: Sequence[str]) -> None:
        """Erase the rows from index *first* on; write all of *rows* in their place."""
        columns, lines = self._size()
        above = sum(_height(row, columns) for row in self._rows[first:])
        above = min(above, lines - 1)
        erase = f"\x1b[{above}A\x1b[J" if above else ""
        if erase or rows:
            self._screen.write_codes(erase + "".join(f"{row}\n" for row in rows))


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = zip(old, new, strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b), None)
    return min(len(old), len(new)) if same is None else same


def _words(rows: Sequence[str]) -> list[str]:
    return " ".join(Text.from_ansi(row).plain for row in rows).split()


def _fitting(rows: Sequence[str], columns: int, lines: int) -> int:
    """Return how many of the last *rows* fit into *lines*; at least one."""
    heights = accumulate(_height(row, columns) for row in reversed(rows[-lines:]))
    return max(1, sum(height <= lines for height in heights))


def _height(row: str, columns: int) -> int:
    """Return how many lines *row* takes: more than one if the terminal got narrower."""
    return max(1, -(-Text.from_ansi(row).cell_len // max(columns, 1)))

"""
Shows the progress of a batch: on a terminal one changing line, elsewhere a line every
ten seconds.

The changing line is drawn by rich, which the extra ``cli`` installs.
"""

from __future__ import annotations

import importlib.util
import time

from types import TracebackType
from typing import Any, Self

import asi1

from .._install import install_hint
from ._batch_words import opening_lines, progress_words
from ._terminal import Screen


__all__ = ["BatchProgress", "begin_progress"]

_INTERVAL = 10.0  # seconds between two lines
_BAR = 20  # width of the bar, in columns
_ROOM = 60  # the bar is shown on terminals with at least this many columns
_HINT = f"for a progress bar: {install_hint('cli')}\n"


class BatchProgress:
    """
    Shows the progress of a batch as lines, one every ten seconds.

    Attributes:
        last: The last summary; None before the first request is sent.
        broken: Why the progress can no longer be shown; None while it can.
    """

    def __init__(self, screen: Screen, *, quiet: bool) -> None:
        self.last: asi1.BatchSummary | None = None
        self.broken: OSError | None = None
        self._screen = screen
        self._quiet = quiet
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Stop showing the progress."""

    def __call__(self, summary: asi1.BatchSummary) -> None:
        """Show the progress; called on the thread of the event loop."""
        first, self.last = self.last is None, summary
        if self._quiet or self.broken is not None:
            return
        try:
            self._begin(summary) if first else self._show(summary)
        except OSError as error:  # the batch goes on, since its answers go to a file
            self.broken = error

    def _begin(self, summary: asi1.BatchSummary) -> None:
        self._shown_at = time.monotonic()
        for line in opening_lines(summary):
            self._screen.write(f"{line}\n")

    def _show(self, summary: asi1.BatchSummary) -> None:
        now = time.monotonic()
        if now - self._shown_at >= _INTERVAL:
            self._shown_at = now
            self._screen.write(f"{progress_words(summary)}\n")


class _Line(BatchProgress):
    """Shows the progress of a batch as one line with a bar, which changes in place."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen, quiet=False)
        from rich.console import Console  # noqa: PLC0415 - an extra
        from rich.live import Live  # noqa: PLC0415 - an extra

        self._console = Console(stderr=True)
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _begin(self, summary: asi1.BatchSummary) -> None:
        super()._begin(summary)
        self._live.start()

    def _show(self, summary: asi1.BatchSummary) -> None:
        """Do nothing: rich's `Live` reads the last summary several times a second."""

    def _render(self) -> Any:
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - an extra
        from rich.table import Table  # noqa: PLC0415 - an extra
        from rich.text import Text  # noqa: PLC0415 - an extra

        if self.last is None:
            return Text()
        width = self._console.width - 1
        if width < _ROOM:
            return Text(progress_words(self.last, width), no_wrap=True)
        finished = self.last.done + self.last.failed
        bar = ProgressBar(self.last.total, finished, width=_BAR)
        line = Table.grid(padding=(0, 1, 0, 0))
        line.add_row(
            bar, Text(progress_words(self.last, width - _BAR - 1), no_wrap=True)
        )
        return line


def begin_progress(screen: Screen, *, quiet: bool) -> BatchProgress:
    """Return the progress display of *screen*; with *quiet*, it shows nothing."""
    if quiet or not screen.codes:
        return BatchProgress(screen, quiet=quiet)
    if importlib.util.find_spec("rich") is None:
        screen.write(_HINT)
        return BatchProgress(screen, quiet=False)
    return _Line(screen)

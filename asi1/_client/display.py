"""
Shows an answer while it arrives, in a notebook cell or on standard output.

A notebook shows output below the cell whose thread writes the output. So the thread
that reads the stream must also write.
"""

from __future__ import annotations

import importlib
import sys

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from attrs import define, field

from .._models.completion import ChatCompletion
from .._models.notebook import mark_as_shown, running_shell
from .._models.visible import visible


__all__ = ["screen"]

# The output of a notebook cell is updated when its markdown has grown by this share. So
# all updates together are at most about 50 times as long as the final text.
_STEP = 1 / 50


@contextmanager
def screen(*, thoughts: bool) -> Iterator[Callable[[ChatCompletion], None]]:
    """
    Yield a function that shows the answer so far; call it again as the answer grows.

    When the block ends, even by an error, the answer that was passed last is shown in
    full.

    Args:
        thoughts: Whether a notebook shows the model's thoughts too, folded away.
            Standard output shows only the text.
    """
    output = _Cell(thoughts) if _in_notebook() else _Lines()
    try:
        yield output.show
    finally:
        output.end()


@define
class _Cell:
    """The output of a notebook cell, which is replaced as the answer grows."""

    _thoughts: bool
    _page: str = ""
    _latest: dict[str, str] = field(factory=dict)
    _handle: Any = None

    def show(self, answer: ChatCompletion) -> None:
        mark_as_shown(answer)
        if not self._thoughts:
            answer = attrs.evolve(answer, thoughts="")
        page = answer._repr_markdown_()
        self._latest = {"text/markdown": page, "text/plain": visible(answer.text)}
        if not 0 <= len(page) - len(self._page) < len(self._page) * _STEP:
            self._send()

    def end(self) -> None:
        if self._latest.get("text/markdown", "") != self._page:
            self._send()

    def _send(self) -> None:
        self._page = self._latest["text/markdown"]
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display(self._latest, raw=True, display_id=True)
        else:
            self._handle.update(self._latest, raw=True)


@define
class _Lines:
    """Standard output, to which the answer's text is written as it arrives."""

    _text: str = ""

    def show(self, answer: ChatCompletion) -> None:
        self._write(visible(answer.text[len(self._text) :], self._text[-1:]))
        self._text = answer.text

    def end(self) -> None:
        if not self._text.endswith("\n"):
            self._write("\n" if self._text else "")

    def _write(self, text: str) -> None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        print(text, end="", flush=True)  # noqa: T201 - the user asked for it


def _in_notebook() -> bool:
    shell = running_shell()
    if shell is None:
        return False
    # In a terminal, IPython uses the base class `DisplayPublisher`, which prints text
    # instead of showing markdown.
    publishers = importlib.import_module("IPython.core.displaypub")
    return type(shell.display_pub) is not publishers.DisplayPublisher

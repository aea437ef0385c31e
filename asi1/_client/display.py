"""
Where an answer is shown while it comes: a notebook's cell, or standard output.

A notebook puts what is shown under the cell whose thread shows it, so it is for the
reader of a stream to show it, in the reader's own thread. IPython is looked for among
what is loaded already: where it runs, it is.
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


__all__ = ["screen"]

# A page is sent anew once it is longer by this part of it, so that all that is sent
# stays within some fifty times the last one.
_STEP = 1 / 50


@contextmanager
def screen(*, thoughts: bool) -> Iterator[Callable[[ChatCompletion], None]]:
    """
    Give what shows an answer, again and again as it grows.

    However the block is left, all that was given to be shown is shown then.

    Args:
        thoughts: Whether a notebook shows them, folded away. Standard output gets the
            text alone.
    """
    place = _Cell(thoughts) if _in_notebook() else _Lines()
    try:
        yield place.show
    finally:
        place.end()


@define
class _Cell:
    """One output of a notebook's cell, which is replaced as the answer grows."""

    _thoughts: bool
    _page: str = ""
    _latest: dict[str, str] = field(factory=dict)
    _handle: Any = None

    def show(self, answer: ChatCompletion) -> None:
        if not self._thoughts:
            answer = attrs.evolve(answer, thoughts="")
        page = answer._repr_markdown_()
        self._latest = {"text/markdown": page, "text/plain": answer.text}
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
    """Standard output, to which text is added as it comes."""

    _text: str = ""

    def show(self, answer: ChatCompletion) -> None:
        self._write(answer.text[len(self._text) :])
        self._text = answer.text

    def end(self) -> None:
        if not self._text.endswith("\n"):
            self._write("\n" if self._text else "")

    def _write(self, text: str) -> None:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        print(text, end="", flush=True)  # noqa: T201 - it is what was asked for


def _in_notebook() -> bool:
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    if shell is None:
        return False
    # A terminal's shell has the publisher that only prints.
    publishers = importlib.import_module("IPython.core.displaypub")
    return type(shell.display_pub) is not publishers.DisplayPublisher

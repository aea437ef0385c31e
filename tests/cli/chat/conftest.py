"""Fixtures for the tests of ``asi1 chat``: a terminal whose keys a test presses."""

from __future__ import annotations

import re
import sys

import pytest

from asi1.cli import main

from ..conftest import Terminal


CODES = re.compile(r"\x1b\[(\d*)([AJm])|[^\x1b]+|\x1b")
LEAVE = "\x03\x04"  # Ctrl-C empties the line; Ctrl-D in an empty line leaves the chat


class Page:
    """
    What a terminal shows: all rows, even those that have scrolled off its top.

    Args:
        lines: The number of rows that can still be changed.
        text: What the terminal gets: text with ANSI codes that move up, erase or color.
    """

    def __init__(self, lines: int, text: str = "") -> None:
        self.lines = lines
        self.rows = [""]
        self.write_codes(text)

    def write_codes(self, text: str) -> None:
        for part in CODES.finditer(text):
            if part[2] is None:
                assert part[0] != "\x1b", text
                self._add(part[0])
            elif part[2] == "A":
                assert int(part[1]) < self.lines
                self._up = int(part[1])
            elif part[2] == "J":
                self.rows[len(self.rows) - 1 - self._up :] = [""]

    def _add(self, text: str) -> None:
        first, *others = text.split("\n")
        self.rows[-1] += first
        self.rows += others


@pytest.fixture
def libraries():
    """Skip the test if a library of the extra ``asi1[cli]`` is missing."""
    for name in ("rich", "prompt_toolkit"):
        pytest.importorskip(name, reason=f"asi1 chat needs {name}")


@pytest.fixture
def chat(libraries, fake, monkeypatch, tmp_path):
    """
    Return a function that runs ``asi1 chat`` on a terminal of 60 columns and 20 rows,
    presses keys, leaves, and returns the rows of the terminal and the exit code.

    The command runs in an empty folder, which is also the state directory.
    """
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "20")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(keys, *words):
        screen = Terminal()
        with monkeypatch.context() as place, create_pipe_input() as typed:
            for name in ("stdin", "stdout", "stderr"):
                place.setattr(sys, name, screen)
            typed.send_text(keys + LEAVE)
            with create_app_session(input=typed, output=DummyOutput()):
                code = main(["chat", *words])
        run.written = screen.getvalue()
        return Page(20, run.written).rows, code

    return run

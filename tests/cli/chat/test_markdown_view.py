"""How a terminal shows a markdown answer while the answer arrives."""

from __future__ import annotations

import re
import time

import pytest


pytest.importorskip("rich", reason="asi1 chat needs rich")

from asi1.cli._chat.markdown_view import MarkdownView
from asi1.cli._chat.rows import console_of
from asi1.cli._terminal import Screen

from ..conftest import Terminal
from .conftest import Page


ANSWER = "# Bees\n\nThey **play**:\n\n- with balls\n- often\n\n```\ncode\n```\nThe end."
ROWS = ["Bees", "", "They play:", "", " • with balls", " • often", "", "code", ""]
ROWS += ["The end.", ""]


@pytest.fixture
def view(monkeypatch):
    """Return a function that makes a view; its attribute `terminal` is the terminal of
    the last view.
    """
    env = {"TERM": "xterm", "COLUMNS": "40", "LINES": "10"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    def make(terminal=None, *, thoughts=True):
        make.terminal = terminal or Terminal()
        screen = Screen(make.terminal, env)
        return MarkdownView(screen, console_of(make.terminal), thoughts=thoughts)

    return make


def plain(view):
    """Return the rows that the last view's terminal shows, without codes for colors."""
    return Page(10, re.sub(r"\x1b\[[\d;]*m", "", view.terminal.getvalue())).rows


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_answer_in_any_pieces_is_shown_once_with_blank_lines_between_blocks(view, size):
    """
    However the server cuts an answer, each of its blocks is on the terminal once, with
    one blank line between two blocks.
    """
    shown = view()
    for start in range(0, len(ANSWER), size):
        # The view's thread does this after `add`. Here, the test does it for each
        # piece.
        shown._pieces.append(("", ANSWER[start : start + size]))
        shown._take()
        shown._draw()
    shown.end()

    assert ROWS == plain(view)


def test_horizontal_rule_in_the_last_line_is_a_block_of_its_own(view):
    """
    More text could turn a last line "---" after a table into something else. Once the
    answer has ended, this line is a horizontal rule with one blank line above it.
    """
    shown = view()
    shown.add("", "| a |\n|---|\n| b |\n\n---")
    shown.end()

    *_, cell, blank, rule, _ = plain(view)
    assert (" b", "", "-" * 40) == (cell, blank, rule)


def test_thread_draws_added_text_even_if_no_more_text_arrives(view):
    """
    A thread draws the text that was added, without waiting for more text.
    """
    shown = view()
    for piece in ANSWER.split(" "):
        shown.add("", f"{piece} ")
    while "Bees" not in view.terminal.getvalue():
        time.sleep(0.001)
    shown.end()

    assert ROWS == plain(view)


def test_thoughts_are_dimmed_and_stand_above_the_text(view):
    """
    Thoughts are written dimmed as they arrive, and are followed by a blank line. Later
    thoughts follow the text after a blank line.
    """
    shown = view()
    for thought, text in [("Hm", ""), (", bees.", "They "), ("", "play."), ("Or?", "")]:
        shown.add(thought, text)
    shown.end()

    assert ["Hm, bees.", "", "They play.", "", "Or?", ""] == plain(view)
    assert "\x1b[2mHm\x1b[0m" in view.terminal.getvalue()


def test_hidden_thoughts_are_not_written_to_the_terminal(view):
    """
    If thoughts are hidden, the terminal gets the text only.
    """
    shown = view(thoughts=False)
    shown.add("Hm.", "Yes.")
    shown.end()

    assert ["Yes.", ""] == plain(view)


def test_control_characters_of_thoughts_and_text_are_shown_as_symbols(view):
    """
    Neither thoughts nor text can send a control or bidirectional character to the
    terminal.
    """
    shown = view()
    shown.add("a\x1b[2J\u202e", "b\x1b[2J\u202e\r\n\nc &#x202e;")
    shown.end()

    assert ["a\u241b[2J\ufffd", "", "b\u241b[2J\ufffd", "", "c \ufffd", ""] == plain(
        view
    )


def test_empty_answer_writes_nothing_to_the_terminal(view):
    """
    A view that got neither thoughts nor text writes nothing, and can be ended twice.
    """
    shown = view()
    shown.end()
    shown.end()

    assert "" == view.terminal.getvalue()


def test_error_of_the_terminal_reaches_the_caller_of_the_view(view):
    """
    If writing to the terminal fails, the thread that draws ends, and the caller of the
    view gets the error.
    """

    class Gone(Terminal):
        def write(self, text):
            raise BrokenPipeError

    shown = view(Gone())
    shown.add("", "text\n\nmore")
    shown._thread.join()

    with pytest.raises(BrokenPipeError):
        shown.add("", "more")
    with pytest.raises(BrokenPipeError):
        shown.end()

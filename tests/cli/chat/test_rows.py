"""Blocks of markdown as the rows that a terminal gets."""

from __future__ import annotations

import io
import re

import pytest


pytest.importorskip("rich", reason="asi1 chat needs rich")

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1.cli._chat.rows import console_of, rows_of

from ..conftest import Terminal


OWN_CODE = re.compile(r"\x1b\[[\d;]*m")
EVIL = [
    *("\x1b]52;c;aGk=\x07", "\x1b[2J", "\x9b2J", "\u202e", "\u2066", "\u200b", "\r"),
    *("<http://a/%1b%5d52;c;aGk%07>", "[a](http://a/%1b]8;;x%07)", "&#x202e;"),
    *("&#27;[2J", "&#x200b;", "&#x2028;", "![\x1b[2J](http://a/%1b[2J)", "\x1b]8;;x"),
    *("`", "```\n", "\n", "| a ", "|---", "- ", "1. ", "# ", "> ", "**", "word ", "\t"),
    *("\ud83e", "\U0001f986", "```\x1b[2J\n", "漢字"),
]


@pytest.fixture
def console(monkeypatch):
    """Return a function that makes the console of a terminal of the given width."""
    monkeypatch.setenv("TERM", "xterm-256color")

    def of(columns=40, **env):
        for name, value in {"COLUMNS": str(columns), "LINES": "20", **env}.items():
            monkeypatch.setenv(name, value)
        return console_of(Terminal())

    return of


def plain(rows):
    """Return *rows* without the codes of colors."""
    return [OWN_CODE.sub("", row) for row in rows]


def test_markdown_is_shown_in_rows_without_spaces_at_their_ends(console):
    """
    Headings stand on the left, tables are aligned, code has no space around it, and no
    row ends in spaces, so that copied text has none.
    """
    shown = console()

    assert ["Title"] == plain(rows_of("# Title\n\n", shown))
    table = plain(rows_of("| a | b |\n|---|--:|\n| bee | 1 |\n", shown))
    assert [" bee  1"] == table[2:]
    assert ["def f():", "    pass"] == plain(
        rows_of("```python\ndef f():\n    pass\n```\n", shown)
    )
    assert any("\x1b[" in row for row in rows_of("**bold**", shown))


def test_variable_no_color_removes_colors_from_rows(console):
    """
    If the environment variable NO_COLOR is set, code is shown without colors.
    """
    code = "```python\ndef f(): pass\n```"

    assert any(re.search(r"\x1b\[9\dm", row) for row in rows_of(code, console()))
    assert ["def f(): pass"] == rows_of(code, console(NO_COLOR="1"))


def test_link_is_shown_as_its_text_and_its_address(console):
    """
    The address of a link is written after the link's text. The terminal gets no link
    that can be clicked, since its text could name another address.
    """
    (row,) = rows_of("[bank](http://evil.example)", console())

    assert "bank (http://evil.example)" == OWN_CODE.sub("", row)


@pytest.mark.parametrize("columns", [1, 5, 20])
def test_table_in_a_narrow_terminal_loses_no_letter(console, columns):
    """
    In a narrow terminal the words of a table are broken, but each letter is shown.
    """
    table = "| animal | weight |\n|--|--|\n| hippopotamus | 1234567 |\n"

    letters = "".join("".join(plain(rows_of(table, console(columns)))).split())

    assert sorted("animalweighthippopotamus1234567") == sorted(
        re.sub("[─━]", "", letters)
    )


@pytest.mark.system
@settings(max_examples=50)
@given(st.lists(st.sampled_from(EVIL), max_size=12), st.sampled_from([12, 40]))
def test_rows_have_no_control_codes_except_for_colors(parts, columns):
    """
    Whatever the markdown is, its rows have no control, bidirectional or invisible
    characters, apart from codes for colors. Such characters do not appear even if the
    markdown has them as entities or encoded in addresses.
    """
    shown = console_of(Terminal())
    shown.width = columns

    for row in plain(rows_of("".join(parts), shown)):
        assert not re.search(
            r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]", row
        )


def test_terminal_that_is_not_utf8_gets_ascii_tables_and_escapes():
    """
    A terminal whose encoding is not UTF-8 gets tables drawn in ASCII, and a JSON escape
    for each character that its encoding lacks.
    """

    class Latin(io.TextIOWrapper):
        def isatty(self):
            return True

    shown = console_of(Latin(io.BytesIO(), encoding="latin-1"))

    assert "".join(rows_of("| a | b |\n|---|---|\n| c | d |\n", shown)).isascii()
    assert ["\\u6f22 \xe4"] == rows_of("漢 ä", shown)

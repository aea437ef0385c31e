"""The last rows of a terminal, which are rewritten while an answer arrives."""

from __future__ import annotations

import pytest


pytest.importorskip("rich", reason="asi1 chat needs rich")

from asi1.cli._chat.region import Region

from .conftest import Page


class Size:
    """The size of a terminal, which a test can change."""

    def __init__(self, columns, lines):
        self.now = columns, lines

    def __call__(self):
        return self.now


def region(lines, columns=10):
    """Return a page, its size, and a `Region` that is drawn on the page."""
    page, size = Page(lines), Size(columns, lines)
    return page, size, Region(page, size)


def test_rows_are_rewritten_from_the_first_one_that_differs():
    """
    If a block grows, its rows are written again from the first one that differs, in a
    single write.
    """
    _, _, rows = region(20)
    written = []
    rows._screen = type(
        "Screen", (), {"write_codes": lambda _, text: written.append(text)}
    )()

    rows.draw(["one", "tw"])
    rows.draw(["one", "two", "three"])
    rows.draw(["one", "two", "three"])
    rows.finish(["one", "two", "three"])

    assert ["one\ntw\n", "\x1b[1A\x1b[Jtwo\nthree\n"] == written


@pytest.mark.parametrize("lines", [2, 3, 5, 40])
def test_growing_block_is_shown_only_once_on_the_terminal(lines):
    """
    A block that grows beyond the terminal's height is on the terminal only once in the
    end, with every row in its place, since rows that have scrolled off are not written
    again.
    """
    page, _, rows = region(lines)
    words = [f"row {number}" for number in range(30)]
    for count in range(1, 31):
        rows.draw([*words[: count - 1], words[count - 1][:3]])
        rows.draw(words[:count])
    rows.finish(words)
    rows.finish(["next"])

    assert [*words, "next", ""] == page.rows


def test_block_whose_first_rows_changed_is_shown_again_as_a_whole():
    """
    If the words in rows that have scrolled off the screen have changed, the whole block
    is shown once more when it is finished. If only spaces in these rows differ, the
    block is not shown again.
    """
    page, _, rows = region(3)
    rows.draw(["1 a", "2 b", "3 c", "4 d"])
    rows.finish([" 1 a", " 2 b", " 3 c", " 4 d"])
    assert ["1 a", "2 b", " 3 c", " 4 d", ""] == page.rows

    page, _, rows = region(3)
    rows.draw(["a", "b", "c", "d"])
    rows.finish(["A", "b", "c", "d"])
    assert ["a", "b", "A", "b", "c", "d", ""] == page.rows


def test_rows_wider_than_a_smaller_terminal_are_erased_as_a_whole():
    """
    After the terminal became narrower, a row may take two lines. If the row is erased,
    both lines are erased.
    """
    page, size, rows = region(20, columns=10)
    rows.draw(["\x1b[1mone\x1b[0m", "ten chars."])
    page.rows = ["one", "ten c", "hars.", ""]
    size.now = 5, 20
    rows.draw(["one", "ten", "chars."])

    assert ["one", "ten", "chars.", ""] == page.rows


def test_rows_that_take_two_lines_scroll_off_earlier():
    """
    A row that is wider than the terminal takes two lines of it, so that fewer rows can
    still be changed.
    """
    page, _, rows = region(5, columns=4)
    wide = [f"{number} wide" for number in range(6)]
    for count in range(1, 7):
        rows.draw(wide[:count])

    assert 4 == rows._scrolled
    assert [*wide, ""] == page.rows


def test_shorter_version_of_a_block_leaves_no_row_behind():
    """
    If a block has fewer rows than before, the old rows below its new end are erased.
    """
    page, _, rows = region(20)
    rows.draw(["a", "b", "c"])
    rows.finish(["a"])

    assert ["a", ""] == page.rows

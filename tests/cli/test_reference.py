"""The page of the documentation that describes the command line."""

from __future__ import annotations

import pytest

from ..support.command_line import PAGE, commands, tables, with_tables


TABLES = tables()


@pytest.mark.parametrize("title", TABLES)
def test_reference_has_the_options_and_exit_codes_of_each_command(title):
    """
    The page about the command line has a table of each command's options, with the
    words of ``--help``, and a table of its exit codes. ``python -m
    tests.support.command_line`` renews the tables.
    """
    assert f"\n{TABLES[title]}\n" in PAGE.read_text("utf-8")


def test_reference_describes_each_command():
    """On the page about the command line, each command has a section. Renewing the
    page's tables changes nothing else.
    """
    text = PAGE.read_text("utf-8")

    assert text == with_tables(text)
    sections = [name for name in commands() if name.startswith("asi1 ")]
    assert [] == [name for name in sections if f"\n## {name}\n" not in text]


@pytest.mark.parametrize("name", commands())
def test_each_option_has_help(name):
    """Each option and argument of each command says what it does."""
    actions = commands()[name]._actions

    assert [] == [
        each.dest for each in actions if not each.help and each.nargs != "A..."
    ]

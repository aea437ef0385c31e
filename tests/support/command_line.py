"""
The tables of the page ``docs/reference/command-line.md``, made from the parsers.

``python -m tests.support.command_line`` writes them into the page; a test compares the
page with the parsers.
"""

from __future__ import annotations

import re

from argparse import Action, ArgumentParser, BooleanOptionalAction
from pathlib import Path

from asi1.cli._parser import build_parser
from asi1.testing.__main__ import _parser


__all__ = ["PAGE", "commands", "tables", "with_tables"]

PAGE = Path(__file__).parents[2] / "docs/reference/command-line.md"
_TABLE = r"^\| {}.*\n(?:\|.*\n)*"


def commands() -> dict[str, ArgumentParser]:
    """Return the parser of each command, by the words that a user types."""
    parser = build_parser()
    (group,) = (each for each in parser._actions if each.nargs == "A...")
    own = {f"asi1 {name}": each for name, each in dict(group.choices or {}).items()}
    return {"asi1": parser, **own, "python -m asi1.testing": _parser()}


def tables() -> dict[str, str]:
    """
    Return all tables, by the first cell of each: those of each command's options, and
    of its exit codes if they differ from those of ``asi1``.
    """
    found: dict[str, str] = {}
    usual: list[tuple[str, str]] = []
    for name, parser in commands().items():
        options = _options(parser)
        if options:
            found[f"`{name}`"] = _table(f"`{name}`", options)
        codes = re.findall(r"^  (\d+) +(.*)$", parser.epilog or "", re.MULTILINE)
        if codes and codes != usual:
            usual = usual or codes
            title = f"exit code of `{name}`"
            found[title] = _table(title, codes)
    return found


def with_tables(text: str) -> str:
    """Return *text*, the page's content, with tables made from the present parsers."""
    for title, table in tables().items():
        pattern = re.compile(_TABLE.format(re.escape(title)), re.MULTILINE)
        text = pattern.sub(lambda _, table=table: table, text)
    return text


def _options(parser: ArgumentParser) -> list[tuple[str, str]]:
    return [
        (_names(action), _help(parser, action))
        for action in parser._actions
        if action.nargs != "A..." and action.dest not in {"help", "version"}
    ]


def _names(action: Action) -> str:
    value = action.metavar or action.dest.upper()
    if action.choices is not None and action.metavar is None:
        value = ", ".join(map(str, action.choices))
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    bare = action.nargs == 0 or isinstance(action, BooleanOptionalAction)
    names = (name if bare else f"{name} {value}" for name in action.option_strings)
    return ", ".join(f"`{name}`" for name in names)


def _help(parser: ArgumentParser, action: Action) -> str:
    text = parser._get_formatter()._expand_help(action)
    if action.choices is not None and action.metavar is None:
        text += f": {', '.join(f'`{each}`' for each in action.choices)}"
    return text.replace("|", r"\|")


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"| {title} | meaning |", "|---|---|"]
    return "".join(
        f"{line}\n" for line in [*lines, *(f"| {a} | {b} |" for a, b in rows)]
    )


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")

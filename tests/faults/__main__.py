"""``python -m tests.faults --markdown``: the matrix of faults, for people."""

from __future__ import annotations

import argparse
import sys

from asi1.testing import FAULTS

from ..talk import TEXT
from .matrix import SECTIONS
from .outcome import Outcome, Row


__all__ = ["markdown"]

_INTRODUCTION = f"""\
# What a call does when the server misbehaves

`asi1.testing` can misbehave in {len(FAULTS)} ways, and the tests try each of them: with
`create` and with `stream`, on asyncio and on trio, in process and on sockets. This page
is the table that they hold the package to. It is made by

    python -m tests.faults --markdown > docs/faults.md

Each row is one fault that never goes away, met with the limits and retries that a
client has by default. The columns:

- **fault**: its name, as in `fake.fault("reset_mid_body")`;
- **on the wire**: what the server does, and the fault's options;
- **create**, **stream**: how the call ends. "answer" is the whole text,
  "{TEXT}"; another text is quoted. An error is
  named by its class, in brackets the limit that passed or the status. What is quoted
  after "with" is the text of its partial answer; a stream has handed it out, chunk by
  chunk, before it raises;
- **tries**: how many requests are made. A fault with several tries that goes away in
  time costs a wait and nothing else.

A text that is cut is never an answer, nothing but an `asi1.APIError` is raised, and the
next call works in all rows.
"""


def markdown() -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION, *map(_section, SECTIONS)])


def _section(title: str) -> str:
    rows = sorted(SECTIONS[title].items())
    return "\n".join(
        [
            f"## {title}",
            "",
            "| fault | on the wire | create | stream | tries |",
            "| --- | --- | --- | --- | --- |",
            *(_line(name, row) for name, row in rows),
            "",
        ]
    )


def _line(name: str, row: Row) -> str:
    cells = [_about(name, row), _words(row.create), _words(row.stream), _tries(row)]
    return f"| `{name}` | {' | '.join(cells)} |"


def _about(name: str, row: Row) -> str:
    options = FAULTS[name].options.items()
    told = ", ".join(f"`{name}={value!r}`" for name, value in options)
    about = FAULTS[name].about
    about += f" ({told})" if told else ""
    about += f" Here: {row.note}." if row.note else ""
    return about.replace("|", "\\|")


def _words(outcome: Outcome) -> str:
    if outcome.error is None:
        if outcome.text == TEXT:
            return "answer"
        return f"answer {_quoted(outcome.text)}"
    name = f"`{outcome.error.__name__}`"
    if outcome.phase:
        name += f" ({outcome.phase})"
    elif outcome.status and not 200 <= outcome.status < 300:
        name += f" ({outcome.status})"
    return f"{name} with {_quoted(outcome.partial)}" if outcome.partial else name


def _quoted(text: str) -> str:
    if not text:
        return "without text"
    shown = "".join(
        each if each.isprintable() and each != "\ufffd" else ascii(each)[1:-1]
        for each in text
    )
    return f"`{shown}`" if shown != text else f'"{text}"'


def _tries(row: Row) -> str:
    create, stream = row.create.tries, row.stream.tries
    return f"{create}" if create == stream else f"create {create}, stream {stream}"


def main() -> int:
    """Print the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--markdown", action="store_true", required=True)
    parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(markdown())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

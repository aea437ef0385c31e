"""``python -m tests.system.faults --markdown`` prints docs/faults.md."""

from __future__ import annotations

from asi1.testing import FAULTS

from ...support.pages import print_page
from ...support.talk import TEXT
from .matrix import SECTIONS
from .outcome import Outcome, Row


__all__ = ["markdown"]

_INTRODUCTION = f"""\
# What a call does when the server misbehaves

The fake server of `asi1.testing` has {len(FAULTS)} faults. The tests try each of them
with `create` and with `stream`, on asyncio and on trio, in process and on sockets, and
check that the call ends as this page says. The page is made by

    python -m tests.system.faults --markdown > docs/faults.md

Each row is one fault, which is in every reply of the server; timeouts, limits and
retries are the client's defaults. The columns:

- **fault**: its name, as in `fake.fault("reset_mid_body")`;
- **on the wire**: what the server does, and the fault's options;
- **create**, **stream**: how the call ends. "answer" means the whole text,
  "{TEXT}"; any other text is quoted. An error is
  given as its class, with the timeout that passed or the status in brackets. The text
  quoted after "with" is that of its partial answer; a stream has returned it, chunk by
  chunk, before it raises;
- **attempts**: how many requests the client sends. Where it is more than one, a call
  succeeds if the fault is gone at the next attempt.

In every row, a cut text is never returned as an answer, only an `asi1.APIError` is
raised, and the next call works.
"""


def markdown() -> str:
    """Return the content of docs/faults.md."""
    return "\n".join([_INTRODUCTION, *map(_section, SECTIONS)])


def _section(title: str) -> str:
    rows = sorted(SECTIONS[title].items())
    return "\n".join(
        [
            f"## {title}",
            "",
            "| fault | on the wire | create | stream | attempts |",
            "| --- | --- | --- | --- | --- |",
            *(_line(name, row) for name, row in rows),
            "",
        ]
    )


def _line(name: str, row: Row) -> str:
    cells = [_about(name, row), _words(row.create), _words(row.stream), _attempts(row)]
    return f"| `{name}` | {' | '.join(cells)} |"


def _about(name: str, row: Row) -> str:
    options = FAULTS[name].options.items()
    listed = ", ".join(f"`{name}={value!r}`" for name, value in options)
    about = FAULTS[name].about
    about += f" ({listed})" if listed else ""
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


def _attempts(row: Row) -> str:
    create, stream = row.create.attempts, row.stream.attempts
    return f"{create}" if create == stream else f"create {create}, stream {stream}"


if __name__ == "__main__":
    raise SystemExit(print_page("faults", markdown))

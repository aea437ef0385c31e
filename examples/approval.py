"""
A tool that runs only if the user agrees, and a run that goes on after a crash.

    export ASI_ONE_API_KEY=...
    python examples/approval.py "Tell Ada by mail that the otters are asleep."

Each event of the run is written to `approval.db` before the run goes on. If this
program is killed, the same command goes on with the run: no tool runs twice for a call.
If it was killed while a tool ran, the tool's effect is unknown; the model is told so.
"""

from __future__ import annotations

import sqlite3
import sys

from contextlib import closing
from pathlib import Path

from attrs import frozen

import asi1

from asi1 import ASI1, ToolCall, ToolError


QUESTION = "Tell Ada by mail that the otters are asleep."
ADDRESSES = {"ada": "ada@example.com"}
OUTBOX = Path("outbox.txt")


def address_of(name: str) -> str:
    """Return the mail address of a person."""
    if name.lower() not in ADDRESSES:
        raise ToolError(f"{name} is not in the address book")
    return ADDRESSES[name.lower()]


@asi1.tool(needs_approval=True, serial=True)
def send_mail(address: str, text: str) -> str:
    """Send a mail."""
    with OUTBOX.open("a", encoding="utf-8") as outbox:  # stands for a mail server
        outbox.write(f"{address}: {text}\n")
    return "sent"


TOOLS = [address_of, send_mail]


@frozen
class Journal:
    """The events of one run, one line each, in a database."""

    db: sqlite3.Connection
    question: str

    def __attrs_post_init__(self) -> None:
        with self.db:
            self.db.execute("CREATE TABLE IF NOT EXISTS events (question, line)")

    def add(self, line: str) -> None:
        """Add a line; it is on the disk when this returns."""
        with self.db:
            self.db.execute("INSERT INTO events VALUES (?, ?)", (self.question, line))

    def lines(self) -> list[str]:
        """Return the lines of a run that is not over; no lines if there is none."""
        query = "SELECT line FROM events WHERE question = ? ORDER BY rowid"
        return [line for (line,) in self.db.execute(query, (self.question,))]

    def clear(self) -> None:
        """Forget the run: it is over."""
        with self.db:
            self.db.execute("DELETE FROM events WHERE question = ?", (self.question,))


def decision(call: ToolCall) -> bool | str:
    """Ask on the terminal whether a call may run: True, or why not."""
    # `!a` shows control characters, which could make a terminal show another call.
    print(f"{call.function.name!a} {call.function.arguments!a}")
    reply = input("Run it? [y, or why not] ").strip()
    return True if reply.lower() in ("y", "yes") else reply or False


def answer_to(question: str, client: ASI1, journal: Journal) -> str:
    """Begin a run, or go on with one; return the last answer's text."""
    chat = client.chat.completions
    saved = journal.lines()
    if saved:
        run = chat.resume_tools(saved, tools=TOOLS, journal=journal.add)
    else:
        run = chat.run_tools(question, tools=TOOLS, journal=journal.add)
    result = run.until_done()
    while result.pending:
        run = chat.resume_tools(
            journal.lines(),
            tools=TOOLS,
            decisions={call.id: decision(call) for call in result.pending},
            journal=journal.add,
        )
        result = run.until_done()
    return result.text


def main(question: str, file: str = "approval.db") -> int:
    """Print the answer; return the exit code."""
    with ASI1() as client, closing(sqlite3.connect(file)) as db:
        journal = Journal(db, question)
        try:
            print(answer_to(question, client, journal))
        except (EOFError, KeyboardInterrupt):
            print("\nstopped; the same command goes on", file=sys.stderr)
            return 130
        journal.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else QUESTION))

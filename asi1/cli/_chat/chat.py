"""
``asi1 chat``: reads messages and commands, and shows answers, until the user leaves.

On a terminal, an error or Ctrl-C ends only the turn, and the prompt comes back. Without
a terminal, an error or Ctrl-C ends the program with an exit code.
"""

from __future__ import annotations

import os
import sys

from argparse import Namespace

import asi1

from ..._install import install_hint
from .._interrupt import cancel_on_interrupt
from .._service import error_message, open_client
from .._terminal import Screen, print_error
from .._view import AnswerView, View
from .commands import WITH_FILE, Leave, names, run_command
from .keys import quiet_keys
from .reader import Reader, lines_of
from .session import Session
from .toolbox import Toolbox
from .turn import Turn


__all__ = ["chat"]


def chat(options: Namespace) -> None:
    """
    Talk with the model, until standard input ends or the user leaves.

    Raises:
        asi1.ConfigurationError: An option is invalid, or a library is missing.
        asi1.ASI1Error: A turn failed, and standard input is not a terminal.
    """
    dialogue = sys.stdin is not None and sys.stdin.isatty()
    with quiet_keys(sys.stdin), open_client(options) as client, cancel_on_interrupt():
        tools = Toolbox(options.tools, "run" if options.yes else "ask")
        session = Session(client, options, tools)
        if dialogue:
            _Dialogue(session, _prompt_reader(options), options).run()
        else:
            _read_lines(session, options)


def _prompt_reader(options: Namespace) -> Reader:
    try:
        import rich as _  # noqa: F401, PLC0415 - answers need it

        from prompt_toolkit.output import create_output  # noqa: PLC0415

        from .history import history_path, open_history  # noqa: PLC0415
        from .prompt import PromptReader  # noqa: PLC0415
    except ImportError:
        raise asi1.ConfigurationError(
            f"asi1 chat needs rich and prompt_toolkit: {install_hint('cli')}"
        ) from None
    path = history_path(os.environ) if options.history else None
    # If standard output is a file, the prompt goes to standard error.
    output = None if sys.stdout.isatty() else create_output(always_prefer_tty=True)
    return PromptReader(open_history(path), names(), WITH_FILE, output)


def _read_lines(session: Session, options: Namespace) -> None:
    """Read each line of standard input as a message or a command."""
    out, err = Screen(sys.stdout, os.environ), Screen(sys.stderr, os.environ)
    thoughts = err if _shows_thoughts(options, err) else None
    for line in lines_of(sys.stdin):
        try:
            said = run_command(session, line)
        except Leave:
            return
        if said is not None:
            out.write(f"{said}\n")
        elif line.strip():
            view = View(out, thoughts)
            turn = Turn(session, view, err, None, quiet=options.quiet)
            if summary := turn.take(line):
                err.dim(summary)
                err.end_line()


def _shows_thoughts(options: Namespace, screen: Screen) -> bool:
    return bool(screen.live if options.thoughts is None else options.thoughts)


class _Dialogue:
    """A chat on a terminal."""

    def __init__(self, session: Session, reader: Reader, options: Namespace) -> None:
        self._session = session
        self._reader = reader
        self._out = Screen(sys.stdout, os.environ)
        err = Screen(sys.stderr, os.environ)
        self._notes = self._out if self._out.live else err
        self._options = options

    def run(self) -> None:
        """Read messages and show answers until the user leaves."""
        self._note(f"asi1 chat with {self._session.model}; /help lists the commands")
        begun = ""
        while True:
            try:
                line = self._reader.read(begun)
                begun = self._answer(line)
            except (EOFError, Leave):
                return
            except KeyboardInterrupt:
                begun = ""
                if not self._reader.discarded.strip():
                    self._note("Ctrl-D or /exit leaves")

    def _answer(self, line: str) -> str:
        """Run a command or a turn; return text that the next prompt begins with."""
        try:
            said = run_command(self._session, line)
            if said is not None:
                self._notes.write(f"{said}\n")
            elif line.strip():
                return self._turn(line)
        except asi1.ASI1Error as error:
            self._report(error)
            return line
        return ""

    def _turn(self, line: str) -> str:
        kept = len(self._session.chat.messages)
        ask, quiet = self._reader.ask, self._options.quiet
        turn = Turn(self._session, self._view(), self._notes, ask, quiet=quiet)
        try:
            summary = turn.take(line)
        except (KeyboardInterrupt, EOFError):
            return self._stopped(turn, line, kept)
        except asi1.ASI1Error as error:
            self._report(error)
            if isinstance(error, asi1.StreamError) or turn.ran:
                self._note_lost(turn)
            return line
        if summary:
            self._note(summary)
        return ""

    def _stopped(self, turn: Turn, line: str, kept: int) -> str:
        """Tell the user if the stopped turn was kept; return the next prompt's text."""
        if len(self._session.chat.messages) > kept:
            self._note("stopped; the answer so far stays in the conversation (/undo)")
            return ""
        self._note("stopped")
        self._note_lost(turn)
        return line

    def _note_lost(self, turn: Turn) -> None:
        self._note("this turn is not a part of the conversation")
        if turn.ran:
            ran = ", ".join(dict.fromkeys(turn.ran))
            self._note(f"tools that ran all the same, or still run: {ran}")

    def _report(self, error: asi1.ASI1Error) -> None:
        self._notes.end_line()
        print_error(error_message(error, self._options), self._options.key_env)

    def _note(self, text: str) -> None:
        self._notes.end_line()
        self._notes.dim(text)
        self._notes.end_line()

    def _view(self) -> AnswerView:
        thoughts = _shows_thoughts(self._options, self._notes)
        if not self._out.movable:
            return View(self._out, self._notes if thoughts else None)
        return _markdown_view(self._out, thoughts=thoughts)


def _markdown_view(screen: Screen, *, thoughts: bool) -> AnswerView:
    from .markdown_view import MarkdownView  # noqa: PLC0415 - only for a terminal
    from .rows import console_of  # noqa: PLC0415

    return MarkdownView(screen, console_of(sys.stdout), thoughts=thoughts)

"""The options of ``asi1 chat``, and its help; this module loads no library."""

from __future__ import annotations

import argparse

from typing import Any

from ..._install import install_hint
from .._call_options import ENVIRONMENT, add_call_options


__all__ = ["add_chat"]

_ABOUT = f"""\
Talk with the model. Enter sends a message, Alt-Enter or Ctrl-J begins a new line,
Ctrl-C stops an answer, Ctrl-D leaves; /help lists the commands.

If standard input is not a terminal, each of its lines is a message or a command, and
the first failure ends the program.

Needs rich and prompt_toolkit: {install_hint("cli")}
"""

_EPILOG = f"""\
{ENVIRONMENT}\
  NO_COLOR                         if set, answers have no colors
  XDG_STATE_HOME                   has the history of what you typed: asi1/history

"""


def add_chat(commands: Any, exit_codes: str) -> None:
    """
    Add the command ``chat`` to a parser's *commands*.

    Args:
        commands: What `add_subparsers` of the parser returned.
        exit_codes: The exit codes, for the help.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        "chat",
        help="talk with the model, in many turns",
        description=_ABOUT,
        epilog=_EPILOG + exit_codes,
    )
    add_call_options(parser)
    _add_conversation(parser)
    parser.set_defaults(run=_run)


def _add_conversation(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--load", metavar="FILE", help="go on with a conversation that /save wrote")
    add(
        "--context",
        type=int,
        metavar="N",
        help="send at most N tokens of the conversation, the newest; by default, as"
        " many as the model takes",
    )
    add(
        "--tools",
        action="append",
        default=[],
        metavar="MODULE:FUNCTION",
        help="let the model call a Python function, or each of a list of them; asks"
        " before each call; may be repeated",
    )
    add("-y", "--yes", action="store_true", help="run tools without asking")
    add(
        "--thoughts",
        action=argparse.BooleanOptionalAction,
        help="show the model's thoughts; the default on a terminal",
    )
    add(
        "-q",
        "--quiet",
        action="store_true",
        help="print no token counts, but warn of an answer that is cut off",
    )
    add(
        "--no-history",
        dest="history",
        action="store_false",
        help="neither read nor write the history of what you typed",
    )


def _run(options: argparse.Namespace) -> None:
    from .chat import chat  # noqa: PLC0415 - only this command needs it

    chat(options)

"""
What can be typed, and the help about it.

The commands themselves are elsewhere; here each is a name, options and a function.
"""

from __future__ import annotations

import argparse
import sys

from typing import Any, NoReturn

import asi1

from ._ask import ask
from ._demo import demo
from ._terminal import complain


__all__ = ["build_parser"]

_EPILOG = """\
exit codes:
  0    all went well
  1    the call failed, or its answer broke off
  2    wrong usage or set-up; nothing was sent
  130  interrupted by Ctrl-C
  141  the reader of the output has left
"""

_ASK = """\
Ask the model one question. The answer goes to standard output as it comes; the model's
thoughts (on a terminal), the token counts and errors go to standard error.

Text that is piped in is the question, or is put below the question, after a blank line:

  asi1 ask "Why is the sky blue?"
  git diff | asi1 ask "Write a commit message for this."
"""

_ENVIRONMENT = """\
environment:
  ASI_ONE_API_KEY, ASI1_API_KEY    your key, the first of them that is set
  ASI1_BASE_URL, ASI_ONE_BASE_URL  another server than the public one
  NO_COLOR                         no ANSI codes

"""


class _Parser(argparse.ArgumentParser):
    """Complains in one line, and leaves the rest to ``--help``."""

    def error(self, message: str) -> NoReturn:
        complain(f"{message} (see {self.prog} --help)")
        self.exit(2)

    def _print_message(self, message: str, file: Any = None) -> None:
        # The original does not tell when nobody can read it.
        if file is not None:
            file.write(message)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has a function ``run``, to be given it all."""
    parser = _Parser(
        prog="asi1",
        description="Talk to ASI-1 Mini.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=lambda _: _nothing_asked(parser))
    parser.add_argument(
        "--version", action="version", version=f"asi1 {asi1.__version__}"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    shown = commands.add_parser(
        "demo",
        help="see a streamed answer, offline and without a key",
        description="Stream an answer from a fake server on this machine: no key, no"
        " network.",
    )
    shown.set_defaults(run=demo)
    asked = commands.add_parser(
        "ask",
        help="ask one question",
        description=_ASK,
        epilog=_ENVIRONMENT + _EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_question(asked)
    _add_output(asked)
    asked.set_defaults(run=ask)
    return parser


def _nothing_asked(parser: argparse.ArgumentParser) -> NoReturn:
    # Help for who types the bare name, and no success for a script that lost a word.
    parser.print_help(sys.stderr)
    parser.exit(2)


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "question", nargs="?", help="what to ask; - reads it from standard input"
    )
    parser.add_argument("--system", metavar="TEXT", help="how the model should behave")
    parser.add_argument("--model", metavar="NAME", help="asi1-mini if left out")
    parser.add_argument(
        "--temperature", type=float, metavar="N", help="from 0 (sober) to 2 (wild)"
    )
    parser.add_argument(
        "--max-tokens", type=int, metavar="N", help="the longest answer, in tokens"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-stream",
        dest="stream",
        action="store_false",
        help="wait for the whole answer",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the whole answer as one line of JSON, as the server sent it",
    )
    parser.add_argument(
        "--thoughts",
        action=argparse.BooleanOptionalAction,
        help="show the model's thoughts; left out, a terminal shows them",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="no thoughts and no token counts"
    )

"""
The parser of the command line, and its help.

This module defines each command: its name, its options and the function that runs it.
"""

from __future__ import annotations

import argparse
import sys

from typing import Any, NoReturn

import asi1

from ._ask import ask
from ._batch import batch
from ._call_options import ENVIRONMENT, add_call_options, add_server_options
from ._chat.parser import add_chat
from ._completion import add_completion
from ._demo import demo
from ._doctor.parser import add_doctor
from ._terminal import print_error


__all__ = ["build_parser"]

_EPILOG = """\
exit codes:
  0    success
  1    the call failed, or the connection broke off its answer
  2    invalid usage or configuration; nothing more was sent
  130  interrupted by Ctrl-C
  141  the pipe that the output goes to was closed
"""

_ASK = """\
Ask the model one question. The answer goes to standard output as it arrives; the
model's thoughts (on a terminal), the token counts and errors go to standard error.

Piped text is the question, or is added to the question after a blank line:

  asi1 ask "Why is the sky blue?"
  git diff | asi1 ask "Write a commit message for this."
  asi1 ask "What is wrong here?" -f main.py -f test_main.py
  asi1 ask "What is this?" -i photo.jpg --model asi1
  asi1 ask "List the planets." --schema planets.schema.json
"""

_BATCH = """\
Send all requests of a file, several at once, and append the answers to another file.
The lines of both have the form of OpenAI's Batch API:

  {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {...}}

A batch that was stopped goes on when the same command is run again. Nothing that has
an answer in the output is sent again, unless the line of its custom_id has changed.
Ctrl-C cancels the running requests, which are then sent again.

  asi1 batch requests.jsonl -o answers.jsonl --concurrency 16 --rpm 60
"""

_BATCH_CODES = """\
exit codes:
  0    all requests have answers
  1    some requests failed, or the batch could not go on
  2    invalid usage, configuration or input; nothing was sent
  130  interrupted by Ctrl-C or SIGTERM
  141  the pipe that the output goes to was closed
"""

_ENVIRONMENT = f"""\
{ENVIRONMENT}\
  NO_COLOR                         if set, no ANSI codes are written

"""


class _Parser(argparse.ArgumentParser):
    """
    Prints an error in one line, with a hint at ``--help``.

    Options cannot be abbreviated, and descriptions keep their line breaks. The parsers
    of the commands are also of this class.
    """

    def __init__(self, **settings: Any) -> None:
        kept = argparse.RawDescriptionHelpFormatter
        super().__init__(**{"formatter_class": kept, "allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        print_error(f"{message} (see {self.prog} --help)")
        self.exit(2)

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse (Python 3.11) ignores an OSError when it writes a message, but `main`
        # must report the error.
        if file is not None:
            file.write(message)


def build_parser() -> argparse.ArgumentParser:
    """
    Return the parser of the command line.

    With the parsed ``options``, ``options.run(options)`` runs the command.
    """
    parser = _Parser(
        prog="asi1",
        description="Talk to ASI-1 Mini.",
        epilog=_EPILOG,
    )
    parser.set_defaults(run=lambda _: _print_usage(parser), base_url=None, key_env=None)
    parser.add_argument(
        "--version", action="version", version=f"asi1 {asi1.__version__}"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    shown = commands.add_parser(
        "demo",
        help="see a streamed answer, offline and without a key",
        description="Stream an answer from a fake server on this machine: no key, no"
        " network.",
        formatter_class=argparse.HelpFormatter,  # breaks long lines of this description
        allow_abbrev=True,
    )
    shown.set_defaults(run=demo)
    asked = commands.add_parser(
        "ask",
        help="ask one question",
        description=_ASK,
        epilog=_ENVIRONMENT + _EPILOG,
    )
    _add_question(asked)
    _add_attachments(asked)
    add_call_options(asked)
    _add_output(asked)
    asked.set_defaults(run=ask)
    _add_batch(commands)
    add_chat(commands, _EPILOG)
    add_completion(commands)
    add_doctor(commands, _ENVIRONMENT)
    return parser


def _print_usage(parser: argparse.ArgumentParser) -> NoReturn:
    # The exit code is 2, so that a script notices if it runs asi1 without a command.
    parser.print_help(sys.stderr)
    parser.exit(2)


def _add_question(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "question", nargs="?", help="the question; - reads it from standard input"
    )


def _add_attachments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="add the text of a file; may be repeated",
    )
    parser.add_argument(
        "-i",
        "--image",
        action="append",
        default=[],
        metavar="IMAGE",
        help="add an image, a path or a URL; may be repeated (needs a model that takes"
        " images, such as asi1)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-stream",
        dest="stream",
        action="store_false",
        help="print the answer when it is complete",
    )
    formats = parser.add_mutually_exclusive_group()
    formats.add_argument(
        "--json",
        action="store_true",
        help="print the server's whole answer as one line of JSON",
    )
    formats.add_argument(
        "--schema",
        metavar="FILE",
        help="ask for JSON that fits the JSON Schema in a file, check it, and print it",
    )
    parser.add_argument(
        "--thoughts",
        action=argparse.BooleanOptionalAction,
        help="show the model's thoughts; the default on a terminal",
    )
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print no thoughts and no token counts, but warn of an answer that is cut"
        " off",
    )


def _add_batch(commands: Any) -> None:
    parser = commands.add_parser(
        "batch",
        help="send the requests of a file",
        description=_BATCH,
        epilog=_ENVIRONMENT + _BATCH_CODES,
    )
    parser.set_defaults(run=batch)
    parser.add_argument(
        "input", help="the file of requests; - reads them from standard input"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the file of answers"
    )
    for name, metavar, kind, default, words in (
        ("--concurrency", "N", int, 8, "the most requests at once; 8 by default"),
        ("--rpm", "N", int, None, "the most requests a minute"),
        ("--tpm", "N", int, None, "the most tokens a minute"),
        ("--budget", "DOLLARS", str, None, "the most that this run may cost"),
        ("--model", "NAME", str, None, "the model of all requests, whatever they name"),
    ):
        parser.add_argument(
            name, type=kind, metavar=metavar, default=default, help=words
        )
    add_server_options(parser)
    parser.add_argument(
        "--retry-failed",
        action="store_true",
        help="send requests that failed in an earlier run again",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print no progress and no summary"
    )

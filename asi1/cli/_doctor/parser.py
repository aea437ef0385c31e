"""The options and the help of ``asi1 doctor``; imports only the standard library."""

from __future__ import annotations

import argparse

from typing import Any

from .._call_options import add_server_options


__all__ = ["add_doctor"]

_ABOUT = """\
Find out why calls fail: the key, the base URL, the proxy, DNS, TCP, TLS, a reply of the
server, and what is installed. Each line that has failed is followed by its cure.

The reply is that to a request without messages, which a server refuses and does not
charge. --ask also asks the model one short question, which may cost a little.

  asi1 doctor
  asi1 doctor --ask --base-url http://127.0.0.1:8001/v1
"""

_EPILOG = """\
exit codes:
  0    all is well
  1    something has failed
  2    invalid usage
  130  interrupted by Ctrl-C
  141  the pipe that the output goes to was closed
"""


def add_doctor(commands: Any, environment: str) -> None:
    """
    Add the command ``doctor`` to a parser's *commands*.

    Args:
        commands: What `add_subparsers` of the parser returned.
        environment: The environment variables, for the help.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        "doctor",
        help="find out why calls fail",
        description=_ABOUT,
        epilog=environment + _EPILOG,
    )
    add = parser.add_argument
    add("--ask", action="store_true", help="also ask the model a short question")
    add("--model", metavar="NAME", help="the model to ask; asi1-mini by default")
    add_server_options(parser)
    add(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="the most seconds of each lookup, connection and call; 10 by default (the"
        " answer of --ask: 60)",
    )
    add("--json", action="store_true", help="print all findings as one line of JSON")
    parser.set_defaults(run=_run)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise ValueError
    return seconds


_seconds.__name__ = "number of seconds"  # argparse shows this name in its error message


def _run(options: argparse.Namespace) -> int:
    from .doctor import doctor  # noqa: PLC0415 - only this command needs it

    return doctor(options)

"""
Runs a command line and returns its exit code.

Every error becomes one line on stderr and an exit code: a user of the command line
needs no traceback.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

import asi1

from ._completion import complete
from ._parser import build_parser
from ._service import error_message
from ._terminal import flush, print_error, silence_broken_streams


__all__ = ["run"]


def run(argv: Sequence[str] | None) -> int:
    """Run one command, and return the exit code, as `asi1.cli.main` describes it."""
    try:
        code = _run(argv)
        flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 141
    except Exception as error:  # noqa: BLE001 - no caller could report the error
        print_error(f"{type(error).__name__}: {error}")
        code = 1
    silence_broken_streams()
    return code


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    try:
        complete(parser)
        options = parser.parse_args(argv)
        return _run_command(options)
    except SystemExit as leaving:  # raised by --help, --version or invalid usage
        return int(leaving.code or 0)


def _run_command(options: Namespace) -> int:
    try:
        options.run(options)
    except asi1.ASI1Error as error:
        print_error(error_message(error, options), options.key_env)
        return 2 if isinstance(error, asi1.ConfigurationError) else 1
    return 0

"""
Runs a command line and returns its exit code.

Every error becomes one line on stderr and an exit code: a user of the command line
needs no traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

import asi1

from ._parser import build_parser
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
        options = parser.parse_args(argv)
        return options.run(options) or 0
    except SystemExit as leaving:  # raised by --help, --version or invalid usage
        return int(leaving.code or 0)
    except asi1.ASI1Error as error:
        print_error(_message(error))
        return 2 if isinstance(error, asi1.ConfigurationError) else 1


def _message(error: asi1.ASI1Error) -> str:
    """Return the message of *error*, with a hint for some types of errors."""
    if isinstance(error, asi1.AuthenticationError):
        return f"{error} (is the key in ASI_ONE_API_KEY valid?)"
    if isinstance(error, asi1.APIStatusError) and error.retry_after is not None:
        return f"{error} (the server asks to wait {error.retry_after:g} s)"
    return str(error)

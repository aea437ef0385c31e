"""
From the words of a command line to an exit code: nothing else gets out.

Every failure ends here, as one line on stderr and a number; a traceback is for those
who write programs, not for those who run them.
"""

from __future__ import annotations

import signal

from collections.abc import Sequence

import asi1

from ._parser import build_parser
from ._terminal import complain, flush, let_go


__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command.

    Args:
        argv: The words behind the program's name; those of the process for None.

    Returns:
        The exit code: 0 for success, 1 if the call failed, 2 for wrong usage or
        set-up, 130 after Ctrl-C, 141 if the reader of the output has left.
    """
    try:
        code = _run(argv)
        flush()
    except KeyboardInterrupt:
        if argv is None:  # a second Ctrl-C would break into the end of the process
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = 130
    except BrokenPipeError:
        code = 141
    except Exception as error:  # noqa: BLE001 - the last place that can tell of it
        complain(f"{type(error).__name__}: {error}")
        code = 1
    let_go()
    return code


def _run(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    try:
        options = parser.parse_args(argv)
        options.run(options)
    except SystemExit as leaving:  # help was asked for, or is needed
        return int(leaving.code or 0)
    except asi1.ASI1Error as error:
        complain(_told(error))
        return 2 if isinstance(error, asi1.ConfigurationError) else 1
    return 0


def _told(error: asi1.ASI1Error) -> str:
    """Return what to tell of *error*, with what can be done about it."""
    if isinstance(error, asi1.AuthenticationError):
        return f"{error} (is the key in ASI_ONE_API_KEY a valid one?)"
    if isinstance(error, asi1.APIStatusError) and error.retry_after is not None:
        return f"{error} (the server asks to wait {error.retry_after:g} s)"
    return str(error)

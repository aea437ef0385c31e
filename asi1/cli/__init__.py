"""
The command line ``asi1``, with the commands that `_parser` defines.

The commands call the server through asi1's public API only. Importing this package
loads no other library, so that ``asi1 --version`` and ``asi1 --help`` are fast, and so
that a program handles Ctrl-C almost from its start.
"""

from __future__ import annotations

from ._interrupt import quit_on_interrupt


TYPE_CHECKING = False  # not imported from `typing`, which loads slowly
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command.

    Args:
        argv: The arguments after the program's name; None for those in `sys.argv`. With
            None, Ctrl-C ends the process at once, unless a call is running.

    Returns:
        The exit code: 0 for success, 1 if the call failed, 2 for invalid usage or
        configuration, 130 after Ctrl-C, 141 if the reader closed the output's pipe.
    """
    try:
        if argv is None:
            quit_on_interrupt()
        from ._main import run  # noqa: PLC0415 - from now on, Ctrl-C is handled

        return run(argv)
    except KeyboardInterrupt:
        return 130

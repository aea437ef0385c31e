"""
``python -m asi1.testing``: the fake alone, until Ctrl-C or SIGTERM.

The first line on standard output is the base URL; nothing else is printed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from collections.abc import Sequence
from contextlib import ExitStack
from threading import Event

from ._fake import FakeASI1
from ._faults import FAULTS


__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the fake as the command line says.

    Args:
        arguments: The command line without the program's name; None is this process's.

    Returns:
        The exit code, 0; 141 if the reader of the list has left.

    Raises:
        SystemExit: The command line makes no sense.
        OSError: The port is taken.
    """
    options = _parser().parse_args(arguments)
    if options.faults:
        return _list_faults()
    fake = FakeASI1(seed=options.seed, port=options.port)
    fake.require_key = options.require_key
    if options.fault is not None:
        fake.fault(options.fault, times=None)
    elif options.reply is not None:
        fake.reply(options.reply, chunk_delay=options.chunk_delay, times=None)
    _serve(fake)
    return 0


def _list_faults() -> int:
    try:
        for fault in FAULTS.values():
            told = ", ".join(f"{name}={value}" for name, value in fault.options.items())
            sys.stdout.write(f"{fault.name}({told}): {fault.about}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would write out what is left, and complain, when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _serve(fake: FakeASI1) -> None:
    over = Event()

    def end(*_: object) -> None:
        over.set()

    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, end)
            stack.callback(signal.signal, number, before)
        stack.enter_context(fake)
        sys.stdout.write(f"{fake.base_url}\n")
        sys.stdout.flush()
        over.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m asi1.testing",
        description="A stand-in for the ASI-1 service on 127.0.0.1.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on; 0 for any (default)")
    add("--seed", type=int, help="where ids start from; default anywhere")
    add("--reply", metavar="TEXT", help="the answer to every request")
    add("--chunk-delay", type=float, default=0.0, metavar="SECONDS")
    add("--fault", choices=FAULTS, metavar="NAME", help="how to misbehave, every time")
    add("--faults", action="store_true", help="list the faults with their options")
    add("--require-key", action="store_true", help="401 to requests without a key")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

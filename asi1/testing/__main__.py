"""
``python -m asi1.testing``: runs the fake server until Ctrl-C or SIGTERM.

The server prints its base URL on standard output, and nothing else.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys

from collections.abc import Sequence
from contextlib import ExitStack
from threading import Event
from typing import get_args

from ._fake import FakeASI1
from ._faults.catalogue import FAULTS
from ._script import CANNED
from ._shapes import Generation


__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the fake server, or list the faults.

    Args:
        arguments: The command-line arguments; None for `sys.argv`.

    Returns:
        The exit code: 0, or 141 if the list was printed to a closed pipe.

    Raises:
        SystemExit: The arguments are invalid, or ask for help; or the port is in use.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.faults:
        return _list_faults()
    if options.fault is not None and (options.reply, options.chunk_delay) != (None, 0):
        parser.error("--fault decides the whole reply: not with --reply, --chunk-delay")
    fake = FakeASI1(seed=options.seed, port=options.port, generation=options.generation)
    fake.require_key = options.require_key
    if options.fault is not None:
        fake.fault(options.fault, times=None)
    else:
        _script_answer(fake, options)
    try:
        _serve(fake)
    except OSError as error:
        parser.error(f"--port {options.port}: {error.strerror}")
    return 0


def _script_answer(fake: FakeASI1, options: argparse.Namespace) -> None:
    """Answer all chat requests with the text of *options*, or the built-in answer."""
    if options.reply is not None:
        fake.reply(options.reply, chunk_delay=options.chunk_delay, times=None)
        return
    fake.reply(
        CANNED.text,
        thoughts=CANNED.thoughts,
        generation=options.generation or "guide",
        chunk_delay=options.chunk_delay,
        times=None,
    )


def _list_faults() -> int:
    try:
        for fault in FAULTS.values():
            pairs = fault.options.items()
            options = ", ".join(f"{name}={value}" for name, value in pairs)
            sys.stdout.write(f"{fault.name}({options}): {fault.about}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # stdout is redirected, because Python would print the BrokenPipeError at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _serve(fake: FakeASI1) -> None:
    stopped = Event()

    def stop(*_: object) -> None:
        stopped.set()

    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, stop)
            stack.callback(signal.signal, number, before)
        stack.enter_context(fake)
        sys.stdout.write(f"{fake.base_url}\n")
        sys.stdout.flush()
        stopped.wait()


def _seconds(text: str) -> float:
    """Return *text* as seconds; raise ValueError if it is negative or not finite."""
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise ValueError
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m asi1.testing",
        description="Run a fake ASI-1 service on 127.0.0.1.",
    )
    add = parser.add_argument
    add(
        "--port",
        type=int,
        default=0,
        help="port to listen on; 0 for any free port (default)",
    )
    add("--seed", type=int, help="seed of ids and times; random by default")
    add("--reply", metavar="TEXT", help="the answer to every chat request")
    add(
        "--chunk-delay",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="seconds after each event of a streamed answer",
    )
    add(
        "--generation",
        choices=get_args(Generation),
        help="format of the answers: as in the first guide, or in one of these years",
    )
    add("--fault", choices=FAULTS, metavar="NAME", help="the fault of every chat reply")
    add("--faults", action="store_true", help="list the faults with their options")
    add("--require-key", action="store_true", help="send a 401 if a key is missing")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

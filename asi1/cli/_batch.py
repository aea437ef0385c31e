"""
``asi1 batch``: sends the requests of a file, and appends the answers to another file.

Nothing goes to standard output; progress, summary and errors go to standard error.
"""

from __future__ import annotations

import os
import sys

from argparse import Namespace
from collections.abc import Iterable

import asi1

from ._batch_progress import BatchProgress, begin_progress
from ._batch_words import summary_lines
from ._interrupt import stop_on_signals
from ._service import open_client
from ._terminal import Screen, print_error


__all__ = ["batch"]

_INTERRUPTED = "interrupted; running requests were cancelled"
_GO_ON = "to go on, run the same command again"


def batch(options: Namespace) -> int:
    """
    Run the batch, and return the exit code.

    Raises:
        asi1.ConfigurationError: The key is missing, or an option or the input is wrong;
            nothing was sent.
    """
    err = Screen(sys.stderr, os.environ)
    limit = asi1.RateLimit(
        requests_per_minute=options.rpm, tokens_per_minute=options.tpm
    )
    budget = None if options.budget is None else asi1.Budget(usd=options.budget)
    from .._blocking.batch import RETRIES  # noqa: PLC0415 - loaded with the client

    with open_client(options, RETRIES) as client:
        progress = begin_progress(err, quiet=options.quiet)
        with stop_on_signals():
            code, problem = _run(client, (limit, budget), options, progress)
    begun = progress.last is not None
    if progress.last is not None and not options.quiet:
        for line in summary_lines(progress.last):
            err.write(f"{line}\n")
    if problem:
        if not begun:
            problem += "; nothing was sent"
        elif code != 2:  # with code 2, the same command would fail again
            problem += f"; {_GO_ON}"
        print_error(problem)
    return code


def _run(
    client: asi1.ASI1,
    limits: tuple[asi1.RateLimit, asi1.Budget | None],
    options: Namespace,
    progress: BatchProgress,
) -> tuple[int, str]:
    """Run the batch; return the exit code, and why it ended early, "" if it did not."""
    try:
        with progress:
            result = client.batch(
                _input(options.input),
                options.output,
                concurrency=options.concurrency,
                rate_limit=limits[0],
                budget=limits[1],
                model=options.model,
                retry_failed=options.retry_failed,
                progress=progress,
            )
    except KeyboardInterrupt:
        begun = progress.last is not None
        return 130, _INTERRUPTED if begun else "interrupted"
    except OSError as error:
        return 2 if progress.last is None else 1, _words_of(error)
    except asi1.ASI1Error as error:
        if progress.last is None:
            raise
        return 2 if isinstance(error, asi1.ConfigurationError) else 1, str(error)
    if progress.broken is not None:
        raise progress.broken
    return 1 if result.failed else 0, ""


def _input(path: str) -> str | Iterable[bytes]:
    if path != "-":
        return path
    if sys.stdin is None:
        raise asi1.ConfigurationError("input: standard input is closed")
    return sys.stdin.buffer


def _words_of(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason

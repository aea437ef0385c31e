"""
The batch of the blocking client, and `asi1.batch`, which needs no client.

The files are checked in the caller's thread, since reading a pipe may block; the calls
run on the event-loop thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._call.engine import Engine
from .._client.batch.input_file import BatchLines
from .._client.batch.plan import open_plan
from .._client.batch.settings import BatchSettings
from .._files import FilePath
from .._models.base_types import public
from .._models.errors import ArgumentError
from .._protocol.batch.summary import BatchSummary
from .._settings.rate_limit import Limiter, RateLimit
from .client import ASI1
from .loop_thread import close_on_loop, loop_thread


__all__ = ["batch", "run_batch"]

# Retries of a call if the caller has no client: more than usual, since a batch has
# time, and a request that fails is not sent again before the next run.
_RETRIES = 5


def run_batch(
    engine: Engine, source: BatchLines, path: FilePath, **arguments: Any
) -> BatchSummary:
    """Run a batch as `AsyncASI1.batch` does, but block."""
    settings = BatchSettings.of(engine, **arguments)
    run = settings.run_of(open_plan(source, path, settings.options))
    try:
        return loop_thread().run(run.run())
    except BaseException:
        # The run is being cancelled: wait until the answers that came are written.
        close_on_loop(run.aclose)
        raise


@public
def batch(
    input: BatchLines,  # noqa: A002 - the word that users know
    output: FilePath,
    *,
    client: ASI1 | None = None,
    concurrency: int = 8,
    rate_limit: RateLimit | Limiter | None = None,
    model: str | None = None,
    retry_failed: bool = False,
    progress: Callable[[BatchSummary], object] | object = None,
) -> BatchSummary:
    """
    Send all requests of a file, and append the answers to another; goes on where an
    earlier run has stopped.

    Same as `ASI1.batch`, but needs no client.

    Args:
        input: As for `AsyncASI1.batch`.
        output: As for `AsyncASI1.batch`.
        client: Makes the calls. If left out, a new client with the settings from the
            environment, which retries a call 5 times; it is closed at the end.
        concurrency: As for `AsyncASI1.batch`.
        rate_limit: As for `AsyncASI1.batch`.
        model: As for `AsyncASI1.batch`.
        retry_failed: As for `AsyncASI1.batch`.
        progress: As for `AsyncASI1.batch`.

    Raises:
        ArgumentError: *client* is not an `ASI1`; and as for `AsyncASI1.batch`.
        ASI1Error: As for `AsyncASI1.batch`.
        OSError: As for `AsyncASI1.batch`.
    """
    if not isinstance(client, ASI1 | None):
        raise ArgumentError(
            f"client: must be an ASI1, not {type(client).__name__}; with an AsyncASI1,"
            " use await client.batch(...)",
            argument="client",
        )
    own = client if client is not None else ASI1(max_retries=_RETRIES)
    try:
        return own.batch(
            input,
            output,
            concurrency=concurrency,
            rate_limit=rate_limit,
            model=model,
            retry_failed=retry_failed,
            progress=progress,
        )
    finally:
        if client is None:
            own.close()

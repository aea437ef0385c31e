"""
`ASI1.batch`: runs a batch for a blocking caller.

The files are checked in the caller's thread, since reading a pipe may block; the calls
run on the event-loop thread.
"""

from __future__ import annotations

from typing import Any

from .._call.engine import Engine
from .._client.batch.input_file import BatchLines
from .._client.batch.plan import open_plan
from .._client.batch.settings import BatchSettings
from .._files import FilePath
from .._protocol.batch.summary import BatchSummary
from .loop_thread import close_on_loop, loop_thread


__all__ = ["run_batch"]


def run_batch(
    engine: Engine, source: BatchLines, path: FilePath, **arguments: Any
) -> BatchSummary:
    """Run a batch as `AsyncASI1.batch` does, but block."""
    settings = BatchSettings.of(engine, **arguments)
    run = settings.run_of(open_plan(source, path, settings.options))
    try:
        return loop_thread().run(run.run)
    except BaseException:
        # The run is being cancelled: wait until answers that have arrived are written.
        close_on_loop(run.aclose)
        raise

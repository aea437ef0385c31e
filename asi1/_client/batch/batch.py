"""`AsyncASI1.batch`: checks the arguments, and runs the batch."""

from __future__ import annotations

from typing import Any

from ..._call.engine import Engine
from ..._files import FilePath
from ..._protocol.batch.summary import BatchSummary
from .input_file import BatchLines
from .run import open_plan_in_thread
from .settings import BatchSettings


__all__ = ["run_batch"]


async def run_batch(
    engine: Engine, source: BatchLines, path: FilePath, **arguments: Any
) -> BatchSummary:
    """Run a batch as `AsyncASI1.batch` describes it."""
    settings = BatchSettings.of(engine, **arguments)
    plan = await open_plan_in_thread(source, path, settings.options)
    return await settings.run_of(plan).run()

"""
Runs a batch: several tasks send the requests of the plan, and write a row for each.

A task takes its next request when the row of its previous request is on the disk.
"""

from __future__ import annotations

import threading

from collections import deque
from collections.abc import Sequence

import anyio

from anyio import to_thread
from attrs import define, field

from ..._call.answer_reader import AnswerReader
from ..._call.engine import Engine
from ..._call.progress import Progress
from ..._files import FilePath
from ..._models.completion import ChatCompletion
from ..._models.errors import ASI1Error
from ..._protocol.batch.request_lines import BatchRequest, request_of
from ..._protocol.batch.rows import answer_row, ends_batch, error_row
from ..._protocol.batch.summary import BatchCount, BatchSummary
from ..._protocol.request import ChatDraft, draft_chat
from ..._settings.budget import BudgetExceededError
from .group_writer import Finished, GroupWriter
from .input_file import BatchLines
from .plan import BatchPlan, PlanOptions, open_plan


__all__ = ["BatchRun", "open_plan_in_thread"]


class _StoppedError(Exception):
    """Ends the thread that opens the plan: its caller was cancelled."""


@define(eq=False)
class BatchRun:
    """
    One run of a batch.

    Attributes:
        engine: Makes the calls.
        plan: What is to be done. `run` closes its files.
        concurrency: Maximum number of calls at once.
        progress: Reports the summary so far, and the number of rows since the last
            report: at the start, and after each write.
    """

    engine: Engine
    plan: BatchPlan
    concurrency: int
    progress: Progress
    _draft: ChatDraft = field(init=False)
    _count: BatchCount = field(init=False)
    _writer: GroupWriter = field(init=False)
    _requests: deque[BatchRequest] = field(factory=deque, init=False)
    _reading: anyio.Lock = field(factory=anyio.Lock, init=False)
    # Whether to take more requests from `plan`.
    _more: bool = field(default=True, init=False)
    _running: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _error: BaseException | None = field(default=None, init=False)
    _ended: anyio.Event | None = field(default=None, init=False)

    async def run(self) -> BatchSummary:
        """
        Send all requests of the plan, and return the summary.

        Raises:
            ASI1Error: An error that each request would get; no row is written for it.
            OSError: The output cannot be written, or the input not be read.
            Exception: The limiter raised it.
        """
        self._ended = anyio.Event()
        self._began = anyio.current_time()
        try:
            self._prepare()
            await self._send_all()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(self.plan.finish)
            return self._summary()
        finally:
            self.plan.close()
            self._ended.set()

    async def aclose(self) -> None:
        """Close the files; if `run` has begun, first wait for its end."""
        if self._ended is not None:
            await self._ended.wait()
        self.plan.close()

    def _prepare(self) -> None:
        self._count = BatchCount(self.plan.base, self.plan.errors)
        self._writer = GroupWriter(self.plan.output.append, self._written)
        config, model = self.engine.config, self.plan.options.model
        self._draft = draft_chat(config, model=model, stream=False, options={})
        self.progress.advance(0, self._summary())

    async def _send_all(self) -> None:
        """Run the tasks; after an error or a cancellation, write the finished rows."""
        try:
            async with anyio.create_task_group() as group:
                for _ in range(min(self.concurrency, self._summary().left)):
                    group.start_soon(self._work, group.cancel_scope)
        finally:
            # After an OSError nothing is written: the disk is probably still full.
            if not isinstance(self._error, OSError):
                with anyio.CancelScope(shield=True):
                    await self._writer.flush()
        if self._error is not None:
            raise self._error

    async def _work(self, scope: anyio.CancelScope) -> None:
        try:
            while (request := await self._take()) is not None:
                await self._writer.write(await self._finish(request))
        except BudgetExceededError as error:
            # Requests already sent go on: they fit into the budget, and are billed.
            self._error, self._more = self._error or error, False
            self._requests.clear()
        except Exception as error:  # noqa: BLE001 - `_send_all` raises it
            # A task group would wrap the error in an exception group.
            self._error = self._error or error
            scope.cancel()

    async def _take(self) -> BatchRequest | None:
        """Return the next request of the plan; None after the last."""
        async with self._reading:
            while not self._requests and self._more:
                due = await to_thread.run_sync(self.plan.due)
                self._more = due is not None
                self._requests.extend(due or ())
        return self._requests.popleft() if self._requests else None

    async def _finish(self, request: BatchRequest) -> Finished:
        """
        Send *request*, and return the row with its answer or error.

        Raises:
            ASI1Error: An error that every other request would get as well.
        """
        self._running += 1
        try:
            outcome = await self._outcome(request)
        finally:
            self._running -= 1
        if isinstance(outcome, ASI1Error):
            return Finished(error_row(request, outcome), outcome)
        return Finished(answer_row(request, outcome), outcome)

    async def _outcome(self, request: BatchRequest) -> ChatCompletion | ASI1Error:
        try:
            sent = request_of(self._draft, request.body)
            return await self.engine.fetch(sent, AnswerReader)
        except ASI1Error as error:
            if ends_batch(error):
                raise
            return error

    def _written(self, group: Sequence[Finished]) -> None:
        for finished in group:
            self._count.add(finished.outcome)
        self.progress.advance(len(group), self._summary())

    def _summary(self) -> BatchSummary:
        seconds = anyio.current_time() - self._began
        return self._count.summary(running=self._running, seconds=seconds)


async def open_plan_in_thread(
    source: BatchLines, path: FilePath, options: PlanOptions
) -> BatchPlan:
    """
    Call `open_plan` in a worker thread, which a cancelled caller does not wait for.

    Raises:
        ArgumentError: As for `open_plan`.
        OSError: As for `open_plan`.
    """
    stopped = threading.Event()
    opened: list[BatchPlan] = []

    def go_on() -> None:
        if stopped.is_set():
            raise _StoppedError

    def work() -> None:
        opened.append(open_plan(source, path, options, go_on))
        if stopped.is_set():
            opened[0].close()

    try:
        # Abandoned, since a thread that reads a pipe may wait for ever, and no thread
        # can be interrupted.
        await to_thread.run_sync(work, abandon_on_cancel=True)
    except BaseException:
        stopped.set()
        for plan in opened:
            plan.close()
        raise
    return opened[0]

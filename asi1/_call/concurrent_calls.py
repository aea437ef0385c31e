"""
Makes many calls, several at once, for one reader of the answers.

Each read of an answer takes prompts and begins calls. So at most *concurrency* calls
are ahead of the answers that were read, and no call begins after the last read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from .._models.busy_errors import StreamBusyError
from .._models.errors import (
    ASI1Error,
    ClientClosedError,
    StreamClosedError,
)
from .._transport.event_loop import loop_token
from .map_plan import MapPlan
from .prompt_call import EndedCalls, PromptCall
from .prompts import AsyncSource
from .task import CallTask


__all__ = ["ConcurrentCalls"]


class ConcurrentCalls:
    """The calls of many prompts, several at once, for one reader of the answers."""

    def __init__(self, plan: MapPlan) -> None:
        """Prepare the calls; the first read begins them."""
        self._plan = plan
        self._source = plan.source
        self._ended = EndedCalls()
        self._window: dict[PromptCall, None] = {}  # the unread calls, in their order
        self._ready: deque[PromptCall] = deque()  # if not ordered: the ended calls
        self._reading = False
        self._closed = False
        self._failed = False  # whether a call failed whose error will be raised
        self._error: Exception | None = None
        if isinstance(plan.source, AsyncSource):
            plan.source.changed = self._ended.wake

    @contextmanager
    def reader(self) -> Generator[None, None, None]:
        """Admit one reader; another gets `StreamBusyError` until the block ends."""
        if self._closed:
            error = self._error or StreamClosedError("the answers were closed")
            raise error.with_traceback(None)
        if self._reading:
            raise StreamBusyError("the answers are already being read")
        self._reading = True
        try:
            yield
        finally:
            self._reading = False

    def take(self) -> None:
        """
        Take as many prompts from the iterable as new calls may begin.

        The blocking client calls this in its caller's thread, since the iterable of
        prompts may block.
        """
        self._source.take(self._plan.concurrency - len(self._window))

    def show_progress(self) -> None:
        """Show that one more answer was read; called in the reader's thread."""
        self._plan.progress.advance(1)

    async def next(self) -> Any:
        """
        Return the next answer, or (key, answer) with keys; None after the last.

        If the call of a prompt failed, raise the call's error, or return it if the plan
        has `return_exceptions`.
        """
        outcome: Any = None
        call: PromptCall | None = None
        try:
            call = await self._next_ended()
            if call is not None:
                outcome = call.outcome
            elif self._closed:
                outcome = StreamClosedError("the answers were closed")
            else:
                outcome = self._source.error
            if outcome is None:
                return None
            if call is None or self._raises(outcome):
                self._error = outcome
                await self.aclose()
                raise outcome.with_traceback(None)
            return (call.key, outcome) if self._plan.keyed else outcome
        finally:
            # The error's traceback refers to this frame. Without `del`, the error would
            # keep the calls alive.
            del self, outcome, call

    def _raises(self, outcome: object) -> bool:
        if not isinstance(outcome, Exception):
            return False
        closed = isinstance(outcome, ClientClosedError | StreamClosedError)
        own = isinstance(outcome, ASI1Error)
        return closed or not (own and self._plan.return_exceptions)

    async def _next_ended(self) -> PromptCall | None:
        """
        Wait for the call whose outcome is read next, and remove it from the window.

        Return None if `aclose` was called, or all answers were read.
        """
        try:
            while not self._closed:
                await self._sort()
                if not self._failed:
                    self._begin()
                    await self._sort()  # the call of an invalid prompt ends at once
                if call := self._first_ready():
                    del self._window[call]
                    return call
                if not self._window and self._source.over and not self._source.taken:
                    return None
                await self._ended.wait()
            return None
        finally:
            del self  # else an error's traceback would keep the calls alive

    def _first_ready(self) -> PromptCall | None:
        first = next(iter(self._window), None)
        if first is not None and first.lost:
            first.outcome = StreamClosedError(
                "the answers were begun in another process"
            )
            return first
        if not self._plan.ordered:
            return self._ready.popleft() if self._ready else None
        return first if first is not None and first.outcome is not None else None

    async def _sort(self) -> None:
        """Read the outcomes of the calls that have ended."""
        while self._ended.calls:
            call = self._ended.calls.popleft()
            await call.read()
            self._failed = self._failed or self._raises(call.outcome)
            if not self._plan.ordered:
                self._ready.append(call)

    def _begin(self) -> None:
        """Begin the calls of the prompts that were taken, in their order."""
        source = self._source
        while source.taken:
            key, item = source.taken.popleft()
            call = PromptCall(key, self._plan.requests.request, item, self._ended)
            call.begin(self._plan.engine)
            self._window[call] = None
        if isinstance(source, AsyncSource):
            if source.task is None and not source.over:
                source.task = self._plan.engine.begin(source)
            self.take()

    async def aclose(self) -> None:
        """Cancel the running calls; may be called twice, and by any task."""
        here = loop_token()
        for task in self.abandon():
            if task.token is here:  # only a task of this event loop can be awaited
                await task.join()

    def abandon(self) -> list[CallTask]:
        """Cancel the calls without waiting for them; may be called from any thread."""
        self._closed = True
        self._source.stop()
        tasks = [call.task for call in list(self._window) if call.task is not None]
        if isinstance(self._source, AsyncSource) and self._source.task is not None:
            tasks.append(self._source.task)
        for task in tasks:
            task.stop()
        return tasks

    def __del__(self) -> None:
        # `__init__` was interrupted if `_window` is missing.
        if hasattr(self, "_window"):
            self.abandon()

"""
A run with tools for blocking callers.

The journal is called in the caller's thread, so it may block, and may use a database
connection that belongs to this thread.
"""

from __future__ import annotations

import inspect

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._call.tool_rounds import ToolRounds
from .._client.loader import loader
from .._client.tool_run import RunState
from .._models.base_types import public
from .._models.errors import ArgumentError
from .._protocol.tools.run_events import Event
from .._protocol.tools.saved_run import event_text
from .._protocol.tools.steps import ToolRunResult, ToolStep
from .loop_thread import close_on_loop, loop_thread


if TYPE_CHECKING:
    from .to_sse import EventBytes


__all__ = ["ToolRun"]


@public
class ToolRun(RunState):
    """
    A run in which the model calls tools: an iterator of its steps.

    Same as `AsyncToolRun`, but blocks.
    """

    def __init__(
        self, rounds: ToolRounds, journal: Callable[[str], object] | None
    ) -> None:
        """Users do not construct this class; the client does."""
        self._rounds = rounds
        self._journal = journal

    def __repr__(self) -> str:
        return f"<ToolRun after {len(self._rounds.log.answers)} answers>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ToolStep:
        with self._reader():
            step = self._read()
        if step is None:
            raise StopIteration
        return step

    @contextmanager
    def _reader(self) -> Iterator[None]:
        try:
            with self._rounds.reader():
                yield
        except Exception:
            raise
        except BaseException:  # on Ctrl-C, cancel calls and tools: no step will be read
            self._rounds.abandon()
            raise

    def _read(self) -> ToolStep | None:
        """Read and record items until one is a step; return None at the end."""
        rounds = self._rounds
        while item := rounds.ready or loop_thread().run(rounds.next):
            if item.event is not None:
                self._record(item.event)
            step = rounds.keep(item)
            if step is not None:
                return step
        return None

    def _record(self, event: Event) -> None:
        if self._journal is None:
            return
        try:
            _check_kept(self._journal(event_text(event)))
        except StopIteration as error:  # would look like the end of the run
            raise RuntimeError("the journal raised StopIteration") from error

    def to_sse(self, *, ping: float | None = 15.0) -> EventBytes:
        """
        Return the unread steps as server-sent events, for a web framework to send.

        Same as `AsyncToolRun.to_sse`, but blocks.

        Args:
            ping: Seconds of silence after which a comment is sent; None for never.

        Raises:
            ArgumentError: *ping* is neither None nor a number above 0.
            StreamConsumedError: The run was already read to its end.
        """
        return _event_bytes()(self._events(ping), self._record)

    def until_done(self) -> ToolRunResult:
        """
        Read to the end of the run, and return its result.

        Same as `AsyncToolRun.until_done`, but blocks.

        Raises:
            MaxRoundsError: The model has called tools in ``max_rounds`` answers.
            ThoughtBudgetError: The model's thoughts used up all tokens of an answer.
            OutputInvalidError: An answer says that it calls tools, but has no calls
                that can be read.
            ASI1Error: As for `Completions.create`.
        """
        with self._reader():
            if self._journal is None:
                # Nothing has to run in this thread, so one cross-thread call is enough.
                loop_thread().run(self._rounds.finish)
            else:
                while self._read() is not None:
                    pass
        return self._result()

    def close(self) -> None:
        """
        Cancel what is running; may be called twice, and by any thread.

        Same as `AsyncToolRun.aclose`, but blocks.
        """
        self._rounds.abandon()  # needs no event loop: runs in the caller's thread
        close_on_loop(self._rounds.aclose)


def _check_kept(result: object) -> None:
    """Raise `ArgumentError` if the journal is async, and so has written nothing."""
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        problem = "must not be a coroutine function in a blocking run"
        raise ArgumentError(f"journal: {problem}", argument="journal")


@loader
def _event_bytes() -> type[EventBytes]:
    from .to_sse import EventBytes  # noqa: PLC0415

    return EventBytes

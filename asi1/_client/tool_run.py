"""A run with tools: the public class around `ToolRounds`."""

from __future__ import annotations

import inspect

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._call.tool_rounds import ToolRounds
from .._models.base_types import public
from .._models.busy_errors import StreamConsumedError
from .._models.completion import ChatCompletion, ToolCall
from .._models.response import Usage
from .._protocol.tools.run_events import Event
from .._protocol.tools.saved_run import event_text, saved_events
from .._protocol.tools.steps import ToolRunResult, ToolStep, usage_of
from .loader import loader


if TYPE_CHECKING:
    from .._call.answer_events import AnswerEvents
    from .to_sse import AsyncEventBytes


__all__ = ["AsyncToolRun", "RunState"]


class RunState:
    """What a tool run has done so far."""

    _rounds: ToolRounds

    @property
    def answer(self) -> ChatCompletion | None:
        """The model's last answer; None before the first."""
        answers = self._rounds.log.answers
        return answers[-1] if answers else None

    @property
    def steps(self) -> tuple[ToolStep, ...]:
        """
        The steps so far, without those for pieces of answers.

        These are only the steps that were read. In a resumed run, the steps of the
        saved run come first.
        """
        return tuple(self._rounds.log.steps)

    @property
    def usage(self) -> Usage | None:
        """The tokens of all answers so far; None if the server reported none."""
        return usage_of(self._rounds.log.steps)

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls that wait for an approval; empty while the run goes on."""
        return self._rounds.pending

    def to_json(self) -> str:
        """
        Return the run so far as JSON text, to go on with ``resume_tools``.

        The text contains the messages, the model, ``max_rounds``, the answers, and
        which tool calls have begun and ended. It contains neither the tools nor the
        options. Resume it only once: if it is resumed twice, its approved calls run
        twice.
        """
        return saved_events(self._rounds.log.events)

    def _events(self, ping: float | None) -> AnswerEvents:
        if self._rounds.over:
            raise StreamConsumedError("the run was already read")
        return _event_maker()(self._rounds, ping)

    def _result(self) -> ToolRunResult:
        return self._rounds.log.result()


@public
class AsyncToolRun(RunState):
    """
    A run in which the model calls tools: an async iterator of its steps.

    ``async for step in run`` reads the steps; ``await run.until_done()`` reads them all
    and returns the result. The run goes on only while it is read: no tool begins before
    its `ToolStartedStep` was read. A cancelled read loses nothing. Use it with
    ``async with`` if you may stop early: leaving the block cancels what is running. So
    does garbage collection of this object. After an error, `to_json` still has what was
    done, and ``resume_tools`` goes on.
    """

    def __init__(
        self, rounds: ToolRounds, journal: Callable[[str], object] | None
    ) -> None:
        """Users do not construct this class; the client does."""
        self._rounds = rounds
        self._journal = journal

    def __repr__(self) -> str:
        return f"<AsyncToolRun after {len(self._rounds.log.answers)} answers>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ToolStep:
        with self._rounds.reader():
            step = await self._read()
        if step is None:
            raise StopAsyncIteration
        return step

    async def _read(self) -> ToolStep | None:
        """Read and record items until one is a step; return None at the end."""
        while item := await self._rounds.next():
            if item.event is not None:
                await self._record(item.event)
            step = self._rounds.keep(item)
            if step is not None:
                return step
        return None

    async def _record(self, event: Event) -> None:
        if self._journal is None:
            return
        try:
            kept = self._journal(event_text(event))
            if inspect.isawaitable(kept):
                await kept
        # A StopAsyncIteration would tell the reader that the run has ended.
        except StopAsyncIteration as error:
            raise RuntimeError("the journal raised StopAsyncIteration") from error

    def to_sse(self, *, ping: float | None = 15.0) -> AsyncEventBytes:
        """
        Return the unread steps as server-sent events, for a web framework to send.

        The run goes on while the events are read, and so does its journal. After the
        last event, `to_json` has the run for `resume_tools`.

        Args:
            ping: Seconds of silence after which a comment is sent; None for never.

        Raises:
            ArgumentError: *ping* is neither None nor a number above 0.
            StreamConsumedError: The run was already read to its end.
        """
        return _event_bytes()(self._events(ping), self._record)

    async def until_done(self) -> ToolRunResult:
        """
        Read to the end of the run, and return its result.

        The run also ends when calls wait for an approval: then ``result.pending`` has
        these calls, and ``resume_tools`` goes on.

        Raises:
            MaxRoundsError: The model has called tools in ``max_rounds`` answers.
            ThoughtBudgetError: The model's thoughts used up all tokens of an answer.
            OutputInvalidError: An answer says that it calls tools, but has no calls
                that can be read.
            ASI1Error: As for `AsyncCompletions.create`.
        """
        with self._rounds.reader():
            while await self._read() is not None:
                pass
        return self._result()

    async def aclose(self) -> None:
        """Cancel what is running; may be called twice, and by any task."""
        await self._rounds.aclose()


@loader
def _event_maker() -> Callable[[ToolRounds, float | None], AnswerEvents]:
    from .._call.answer_events import AnswerEvents  # noqa: PLC0415
    from .._call.run_sse import RunEvents  # noqa: PLC0415

    return lambda rounds, ping: AnswerEvents(RunEvents(rounds), ping)


@loader
def _event_bytes() -> type[AsyncEventBytes]:
    from .to_sse import AsyncEventBytes  # noqa: PLC0415

    return AsyncEventBytes

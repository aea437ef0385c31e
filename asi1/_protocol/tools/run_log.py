"""
The state of a tool run, and the decision what the run does next.

The state follows from the run's events: so a run that was saved, or whose process was
killed, can go on from its events in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from attrs import define, field

from ..._models.completion import ChatCompletion, ToolCall
from ..._models.messages import wire_messages
from ..context.tokens import Wire
from .errors import MaxRoundsError
from .run_actions import Action, Ask, Pause, Refuse, RunTools, Stop
from .run_events import (
    Answered,
    Begun,
    Decided,
    Decision,
    Ended,
    Event,
    Paused,
    Started,
    checked_decisions,
)
from .steps import AnswerStep, ToolEndedStep, ToolRunResult, ToolStartedStep, ToolStep
from .tool import Tool
from .tool_calls import Runnable, checked_answer, own_calls, prepared


__all__ = ["RunLog"]

_INTERRUPTED = (
    "the call was interrupted: it is not known whether it took effect, and it is not"
    " run again"
)
# Number of calls whose arguments are decoded in one step.
_CALLS_PER_STEP = 64
_REFUSED = "the user does not allow this call"


# A call, and either the same call ready to run, or why it must not run.
_Open: TypeAlias = tuple[ToolCall, Runnable | str]


def _wire(answer: ChatCompletion) -> Wire:
    (message,) = wire_messages([answer])
    return message


@define(eq=False)
class RunLog:
    """
    The events of one run, and the state that they add up to.

    Attributes:
        tools: The tools by their names.
        max_rounds: The most answers that the model may give; None for the number with
            which the run began.
        wire: Returns an answer in the form in which a later request contains it.
        events: All events, oldest first.
        steps: The `ToolStep` of each event that has one.
        answers: The model's answers.
        calls: The tool calls of all answers, by their ids.
        results: The results of calls that have one, by their ids.
        started: The ids of the calls that were begun.
        paused: The ids of the calls for which the run has waited.
        decisions: The user's decisions, by the ids of the calls.
        open: The calls of the last answer that have no result, by their ids.
    """

    tools: Mapping[str, Tool[..., Any]]
    max_rounds: int | None = None
    wire: Callable[[ChatCompletion], Wire] = _wire
    events: list[Event] = field(factory=list, init=False)
    steps: list[ToolStep] = field(factory=list, init=False)
    answers: list[ChatCompletion] = field(factory=list, init=False)
    calls: dict[str, ToolCall] = field(factory=dict, init=False)
    results: dict[str, Ended] = field(factory=dict, init=False)
    started: set[str] = field(factory=set, init=False)
    paused: set[str] = field(factory=set, init=False)
    decisions: dict[str, Decision] = field(factory=dict, init=False)
    open: dict[str, ToolCall] = field(factory=dict, init=False)
    # Whether each open call may run, decided once: decoding many arguments takes long.
    _prepared: dict[str, Runnable | str] = field(factory=dict, init=False)
    # Whether all open calls were checked and none has to be refused; and the ids of
    # calls that were begun and have no result.
    _vetted: bool = field(default=False, init=False)
    _unended: set[str] = field(factory=set, init=False)
    # The messages of the first answers, whose calls all have results, and how many
    # answers these are.
    _sent: list[Wire] = field(factory=list, init=False)
    _complete: int = field(default=0, init=False)

    def add(self, event: Event, error: BaseException | None = None) -> ToolStep | None:
        """
        Record *event*, and return its step; None if it has no step.

        Args:
            event: What has happened.
            error: The exception that a tool raised.
        """
        self.events.append(event)
        step = self._update(event, error)
        if step is not None:
            self.steps.append(step)
        return step

    def _update(self, event: Event, error: BaseException | None) -> ToolStep | None:
        match event:
            case Answered(answer):
                self.answers.append(answer)
                calls = {call.id: call for call in own_calls(answer)}
                self.calls |= calls
                self.open = {i: c for i, c in calls.items() if i not in self.results}
                self._prepared.clear()
                self._vetted = False
                return AnswerStep(answer=answer, round=len(self.answers))
            case Started(id):
                self.started.add(id)
                self._unended.add(id)
                return ToolStartedStep(call=self.calls[id])
            case Ended(id, content, failed):
                self._unended.discard(id)
                self.results.setdefault(id, event)
                self.open.pop(id, None)
                return ToolEndedStep(
                    call=self.calls[id], content=content, failed=failed, error=error
                )
            case Paused(ids):
                self.paused.update(ids)
            case Decided(decisions):
                self.decisions |= decisions
                self._vetted = False
        return None

    @property
    def begun(self) -> Begun:
        """The run's first event."""
        first = self.events[0]
        assert isinstance(first, Begun)  # noqa: S101 - for type checkers
        return first

    def checked(self, answer: ChatCompletion) -> Answered:
        """
        Check a new *answer*, and return its event.

        Raises:
            OutputError: The answer cannot be used, as for `checked_answer`.
        """
        settled = self.started | self.decisions.keys()
        return Answered(checked_answer(answer, self.tools, self.calls, settled))

    def next_action(self) -> Action:
        """
        Return what the run does next, when nothing is running.

        Raises:
            MaxRoundsError: The model has given as many answers as it may, and wants to
                go on.
        """
        if not self.answers:
            return Ask()
        if self.open and (action := self._next_of_open()) is not None:
            return action
        if not own_calls(self.answers[-1]):
            return Stop()
        most = self.max_rounds or self.begun.max_rounds
        if len(self.answers) >= most:
            raise MaxRoundsError(
                f"the model still calls tools after {most} answers",
                result=self.result(),
            )
        return Ask()

    def _next_of_open(self) -> Action | None:
        """Return what the run does about the open calls; None if it does nothing."""
        if not self._vetted or self._unended:
            if refused := tuple(self._refused()):
                return Refuse(refused)
            self._vetted = True
        if group := self._next_group():
            return RunTools(group)
        pending = tuple(call.id for call in self.pending)
        if not self.paused.issuperset(pending):
            return Pause(pending)
        return Stop() if pending else None

    def prepare(self) -> Generator[None, None, None]:
        """
        Decode the arguments of the open calls in steps, so that `next_action` is fast.

        Yields:
            None after some calls, so that the caller can let other tasks run.
        """
        if not self._vetted:
            for number, call in enumerate([*self.open.values()], start=1):
                self._verdict(call)
                if number % _CALLS_PER_STEP == 0:
                    yield

    def _open_calls(self) -> Iterator[_Open]:
        """Yield the last answer's calls without a result, and whether they may run."""
        for call in self.open.values():
            yield call, self._verdict(call)

    def _refused(self) -> Iterator[tuple[ToolCall, str]]:
        """Yield the open calls that must not run, and why."""
        for call, found in self._open_calls():
            if isinstance(found, str) and not self._is_pending(call, found):
                yield call, found

    def _next_group(self) -> tuple[Runnable, ...]:
        """Return the first calls that can run at the same time, in their order."""
        group: list[Runnable] = []
        for place, (call, found) in enumerate(self._open_calls()):
            waits = self._is_pending(call, found)
            if isinstance(found, str) or not found.tool.serial:
                group += [] if waits or isinstance(found, str) else [found]
            elif waits or place:
                break  # a serial tool runs after all calls before it have ended
            else:
                return (found,)
        return tuple(group)

    def _verdict(self, call: ToolCall) -> Runnable | str:
        if call.id in self.started:
            return _INTERRUPTED
        found = self._prepared.get(call.id)
        if found is None:
            found = prepared(self.answers[-1], call, self.tools)
            self._prepared[call.id] = found
        decision = self.decisions.get(call.id)
        if decision is None or decision is True:
            return found
        return decision or _REFUSED

    def _is_pending(self, call: ToolCall, found: Runnable | str) -> bool:
        if call.id in self.decisions or call.id in self.started:
            return False
        # A call for which a saved run has waited still needs a decision, even if its
        # tool no longer needs an approval.
        needs = isinstance(found, Runnable) and found.tool.needs_approval
        return needs or call.id in self.paused

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls of the last answer that wait for a decision, in their order."""
        return tuple(
            call for call, found in self._open_calls() if self._is_pending(call, found)
        )

    def decided(self, decisions: Mapping[str, Decision]) -> Decided:
        """
        Return the event of the user's decisions.

        Raises:
            ArgumentError: A decision is neither a bool nor a str, or the run has no
                pending call with its id, or there is no tool for an allowed call.
        """
        names = {call.id: call.function.name for call in self.pending}
        return checked_decisions(decisions, names, self.tools)

    def added(self) -> list[Wire]:
        """Return the messages after those with which the run began."""
        complete = len(self.answers) - bool(self.open)
        for answer in self.answers[self._complete : complete]:
            self._sent += self._round(answer)
        self._complete = complete
        last = self.answers[complete:]
        return [*self._sent, *(m for answer in last for m in self._round(answer))]

    def _round(self, answer: ChatCompletion) -> Iterable[Wire]:
        yield self.wire(answer)
        for call in own_calls(answer):
            if ended := self.results.get(call.id):
                yield {
                    "role": "tool",
                    "tool_call_id": call.id,
                    "content": ended.content,
                }

    def result(self) -> ToolRunResult:
        """Return what the run has done; the run must have an answer."""
        messages = [*self.begun.messages, *self.added()]
        return ToolRunResult(
            answer=self.answers[-1],
            messages=tuple(dict(message) for message in messages),
            steps=tuple(self.steps),
            pending=self.pending,
        )

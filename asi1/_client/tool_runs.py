"""Begins tool runs and resumes saved ones, after a check of the caller's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from attrs import define, frozen

from .._call.attempts import OneRequest
from .._call.call import Call
from .._call.engine import Engine
from .._call.reply_reader import ReplyReader
from .._call.tool_rounds import RunRequests, ToolRounds
from .._models.errors import ArgumentError
from .._models.messages import Messages
from .._protocol.context.history import stored
from .._protocol.context.tokens import Wire
from .._protocol.request import ChatDraft, Request, draft_chat
from .._protocol.tools.run_events import Begun, Decision
from .._protocol.tools.run_log import RunLog
from .._protocol.tools.saved_run import load_events
from .._protocol.tools.tool import Tool, tools_by_name
from .._settings.option_checks import check_own_keys
from .._settings.validators import flag, or_none, seconds, whole_number, wrong


if TYPE_CHECKING:
    from .._settings.budget import Budget


__all__ = ["RunPlan", "begin_run", "resume_run"]


_seconds_or_none, _number_of_rounds = or_none(seconds), whole_number(1)
# Error messages for a saved run of the wrong kind. The key: whether a conversation
# resumes it.
_OTHER_KIND = {
    False: "saved: is a run of a conversation; use the conversation's resume_tools",
    True: "saved: is not a run of a conversation; use chat.completions.resume_tools",
}


@frozen(kw_only=True)
class RunPlan:
    """
    The arguments of a run, except its messages.

    Attributes:
        tools: The tools by their names.
        max_rounds: Maximum number of the model's answers; None for that of the saved
            run.
        stream: Whether answers are streamed.
        tool_timeout: Maximum seconds of a tool call; None for no limit.
        budget: The most that the run's answers may use; None for no limit.
    """

    tools: Mapping[str, Tool[..., Any]]
    max_rounds: int | None
    stream: bool
    tool_timeout: float | None
    budget: Budget | None = None

    @classmethod
    def of(
        cls,
        tools: Any,
        *,
        max_rounds: Any,
        stream: Any,
        tool_timeout: Any,
        journal: Any,
        budget: Any = None,
    ) -> RunPlan:
        """
        Check the arguments, and return the plan.

        Raises:
            ArgumentError: An argument is wrong, or a function cannot be a tool.
        """
        if max_rounds is not None:
            _check_rounds(max_rounds)
        if problem := flag(stream):
            raise wrong("stream", problem, stream)
        if problem := _seconds_or_none(tool_timeout):
            raise wrong("tool_timeout", problem, tool_timeout)
        if journal is not None and not callable(journal):
            raise wrong("journal", "must be a function of one str", journal)
        return cls(
            tools=tools_by_name(tools),
            max_rounds=max_rounds,
            stream=stream,
            tool_timeout=tool_timeout,
            budget=budget,
        )

    def engine(self, engine: Engine) -> Engine:
        """
        Return the engine of the run's calls, which must fit into `budget`.

        Raises:
            ConfigurationError: The budget is not a `Budget`.
        """
        return engine if self.budget is None else engine.child(budget=self.budget)

    def first_options(
        self,
        later: Mapping[str, Any],
        options: Mapping[str, Any],
        defaults: Mapping[str, Any],
    ) -> dict[str, Any]:
        """
        Return the options of the first request, which has the caller's tool choice.

        Args:
            later: The `later_options`.
            options: The caller's options.
            defaults: Options of the client, and of the conversation, if any.
        """
        choice = options.get("tool_choice") or defaults.get("tool_choice")
        return {**later, "tool_choice": choice or "auto"}

    def later_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return the options of later requests.

        They include the tools, and ``tool_choice`` becomes "auto": without tools, or
        with "none", a model writes tool calls as text; with "required", it never stops
        calling.
        """
        wire = [tool.to_dict() for tool in self.tools.values()]
        return {**options, "tools": wire, "tool_choice": "auto"}

    def begun(self, messages: Messages, model: str, *, turn: bool) -> Begun:
        """
        Return the first event of a new run; *turn*: whether the run is a turn of a
        conversation.

        Raises:
            ArgumentError: *messages* are wrong, or `max_rounds` is None.
        """
        max_rounds = _check_rounds(self.max_rounds)
        return Begun(stored(messages), model, max_rounds, turn)

    def loaded(self, saved: Any, *, turn: bool) -> RunLog:
        """
        Return the log of a saved run; *turn*: whether it must be a conversation's run.

        Raises:
            ArgumentError: *saved* is not a saved run, or is a run of the wrong kind.
        """
        log = self.log()
        for event in load_events(saved):
            log.add(event)
        if log.begun.turn is not turn:
            raise ArgumentError(_OTHER_KIND[turn], argument="saved")
        return log

    def log(self) -> RunLog:
        """Return the log of a run that has not begun."""
        return RunLog(self.tools, self.max_rounds)

    def rounds(self, engine: Engine, requests: RunRequests, log: RunLog) -> ToolRounds:
        """Return the run of *log*; its first read begins or continues the run."""
        return ToolRounds(engine, requests, log, self.stream, self.tool_timeout)


def _check_rounds(max_rounds: Any) -> int:
    if problem := _number_of_rounds(max_rounds):
        raise wrong("max_rounds", problem, max_rounds)
    number: int = max_rounds
    return number


@define(eq=False)
class _Requests:
    """The requests of a tool run that belongs to no conversation."""

    engine: Engine
    messages: Sequence[Wire]
    first: Request
    later: ChatDraft

    def begin(self) -> None:
        """Raise `ClientClosedError` if the client is closed."""
        self.engine.check_open()

    def call(self, added: Sequence[Wire], reader: type[ReplyReader[Any]]) -> Call[Any]:
        """Return the call that sends the messages, followed by *added*."""
        request = self.first
        if added:
            request = self.later.request_of([*self.messages, *added])
        return self.engine.call(OneRequest(request), reader)

    def commit(self, log: RunLog) -> None:
        """Do nothing: no conversation stores the messages of the run."""

    def end(self) -> None:
        """Do nothing: no conversation waits for the end of the run."""


def begin_run(
    engine: Engine,
    plan: RunPlan,
    *,
    messages: Messages,
    model: str | None,
    options: Mapping[str, Any],
) -> ToolRounds:
    """
    Return a new run; its first read makes the first call.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    engine = plan.engine(engine)
    name = engine.config.model if model is None else model
    begun = plan.begun(messages, name, turn=False)
    requests = _requests(engine, plan, begun, options)
    rounds = plan.rounds(engine, requests, plan.log())
    rounds.record(begun)
    return rounds


def resume_run(
    engine: Engine,
    plan: RunPlan,
    *,
    saved: Any,
    decisions: Mapping[str, Decision] | None,
    model: str | None,
    options: Mapping[str, Any],
) -> ToolRounds:
    """
    Return a saved run, with decisions about its pending calls.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    engine = plan.engine(engine)
    log = plan.loaded(saved, turn=False)
    begun = log.begun if model is None else attrs.evolve(log.begun, model=model)
    rounds = plan.rounds(engine, _requests(engine, plan, begun, options), log)
    rounds.resume(decisions or {})
    return rounds


def _requests(
    engine: Engine, plan: RunPlan, begun: Begun, options: Mapping[str, Any]
) -> _Requests:
    engine.check_open()
    draft = partial(draft_chat, engine.config, model=begun.model, stream=plan.stream)
    others = plan.later_options(options)
    chosen = plan.first_options(others, options, engine.config.options)
    first = draft(options=chosen)
    check_own_keys(first.options, "answer")
    is_same = chosen["tool_choice"] == others["tool_choice"]
    later = first if is_same else draft(options=others)
    # Built now, so that messages that JSON cannot express raise an error now.
    request = first.request_of(begun.messages)
    return _Requests(engine, begun.messages, request, later)

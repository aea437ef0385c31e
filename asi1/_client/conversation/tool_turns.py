"""A turn of a conversation in which the model calls tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from attrs import define, field

from ..._call.answer_reader import AnswerReader
from ..._call.call import Call
from ..._call.chunk_reader import ChunkReader
from ..._call.engine import Engine
from ..._call.tool_rounds import ToolRounds
from ..._models.messages import Message, Messages
from ..._protocol.context.tokens import Wire
from ..._protocol.request import ChatDraft, draft_chat
from ..._protocol.tools.run_events import Begun, Decision
from ..._protocol.tools.run_log import RunLog
from ..._settings.option_checks import check_own_keys, with_defaults
from ..tool_runs import RunPlan
from .turn import Turn, listed
from .turn_taking import TurnTaking


__all__ = ["begin_turn", "resume_turn"]


@define(eq=False)
class _TurnRequests:
    """The calls of the model in a tool run that is one turn of a conversation."""

    turn: Turn[Any]
    later: ChatDraft
    log: RunLog
    _first: int | None = field(default=None, init=False)
    _sent: int = field(default=0, init=False)

    def begin(self) -> None:
        """Begin the turn: until `end`, the conversation allows no other turn."""
        self.turn.__enter__()

    def call(self, added: Sequence[Wire], reader: type[Any]) -> Call[Any]:  # noqa: ARG002
        """Return the call that sends the turn's messages, followed by *added*."""
        if self._first is None:
            self._first, self._sent = len(self.log.answers), len(added)
            self.turn.extend(added)
            return self.turn.call
        return self.turn.again(added[self._sent :], self.later)

    def commit(self, log: RunLog) -> None:
        """Add all messages of the run to the history, as one turn."""
        first = len(log.answers) if self._first is None else self._first
        self.turn.commit_exchange(log.answers, log.added()[self._sent :], first)

    def end(self) -> None:
        """Let the next turn begin; may be called twice, from any thread."""
        self.turn.release()


def begin_turn(
    turns: TurnTaking,
    plan: RunPlan,
    *,
    message: Messages | Message,
    model: str | None,
    options: Mapping[str, Any],
) -> ToolRounds:
    """
    Return a new run; its first read begins the turn.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    engine = plan.engine(turns.engine)
    name = model or turns.history.model or engine.config.model
    begun = plan.begun(listed(message), name, turn=True)
    log = plan.log()
    requests = _requests(turns, plan, begun, log, options, engine=engine)
    rounds = plan.rounds(engine, requests, log)
    rounds.record(begun)
    return rounds


def resume_turn(
    turns: TurnTaking,
    plan: RunPlan,
    *,
    saved: Any,
    decisions: Mapping[str, Decision] | None,
    model: str | None,
    options: Mapping[str, Any],
) -> ToolRounds:
    """
    Return a saved run of the conversation, with decisions about its pending calls.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    engine = plan.engine(turns.engine)
    log = plan.loaded(saved, turn=True)
    begun = log.begun if model is None else attrs.evolve(log.begun, model=model)
    requests = _requests(turns, plan, begun, log, options, engine=engine)
    rounds = plan.rounds(engine, requests, log)
    rounds.resume(decisions or {})
    return rounds


def _requests(
    turns: TurnTaking,
    plan: RunPlan,
    begun: Begun,
    log: RunLog,
    options: Mapping[str, Any],
    *,
    engine: Engine,
) -> _TurnRequests:
    # Only the first request of a tool run uses the caller's `tool_choice`. If a resumed
    # run has an answer, its first request was sent before.
    defaults = {**turns.engine.config.options, **turns.history.options}
    others = plan.later_options(options)
    chosen: Any = others
    if not log.answers:
        chosen = plan.first_options(others, options, defaults)
    reader = ChunkReader if plan.stream else AnswerReader
    turn: Turn[Any] = Turn(
        turns, begun.messages, begun.model, chosen, reader, engine=engine
    )
    later = draft_chat(
        turns.engine.config,
        model=begun.model,
        stream=plan.stream,
        options=with_defaults(others, turns.history.options),
    )
    check_own_keys(later.options, "answer")
    log.wire = turn.wire
    return _TurnRequests(turn, later, log)

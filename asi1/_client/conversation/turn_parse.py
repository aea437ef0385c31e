"""A turn whose answer becomes a value of a Python type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._call.answer_reader import AnswerReader
from ..._call.parse_rounds import ParsePlan, Rounds
from ..._models.completion import ChatCompletion
from ..._models.messages import Message, Messages
from ..._models.parsed import ParsedCompletion
from .turn import Turn
from .turn_taking import TurnTaking


__all__ = ["turn_rounds"]


def turn_rounds(
    turns: TurnTaking,
    message: Messages | Message,
    response_format: Any,
    *,
    model: str | None,
    repair: object,
    options: Mapping[str, Any],
) -> Rounds[ParsedCompletion[Any]]:
    """
    Return the calls of a turn's `parse`, after checking all arguments.

    The turn begins with the first call. Once an answer fits the type, the turn is added
    to the history, without earlier answers and the requests to correct them.

    Raises:
        ArgumentError: An argument is wrong; nothing was sent.
        ClientClosedError: The client is closed.
    """
    plan = ParsePlan.of(response_format, repair)
    wanted: Any = {**options, "response_format": plan.output.response_format}
    turn = Turn(turns, message, model, wanted, AnswerReader)
    plan.check(turn.draft.options)
    return _rounds(turn, plan)


def _rounds(
    turn: Turn[ChatCompletion], plan: ParsePlan[Any]
) -> Rounds[ParsedCompletion[Any]]:
    with turn:
        answer = yield from plan.rounds(turn.draft, turn.call, turn.again)
        earlier = [error.completion for error in answer.earlier if error.completion]
        turn.commit(answer, earlier)
        return answer

"""
The events of a tool run, such as an answer or the start of a tool.

The state of a run follows from its events alone, so a saved run is a list of events.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TypeAlias

from attrs import frozen

from ..._models.completion import ChatCompletion
from ..._models.errors import ArgumentError
from ..._settings.validators import wrong
from ..context.tokens import Wire


__all__ = [
    "Answered",
    "Begun",
    "Decided",
    "Decision",
    "Ended",
    "Event",
    "Paused",
    "Started",
    "checked_decisions",
]

# True to run the call; False, or the reason as a str, to refuse it.
Decision: TypeAlias = bool | str


@frozen
class Begun:
    """
    The run has begun.

    Attributes:
        messages: The messages with which the run began, without the earlier messages of
            a conversation.
        model: The name of the model.
        max_rounds: The maximum number of the model's answers.
        turn: Whether the run is a turn of a conversation.
    """

    messages: tuple[Wire, ...]
    model: str
    max_rounds: int
    turn: bool


@frozen
class Answered:
    """The model has answered."""

    answer: ChatCompletion


@frozen
class Paused:
    """The run waits for decisions about the calls with these ids."""

    ids: tuple[str, ...]


@frozen
class Decided:
    """The user has decided whether these calls, named by their ids, may run."""

    decisions: Mapping[str, Decision]


@frozen
class Started:
    """The tool of the call with this id is about to run."""

    id: str


@frozen
class Ended:
    """The call with this id has its result, which may be an error."""

    id: str
    content: str
    failed: bool


Event: TypeAlias = Begun | Answered | Paused | Decided | Started | Ended


def checked_decisions(
    decisions: Mapping[str, Decision], names: Mapping[str, str], tools: Container[str]
) -> Decided:
    """
    Return the event of the user's decisions.

    Args:
        decisions: The decisions, by the ids of the calls.
        names: The names of the functions of the pending calls, by the ids.
        tools: The names of the tools.

    Raises:
        ArgumentError: As for `RunLog.decided`.
    """
    if not isinstance(decisions, Mapping):
        raise wrong("decisions", "must be a dict by ids of calls", decisions)
    for call, decision in decisions.items():
        if call not in names:
            message = f"decisions: no call with the id {call!r:.80} is pending"
            raise ArgumentError(message, argument="decisions")
        if not isinstance(decision, bool | str):
            raise wrong("decisions", "must be True, False or a reason", decision)
        if decision is True and names[call] not in tools:
            message = (
                f"decisions: the call with the id {call!r:.80} cannot run, since"
                f" the tool {names[call]!r:.80} is missing"
            )
            raise ArgumentError(message, argument="decisions")
    return Decided(dict(decisions))

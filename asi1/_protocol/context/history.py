"""
The history of a conversation as plain data: its messages, their cost, what was learned.

A history never changes: each change returns a new one, so that a turn that fails has
nothing to take back, and a fork shares the history of its origin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from attrs import frozen

from ..._models.completion import Usage
from ..._models.errors import ArgumentError
from ..._models.json_text import dump_json, load_json, replace_surrogates_in
from ..._models.messages import Message, Messages, wire_messages
from ..._settings.options import wrong
from .tokens import TokenEstimator, WireMessage
from .view import Summary


__all__ = ["COUNTS", "History", "stored"]

COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "reasoning_tokens",
)


@frozen(kw_only=True)
class History:
    """
    A conversation.

    Attributes:
        messages: All that was said, in whole turns.
        model: None for the client's.
        options: For each turn.
        summary: Of the first turns, once one was made.
        tokens: What the server's reports have taught.
        ceiling: Prompt tokens that the server's refusals allow; None without one.
        usage: Of all calls.
        summary_usage: Of those that were made to summarise.
    """

    messages: tuple[WireMessage, ...] = ()
    model: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    summary: Summary | None = None
    tokens: TokenEstimator = attrs.field(factory=TokenEstimator)
    ceiling: int | None = None
    usage: Usage = attrs.field(factory=Usage)
    summary_usage: Usage = attrs.field(factory=Usage)

    def with_messages(self, messages: Sequence[WireMessage]) -> History:
        """Return it with other messages, and the summary if it still speaks of them."""
        summary, upto = self.summary, self.summary.upto if self.summary else 0
        if self.messages[:upto] != tuple(messages[:upto]):
            summary = None
        return attrs.evolve(self, messages=tuple(messages), summary=summary)

    def paid(self, usage: Usage | None, *, summary: bool = False) -> History:
        """Return it with the cost of one more call."""
        if usage is None:
            return self
        of_summaries = self.summary_usage
        return attrs.evolve(
            self,
            usage=_sum(self.usage, usage),
            summary_usage=_sum(of_summaries, usage) if summary else of_summaries,
        )

    def learned(self, request: Sequence[WireMessage], usage: Usage | None) -> History:
        """Return it with what the usage of *request* teaches."""
        if usage is None:
            return self
        tokens = self.tokens.learn(request, usage.prompt_tokens)
        return attrs.evolve(self, tokens=tokens)

    def edited(self, place: int, message: str | Message) -> History:
        """
        Return it with another message at *place*; of a str, the role stays.

        Raises:
            ArgumentError: There is no such place, or it is not a message.
        """
        messages = list(self.messages)
        if type(place) is not int or not -len(messages) <= place < len(messages):
            raise wrong("place", "must be the place of a message", place)
        new: Message = (
            {**messages[place], "content": message}
            if isinstance(message, str)
            else message
        )
        (messages[place],) = stored([new])
        return self.with_messages(messages)

    def upto(self, count: object) -> History:
        """
        Return it with the first *count* messages; a negative one counts from the end.

        Raises:
            ArgumentError: *count* is not a whole number.
        """
        if type(count) is not int:
            raise wrong("upto", "must be a number of messages", count)
        return self.with_messages(self.messages[:count])

    def without_last_turn(self) -> History:
        """Return it without what the user said last, and all that follows."""
        roles = [message.get("role") for message in self.messages]
        if "user" not in roles:
            return self
        first = len(roles) - 1 - roles[::-1].index("user")
        while first > 0 and roles[first - 1] == "user":  # several messages of one turn
            first -= 1
        return self.with_messages(self.messages[:first])


def stored(messages: Messages) -> tuple[WireMessage, ...]:
    """
    Return *messages* as a history keeps them: JSON values that nobody else holds.

    Half surrogate pairs, which models write and JSON text cannot hold, become U+FFFD.

    Raises:
        ArgumentError: They are no messages.
    """
    listed = wire_messages(messages)
    try:
        return tuple(load_json(dump_json(message)) for message in listed)
    except ValueError:
        pass
    try:
        return tuple(
            load_json(dump_json(replace_surrogates_in(message))) for message in listed
        )
    except ValueError as error:
        raise ArgumentError(
            f"messages: cannot be written as JSON ({error})", argument="messages"
        ) from None


def _sum(one: Usage, two: Usage) -> Usage:
    sums: dict[str, Any] = {
        name: (getattr(one, name) or 0) + (getattr(two, name) or 0) for name in COUNTS
    }
    if one.reasoning_tokens is two.reasoning_tokens is None:
        sums["reasoning_tokens"] = None
    return Usage(**sums)

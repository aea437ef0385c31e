"""
The history of a conversation as plain data: messages, usage and token estimates.

A history is immutable: each change returns a new history. So a failed turn has nothing
to undo, and a fork shares the history of the conversation that it was made from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from attrs import frozen

from ..._models.completion import ChatCompletion
from ..._models.errors import ArgumentError
from ..._models.json_text import (
    dump_json,
    load_json,
    replace_surrogates,
    replace_surrogates_in,
)
from ..._models.messages import AssistantMessage, Message, Messages, wire_messages
from ..._models.response import Usage, sum_of_usage
from ..._settings.validators import wrong
from .tokens import TokenEstimator, Wire
from .view import Summary


__all__ = ["COUNTS", "History", "stored"]

# The key under which servers send the thoughts of a message, and under which some
# servers expect them in requests.
_REASONING = "reasoning_content"
COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "reasoning_tokens",
)


@frozen(kw_only=True)
class History:
    """
    The history and settings of one conversation; immutable.

    Attributes:
        messages: The messages of all completed turns, oldest first.
        model: The conversation's model; None for the client's model.
        options: Chat options that apply to every turn.
        keep_reasoning: Whether the messages of the model contain its thoughts.
        session: Whether asi1 generated the ``session_id`` in *options*, so that a fork
            of the conversation gets a new one.
        summary: Summary of the first turns; None until the model has written one.
        tokens: The token estimator; learns from the usage that the server reports.
        ceiling: The most prompt tokens that the server accepts, learned from a request
            that the server refused as too long; None before the first such refusal.
        usage: Tokens used by all calls of the conversation, summaries included.
        summary_usage: Tokens used by the calls that wrote summaries.
    """

    messages: tuple[Wire, ...] = ()
    model: str | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    keep_reasoning: bool = False
    session: bool = False
    summary: Summary | None = None
    tokens: TokenEstimator = attrs.field(factory=TokenEstimator)
    ceiling: int | None = None
    usage: Usage = attrs.field(factory=Usage)
    summary_usage: Usage = attrs.field(factory=Usage)

    def with_messages(self, messages: Sequence[Wire]) -> History:
        """
        Return a history with other *messages*, without the summary if one of the
        summarised messages differs.
        """
        messages, summary = tuple(messages), self.summary
        if summary and self.messages[: summary.upto] != messages[: summary.upto]:
            summary = None
        return attrs.evolve(self, messages=messages, summary=summary)

    def with_reasoning(self, keep: bool | None) -> History:
        """
        Return a history that stores the thoughts of later answers if *keep* is True.

        If *keep* is False, the thoughts of earlier answers are removed; None for no
        change.
        """
        if keep is None:
            return self
        messages = self.messages
        if self.keep_reasoning and not keep:
            messages = tuple(map(_without_reasoning, messages))
        return attrs.evolve(self, messages=messages, keep_reasoning=keep)

    def with_session(self, session_id: str) -> History:
        """Return a history whose requests have *session_id*, which asi1 generated."""
        options = {**self.options, "session_id": session_id}
        return attrs.evolve(self, options=options, session=True)

    def reply(self, answer: ChatCompletion, *, partial: bool = False) -> Wire:
        """Return the message that this history stores for *answer*."""
        message = AssistantMessage(answer.text) if partial else answer
        (reply,) = stored([message])
        reply = {**reply, "role": "assistant"}
        reasoning = answer.message.reasoning or answer.thoughts
        if self.keep_reasoning and reasoning:
            reply[_REASONING] = replace_surrogates(reasoning)
        return reply

    def with_usage(self, usage: Usage | None, *, summary: bool = False) -> History:
        """Return a history that also counts the tokens of one more call."""
        if usage is None:
            return self
        summary_usage = self.summary_usage
        return attrs.evolve(
            self,
            usage=sum_of_usage(self.usage, usage),
            summary_usage=sum_of_usage(summary_usage, usage)
            if summary
            else summary_usage,
        )

    def with_tokens_learned(
        self, request: Sequence[Wire], usage: Usage | None
    ) -> History:
        """Return a history whose estimator has learned from the usage of *request*."""
        if usage is None:
            return self
        tokens = self.tokens.learn(request, usage.prompt_tokens)
        return attrs.evolve(self, tokens=tokens)

    def with_edit(self, place: int, message: str | Message) -> History:
        """
        Return a history with the message at index *place* replaced by *message*.

        If *message* is a str, it replaces only the content; the role stays the same.

        Raises:
            ArgumentError: *place* is out of range, or *message* is not a message.
        """
        messages = list(self.messages)
        if type(place) is not int or not -len(messages) <= place < len(messages):
            raise wrong("place", "must be the index of a message", place)
        new: Message = (
            {**messages[place], "content": message}
            if isinstance(message, str)
            else message
        )
        (messages[place],) = stored([new])
        return self.with_messages(messages)

    def truncated(self, count: object) -> History:
        """
        Return a history with the first *count* messages, as in ``messages[:count]``.

        Raises:
            ArgumentError: *count* is not an int.
        """
        if type(count) is not int:
            raise wrong("upto", "must be a number of messages", count)
        return self.with_messages(self.messages[:count])

    def without_last_turn(self) -> History:
        """Return a history without the last user messages and all later messages."""
        roles = [message.get("role") for message in self.messages]
        if "user" not in roles:
            return self
        first = len(roles) - 1 - roles[::-1].index("user")
        # Consecutive user messages are one turn.
        while first > 0 and roles[first - 1] == "user":
            first -= 1
        return self.with_messages(self.messages[:first])


def stored(messages: Messages) -> tuple[Wire, ...]:
    """
    Return *messages* in the form that a history stores: a deep copy as JSON values.

    Lone surrogates, which models write but UTF-8 cannot encode, become U+FFFD.

    Raises:
        ArgumentError: *messages* are not valid messages.
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


def _without_reasoning(message: Wire) -> Wire:
    if message.get("role") != "assistant":
        return message
    return {key: value for key, value in message.items() if key != _REASONING}

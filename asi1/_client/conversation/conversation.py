"""
`AsyncConversation`: a history that grows by a turn for each answer.

Decides nothing: whose turn it is, is told in `turns`.
"""

from __future__ import annotations

import copy

from collections.abc import Mapping
from typing import Any, Unpack

import attrs

from ..._call.engine import Engine
from ..._models.base_types import JSON, public
from ..._models.completion import ChatCompletion, Usage
from ..._models.errors import ArgumentError
from ..._models.messages import Message, Messages
from ..._protocol.context.history import History, stored
from ..._protocol.context.policies import ContextPolicy
from ..._protocol.context.tokens import TokenEstimator
from ..._settings.options import ChatOptions, checked_options, wrong
from ..stream import AsyncChatStream
from .turn_stream import turn_stream
from .turns import Turns


__all__ = ["AsyncConversation", "forked", "opened"]


def opened(
    engine: Engine,
    *,
    system: str | None,
    context: ContextPolicy | None,
    saved: str | bytes | None,
    model: str | None,
    options: Mapping[str, Any],
) -> Turns:
    """
    Begin a conversation, or go on with a saved one.

    Raises:
        ArgumentError: An argument is wrong.
        ClientClosedError: The client was closed before.
    """
    engine.check_open()
    history = History() if saved is None else History.from_json(saved)
    if system is not None:
        if history.messages:
            raise ArgumentError(
                "system: a saved conversation has its own", argument="system"
            )
        if not isinstance(system, str):
            raise wrong("system", "must be a text", system)
        first = stored([{"role": "system", "content": system}])
        history = attrs.evolve(history, messages=first)
    chosen = {**history.options, **checked_options(options)}
    if chosen.get("idempotency_key", "auto") != "auto":
        key = chosen["idempotency_key"]
        raise wrong("idempotency_key", "must be 'auto' for more than one turn", key)
    history = attrs.evolve(history, model=model or history.model, options=chosen)
    if context is not None and not isinstance(context, ContextPolicy):
        raise wrong("context", "must be a context policy", context)
    turns = Turns(engine, history, context)
    turns.limit(None, history.options)  # the model's size has to be known
    return turns


def forked(turns: Turns, upto: int | None) -> Turns:
    """
    Return another conversation with the first *upto* messages; with all for None.

    Raises:
        ArgumentError: *upto* is no number of messages.
    """
    history = turns.history
    if upto is not None:
        if type(upto) is not int:
            raise wrong("upto", "must be a number of messages", upto)
        history = history.with_messages(history.messages[:upto])
    return Turns(turns.core, history, turns.policy)


@public
class AsyncConversation:
    """
    Several turns with the model, which is sent what was said before.

    Made by `AsyncASI1.conversation`. Has one turn at a time; any number of
    conversations share a client. A turn joins the history when its answer is whole: one
    that fails, is cancelled, or whose stream is left early leaves the history as it
    was. An answer that ``max_tokens`` cut off is whole, and its finish reason says so.
    """

    def __init__(self, turns: Turns) -> None:
        """Made by the client."""
        self._turns = turns

    def __repr__(self) -> str:
        return f"<AsyncConversation of {len(self._turns.history.messages)} messages>"

    async def ask(
        self,
        message: Messages,
        *,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """
        Say something, and return what the model answers.

        Args:
            message: A text; or messages, such as the results of tools.
            model: As for `AsyncCompletions.create`, for this turn.
            **options: Fields of `ChatOptions`, over those of the conversation.

        Raises:
            ConversationBusyError: It waits for the answer to another turn.
            ContextLengthError: The server takes no request of that length, not even
                one that was cut once more.
            ArgumentError: An argument is wrong, or this turn alone is over the budget
                of the context policy; nothing was sent.
            ASI1Error: As `AsyncCompletions.create`.
        """
        exchange = self._turns.exchange(message, model, options, stream=False)
        self._turns.claim(exchange)
        try:
            answer: ChatCompletion = await self._turns.core.result(exchange)
            self._turns.commit(exchange, answer)
        finally:
            self._turns.release(exchange)
        return answer

    def stream(
        self,
        message: Messages,
        *,
        model: str | None = None,
        keep_partial: bool = False,
        **options: Unpack[ChatOptions],
    ) -> AsyncChatStream:
        """
        Say something, and read the answer as it is written.

        Used as ``async with chat.stream("...") as stream``; the turn begins when the
        block is entered, and joins the history when the stream is read to its end.

        Args:
            message: As for `ask`.
            model: As for `ask`.
            keep_partial: Whether the text of an answer that breaks off, or of a stream
                that is closed early, joins the history as if it were whole.
            **options: As for `ask`.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent. What `ask` raises
                besides comes when the turn begins.
            ClientClosedError: The client was closed before.
        """
        exchange = self._turns.exchange(message, model, options, stream=True)
        return AsyncChatStream(
            turn_stream(self._turns, exchange, keep_partial=keep_partial)
        )

    @property
    def messages(self) -> tuple[dict[str, JSON], ...]:
        """All that was said, oldest first, as the API takes it: a copy."""
        return tuple(copy.deepcopy(dict(m)) for m in self._turns.history.messages)

    @property
    def session_id(self) -> str | None:
        """What every turn sends as ``x-session-id``; None for nothing."""
        found: str | None = self._turns.history.options.get("session_id")
        return found

    @property
    def summary(self) -> str | None:
        """What stands for the first turns in requests; None if nothing does."""
        summary = self._turns.history.summary
        return summary.text if summary else None

    @property
    def tokens(self) -> TokenEstimator:
        """What the server's reports have taught of tokens."""
        return self._turns.counter(self._turns.history.options)

    @property
    def usage(self) -> Usage:
        """What all calls cost together, as far as the server told."""
        return self._turns.history.usage

    @property
    def summary_usage(self) -> Usage:
        """What of `usage` went into summaries."""
        return self._turns.history.summary_usage

    def edit(self, place: int, message: str | Message) -> None:
        """
        Replace one message.

        Args:
            place: Its place in `messages`; negative numbers count from the end.
            message: What stands there from now on; of a text, the role stays.

        Raises:
            ArgumentError: There is no such place, or it is no message.
            ConversationBusyError: It waits for an answer.
        """
        self._turns.check_free()
        messages = list(self._turns.history.messages)
        if type(place) is not int or not -len(messages) <= place < len(messages):
            raise wrong("place", "must be the place of a message", place)
        new: Message = (
            {**messages[place], "content": message}
            if isinstance(message, str)
            else message
        )
        (messages[place],) = stored([new])
        self._turns.history = self._turns.history.with_messages(messages)

    def undo(self) -> tuple[dict[str, JSON], ...]:
        """
        Take the last turn back: what the user said last, and all that follows.

        Returns:
            The messages that were taken out; none if the user has said nothing.

        Raises:
            ConversationBusyError: It waits for an answer.
        """
        self._turns.check_free()
        messages = self._turns.history.messages
        users = [i for i, m in enumerate(messages) if m.get("role") == "user"]
        if not users:
            return ()
        first = users[-1]
        while first - 1 in users:  # said in one breath
            first -= 1
        self._turns.history = self._turns.history.with_messages(messages[:first])
        return tuple(copy.deepcopy(dict(m)) for m in messages[first:])

    def fork(self, upto: int | None = None) -> AsyncConversation:
        """
        Return another conversation with the same past.

        Args:
            upto: How many of the messages it keeps; all if left out. Negative numbers
                count from the end.

        Raises:
            ArgumentError: *upto* is no number of messages.
        """
        return AsyncConversation(forked(self._turns, upto))

    def to_json(self) -> str:
        """
        Return the conversation as JSON text, for ``client.conversation(saved=...)``.

        It holds the messages, what was learned of tokens, the summary, and the options
        that are part of what a request says, `session_id` among them. It does not hold
        the context policy, timeouts, retries, extra headers or an extra query: give
        them again.
        """
        return self._turns.history.to_json()

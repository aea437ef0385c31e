"""
`AsyncConversation`: a history that grows by a turn for each answer.

Whose turn it is, is told in `turn_taking`; what becomes of the history, in `History`.
"""

from __future__ import annotations

import copy

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

import attrs

from ..._call.answer_reader import AnswerReader, ChunkReader
from ..._call.engine import Core
from ..._models.base_types import JSON, public
from ..._models.completion import ChatCompletion, Usage
from ..._models.errors import ArgumentError
from ..._models.messages import Message, Messages
from ..._protocol.context.history import History, stored
from ..._protocol.context.policies import ContextPolicy
from ..._protocol.context.saved_conversation import from_json, to_json
from ..._protocol.context.tokens import TokenEstimator, WireMessage
from ..._settings.options import ChatOptions, checked_options, wrong
from ..stream import AsyncChatStream
from .turn import Turn
from .turn_stream import TurnStream
from .turn_taking import TurnTaking


__all__ = ["AsyncConversation", "open_conversation"]


def open_conversation(
    core: Core,
    *,
    system: str | None,
    context: ContextPolicy | None,
    saved: str | bytes | None,
    model: str | None,
    options: Mapping[str, Any],
) -> AsyncConversation:
    """
    Begin a conversation, or go on with a saved one.

    Raises:
        ArgumentError: An argument is wrong.
        ClientClosedError: The client was closed before.
    """
    core.check_open()
    history = History() if saved is None else from_json(saved)
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
    turns = TurnTaking(core, history, context)
    turns.limit(None, history.options)  # the model's size has to be known
    return AsyncConversation(turns)


@public
class AsyncConversation:
    """
    Several turns with the model, which is sent what was said before.

    Made by `AsyncASI1.conversation`. Has one turn at a time; any number of
    conversations share a client. A turn joins the history when its answer is whole: one
    that fails, is cancelled, or whose stream is left early leaves the history as it
    was. An answer that ``max_tokens`` cut off is whole, and its finish reason says so.
    """

    def __init__(self, turns: TurnTaking) -> None:
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
        with Turn(self._turns, message, model, options, AnswerReader) as turn:
            answer = await self._turns.core.result(turn.call)
            turn.commit(answer)
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
        turn = Turn(self._turns, message, model, options, ChunkReader)
        return TurnStream(turn, keep_partial=keep_partial)

    @property
    def messages(self) -> tuple[dict[str, JSON], ...]:
        """All that was said, oldest first, as the API takes it: a copy."""
        return _copied(self._turns.history.messages)

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
        self._turns.history = self._turns.history.edited(place, message)

    def undo(self) -> tuple[dict[str, JSON], ...]:
        """
        Take the last turn back: what the user said last, and all that follows.

        Returns:
            The messages that were taken out; none if the user has said nothing.

        Raises:
            ConversationBusyError: It waits for an answer.
        """
        self._turns.check_free()
        before = self._turns.history
        after = self._turns.history = before.without_last_turn()
        return _copied(before.messages[len(after.messages) :])

    def fork(self, upto: int | None = None) -> AsyncConversation:
        """
        Return another conversation with the same past.

        Args:
            upto: How many of the messages it keeps; all if left out. Negative numbers
                count from the end.

        Raises:
            ArgumentError: *upto* is no number of messages.
        """
        turns = self._turns
        history = turns.history if upto is None else turns.history.upto(upto)
        return AsyncConversation(TurnTaking(turns.core, history, turns.policy))

    def to_json(self) -> str:
        """
        Return the conversation as JSON text, for ``client.conversation(saved=...)``.

        It holds the messages, what was learned of tokens, the summary, and the options
        that are part of what a request says, `session_id` among them. It does not hold
        the context policy, timeouts, retries, extra headers or an extra query: give
        them again.
        """
        return to_json(self._turns.history)


def _copied(messages: Iterable[WireMessage]) -> tuple[dict[str, JSON], ...]:
    return tuple(copy.deepcopy(dict(message)) for message in messages)

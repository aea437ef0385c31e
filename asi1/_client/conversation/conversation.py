"""
`AsyncConversation`: a history that grows by one turn with each answer.

`turn_taking` ensures that only one turn runs at a time; `History` holds the messages.
"""

from __future__ import annotations

import copy

from collections.abc import Iterable
from typing import Unpack

from ..._call.answer_reader import AnswerReader
from ..._call.chunk_reader import ChunkReader
from ..._models.base_types import JSON, Hinted, public
from ..._models.completion import ChatCompletion
from ..._models.messages import Message, Messages
from ..._models.response import Usage
from ..._protocol.context.saved_conversation import to_json
from ..._protocol.context.tokens import TokenEstimator, Wire
from ..._settings.options import ChatOptions, lists
from ..stream import AsyncChatStream
from .agent_turns import AsyncAgentTurns
from .turn import Turn
from .turn_stream import turn_stream
from .turn_taking import TurnTaking
from .waiting import Waiting


__all__ = ["AsyncConversation"]


@public
class AsyncConversation(AsyncAgentTurns, Hinted):
    """
    A dialogue with the model, which receives the earlier messages in each turn.

    `AsyncASI1.conversation` returns this object. Only one turn runs at a time; any
    number of conversations can share a client. A turn is added to the history when its
    answer is complete. If the turn fails, is cancelled, or its stream is closed before
    the finish reason was read, the history is not changed. An answer cut off by
    ``max_tokens`` counts as complete; its finish reason says so. An answer with neither
    text nor a call of a tool or function is kept in the history, but is not sent, since
    servers refuse such a message.
    """

    def __init__(self, turns: TurnTaking) -> None:
        """Users do not construct this class; the client does."""
        self._turns = turns

    def __repr__(self) -> str:
        return f"<AsyncConversation of {len(self._turns.history.messages)} messages>"

    @lists(ChatOptions)
    async def ask(
        self,
        message: Messages | Message,
        *,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """
        Send a message, and return the model's answer.

        Args:
            message: A str, one message such as a `UserMessage` with images, or a list
                of messages such as the results of tools.
            model: The model for this turn, as for `AsyncCompletions.create`.
            **options: Fields of `ChatOptions`; they override the conversation's.

        Raises:
            ConversationBusyError: Another turn is waiting for its answer.
            ContextLengthError: The server refuses the request as too long, even after
                the context policy shortened it again.
            ArgumentError: An argument is invalid, or the system message and *message*
                alone exceed the budget of the context policy; nothing was sent.
            ASI1Error: As for `AsyncCompletions.create`.
        """
        with Turn(self._turns, message, model, options, AnswerReader) as turn:
            answer = await self._turns.engine.result(turn.call)
            turn.commit(answer)
        return answer

    @lists(ChatOptions)
    def stream(
        self,
        message: Messages | Message,
        *,
        model: str | None = None,
        keep_partial: bool = False,
        **options: Unpack[ChatOptions],
    ) -> AsyncChatStream:
        """
        Send a message, and stream the model's answer.

        Used as ``async with chat.stream("...") as stream``. The turn begins when the
        block is entered; it is added to the history once the stream was read to its
        end. If the block is left after the finish reason was read, the answer is
        complete, and the turn is added too; the usage may then be missing.

        Args:
            message: As for `ask`.
            model: As for `ask`.
            keep_partial: Whether the text of a broken answer, or of a stream that is
                closed early, is added to the history as if it were complete. Leaving a
                loop does not close the stream; leaving the ``async with`` block does.
            **options: As for `ask`.

        Raises:
            ArgumentError: An argument is invalid; nothing was sent. The other errors of
                `ask` are raised when the turn begins.
            ClientClosedError: The client is closed.
        """
        turn = Turn(self._turns, message, model, options, ChunkReader)
        return AsyncChatStream(turn_stream(turn, keep_partial=keep_partial))

    async def wait(
        self,
        *,
        interval: float = 5.0,
        timeout: float | None = 120.0,  # noqa: ASYNC109 - as in all calls
        message: str = "Any update?",
        model: str | None = None,
    ) -> ChatCompletion:
        """
        Wait for an answer that agents give later, and return it.

        If the last answer is deferred (see `ChatCompletion.deferred`), *message* is
        sent again and again, until the agents answer. Only the turn with that answer is
        added to the history; `usage` counts all turns. If the last answer is not
        deferred, it is returned at once. Begin the conversation with ``session=True``,
        so that the agents recognise it.

        Args:
            interval: Seconds to wait before each message.
            timeout: Seconds in total; None for no limit.
            message: The message to send.
            model: The model for these turns, as for `ask`.

        Raises:
            APITimeoutError: The answer is still deferred; `wait` may be called again.
            ASI1Error: The conversation does not end with an answer; otherwise as for
                `ask`.
        """
        waiting = Waiting(self._turns, message, model, interval, timeout)
        return await waiting.run()

    @property
    def messages(self) -> tuple[dict[str, JSON], ...]:
        """A copy of all messages as dicts for the API, oldest first."""
        return _copies(self._turns.history.messages)

    @property
    def session_id(self) -> str | None:
        """The ``x-session-id`` that every turn sends; None if turns send none."""
        found: str | None = self._turns.history.options.get("session_id")
        return found

    @property
    def summary(self) -> str | None:
        """The summary sent in place of the oldest turns; None if there is none."""
        summary = self._turns.history.summary
        return summary.text if summary else None

    @property
    def tokens(self) -> TokenEstimator:
        """The token estimator, which learns from the usage that the server reports."""
        return self._turns.counter(self._turns.history.options)

    @property
    def usage(self) -> Usage:
        """The tokens that the server reported for the turns, and for summaries."""
        return self._turns.history.usage

    @property
    def summary_usage(self) -> Usage:
        """The part of `usage` that was spent on summaries."""
        return self._turns.history.summary_usage

    def edit(self, place: int, message: str | Message) -> None:
        """
        Replace one message.

        Args:
            place: Index of the message in `messages`; negative numbers count from the
                end.
            message: The new message; a str replaces the content and keeps the role.

        Raises:
            ArgumentError: *place* is out of range, or *message* is not a message.
            ConversationBusyError: A turn is waiting for its answer.
        """
        self._turns.check_free()
        self._turns.history = self._turns.history.with_edit(place, message)

    def undo(self) -> tuple[dict[str, JSON], ...]:
        """
        Remove the last turn: the last user messages and everything after them.

        Returns:
            The removed messages; empty if there is no user message.

        Raises:
            ConversationBusyError: A turn is waiting for its answer.
        """
        self._turns.check_free()
        before = self._turns.history
        after = self._turns.history = before.without_last_turn()
        return _copies(before.messages[len(after.messages) :])

    def fork(self, upto: int | None = None) -> AsyncConversation:
        """
        Return a new, independent conversation with a copy of the history.

        It has a new `session_id` if asi1 generated that of this conversation.

        Args:
            upto: Number of messages that the new conversation keeps; all by default. A
                negative number drops that many messages from the end.

        Raises:
            ArgumentError: *upto* is not an int.
        """
        return AsyncConversation(self._turns.fork(upto))

    def to_json(self) -> str:
        """
        Return the conversation as JSON text, for ``client.conversation(saved=...)``.

        The text contains the messages, the usage, the token estimates, the summary, the
        model, whether thoughts are kept, and the options that are part of a request's
        content, including `session_id`. It does not contain the context policy, nor
        ``timeout``, ``max_retries``, ``cache``, ``tags``, ``idempotency_key``,
        ``extra_headers`` and ``extra_query``: pass these again.
        """
        return to_json(self._turns.history)


def _copies(messages: Iterable[Wire]) -> tuple[dict[str, JSON], ...]:
    return tuple(copy.deepcopy(dict(message)) for message in messages)

"""A conversation for blocking callers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Unpack

from .._call.chunk_reader import ChunkReader
from .._client.conversation.conversation import AsyncConversation
from .._client.conversation.turn import Turn
from .._client.conversation.turn_stream import turn_stream
from .._client.conversation.turn_taking import TurnTaking
from .._models.base_types import JSON, Hinted, public
from .._models.completion import ChatCompletion
from .._models.messages import Message, Messages
from .._models.response import Usage
from .._protocol.context.tokens import TokenEstimator
from .._settings.options import ChatOptions, lists
from .agent_turns import AgentTurns
from .loop_thread import loop_thread
from .stream import ChatStream


__all__ = ["Conversation"]


@public
class Conversation(AgentTurns, Hinted):
    """
    A dialogue with the model, which receives the earlier messages in each turn.

    Same as `AsyncConversation`, but blocks.
    """

    def __init__(self, turns: TurnTaking) -> None:
        """Users do not construct this class; the client does."""
        self._turns = turns
        # The blocking and the async conversation share the history in *turns*.
        self._conversation = AsyncConversation(turns)

    def __repr__(self) -> str:
        return repr(self._conversation).replace("Async", "")

    @lists(ChatOptions)
    def ask(
        self,
        message: Messages | Message,
        *,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion:
        """
        Send a message, and return the model's answer.

        Same as `AsyncConversation.ask`, but blocks.

        Args:
            message: A str, one message such as a `UserMessage` with images, or a list
                of messages such as the results of tools.
            model: The model for this turn, as for `Completions.create`.
            **options: Fields of `ChatOptions`; they override the conversation's.

        Raises:
            ConversationBusyError: Another turn is waiting for its answer.
            ContextLengthError: The server refuses the request as too long, even after
                the context policy shortened it again.
            ArgumentError: An argument is invalid, or the system message and *message*
                alone exceed the budget of the context policy; nothing was sent.
            ASI1Error: As for `Completions.create`.
        """
        ask = self._conversation.ask
        return self._run(lambda: ask(message, model=model, **options))

    @lists(ChatOptions)
    def stream(
        self,
        message: Messages | Message,
        *,
        model: str | None = None,
        keep_partial: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatStream:
        """
        Send a message, and stream the model's answer.

        Same as `AsyncConversation.stream`, but blocks.

        Args:
            message: As for `ask`.
            model: As for `ask`.
            keep_partial: Whether the text of a broken answer, or of a stream that is
                closed early, is added to the history as if it were complete. Leaving a
                loop does not close the stream; leaving the ``with`` block does.
            **options: As for `ask`.

        Raises:
            ArgumentError: An argument is invalid; nothing was sent. The other errors of
                `ask` are raised when the turn begins.
            ClientClosedError: The client is closed.
        """
        turn = Turn(self._turns, message, model, options, ChunkReader)
        return ChatStream(turn_stream(turn, keep_partial=keep_partial))

    def wait(
        self,
        *,
        interval: float = 5.0,
        timeout: float | None = 120.0,
        message: str = "Any update?",
        model: str | None = None,
    ) -> ChatCompletion:
        """
        Wait for an answer that agents give later, and return it.

        Same as `AsyncConversation.wait`, but blocks.

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
        wait = self._conversation.wait
        return self._run(
            lambda: wait(
                interval=interval, timeout=timeout, message=message, model=model
            )
        )

    def _run(
        self, turn: Callable[[], Coroutine[Any, Any, ChatCompletion]]
    ) -> ChatCompletion:
        try:
            return loop_thread().run(turn)
        except Exception:
            raise
        # On Ctrl-C, the turn ends at once, although its call is still being cancelled.
        except BaseException:
            self._turns.give_up()
            raise

    @property
    def messages(self) -> tuple[dict[str, JSON], ...]:
        """A copy of all messages as dicts for the API, oldest first."""
        return self._conversation.messages

    @property
    def session_id(self) -> str | None:
        """The ``x-session-id`` that every turn sends; None if turns send none."""
        return self._conversation.session_id

    @property
    def summary(self) -> str | None:
        """The summary sent in place of the oldest turns; None if there is none."""
        return self._conversation.summary

    @property
    def tokens(self) -> TokenEstimator:
        """The token estimator, which learns from the usage that the server reports."""
        return self._conversation.tokens

    @property
    def usage(self) -> Usage:
        """The tokens that the server reported for the turns, and for summaries."""
        return self._conversation.usage

    @property
    def summary_usage(self) -> Usage:
        """The part of `usage` that was spent on summaries."""
        return self._conversation.summary_usage

    def edit(self, place: int, message: str | Message) -> None:
        """
        Replace one message.

        Same as `AsyncConversation.edit`.

        Args:
            place: Index of the message in `messages`; negative numbers count from the
                end.
            message: The new message; a str replaces the content and keeps the role.

        Raises:
            ArgumentError: *place* is out of range, or *message* is not a message.
            ConversationBusyError: A turn is waiting for its answer.
        """
        self._conversation.edit(place, message)

    def undo(self) -> tuple[dict[str, JSON], ...]:
        """
        Remove the last turn: the last user messages and everything after them.

        Same as `AsyncConversation.undo`.

        Returns:
            The removed messages; empty if there is no user message.

        Raises:
            ConversationBusyError: A turn is waiting for its answer.
        """
        return self._conversation.undo()

    def fork(self, upto: int | None = None) -> Conversation:
        """
        Return a new, independent conversation with a copy of the history.

        Same as `AsyncConversation.fork`.

        Args:
            upto: Number of messages that the new conversation keeps; all by default. A
                negative number drops that many messages from the end.

        Raises:
            ArgumentError: *upto* is not an int.
        """
        return Conversation(self._turns.fork(upto))

    def to_json(self) -> str:
        """
        Return the conversation as JSON text, for ``client.conversation(saved=...)``.

        Same as `AsyncConversation.to_json`.
        """
        return self._conversation.to_json()

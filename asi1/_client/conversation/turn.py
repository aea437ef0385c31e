"""One turn of a conversation: blocks other turns, makes a call, stores the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import attrs

from ..._call.attempts import OneRequest
from ..._call.call import Call
from ..._call.engine import Engine
from ..._call.reply_reader import ReplyReader
from ..._call.task import CallTask
from ..._models.base_types import can_dump
from ..._models.completion import ChatCompletion
from ..._models.messages import (
    AssistantMessage,
    Message,
    Messages,
    SystemMessage,
    ToolMessage,
    UserMessage,
    wire_messages,
)
from ..._protocol.context.history import History, stored
from ..._protocol.context.tokens import Wire
from ..._protocol.request import ChatDraft, draft_chat
from ..._settings.option_checks import checked_options, with_defaults
from ..._settings.options import ChatOptions
from .turn_requests import TurnRequests
from .turn_taking import TurnTaking


__all__ = ["Turn", "listed"]

_T = TypeVar("_T")

# An argument of one of these types is one message, not a list of messages. The same is
# true of an object with ``model_dump``, such as an answer or a pydantic model.
_ONE = (SystemMessage, UserMessage, AssistantMessage, ToolMessage, Mapping)


class Turn(Generic[_T]):
    """
    One turn; inside a ``with`` block, it blocks other turns of its conversation.

    Attributes:
        call: The call of this turn; it must run inside the block.
        draft: The request of the call, without its messages.
    """

    def __init__(
        self,
        taking: TurnTaking,
        message: Messages | Message,
        model: str | None,
        options: ChatOptions,
        reader: type[ReplyReader[_T]],
        *,
        engine: Engine | None = None,
    ) -> None:
        """
        Check the arguments. Other turns stay possible until `__enter__`.

        *engine* makes the turn's calls; if it is None, the conversation's engine.

        Raises:
            ArgumentError: An argument is invalid.
            ClientClosedError: The client is closed.
        """
        engine, history = engine or taking.engine, taking.history
        engine.check_open()
        self._taking, self._engine = taking, engine
        self._options: Mapping[str, Any] = with_defaults(
            checked_options(options), history.options
        )
        self._model = model or history.model
        new = stored(listed(message))
        draft = draft_chat(
            engine.config,
            model=self._model,
            stream=reader.streams,
            options=self._options,
        )
        self.draft = draft
        draft.request_of(new)  # raises if the request cannot be written as JSON
        self._requests = TurnRequests(
            resources=engine.resources,
            draft=draft,
            new=new,
            model=self._model,
            keep=self._update_history,
            history=history,
        )
        self.call: Call[_T] = engine.call(self._requests, reader)

    def __enter__(self) -> Self:
        """
        Block other turns of the conversation until `release`.

        Raises:
            ConversationBusyError: Another turn is running.
            ArgumentError: The policy needs the model's context size, which is unknown.
        """
        taking, requests = self._taking, self._requests
        taking.check_free()
        tokens = taking.counter(self._options)
        requests.history = attrs.evolve(taking.history, tokens=tokens)
        requests.policy = taking.policy
        requests.limit = taking.limit(self._model, self._options)
        taking.claim(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """End this turn to allow the next; may be called twice, from any thread."""
        self._taking.release(self)

    def begin(self) -> CallTask:
        """Block other turns of the conversation, and start the call in its own task."""
        self.__enter__()
        return self._engine.begin(self.call)

    def _update_history(self, history: History) -> None:
        if self._taking.current is self:
            self._taking.history = history

    def extend(self, added: Sequence[Wire]) -> None:
        """Append the messages *added* to those of `call`, which has not begun."""
        self._requests.new += tuple(added)

    def again(
        self, added: Sequence[Message], draft: ChatDraft | None = None
    ) -> Call[_T]:
        """
        Return a call that sends the messages of `call`, followed by *added*.

        Args:
            added: The messages to add; may be empty.
            draft: The request without its messages; None for the draft of `call`.
        """
        requests = self._requests
        messages = [*requests.sent, *(wire_messages(added) if added else ())]
        request = OneRequest((draft or requests.draft).request_of(messages))
        return self._engine.call(request, self.call.reader_class)

    def commit(
        self, answer: ChatCompletion, earlier: Sequence[ChatCompletion] = ()
    ) -> None:
        """
        Add the turn to the history, unless this turn has ended already.

        Args:
            answer: The answer to add.
            earlier: Answers of this turn that were discarded; only their usage counts.
        """
        if self._taking.current is not self:
            return
        history = self._history_with(answer)
        for discarded in earlier:
            history = history.with_usage(discarded.usage)
        first = earlier[0] if earlier else answer
        self._taking.history = history.with_tokens_learned(
            self._requests.sent, first.usage
        )
        self._taking.last = answer

    def commit_exchange(
        self, answers: Sequence[ChatCompletion], added: Sequence[Wire], first: int
    ) -> None:
        """
        Add a turn with several answers to the history, unless this turn has ended
        already.

        If a tool run is resumed that was over when it was saved, the history may have
        its turn already; then the turn is not added again.

        Args:
            answers: All answers of the turn.
            added: The messages after those that `call` sent, with the last answer.
            first: The index in *answers* of the answer to `call`; the number of answers
                if `call` was not made.
        """
        if self._taking.current is not self:
            return
        self._taking.last = answers[-1]
        history, new = self._requests.history, (*self._requests.new, *added)
        if first == len(answers) and history.messages[-len(new) :] == new:
            return
        history = history.with_messages((*self._requests.messages, *added))
        for answer in answers:
            history = history.with_usage(answer.usage)
        if first < len(answers):
            usage = answers[first].usage
            history = history.with_tokens_learned(self._requests.sent, usage)
        self._taking.history = history

    def wire(self, answer: ChatCompletion) -> Wire:
        """
        Return *answer* as a message, in the form that the history stores and requests
        send.
        """
        return self._requests.history.reply(answer)

    def commit_usage(self, answer: ChatCompletion) -> None:
        """Count the turn's tokens, without adding the turn to the history."""
        history = self._requests.history.with_usage(answer.usage)
        self._update_history(
            history.with_tokens_learned(self._requests.sent, answer.usage)
        )

    def commit_partial(self, answer: ChatCompletion) -> None:
        """
        Add the partial text of a failed turn to the history.

        Do nothing without text, or if another turn runs or has changed the history.
        """
        taking, old = self._taking, self._requests.history.messages
        if (
            taking.current in (None, self)
            and taking.history.messages is old
            and answer.text
        ):
            taking.history = self._history_with(answer, partial=True)

    def _history_with(
        self, answer: ChatCompletion, *, partial: bool = False
    ) -> History:
        history = self._requests.history
        messages = (*self._requests.messages, history.reply(answer, partial=partial))
        return history.with_messages(messages).with_usage(answer.usage)


def listed(message: Messages | Message) -> Messages:
    """Return *message* as the ``messages`` of a call: a list if it is one message."""
    if isinstance(message, _ONE) or can_dump(message):
        return [cast("Message", message)]
    return cast("Messages", message)

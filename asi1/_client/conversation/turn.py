"""One turn of a conversation: claimed, asked, and joined to the history or given up."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import attrs

from ..._call.call import Call
from ..._call.reply_reader import ReplyReader
from ..._call.task import CallTask
from ..._models.completion import ChatCompletion
from ..._models.messages import AssistantMessage, Messages
from ..._protocol.context.history import History, stored
from ..._protocol.request import draft_chat
from ..._settings.options import ChatOptions, checked_options
from .turn_requests import TurnRequests
from .turn_taking import TurnTaking


__all__ = ["Turn"]

_T = TypeVar("_T")


class Turn(Generic[_T]):
    """
    One turn, which holds its conversation inside a ``with`` block.

    Attributes:
        call: To be made inside the block.
    """

    def __init__(
        self,
        taking: TurnTaking,
        message: Messages,
        model: str | None,
        options: ChatOptions,
        reader: type[ReplyReader[_T]],
    ) -> None:
        """
        Check the arguments; nothing is claimed, and nothing has begun.

        Raises:
            ArgumentError: One of them is wrong.
            ClientClosedError: The client was closed before.
        """
        core, history = taking.core, taking.history
        core.check_open()
        self._taking = taking
        self._options: Mapping[str, Any] = {
            **history.options,
            **checked_options(options),
        }
        self._model = model or history.model
        new = stored(message)
        draft = draft_chat(
            core.config,
            model=self._model,
            stream=reader.streams,
            options=self._options,
        )
        draft.request_of(new)  # raises for what cannot be written as JSON
        self._requests = TurnRequests(
            resources=core.resources,
            draft=draft,
            new=new,
            model=self._model,
            keep=self._keep,
            history=history,
        )
        self.call: Call[_T] = core.call(self._requests, reader)

    def __enter__(self) -> Self:
        """
        Claim the conversation.

        Raises:
            ConversationBusyError: Another turn is under way.
            ArgumentError: The policy needs to know a size that is not known.
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
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        frames: TracebackType | None = None,
    ) -> None:
        """Let the next turn begin; may be called twice, and from any thread."""
        self._taking.release(self)

    def begin(self) -> CallTask:
        """Claim the conversation, and begin the call in its own task."""
        self.__enter__()
        return self._taking.core.begin(self.call)

    def _keep(self, history: History) -> None:
        if self._taking.current is self:
            self._taking.history = history

    def commit(self, answer: ChatCompletion) -> None:
        """Let the turn join the history, unless it was given up."""
        if self._taking.current is self:
            (reply,) = stored([answer])
            grown = self._grown({**reply, "role": "assistant"}, answer)
            self._taking.history = grown.learned(self._requests.sent, answer.usage)

    def commit_partial(self, answer: ChatCompletion) -> None:
        """Let the text of a broken turn join the history, if no other has since."""
        taking, past = self._taking, self._requests.history.messages
        if (
            taking.current in (None, self)
            and taking.history.messages is past
            and answer.text
        ):
            (reply,) = stored([AssistantMessage(answer.text)])
            taking.history = self._grown(reply, answer)

    def _grown(self, reply: Mapping[str, Any], answer: ChatCompletion) -> History:
        messages = (*self._requests.messages, reply)
        return self._requests.history.with_messages(messages).paid(answer.usage)

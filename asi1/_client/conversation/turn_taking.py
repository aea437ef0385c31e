"""
Ensures that a conversation has one turn at a time, and stores its history.

The history changes in a single step, when an answer is complete; a turn that ends
earlier leaves it unchanged.
"""

from __future__ import annotations

import math
import os
import uuid

from collections.abc import Mapping
from typing import Any

import attrs

from attrs import define, field

from ..._call.engine import Engine
from ..._models.busy_errors import ConversationBusyError
from ..._models.completion import ChatChoice, ChatCompletion, ChatMessage
from ..._models.errors import ArgumentError, ASI1Error
from ..._models.json_text import dump_json
from ..._protocol.context.history import History
from ..._protocol.context.policies import ContextPolicy
from ..._protocol.context.tokens import CONTEXT_SIZES, TokenEstimator
from ..._protocol.converter import decode
from ..._settings.models import MODELS


__all__ = ["TurnTaking"]

# If `max_tokens` is not given, at most this share of the model's context is reserved
# for the answer.
_ANSWER_SHARE = 0.25


@define(eq=False)
class TurnTaking:
    """
    The history of one conversation, and the turn that is running.

    Attributes:
        history: All completed turns.
        policy: The context policy; None to send the whole history.
        current: The running turn; None between turns.
        last: The answer of the last turn that was completed; None before the first.
    """

    engine: Engine
    history: History
    policy: ContextPolicy | None
    current: object | None = field(default=None, init=False)
    last: ChatCompletion | None = field(default=None, init=False)
    _pid: int = field(default=0, init=False)

    def fork(self, upto: int | None) -> TurnTaking:
        """
        Return a new conversation with the first *upto* messages; None copies all.

        Raises:
            ArgumentError: *upto* is not a number of messages.
        """
        history = self.history if upto is None else self.history.truncated(upto)
        if history.session:
            history = history.with_session(str(uuid.uuid4()))
        return TurnTaking(self.engine, history, self.policy)

    def last_answer(self) -> ChatCompletion:
        """
        Return the answer at the end of the history.

        Raises:
            ASI1Error: The history does not end with an answer.
        """
        message = self.history.messages[-1] if self.history.messages else {}
        if message.get("role") != "assistant":
            raise ASI1Error("the conversation does not end with an answer")
        last = self.last
        if last is not None and message.get("content") == (
            self.history.reply(last).get("content")
        ):
            return last
        # A saved, edited or forked conversation has messages only, no `ChatCompletion`.
        choice = ChatChoice(message=decode(ChatMessage, message))
        return ChatCompletion(choices=(choice,))

    def claim(self, turn: object) -> None:
        """
        Make *turn* the running turn.

        Raises:
            ConversationBusyError: Another turn is running.
        """
        self.check_free()
        self.current = turn
        self._pid = os.getpid()

    def check_free(self) -> None:
        """Raise `ConversationBusyError` if a turn is running."""
        # A turn that was running when this process was forked belongs to the parent.
        if self.current is not None and self._pid == os.getpid():
            raise ConversationBusyError(
                "the conversation is waiting for an answer: one turn at a time; fork()"
                " returns another conversation with the same history"
            )

    def release(self, turn: object) -> None:
        """End *turn* to allow the next one; may be called twice, and by any thread."""
        if self.current is turn:
            self.current = None

    def give_up(self) -> None:
        """End the running turn, if any; may be called from any thread."""
        self.current = None

    def counter(self, options: Mapping[str, Any]) -> TokenEstimator:
        """Return the token estimator for requests with *options*, such as tools."""
        merged = {**self.engine.config.options, **options}
        extras = [merged.get(name) for name in ("tools", "response_format")]
        fixed = sum(len(dump_json(value)) for value in extras if value)
        tokens = self.history.tokens
        return tokens if fixed == tokens.fixed else attrs.evolve(tokens, fixed=fixed)

    def limit(self, model: str | None, options: Mapping[str, Any]) -> float:
        """
        Return the most prompt tokens that a request may have; infinity for no limit.

        Raises:
            ArgumentError: The policy needs the model's context size, which is unknown.
        """
        limit = self.history.ceiling or math.inf
        if self.policy is None or self.policy.bounded:
            return limit
        model = model or self.history.model or self.engine.config.model
        info = self.engine.config.models.get(model)
        size = info.context if info else CONTEXT_SIZES.get(model)
        if size is None:
            raise ArgumentError(
                f"context: no context size is known for the model {model!r:.80}; give"
                " the policy a budget, or the client models={name: ModelInfo(...)}",
                argument="context",
            )
        merged = {**self.engine.config.options, **options}
        share = int(size * _ANSWER_SHARE)
        info = info or MODELS.get(model)
        longest = min(share, (info and info.output) or share)
        answer = merged.get("max_tokens") or longest
        return min(limit, max(size - answer, share))

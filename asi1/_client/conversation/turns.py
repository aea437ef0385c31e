"""
Whose turn it is in a conversation, and what its history becomes by it.

The history changes only in one step, when an answer is whole; whatever ends a turn
before that leaves it as it was.
"""

from __future__ import annotations

import math
import os

from collections.abc import Mapping
from typing import Any

import attrs

from attrs import define

from ..._call.engine import Engine
from ..._call.task import Pump
from ..._models.completion import ChatCompletion
from ..._models.errors import ArgumentError, ConversationBusyError
from ..._models.json_text import dump_json
from ..._models.messages import AssistantMessage, Messages
from ..._protocol.context.history import History, stored
from ..._protocol.context.policies import ContextPolicy
from ..._protocol.context.tokens import CONTEXT_SIZES, TokenEstimator
from ..._settings.options import ChatOptions, checked_options
from .turn_call import Ask, TurnExchange


__all__ = ["Turns"]

# Of a model's context, what is left for the answer if `max_tokens` does not tell.
_FOR_THE_ANSWER = 0.25


@define(eq=False)
class Turns:
    """
    One conversation, and the turn that is under way.

    Attributes:
        history: What was said; never holds half a turn.
        policy: None to send all of it.
        current: The turn under way; None if there is none.
    """

    core: Engine
    history: History
    policy: ContextPolicy | None
    current: TurnExchange | None = None
    _pid: int = 0

    def exchange(
        self,
        message: Messages,
        model: str | None,
        options: ChatOptions,
        *,
        stream: bool,
    ) -> TurnExchange:
        """Return a turn that is not begun; its arguments are checked."""
        core, now = self.core, self.history
        core.check_open()
        merged = {**now.options, **checked_options(options)}
        ask = Ask(now, stored(message), model or now.model, merged, stream)
        return TurnExchange(
            core.config,
            ask.request(core.config, ask.messages),
            core.transport,
            core.budget,
            limiter=core.limiter,
            hooks=core.hooks,
            ask=ask,
            note=self._noted,
        )

    def begin(self, exchange: TurnExchange) -> Pump:
        """Begin the turn of a stream."""
        self.claim(exchange)
        return self.core.begin(exchange)

    def claim(self, exchange: TurnExchange) -> None:
        """Let the turn be the one that is under way."""
        self.check_free()
        ask = exchange.ask
        tokens = self.counter(ask.options)
        ask.history = attrs.evolve(self.history, tokens=tokens)
        ask.policy = self.policy
        ask.limit = self.limit(ask.model, ask.options)
        self.current = exchange
        self._pid = os.getpid()

    def check_free(self) -> None:
        """Raise `ConversationBusyError` if a turn is under way."""
        # A turn that was under way when this process was forked is the parent's.
        if self.current is not None and self._pid == os.getpid():
            raise ConversationBusyError(
                "the conversation waits for an answer: one turn at a time; fork() makes"
                " another conversation of the same past"
            )

    def release(self, exchange: TurnExchange) -> None:
        """Let the next turn begin; may be called twice, and from any thread."""
        if self.current is exchange:
            self.current = None

    def _noted(self, exchange: TurnExchange) -> None:
        if self.current is exchange:
            self.history = exchange.ask.history

    def commit(self, exchange: TurnExchange, answer: ChatCompletion) -> None:
        """Let the turn join the history, unless it was given up."""
        if self.current is not exchange:
            return
        ask = exchange.ask
        (said,) = stored([answer])
        messages = (*ask.messages, {**said, "role": "assistant"})
        grown = ask.history.with_messages(messages).paid(answer.usage)
        self.history = grown.learned(ask.sent, answer.usage)

    def commit_partial(self, exchange: TurnExchange, answer: ChatCompletion) -> None:
        """Let the text of a broken turn join the history, if nothing else has."""
        turn, past = self.current, exchange.ask.history.messages
        if turn in (None, exchange) and self.history.messages is past and answer.text:
            message = AssistantMessage(answer.text)
            (said,) = stored([message])
            messages = (*exchange.ask.messages, said)
            grown = exchange.ask.history.with_messages(messages)
            self.history = grown.paid(answer.usage)

    def counter(self, options: Mapping[str, Any]) -> TokenEstimator:
        """Return the estimator for requests with these options."""
        merged = {**self.core.config.options, **options}
        beside = [merged.get(name) for name in ("tools", "response_format")]
        fixed = sum(len(dump_json(value)) for value in beside if value)
        return attrs.evolve(self.history.tokens, fixed=fixed)

    def limit(self, model: str | None, options: Mapping[str, Any]) -> float:
        """
        Return the prompt tokens that the server takes, as far as that is known.

        Raises:
            ArgumentError: The policy needs to know a size that is not known.
        """
        limit = self.history.ceiling or math.inf
        if self.policy is None or self.policy.bounded:
            return limit
        model = model or self.history.model or self.core.config.model
        size = CONTEXT_SIZES.get(model)
        if size is None:
            raise ArgumentError(
                f"context: no context size is known of the model {model!r:.80}; give"
                " the policy a budget, or add the size to asi1.CONTEXT_SIZES",
                argument="context",
            )
        merged = {**self.core.config.options, **options}
        answer = merged.get("max_tokens") or int(size * _FOR_THE_ANSWER)
        return min(limit, max(size - answer, int(size * _FOR_THE_ANSWER)))

"""
Whose turn it is in a conversation, and the history that its turns have left.

The history changes only in one step, when an answer is whole; a turn that ends before
leaves it as it was.
"""

from __future__ import annotations

import math
import os

from collections.abc import Mapping
from typing import Any

import attrs

from attrs import define, field

from ..._call.engine import Engine
from ..._models.errors import ArgumentError, ConversationBusyError
from ..._models.json_text import dump_json
from ..._protocol.context.history import History
from ..._protocol.context.policies import ContextPolicy
from ..._protocol.context.tokens import CONTEXT_SIZES, TokenEstimator


__all__ = ["TurnTaking"]

# Share of a model's context left for the answer if `max_tokens` is not given.
_FOR_THE_ANSWER = 0.25


@define(eq=False)
class TurnTaking:
    """
    The history of one conversation, and the turn that is under way.

    Attributes:
        history: All whole turns.
        policy: None to send the whole history.
        current: The turn under way, as the object that claimed it; None for no turn.
    """

    engine: Engine
    history: History
    policy: ContextPolicy | None
    current: object | None = field(default=None, init=False)
    _pid: int = field(default=0, init=False)

    def fork(self, upto: int | None) -> TurnTaking:
        """
        Return another conversation with the first *upto* messages; with all for None.

        Raises:
            ArgumentError: *upto* is not a number of messages.
        """
        history = self.history if upto is None else self.history.upto(upto)
        return TurnTaking(self.engine, history, self.policy)

    def claim(self, turn: object) -> None:
        """
        Let *turn* be the one that is under way.

        Raises:
            ConversationBusyError: Another one is.
        """
        self.check_free()
        self.current = turn
        self._pid = os.getpid()

    def check_free(self) -> None:
        """Raise `ConversationBusyError` if a turn is under way."""
        # A turn that was under way when this process was forked is the parent's.
        if self.current is not None and self._pid == os.getpid():
            raise ConversationBusyError(
                "the conversation waits for an answer: one turn at a time; fork() makes"
                " another conversation of the same past"
            )

    def release(self, turn: object) -> None:
        """Let the next turn begin; may be called twice, and from any thread."""
        if self.current is turn:
            self.current = None

    def give_up(self) -> None:
        """Let the next turn begin, whichever is under way; from any thread."""
        self.current = None

    def counter(self, options: Mapping[str, Any]) -> TokenEstimator:
        """Return the estimator for requests with these options."""
        merged = {**self.engine.config.options, **options}
        beside = [merged.get(name) for name in ("tools", "response_format")]
        fixed = sum(len(dump_json(value)) for value in beside if value)
        tokens = self.history.tokens
        return tokens if fixed == tokens.fixed else attrs.evolve(tokens, fixed=fixed)

    def limit(self, model: str | None, options: Mapping[str, Any]) -> float:
        """
        Return the prompt tokens that the server takes, as far as that is known.

        Raises:
            ArgumentError: The policy needs to know a size that is not known.
        """
        limit = self.history.ceiling or math.inf
        if self.policy is None or self.policy.bounded:
            return limit
        model = model or self.history.model or self.engine.config.model
        size = CONTEXT_SIZES.get(model)
        if size is None:
            raise ArgumentError(
                f"context: no context size is known of the model {model!r:.80}; give"
                " the policy a budget, or add the size to asi1.CONTEXT_SIZES",
                argument="context",
            )
        merged = {**self.engine.config.options, **options}
        answer = merged.get("max_tokens") or int(size * _FOR_THE_ANSWER)
        return min(limit, max(size - answer, int(size * _FOR_THE_ANSWER)))

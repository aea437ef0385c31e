"""
Context policies: they decide which part of a long history a request contains.

Policies do no I/O: a policy that needs the model yields a `Question`, and the caller
sends the model's answer into the generator.
"""

from __future__ import annotations

import math
import operator
import re

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from ..._models.base_types import JSON, public
from ..._models.messages import Messages, wire_messages
from ..._settings.validators import whole_number, wrong
from .tokens import TokenEstimator, Wire
from .view import Turn, View, text_of


__all__ = [
    "ContextPolicy",
    "DropLeastRelevant",
    "KeepNewest",
    "Plan",
    "Question",
    "Score",
    "checked_size",
    "drop_oldest",
]

# A function that returns how relevant a turn is to the last turn. Its arguments are the
# messages of the turn, and the messages of the last turn.
Score: TypeAlias = Callable[[Sequence[Wire], Sequence[Wire]], float]

# The characters of scripts that have no blanks between words, or whose words have
# characters that Python does not count as letters: the scripts of India and south-east
# Asia, Korean, Japanese, Chinese.
_UNSPACED = (
    "\u0900-\u109f\u1100-\u11ff\u1780-\u17ff\u3005\u3041-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[^\W{_UNSPACED}]{{3,}}")
_RUN = re.compile(rf"[{_UNSPACED}]+")


@frozen
class Question:
    """
    A question that a policy asks the model.

    Attributes:
        messages: The messages to send.
        max_tokens: Maximum length of the answer, in tokens.
        model: The model to ask; None for the conversation's model.
    """

    messages: Sequence[Wire]
    max_tokens: int
    model: str | None = None


Plan: TypeAlias = Generator[Question, str, View]


def checked_size(_: object, attribute: Any, value: Any) -> None:
    """Raise `ArgumentError` unless *value* is a number of tokens."""
    problem = whole_number(1)(value)
    if problem:
        raise wrong(attribute.name, problem, value)


@public
@frozen
class ContextPolicy(ABC):
    """
    Keeps what a turn sends within a budget of tokens; the history stays complete.

    A policy is applied once, to the first request of a turn. Later requests of the
    turn, of a tool run or of ``parse`` with *repair*, add to the messages of the first
    and may exceed the budget.

    A policy drops complete turns: one or more user messages in a row, and everything up
    to the next user message. It never drops a system message or the last turn, never
    separates the result of a tool from its call, and never changes the order. A history
    within the budget is not changed. ``first | second`` applies *first*, then *second*.

    Attributes:
        budget: Maximum prompt tokens of a turn's first request, including the prompt
            that the server adds. None for the model's context size (see `MODELS`) minus
            the room for the answer: ``max_tokens``, or if that is not given, the
            model's output limit or a quarter of its context size, whichever is smaller.
            At least a quarter of the context size is left.
        retry: Whether a request that the server refuses as too long is shortened and
            sent once more.
    """

    budget: int | None = field(default=None, validator=optional(checked_size))
    retry: bool = field(default=True, kw_only=True)

    @abstractmethod
    def plan(self, view: View, limit: float) -> Plan:
        """Return a generator that yields `Question`s and returns the `View` to send."""

    def fit(
        self, messages: Messages, tokens: TokenEstimator | None = None
    ) -> list[dict[str, JSON]]:
        """
        Return *messages* cut to the budget, for use without a conversation.

        Nothing is summarised, since no model is asked: the oldest turns are dropped
        instead. The system messages and the last turn are returned even if they alone
        exceed the budget.

        A policy without a budget returns all messages, since the model's context size
        is not known here.

        Args:
            messages: As for `AsyncCompletions.create`.
            tokens: The token estimator; by default, an estimator without samples.

        Raises:
            ArgumentError: *messages* are not valid messages.
        """
        view = View.of(wire_messages(messages), tokens or TokenEstimator())
        plan = self.plan(view, math.inf)
        try:
            next(plan)
            while True:
                plan.send("")
        except StopIteration as done:
            fitted: View = done.value
        return [dict(message) for message in fitted.messages]

    def limit(self, limit: float) -> float:
        """Return the smaller of the policy's budget and *limit*, in prompt tokens."""
        return min(limit, self.budget or math.inf)

    @property
    def bounded(self) -> bool:
        """Whether the policy has a budget; else the model's context size is needed."""
        return self.budget is not None

    def __or__(self, other: ContextPolicy) -> ContextPolicy:
        """Return a policy that applies this policy, then *other*."""
        if not isinstance(other, ContextPolicy):
            return NotImplemented
        parts = (*_parts(self), *_parts(other))
        return _Chain(parts=parts, retry=self.retry or other.retry)


@public
@frozen
class KeepNewest(ContextPolicy):
    """Drops the oldest turns until the rest is in the budget. See `ContextPolicy`."""

    def plan(self, view: View, limit: float) -> Plan:
        """Drop the oldest turns until the rest is within the limit."""
        yield from ()  # makes this method a generator, although it yields no question
        return drop_oldest(view, self.limit(limit))


@public
@frozen
class DropLeastRelevant(ContextPolicy):
    """
    Drops the least relevant turns until the rest is in the budget. See `ContextPolicy`.

    Attributes:
        score: Called with the messages of a turn and those of the last turn; returns a
            number. Turns with the lowest scores are dropped first; of equal scores, the
            older turn. The default is the number of words that the turn shares with the
            last turn, divided by the square root of the turn's number of words. In
            scripts without blanks, such as Chinese, each two adjacent characters count
            as a word.
    """

    score: Score | None = None

    def plan(self, view: View, limit: float) -> Plan:
        """Drop the least relevant turns until the rest is within the limit."""
        yield from ()
        limit = self.limit(limit)
        if view.total <= limit:
            return view
        last = view.last
        score = self.score or _common_words(last)
        order = sorted(
            view.droppable, key=lambda turn: _checked_score(score(turn.messages, last))
        )
        return _drop(view, order, limit)


@frozen(kw_only=True)
class _Chain(ContextPolicy):
    """Applies several policies one after the other, each with its own budget."""

    parts: tuple[ContextPolicy, ...]

    def plan(self, view: View, limit: float) -> Plan:
        for part in self.parts:
            view = yield from part.plan(view, limit)
        return view

    def limit(self, limit: float) -> float:
        return min(part.limit(limit) for part in self.parts)

    @property
    def bounded(self) -> bool:
        return all(part.bounded for part in self.parts)


def _parts(policy: ContextPolicy) -> tuple[ContextPolicy, ...]:
    return policy.parts if isinstance(policy, _Chain) else (policy,)


def drop_oldest(view: View, limit: float) -> View:
    """Drop turns from *view*, oldest first, until the rest is within *limit*."""
    return _drop(view, view.droppable, limit)


def _drop(view: View, order: Sequence[Turn], limit: float) -> View:
    excess = view.weight - limit
    dropped: list[Turn] = []
    for turn in order:
        if excess <= 0:
            break
        excess = round(excess - turn.cost, 6)
        dropped.append(turn)
    return view.without(dropped) if dropped else view


def _common_words(last: Sequence[Wire]) -> Score:
    """Return a `Score` based on the number of words that a turn shares with *last*."""
    last_words = _words(last)

    def score(turn: Sequence[Wire], _: Sequence[Wire]) -> float:
        words = _words(turn)
        return len(words & last_words) / math.sqrt(len(words) or 1)

    return score


def _words(messages: Sequence[Wire]) -> set[str]:
    text = "\n".join(map(text_of, messages)).casefold()
    words = set(_WORD.findall(text))
    if not text.isascii():
        for run in set(_RUN.findall(text)):
            words.update(map(operator.add, run, run[1:]) if len(run) > 1 else run)
    return words


def _checked_score(score: Any) -> float:
    if not isinstance(score, int | float):
        raise wrong("score", "must return a number", score)
    # Only a float can be NaN; `math.isnan` fails for an int that is too large for a
    # float.
    nan = isinstance(score, float) and math.isnan(score)
    return -math.inf if nan else score

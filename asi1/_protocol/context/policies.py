"""
Context policies: what of a long history a request still holds.

Pure: a policy that needs the model yields what to ask, and is sent what it answers.
"""

from __future__ import annotations

import math
import re

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias

from attrs import field, frozen

from ..._models.base_types import JSON, public
from ..._models.messages import Messages, wire_messages
from ..._settings.options import wrong
from .tokens import TokenEstimator, WireMessage
from .view import Turn, View, text_of


__all__ = [
    "ContextPolicy",
    "DropLeastRelevant",
    "KeepNewest",
    "Plan",
    "Question",
    "Score",
    "checked_budget",
    "drop_oldest",
]

# Tells how much a turn matters to the last one: both as their messages.
Score: TypeAlias = Callable[[Sequence[WireMessage], Sequence[WireMessage]], float]

_WORD = re.compile(r"\w{3,}")


@frozen
class Question:
    """
    What a policy wants from the model.

    Attributes:
        messages: To be sent as they are.
        max_tokens: Upper bound of the answer.
        model: None for the conversation's.
    """

    messages: Sequence[WireMessage]
    max_tokens: int
    model: str | None = None


Plan: TypeAlias = Generator[Question, str, View]


def checked_budget(_: object, attribute: Any, value: object) -> None:
    """Raise `ArgumentError` unless *value* is a number of tokens, or None."""
    if value is not None and (type(value) is not int or value < 1):
        what = "must be a number of tokens of at least 1"
        raise wrong(attribute.name, what, value)


@public
@frozen
class ContextPolicy(ABC):
    """
    Keeps requests within a number of prompt tokens; the history itself stays whole.

    A policy drops whole turns: what the user says and all that follows until the user
    speaks again. It never drops a system message or the last turn, never parts the
    result of a tool from its call, never changes the order, and leaves alone what fits.
    ``first | second`` applies one policy, then the other.

    Attributes:
        budget: The most prompt tokens of a request, the server's hidden prompt among
            them. None for what the model's context leaves beside the answer, see
            `CONTEXT_SIZES`.
        retry: Whether a request that the server refuses as too long is cut further and
            sent once more.
    """

    budget: int | None = field(default=None, validator=checked_budget)
    retry: bool = field(default=True, kw_only=True)

    @abstractmethod
    def plan(self, view: View, limit: float) -> Plan:
        """Return, as a generator does, the view that a request is to hold."""

    def fit(
        self, messages: Messages, tokens: TokenEstimator | None = None
    ) -> list[dict[str, JSON]]:
        """
        Return *messages* cut to the budget, for use without a conversation.

        Without a model nothing is summarised: the oldest turns are dropped instead. If
        what always stays is over the budget by itself, it is what is returned.

        Args:
            messages: As for `AsyncCompletions.create`.
            tokens: Counts the tokens; by a rule of thumb if left out.

        Raises:
            ArgumentError: They are no messages.
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
        """Return the smaller of the budget and *limit*."""
        return min(limit, self.budget or math.inf)

    @property
    def bounded(self) -> bool:
        """Whether there is a budget without a context size."""
        return self.budget is not None

    def __or__(self, other: ContextPolicy) -> ContextPolicy:
        """Apply this policy, then *other*."""
        if not isinstance(other, ContextPolicy):
            return NotImplemented
        parts = (*_parts(self), *_parts(other))
        return _Chain(parts=parts, retry=self.retry or other.retry)


@public
@frozen
class KeepNewest(ContextPolicy):
    """Drops the oldest turns until the rest fits. See `ContextPolicy`."""

    def plan(self, view: View, limit: float) -> Plan:
        """Drop the oldest."""
        yield from ()  # nothing is asked
        return drop_oldest(view, self.limit(limit))


@public
@frozen
class DropLeastRelevant(ContextPolicy):
    """
    Drops the turns that matter least until the rest fits. See `ContextPolicy`.

    Attributes:
        score: Called with the messages of a turn and those of the last turn; the turns
            with the lowest numbers go first, of equal ones the older. By default the
            share of words that a turn has in common with the last.
    """

    score: Score | None = None

    def plan(self, view: View, limit: float) -> Plan:
        """Drop the least relevant."""
        yield from ()
        limit = self.limit(limit)
        if view.total <= limit:
            return view
        last = view.last
        score = self.score or _common_words(last)
        order = sorted(view.loose, key=lambda turn: _number(score(turn.messages, last)))
        return _drop(view, order, limit)


@frozen(kw_only=True)
class _Chain(ContextPolicy):
    """One policy after the other, each with its own budget."""

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
    """Return *view* without its oldest turns, as many as have to go."""
    return _drop(view, view.loose, limit)


def _drop(view: View, order: Sequence[Turn], limit: float) -> View:
    over = view.weight - limit
    gone: list[Turn] = []
    for turn in order:
        if over <= 0:
            break
        over = round(over - turn.cost, 6)
        gone.append(turn)
    return view.without(gone) if gone else view


def _common_words(last: Sequence[WireMessage]) -> Score:
    """Return the score by words in common with *last*, whose words are found once."""
    theirs = _words(last)

    def score(turn: Sequence[WireMessage], _: Sequence[WireMessage]) -> float:
        ours = _words(turn)
        return len(ours & theirs) / math.sqrt(len(ours) or 1)

    return score


def _words(messages: Sequence[WireMessage]) -> set[str]:
    return set(_WORD.findall("\n".join(map(text_of, messages)).casefold()))


def _number(score: Any) -> float:
    if not isinstance(score, int | float):
        raise wrong("score", "must return a number", score)
    return -math.inf if math.isnan(score) else score

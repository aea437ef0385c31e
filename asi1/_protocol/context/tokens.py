"""
How many tokens a request takes, as far as that can be told from here.

No tokenizer: an estimate that begins with a rule of thumb and learns from the usage
that the server reports, which counts the server's hidden prompt too.
"""

from __future__ import annotations

import math

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, TypeAlias

import attrs

from attrs import field, frozen

from ..._models.base_types import JSON, public
from ..._models.json_text import json_text


__all__ = ["CONTEXT_SIZES", "MOST_TOKENS", "TokenEstimator", "WireMessage", "size_of"]

# A message as the API takes it.
WireMessage: TypeAlias = Mapping[str, JSON]

# Tokens that a model reads and writes in one call, by the documentation; where that
# says two things, the smaller. Yours to change and to add to.
# https://docs.asi1.ai/documentation/getting-started/model-selection
CONTEXT_SIZES: dict[str, int] = {
    "asi1": 200_000,
    "asi1-mini": 200_000,
    "asi1-ultra": 200_000,
    "asi1-fast": 24_000,
    "asi1-extended": 64_000,
    "asi1-graph": 64_000,
    "asi1-agentic": 64_000,
    "asi1-fast-agentic": 64_000,
    "asi1-extended-agentic": 64_000,
}

# Tokens for a byte of UTF-8, before anything is known: four letters to a token.
_RULE = 0.25
# What the rule of thumb weighs beside what is learned, in bytes between two samples.
_RULE_WEIGHT = 500
_SLOPES = (0.05, 2.0)
# Tokens around a message: its role, where it begins and ends.
_AROUND = 4
# Bytes for a picture, whose URL tells nothing of its tokens.
_PICTURE = 4000
# Samples that are kept: the newest, and one of each size before them, a doubling being
# another size. A history that is held at one size would forget what a byte costs.
_NEWEST = 16
_RECENT = 5
# Share of a request that is left free for messages of a kind not met before.
_UNSEEN = 0.01


# More no server reports in earnest.
MOST_TOKENS = 10**9


def _learned(name: str) -> Any:
    """Return the default of a field that is worked out from the samples, once."""
    return attrs.Factory(lambda self: getattr(self, name)(), takes_self=True)


@public
@frozen
class TokenEstimator:
    """
    Estimates prompt tokens: so many for a byte, for a message, and for every request.

    Never changes: `learn` returns a new one.

    Attributes:
        samples: What was learned, the newest last: bytes and number of the messages of
            a request, and the prompt tokens that the server counted.
        fixed: Bytes that every request holds beside its messages, such as tools.
        slope: Tokens for a byte of UTF-8.
        hidden: Tokens that a request has beside all that it says.
        slack: Tokens that a request leaves free that must not be too long: by as many
            the newest samples were above the estimate, and a hundredth.
    """

    samples: tuple[tuple[int, int, int], ...] = ()
    fixed: int = 0
    slope: float = field(init=False, default=_learned("_slope"))
    hidden: float = field(init=False, default=_learned("_hidden"))
    slack: float = field(init=False, default=_learned("_slack"))

    def _slope(self) -> float:
        points = self._points()
        pairs = [
            (abs(x - u), (y - v) / (x - u))
            for i, (x, y) in enumerate(points)
            for u, v in points[:i]
            if x != u
        ]
        low, high = _SLOPES
        return min(high, max(low, _weighted_median([*pairs, (_RULE_WEIGHT, _RULE)])))

    def _hidden(self) -> float:
        rest = self._rest()
        return max(0.0, median(rest)) if rest else 0.0

    def _slack(self) -> float:
        if not self.samples:
            return 0.0
        over = max(rest - self.hidden for rest in self._rest())
        return max(over, 0.0) + _UNSEEN * self.samples[-1][-1]

    def _rest(self) -> list[float]:
        # The newest: the server's hidden prompt may change, and so may the language.
        return [y - self.slope * x for x, y in self._points()[-_RECENT:]]

    def _points(self) -> list[tuple[int, int]]:
        return [(size, tokens - _AROUND * n) for size, n, tokens in self.samples]

    @property
    def base(self) -> float:
        """Tokens of a request without messages."""
        return self.hidden + self.slope * self.fixed

    def cost(self, message: WireMessage) -> float:
        """Return the tokens that *message* adds to a request."""
        return self.slope * size_of(message) + _AROUND

    def count(self, messages: Iterable[WireMessage]) -> int:
        """Return the prompt tokens of a request of *messages*."""
        return math.ceil(round(self.base + sum(map(self.cost, messages)), 6))

    def learn(
        self, messages: Sequence[WireMessage], prompt_tokens: int
    ) -> TokenEstimator:
        """
        Return an estimator that also knows what the server counted for *messages*.

        Args:
            messages: All that the request held.
            prompt_tokens: ``usage.prompt_tokens`` of its answer; nothing is learned
                from less than 1, or from what no server can have counted.
        """
        if not 1 <= prompt_tokens <= MOST_TOKENS:
            return self
        size = self.fixed + sum(map(size_of, messages))
        samples = (*self.samples, (size, len(messages), prompt_tokens))
        older = {sample[0].bit_length(): sample for sample in samples[:-_NEWEST]}
        kept = (*older.values(), *samples[-_NEWEST:])
        return attrs.evolve(self, samples=kept)


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the median of values, each given as (weight, value)."""
    half = sum(weight for weight, _ in pairs) / 2
    for weight, value in sorted(pairs, key=lambda pair: pair[1]):
        half -= weight
        if half <= 0:
            return value
    return _RULE


def size_of(message: WireMessage) -> int:
    """Return how much *message* says, in bytes of UTF-8."""
    return sum(_size(value) for key, value in message.items() if key != "role")


def _size(value: JSON) -> int:
    match value:
        case str():
            ascii_only = value.isascii()
            return len(value if ascii_only else value.encode("utf-8", "surrogatepass"))
        case None:
            return 0
        case {"type": "text", "text": str(text)}:
            return _size(text)
        case {"type": "image_url"}:
            return _PICTURE
        case list() | tuple():
            return sum(map(_size, value))
        case _:
            return len(json_text(value))

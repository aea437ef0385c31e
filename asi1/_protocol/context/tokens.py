"""
Estimates how many prompt tokens a request takes, without a tokenizer.

The estimate begins with a rule of thumb and learns from the usage that the server
reports. This usage includes the hidden prompt: the text that the server adds.
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
from ..._settings.models import MODELS


__all__ = ["CONTEXT_SIZES", "MOST_TOKENS", "TokenEstimator", "Wire", "size_of"]

# A chat message as a JSON object, in the form that the API expects.
Wire: TypeAlias = Mapping[str, JSON]

# Context window of each model, in tokens. Users may change and extend this dict for all
# clients of a program; a client's ``models=`` overrides it.
CONTEXT_SIZES: dict[str, int] = {name: info.context for name, info in MODELS.items()}

# Assumed tokens per byte of UTF-8 before the server has counted any: one for 4 bytes.
_RULE = 0.25
# Weight of `_RULE` in the weighted median that estimates tokens per byte. Each pair of
# samples adds one value, weighted by the difference of their sizes in bytes.
_RULE_WEIGHT = 500
# Lower and upper bound of the estimated tokens per byte.
_SLOPES = (0.05, 2.0)
# Tokens that a message takes besides its content, for its role and its delimiters.
_PER_MESSAGE = 4
# An image counts as this many bytes of text, since its URL does not tell how many
# tokens it takes.
_IMAGE = 4000
# Number of the newest samples to store. Besides them, one older sample of each size
# class is stored, since samples of different sizes show the tokens per byte. The bounds
# of the size classes are powers of two.
_NEWEST = 16
# `hidden` and `slack` are computed from this many of the newest samples.
_RECENT = 5
# This share of the last request's tokens is added to the safety margin, since new
# messages may take more tokens per byte than earlier ones.
_UNSEEN = 0.01


# Largest plausible size, in tokens, of the hidden prompt: the text that the server adds
# to each prompt. A count of tokens that implies a larger one is wrong, and would make
# context policies drop nearly the whole history.
_MOST_HIDDEN = 200_000
# Largest token count that a saved conversation may have.
MOST_TOKENS = 10**9


def _learned(name: str) -> Any:
    """Return the default of an attrs field, which the method *name* computes."""
    return attrs.Factory(lambda self: getattr(self, name)(), takes_self=True)


@public
@frozen
class TokenEstimator:
    """
    Estimates prompt tokens as a sum of tokens per byte, per message and per request.

    Immutable: `learn` returns a new estimator.

    Attributes:
        samples: One tuple per learned request, the newest last: bytes of its messages,
            number of its messages, prompt tokens that the server counted.
        fixed: Bytes that every request contains besides its messages, such as tools.
        slope: Tokens per byte of UTF-8.
        hidden: Tokens of the hidden prompt, which the server adds to each prompt.
        slack: Safety margin in tokens for requests with a limit: the largest
            underestimate of the newest samples, plus 1 % of the last request.
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
        surplus = self._surplus()
        return max(0.0, median(surplus)) if surplus else 0.0

    def _slack(self) -> float:
        if not self.samples:
            return 0.0
        error = max(surplus - self.hidden for surplus in self._surplus())
        return max(error, 0.0) + _UNSEEN * self.samples[-1][-1]

    def _surplus(self) -> list[float]:
        """For each recent request: the server's token count minus the estimate."""
        # Only recent samples count, since the hidden prompt and the language may
        # change.
        return [y - self.slope * x for x, y in self._points()[-_RECENT:]]

    def _points(self) -> list[tuple[int, int]]:
        return [(size, tokens - _PER_MESSAGE * n) for size, n, tokens in self.samples]

    @property
    def base(self) -> float:
        """Estimated tokens of a request without messages."""
        return self.hidden + self.slope * self.fixed

    def cost(self, message: Wire) -> float:
        """Return the estimated tokens that *message* adds to a request."""
        return self.slope * size_of(message) + _PER_MESSAGE

    def count(self, messages: Iterable[Wire]) -> int:
        """Return the estimated prompt tokens of a request with *messages*."""
        return math.ceil(round(self.base + sum(map(self.cost, messages)), 6))

    def learn(self, messages: Sequence[Wire], prompt_tokens: int) -> TokenEstimator:
        """
        Return an estimator that also uses the server's token count for *messages*.

        Args:
            messages: All messages of the request.
            prompt_tokens: ``usage.prompt_tokens`` of its answer; ignored if it is below
                1, or so large that the hidden prompt would have more than 200,000
                tokens.
        """
        size = self.fixed + sum(map(size_of, messages))
        most = _MOST_HIDDEN + _SLOPES[1] * size + _PER_MESSAGE * len(messages)
        if not 1 <= prompt_tokens <= most:
            return self
        samples = (*self.samples, (size, len(messages), prompt_tokens))
        older = {sample[0].bit_length(): sample for sample in samples[:-_NEWEST]}
        kept = (*older.values(), *samples[-_NEWEST:])
        return attrs.evolve(self, samples=kept)


def _weighted_median(pairs: Sequence[tuple[float, float]]) -> float:
    """Return the weighted median of *pairs* of (weight, value)."""
    half = sum(weight for weight, _ in pairs) / 2
    for weight, value in sorted(pairs, key=lambda pair: pair[1]):
        half -= weight
        if half <= 0:
            return value
    return _RULE


def size_of(message: Wire) -> int:
    """Return the size of *message* in bytes of UTF-8, without its role."""
    content = message.get("content")
    # Most messages are only a role and a text. They have a fast path, since each turn
    # measures the whole history.
    if type(content) is str and len(message) == 2 and "role" in message:
        return len(content) if content.isascii() else _size(content)
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
            return _IMAGE
        case list() | tuple():
            return sum(map(_size, value))
        case _:
            return len(json_text(value))

"""Learns how many tokens calls use beyond the estimate of their request."""

from __future__ import annotations

from attrs import define, field

from .request import Request


__all__ = ["AnswerTokens"]

# A shorter answer lowers the expected tokens by this share of the difference.
_DECAY = 0.2


@define(eq=False)
class AnswerTokens:
    """
    Learns how many tokens answers have, for calls without ``max_tokens``.

    The expected number rises at once with a longer answer, and falls slowly with
    shorter ones: too high a number is corrected after the call, but one that is too low
    exceeds the rate limit.
    """

    expected: float = field(default=0.0, init=False)

    def estimate(self, request: Request) -> int:
        """Return the tokens that a call with *request* should use at most."""
        return request.tokens + (0 if request.limit else int(self.expected))

    def learn(self, request: Request, used: int) -> None:
        """Learn from a call with *request* that has used *used* tokens."""
        if not request.limit:
            more = max(0, used - request.tokens)
            faded = self.expected + _DECAY * (more - self.expected)
            self.expected = max(more, faded)

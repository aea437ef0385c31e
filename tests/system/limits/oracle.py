"""What a rate limit permits, counted anew from everything that has happened."""

from __future__ import annotations

import math

from attrs import define, field

from asi1 import LimitOutcome, RateLimit


__all__ = ["Oracle"]

MINUTE = 60.0


@define(eq=False)
class Oracle:
    """
    Counts permitted attempts and their outcomes, without the limiter's windows.

    Attributes:
        limit: The rate limit.
        pace: The share of the requests per minute that refusals have left.
        not_before: When the pause of a 429 is over.
        running: The number of permitted attempts that have not ended.
        requests: When each request was permitted.
        tokens: A time and a number of tokens for each permitted attempt, and for what
            an attempt used beyond its estimate.
    """

    limit: RateLimit
    pace: float = 1.0
    not_before: float = -math.inf
    running: int = 0
    requests: list[float] = field(factory=list)
    tokens: list[list[float]] = field(factory=list)

    def broken(self, tokens: int, now: float) -> list[str]:
        """Return the limits that one more call of *tokens* tokens would exceed."""
        limit, minute = self.limit, now - MINUTE
        requests = 1 + sum(at > minute for at in self.requests)
        counted = sum(amount for at, amount in self.tokens if at > minute)
        most = {
            "requests": (limit.requests_per_minute, requests),
            "calls": (limit.max_concurrency, self.running + 1),
            # A call of any size is permitted if no other tokens are counted.
            "tokens": (limit.tokens_per_minute, counted and counted + tokens),
        }
        if limit.requests_per_minute:
            usable = max(1.0, limit.requests_per_minute * self.pace)
            most["requests"] = (usable, requests)
        broken = [name for name, (m, is_) in most.items() if m is not None and is_ > m]
        return [*broken, *(["pause"] if now < self.not_before else [])]

    def permitted(self, tokens: int, now: float) -> list[float]:
        """Count a permitted attempt; return the entry of its tokens."""
        self.running += 1
        self.requests.append(now)
        self.tokens.append([now, tokens])
        return self.tokens[-1]

    def released(self, entry: list[float], outcome: LimitOutcome, now: float) -> None:
        """Count the outcome of a permitted attempt."""
        self.running -= 1
        used = 0 if outcome.refused else outcome.used
        if used is not None and used > entry[1]:
            self.tokens.append([now, used - entry[1]])
        elif used is not None:
            entry[1] = used
        if outcome.refused:
            self.pace = max(1 / 16, self.pace / 2)
            self.not_before = max(self.not_before, now + (outcome.retry_after or 0))
        elif used:
            self.pace = min(1.0, self.pace * 1.1)

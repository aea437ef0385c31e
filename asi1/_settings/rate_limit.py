"""
How many calls and tokens a time holds: windows, without a clock.

A limit of three a minute means three in *any* minute, which is how servers count; so
what was let through is remembered for as long as it counts.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol, Self

from attrs import define, field, frozen

from .._models.base_types import public
from .._models.errors import ConfigurationError


__all__ = ["LimitOutcome", "Limiter", "RateLimit", "Window"]

# The slowest that refusals can make a window, as a share of its limit.
_SLOWEST = 1 / 16
# What each call that went well gives back of the pace that refusals took.
_RECOVERY = 1.1


def _count(_: object, attribute: Any, value: object) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and value >= 1):  # type: ignore[operator]
        raise ConfigurationError(
            f"rate_limit: {attribute.name} must be a whole number of at least 1, or"
            f" None, not {value!r}"
        )


@public
@frozen(kw_only=True)
class RateLimit:
    """
    How much a client may ask for; calls above it wait their turn. None for no limit.

    Attributes:
        requests_per_minute: Requests in any minute, retries included.
        requests_per_day: Requests in any 24 hours.
        tokens_per_minute: Tokens in any minute, estimated before a call from the
            length of its body and ``max_tokens``, corrected afterwards by its usage.
        max_concurrency: Calls at once, for each event loop.
    """

    requests_per_minute: int | None = field(default=None, validator=_count)
    requests_per_day: int | None = field(default=None, validator=_count)
    tokens_per_minute: int | None = field(default=None, validator=_count)
    max_concurrency: int | None = field(default=None, validator=_count)

    @classmethod
    def free_plan(cls) -> Self:
        """Return the limits of the free plan, as users reported them in 2026."""
        return cls(
            requests_per_minute=3, requests_per_day=500, tokens_per_minute=640_000
        )

    def windows(self) -> tuple[Window, Window, Window]:
        """Return a new window each for requests a minute, a day, tokens a minute."""
        return (
            Window(self.requests_per_minute, 60.0),
            Window(self.requests_per_day, 86_400.0),
            Window(self.tokens_per_minute, 60.0),
        )


@public
@frozen(kw_only=True)
class LimitOutcome:
    """
    How a try ended that a `Limiter` had let through.

    Attributes:
        estimated: The tokens it was let through for.
        used: The tokens that the server counted; None if it did not say.
        refused: Whether the server answered 429.
        retry_after: Seconds that it asked to wait; None if it did not.
    """

    estimated: int
    used: int | None = None
    refused: bool = False
    retry_after: float | None = None


@public
class Limiter(Protocol):
    """
    What ``rate_limit=`` takes beside a `RateLimit`: a limiter of your own.

    It may share its counts between processes. Both methods are called on the event loop
    that makes the call; raising makes the call fail with what is raised.
    """

    async def acquire(self, tokens: int) -> None:
        """Wait until a try of about *tokens* tokens may be made."""
        ...

    def release(self, outcome: LimitOutcome) -> None:
        """Take note of how a try ended; called once for each `acquire`."""
        ...


@define
class _Entry:
    at: float
    amount: float


@define(eq=False)
class Window:
    """
    What was let through in the last *seconds*, of at most *limit*.

    Attributes:
        limit: None for no limit.
        pace: The share of the limit that is used; refusals halve it, successes give it
            back.
    """

    limit: int | None
    seconds: float
    pace: float = field(default=1.0, init=False)
    _entries: deque[_Entry] = field(factory=deque, init=False)
    _total: float = field(default=0.0, init=False)

    def wait(self, now: float, amount: float) -> float:
        """Return the seconds until *amount* fits; 0 if it does now."""
        if self.limit is None:
            return 0.0
        while self._entries and self._entries[0].at <= now - self.seconds:
            self._total -= self._entries.popleft().amount
        # What is larger than the whole window goes through an empty one.
        over = self._total + amount - max(1.0, self.limit * self.pace)
        for entry in self._entries:
            if over <= 0:
                return 0.0
            over -= entry.amount
            if over <= 0:
                return entry.at + self.seconds - now
        if self._entries:
            return self._entries[-1].at + self.seconds - now
        return 0.0

    def take(self, now: float, amount: float) -> None:
        """Count *amount* as let through."""
        if self.limit is not None:
            self._entries.append(_Entry(now, amount))
            self._total += amount

    def correct(self, by: float) -> None:
        """Count *by* more, or less if it is negative, for the newest entry."""
        if self._entries:
            entry = self._entries[-1]
            by = max(by, -entry.amount)
            entry.amount += by
            self._total += by

    def refused(self) -> None:
        """Go at half the pace from now on."""
        self.pace = max(_SLOWEST, self.pace / 2)

    def went_well(self) -> None:
        """Go a little faster, up to the limit."""
        self.pace = min(1.0, self.pace * _RECOVERY)

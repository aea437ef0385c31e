"""
A sliding window: how much may pass in any stretch of time, by the time handed in.

A limit of three a minute means three in *any* minute, which is how servers count; so
each entry is kept for as long as it counts.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field


__all__ = ["Window"]

# The slowest that refusals can make a window, as a share of its limit.
_SLOWEST = 1 / 16
# What each call that went well gives back of the pace that refusals took.
_RECOVERY = 1.1


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

"""
A sliding window that limits an amount, such as tokens, per time; it reads no clock.

A limit of three a minute means three in *any* minute, which is how servers count. So
the window stores each entry until the entry is older than the window.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field


__all__ = ["Window"]

# Refused attempts never lower the pace below this share of the limit.
_SLOWEST = 1 / 16
# Each successful attempt multiplies a lowered pace by this factor.
_RECOVERY = 1.1


@define
class _Entry:
    at: float
    amount: float


@define(eq=False)
class Window:
    """
    Permits amounts, such as tokens, up to a sum of *limit* in any *seconds* seconds.

    Attributes:
        limit: The largest sum of the amounts; None for no limit.
        pace: The share of the limit in use; refusals halve it, successes raise it.
    """

    limit: int | None
    seconds: float
    pace: float = field(default=1.0, init=False)
    _entries: deque[_Entry] = field(factory=deque, init=False)
    _total: float = field(default=0.0, init=False)

    def wait(self, now: float, amount: float) -> float:
        """Return the seconds until *amount* fits into the limit; 0 if it fits now."""
        if self.limit is None:
            return 0.0
        while self._entries and self._entries[0].at <= now - self.seconds:
            self._total -= self._entries.popleft().amount
        # An amount above the whole limit is permitted once the window is empty.
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
        """Record that *amount* was permitted at the time *now*."""
        if self.limit is not None:
            self._entries.append(_Entry(now, amount))
            self._total += amount

    def correct(self, estimated: float, used: float) -> None:
        """
        Replace the amount *estimated* of an entry by *used*, unless it has expired.

        Calls end in any order, so the entry is found by its amount. Of entries with the
        same amount, the newest is replaced.
        """
        for entry in reversed(self._entries):
            if entry.amount == estimated:
                entry.amount = used
                self._total += used - estimated
                return

    def refused(self) -> None:
        """Halve `pace`, the usable share of the limit, after a refused attempt."""
        self.pace = max(_SLOWEST, self.pace / 2)

    def went_well(self) -> None:
        """Raise `pace`, the usable share of the limit, by a tenth after a success."""
        self.pace = min(1.0, self.pace * _RECOVERY)

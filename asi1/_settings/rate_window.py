"""
A sliding window that limits an amount, such as tokens, per time; it reads no clock.

A limit of three a minute means three in *any* minute, which is how servers count. So
the window stores each entry until the entry is older than the window.
"""

from __future__ import annotations

from collections import deque

from attrs import define, field


__all__ = ["Entry", "Window"]

# Refused attempts never lower the pace below this share of the limit.
_SLOWEST = 1 / 16
# Each successful attempt multiplies a lowered pace by this factor.
_RECOVERY = 1.1


@define(eq=False)
class Entry:
    """
    An amount that a `Window` has permitted.

    Attributes:
        at: The time at which the amount was permitted.
        amount: The amount; corrected once the used amount is known.
    """

    at: float
    amount: float


@define(eq=False)
class Window:
    """
    Permits amounts, such as tokens, up to a sum of *limit* in any *seconds* seconds.

    Attributes:
        limit: The largest sum of the amounts; None for no limit.
        pace: The share of the limit that may be used: refusals halve it, successes
            raise it.
    """

    limit: int | None
    seconds: float
    pace: float = field(default=1.0, init=False)
    _entries: deque[Entry] = field(factory=deque, init=False)
    _total: float = field(default=0.0, init=False)

    def wait(self, now: float, amount: float) -> float:
        """Return the seconds until *amount* fits into the limit; 0 if it fits now."""
        if self.limit is None:
            return 0.0
        self._expire(now)
        over = self._total + amount - max(1.0, self.limit * self.pace)
        # An amount above the whole limit is permitted once the window is empty.
        over = min(over, self._total)
        entries, wait = iter(self._entries), 0.0
        while over > 0:
            entry = next(entries)
            over -= entry.amount
            wait = entry.at + self.seconds - now
        return wait

    def take(self, now: float, amount: float) -> Entry:
        """Record that *amount* was permitted at the time *now*; return the entry."""
        entry = Entry(now, amount)
        if self.limit is not None:
            self._entries.append(entry)
            self._total += amount
        return entry

    def correct(self, entry: Entry, used: float, now: float) -> None:
        """
        Correct the amount of *entry*: its attempt has ended and has used *used*.

        The unused rest is free again. An amount used beyond that of the entry counts
        from *now*, since the entry may be older than the window.
        """
        if self.limit is None:
            return
        self._expire(now)
        if used > entry.amount:
            self.take(now, used - entry.amount)
        elif entry.at > now - self.seconds:
            self._total -= entry.amount - used
            entry.amount = used

    def _expire(self, now: float) -> None:
        while self._entries and self._entries[0].at <= now - self.seconds:
            self._total -= self._entries.popleft().amount

    def refused(self) -> None:
        """Halve `pace`, the usable share of the limit, after a refused attempt."""
        self.pace = max(_SLOWEST, self.pace / 2)

    def went_well(self) -> None:
        """Raise `pace`, the usable share of the limit, by a tenth after a success."""
        self.pace = min(1.0, self.pace * _RECOVERY)

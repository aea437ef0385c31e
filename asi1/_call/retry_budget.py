"""The retries that a client and its children may still spend."""

from __future__ import annotations

from attrs import define, field


__all__ = ["RetryBudget"]


@define
class RetryBudget:
    """
    How many retries one client may still spend: a token bucket.

    In an outage each client retries little, so that the server can recover.

    A retry costs 1. A call that a retry saved gives back what its retries cost; one
    that needed none adds a tenth. So in a total outage a client makes at most
    *capacity* requests more than it has calls.

    Attributes:
        capacity: The most that can be saved up, and what a new client begins with.
    """

    capacity: float = 20.0
    saved: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.saved = self.capacity

    def spend(self) -> bool:
        """Take the price of one retry; False, and nothing taken, if it is not there."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True

    def succeeded(self, retries: int) -> None:
        """Note a call that ended well after *retries* retries."""
        self.saved = min(self.capacity, self.saved + (retries or 0.1))

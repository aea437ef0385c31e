"""The objects that all calls of one client share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from attrs import define, field, frozen

from .._settings.config import ClientConfig
from .._transport.transport import Transport


# Most clients have no hooks, rate limit or cache, and never import these modules.
if TYPE_CHECKING:
    from .answer_cache import AnswerCache, CachedCall, CallAttempts, Send
    from .hook_caller import HookCaller
    from .rate_limiter import LocalLimiter, UserLimiter


__all__ = ["Resources", "RetryBudget"]


@define
class RetryBudget:
    """
    The number of retries that one client may still make: a token bucket.

    The budget keeps retries few in an outage, so that the server can recover.

    A retry costs 1. A call that succeeds after retries gives back what they cost; a
    call that succeeds without a retry adds 0.1. So while all calls fail, a client sends
    at most *capacity* requests more than it has calls.

    Attributes:
        capacity: The largest budget, and the budget of a new client.
    """

    capacity: float = 20.0
    saved: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.saved = self.capacity

    def spend(self) -> bool:
        """Subtract one retry and return True; return False if the budget is below 1."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True

    def succeeded(self, retries: int) -> None:
        """Add to the budget, since a call has succeeded after *retries* retries."""
        self.saved = min(self.capacity, self.saved + (retries or 0.1))


@frozen(eq=False)
class Resources:
    """
    The objects that all calls of a client share; child clients differ in *config*.

    Attributes:
        config: The client's settings.
        transport: Sends requests.
        budget: Limits the retries of all calls together.
        limiter: Delays calls to keep a rate limit; None for no rate limit.
        hooks: Calls the user's hooks; None without hooks.
        cache: Answers calls from the user's cache; None without a cache.
    """

    config: ClientConfig
    transport: Transport = field(repr=False)
    budget: RetryBudget = field(factory=RetryBudget, repr=False)
    limiter: LocalLimiter | UserLimiter | None = field(default=None, repr=False)
    hooks: HookCaller | None = field(default=None, repr=False)
    cache: AnswerCache | None = field(default=None, repr=False)

    def cached(self, call: CachedCall, attempts: CallAttempts, send: Send) -> Send:
        """Return *send*, which sends a request of *call*, with the cache before it."""
        if self.cache is None:
            return send
        return partial(self.cache.answer, call, attempts, send)

    def renewing_cache(self) -> Resources:
        """Return the same resources, whose cache replaces answers and reads none."""
        cache = None if self.cache is None else self.cache.renewing()
        return attrs.evolve(self, cache=cache)

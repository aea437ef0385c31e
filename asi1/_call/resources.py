"""The objects that all calls of one client share."""

from __future__ import annotations

from attrs import field, frozen

from .._settings.config import ClientConfig
from .._settings.hooks import Hooks
from .._settings.rate_limit import Limiter
from .._transport.transport import Transport
from .retry_budget import RetryBudget


__all__ = ["Resources"]


@frozen(eq=False)
class Resources:
    """
    The objects that all calls of a client share; child clients differ in *config*.

    Attributes:
        config: The client's settings.
        transport: Sends requests.
        budget: Limits the retries of all calls together.
        limiter: Delays calls to keep a rate limit; None for no rate limit.
        hooks: User functions, called on retries and at the end of calls.
    """

    config: ClientConfig
    transport: Transport = field(repr=False)
    budget: RetryBudget = field(factory=RetryBudget, repr=False)
    limiter: Limiter | None = field(default=None, repr=False)
    hooks: Hooks = field(factory=Hooks, repr=False)

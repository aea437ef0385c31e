"""The objects that all calls of one client share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from .._settings.config import ClientConfig
from .._transport.transport import Transport
from .retry_budget import RetryBudget


if TYPE_CHECKING:  # most clients have neither
    from .hook_caller import HookCaller
    from .rate_limiter import LocalLimiter, UserLimiter


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
        hooks: Calls the user's hooks; None without hooks.
    """

    config: ClientConfig
    transport: Transport = field(repr=False)
    budget: RetryBudget = field(factory=RetryBudget, repr=False)
    limiter: LocalLimiter | UserLimiter | None = field(default=None, repr=False)
    hooks: HookCaller | None = field(default=None, repr=False)

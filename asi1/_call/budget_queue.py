"""The queue in which the calls of one `map` or batch wait for their budgets."""

from __future__ import annotations

import anyio

from attrs import define, field

from .._protocol.request import Request
from .._settings.budget import BudgetExceededError
from .._settings.config import ClientConfig
from .._transport.event_loop import Flag
from .budgets import Budgets, Reservation
from .timer import Timer


__all__ = ["BudgetQueue"]


@define(eq=False)
class BudgetQueue:
    """
    The queue in which the calls of one `map` or batch wait for their budgets.

    For each call, more is reserved than it will probably use. So an attempt that does
    not fit into a budget waits, in order of arrival, until other calls of the queue
    have ended; it is refused only if all calls that have not ended are waiting as well.
    Used on one event loop.
    """

    budgets: Budgets
    # How many calls have not ended, and how many of these wait for a budget.
    _running: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)
    _turn: anyio.Lock = field(factory=lambda: anyio.Lock(fast_acquire=True), init=False)
    _changed: Flag = field(factory=Flag, init=False)

    def enter(self) -> None:
        """Count one more call, which will begin."""
        self._running += 1

    def leave(self) -> None:
        """
        Count a call as ended, and wake the calls that wait: there may be room for one
        now.
        """
        self._running -= 1
        self._changed.set()

    async def reserve(
        self, config: ClientConfig, request: Request, timer: Timer, *, sent: bool
    ) -> Reservation:
        """
        Reserve what *request* should use at most; its *timer* does not count the wait.

        *sent* says whether the call has sent another request before.

        Raises:
            BudgetExceededError: The request does not fit, and no call can make room.
            ConfigurationError: A budget is in dollars, and the price is not known.
        """
        began = timer.elapsed
        self._waiting += 1
        self._changed.set()
        try:
            async with self._turn:
                while (held := self._held(config, request, sent=sent)) is None:
                    await self._changed.wait()
                return held
        finally:
            self._waiting -= 1
            timer.pause += timer.elapsed - began

    def _held(
        self, config: ClientConfig, request: Request, *, sent: bool
    ) -> Reservation | None:
        """Return the request's reservation; None if it does not fit the budgets yet."""
        self._changed = Flag()
        try:
            return self.budgets.reserve(config, request, sent=sent)
        except BudgetExceededError:
            if self._running == self._waiting:
                raise
            return None

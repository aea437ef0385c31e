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

    More is reserved for a call than it should use. So an attempt that does not fit
    waits, in its turn, until other calls of the queue have ended; it is refused if all
    calls that have not ended are waiting as well. Used on one event loop.
    """

    budgets: Budgets
    # The calls that were made and have not ended, and those of them that wait here.
    _running: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)
    _turn: anyio.Lock = field(factory=lambda: anyio.Lock(fast_acquire=True), init=False)
    _changed: Flag = field(factory=Flag, init=False)

    def enter(self) -> None:
        """Count a call that was made, and will begin."""
        self._running += 1

    def leave(self) -> None:
        """Count a call that has ended, and so may have made room."""
        self._running -= 1
        self._changed.set()

    async def reserve(
        self, config: ClientConfig, request: Request, timer: Timer, *, sent: bool
    ) -> Reservation:
        """
        Reserve what *request* should use at most; its *timer* does not count the wait.

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
        """Return the reservation; None if it does not fit yet."""
        self._changed = Flag()
        try:
            return self.budgets.reserve(config, request, sent=sent)
        except BudgetExceededError:
            if self._running == self._waiting:
                raise
            return None

"""
The pools of one event loop, and the place that a request takes in one.

They are never touched from another loop or another process, and close when their loop
ends, or when the client that made them is dropped.
"""

from __future__ import annotations

import atexit
import math
import os
import ssl
import warnings

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import anyio
import httpx

from attrs import define, field

from .error_map import FOREIGN
from .event_loop import call_soon, loop_clock, spawn


__all__ = ["POOL_SIZE", "LoopPools", "Pool", "Slot", "inherit"]

# Connections of one httpx pool. Its cost for each request grows with this number.
POOL_SIZE = 8

# Pools inherited over a fork. Kept, so that their sockets are not closed from here.
_inherited: list[object] = []


def inherit(pools: object) -> None:
    """Keep what a parent process made, and never touch it."""
    _inherited.append(pools)
    # Python drops them when it exits, and in its debug mode complains of each.
    atexit.register(warnings.filterwarnings, "ignore", "unclosed ", ResourceWarning)


@define
class Pool:
    """One small pool of httpx's, and how many requests are on it."""

    transport: httpx.AsyncBaseTransport
    busy: int = 0
    idle_since: float = 0.0

    async def aclose(self) -> None:
        with suppress(*FOREIGN), anyio.CancelScope(shield=True):
            await self.transport.aclose()


@define
class Slot:
    """The place of one request, given back once."""

    pool: Pool
    pools: LoopPools
    taken: bool = True

    def release(self) -> None:
        """Give the place back; only the first time counts."""
        if self.taken:
            self.taken = False
            self.pool.busy -= 1
            self.pool.idle_since = self.pools.clock()
            self.pools.places.release()


@define
class LoopPools:
    """
    The pools of one event loop.

    They know nothing of the transport that uses them: when that is dropped, they live
    on until their connections are closed in good order.
    """

    token: Any
    places: anyio.Semaphore
    lent: bool
    clock: Callable[[], float] = field(factory=loop_clock)
    pid: int = field(factory=os.getpid)
    pools: list[Pool] = field(factory=list)
    making: anyio.Lock = field(factory=anyio.Lock)
    context: ssl.SSLContext | None = None
    keeper: AsyncGenerator[None, None] | None = None
    closed: bool = False

    @property
    def size(self) -> float:
        """How many requests may be on one pool; a user's own client takes them all."""
        return math.inf if self.lent else POOL_SIZE

    async def keep(self) -> AsyncGenerator[None, None]:
        """Be closed by the event loop at its end, as all async generators are."""
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; on their own loop."""
        self.closed = True
        pools, self.pools = self.pools, []
        for pool in pools if not self.lent else ():
            await pool.aclose()

    def close_later(self) -> None:
        """Close from anywhere: another thread, a destructor."""
        if self.pid != os.getpid():
            inherit(self)
        elif self.keeper is not None:
            call_soon(
                self.token, lambda: spawn(self.token, self._close_kept, "asi1 close")
            )

    async def _close_kept(self) -> None:
        if self.keeper is not None:
            await self.keeper.aclose()

    def close_idle(self, now: float, expiry: float) -> None:
        """Close pools without a request for *expiry* seconds; *now* is on the loop."""
        if self.lent:
            return
        for pool in self.pools[:]:
            if not pool.busy and now - pool.idle_since > expiry:
                self.pools.remove(pool)
                spawn(self.token, pool.aclose, "asi1 close")

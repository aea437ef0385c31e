"""
The connection pools of one event loop, and the place that a request takes in one.

They are never used from another loop or process. They close when their loop ends, or
when the client that made them is garbage-collected.
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

from .error_map import LIBRARY_ERRORS
from .event_loop import call_soon, loop_clock, spawn


__all__ = ["POOL_SIZE", "LoopPools", "Pool", "Slot", "keep_inherited"]

# Connections of one httpx pool: the more it has, the more a request costs (httpx 0.28).
POOL_SIZE = 8

# Pools that a fork copied. They are kept, since freeing them would close their sockets
# from the wrong process.
_inherited: list[object] = []


def keep_inherited(pools: object) -> None:
    """Keep the pools that a parent process made, and never use or close them."""
    _inherited.append(pools)
    # Python frees them when it exits, and in its debug mode warns of each socket.
    atexit.register(warnings.filterwarnings, "ignore", "unclosed ", ResourceWarning)


@define
class Pool:
    """One small pool of httpx, and how many requests use it."""

    transport: httpx.AsyncBaseTransport
    busy: int = 0
    idle_since: float = 0.0

    async def aclose(self) -> None:
        with suppress(*LIBRARY_ERRORS), anyio.CancelScope(shield=True):
            await self.transport.aclose()


@define
class Slot:
    """The place that one request takes in a pool."""

    pool: Pool
    pools: LoopPools
    taken: bool = True

    def release(self) -> None:
        """Free the place; a second call does nothing."""
        if self.taken:
            self.taken = False
            self.pool.busy -= 1
            self.pool.idle_since = self.pools.clock()
            self.pools.free_slots.release()


@define
class LoopPools:
    """
    The pools of one event loop.

    They hold no reference to the client: when it is garbage-collected, they live on
    until their connections are closed in order.
    """

    token: Any
    free_slots: anyio.Semaphore
    user_client: bool
    clock: Callable[[], float] = field(factory=loop_clock)
    pid: int = field(factory=os.getpid)
    pools: list[Pool] = field(factory=list)
    setup_lock: anyio.Lock = field(factory=anyio.Lock)
    context: ssl.SSLContext | None = None
    closer: AsyncGenerator[None, None] | None = None
    closed: bool = False

    @property
    def size(self) -> float:
        """How many requests may use one pool; a user's own client takes them all."""
        return math.inf if self.user_client else POOL_SIZE

    async def close_with_loop(self) -> AsyncGenerator[None, None]:
        """Close when the event loop ends: then it closes its async generators."""
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; called on their own loop."""
        self.closed = True
        pools, self.pools = self.pools, []
        for pool in pools if not self.user_client else ():
            await pool.aclose()

    def close_later(self) -> None:
        """Close soon; called on any thread, and in destructors."""
        if self.pid != os.getpid():
            keep_inherited(self)
        elif self.closer is not None:
            call_soon(
                self.token, lambda: spawn(self.token, self._run_closer, "asi1 close")
            )

    async def _run_closer(self) -> None:
        if self.closer is not None:
            await self.closer.aclose()

    def close_idle(self, now: float, expiry: float) -> None:
        """
        Close the pools without a request for *expiry* seconds.

        Args:
            now: The time of the loop's clock.
            expiry: In seconds.
        """
        if self.user_client:
            return
        for pool in self.pools[:]:
            if not pool.busy and now - pool.idle_since > expiry:
                self.pools.remove(pool)
                spawn(self.token, pool.aclose, "asi1 close")

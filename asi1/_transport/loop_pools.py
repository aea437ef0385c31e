"""
The connection pools of one event loop, and the slots that requests occupy in them.

The pools are never used from another event loop or process. They are closed when their
event loop ends, or when their client is closed or garbage-collected.
"""

from __future__ import annotations

import atexit
import math
import os
import ssl
import warnings

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any

import anyio

from attrs import define, field

from .event_loop import call_soon, loop_clock, spawn


__all__ = ["POOL_SIZE", "LoopPools", "Pool", "Slot", "keep_inherited"]

# Maximum connections of one pool. In httpx 0.28, which carries requests on trio and
# through proxies, each request takes more time if its pool has more connections.
POOL_SIZE = 8

# Pools that a fork copied from the parent process. The list keeps them alive, since
# freeing them would close the parent's sockets from the wrong process.
_inherited: list[object] = []


def keep_inherited(pools: object) -> None:
    """Keep the pools of a parent process alive, and never use or close them."""
    _inherited.append(pools)
    # At exit, Python frees the pools, and in its development mode it would warn of each
    # unclosed socket. So this warning is filtered out.
    atexit.register(warnings.filterwarnings, "ignore", "unclosed ", ResourceWarning)


@define(eq=False, repr=False)
class Pool:
    """A small pool of connections, and the number of requests that use it."""

    transport: Any
    busy: int = 0
    idle_since: float = 0.0

    async def aclose(self) -> None:
        with suppress(Exception), anyio.CancelScope(shield=True):
            await self.transport.aclose()


@define(eq=False, repr=False)
class Slot:
    """The slot that one request occupies in a pool."""

    pool: Pool
    pools: LoopPools
    taken: bool = True

    def release(self) -> None:
        """Free the slot; a second call does nothing."""
        if self.taken:
            self.taken = False
            self.pool.busy -= 1
            self.pool.idle_since = self.pools.clock()
            self.pools.free_slots.release()


@define(eq=False, repr=False)
class LoopPools:
    """
    The pools of one event loop.

    This object has no reference to the client. So the client can be garbage-collected
    first, and then the event loop closes the connections.
    """

    token: Any
    free_slots: anyio.Semaphore
    user_client: bool
    clock: Callable[[], float] = field(init=False)
    pid: int = field(factory=os.getpid)
    pools: list[Pool] = field(factory=list)
    setup_lock: anyio.Lock = field(factory=anyio.Lock)
    context: ssl.SSLContext | None = None
    proxies: Mapping[str, str] = field(factory=dict)
    closer: AsyncGenerator[None, None] | None = None
    closed: bool = False

    def __attrs_post_init__(self) -> None:
        self.clock = loop_clock(self.token)

    @property
    def size(self) -> float:
        """Maximum requests at once in one pool; infinite for a user's own client."""
        return math.inf if self.user_client else POOL_SIZE

    async def close_with_loop(self) -> AsyncGenerator[None, None]:
        """Close the pools when the loop ends: the loop then closes this generator."""
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; must be called on the pools' own event loop."""
        self.closed = True
        pools, self.pools = self.pools, []
        for pool in pools:
            await pool.aclose()

    async def aclose_with_closer(self) -> None:
        """Close the connections, and the generator that would close them."""
        await self.aclose()
        # The loop may be closing the generator at the same moment. If it is not, then
        # the generator has nothing left to wait for.
        if self.closer is not None:
            with suppress(RuntimeError):
                await self.closer.aclose()

    def close_later(self) -> None:
        """Schedule the pools' closing; allowed on any thread, and in destructors."""
        if self.pid != os.getpid():
            keep_inherited(self)
        elif self.closer is not None:
            run = self.aclose_with_closer
            call_soon(self.token, lambda: spawn(self.token, run, "asi1 close"))

    def close_idle(self, now: float, expiry: float) -> None:
        """
        Close the pools that have had no request for more than *expiry* seconds.

        Args:
            now: The current time on the event loop's clock.
            expiry: Maximum idle time, in seconds.
        """
        if self.user_client:
            return
        for pool in self.pools[:]:
            if not pool.busy and now - pool.idle_since > expiry:
                self.pools.remove(pool)
                spawn(self.token, pool.aclose, "asi1 close")

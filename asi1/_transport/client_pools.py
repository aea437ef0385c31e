"""
The connections: small pools for each event loop, and what they are made with.

httpx slows down with the number of connections in one pool, so requests are spread over
several, as many as they need.
"""

from __future__ import annotations

import os
import ssl
import weakref

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import anyio
import httpx

from attrs import define, field

from .._models.errors import APITimeoutError, ClientClosedError, ConfigurationError
from .._settings.config import ClientConfig, HTTPClient, HTTPTransport, is_loopback
from .adapters import Direct, Lent, LentClient, proxied
from .event_loop import loop_token
from .loop_pools import POOL_SIZE, LoopPools, Pool, Slot, inherit
from .tls import blind_context, load_core, ssl_context


__all__ = ["Pools"]


@define(eq=False)
class Pools:
    """
    All the pools of one client and its children.

    Attributes:
        http_client: The user's own; used as it is, and never closed.
        transport: The user's own, for every pool; never closed either.
    """

    config: ClientConfig
    http_client: HTTPClient | None = None
    transport: HTTPTransport | None = None
    _by_loop: dict[Any, LoopPools] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if self.http_client is not None and self.transport is not None:
            raise ConfigurationError("give http_client= or transport=, not both")
        if not isinstance(self.http_client, httpx.AsyncClient | None):
            raise ConfigurationError(
                "http_client: must be an httpx.AsyncClient, for ASI1 too"
            )
        if not isinstance(self.transport, httpx.AsyncBaseTransport | None):
            raise ConfigurationError(
                "transport: must be an httpx.AsyncBaseTransport, for ASI1 too"
            )
        weakref.finalize(self, _close_all, self._by_loop).atexit = False

    async def slot(self, patience: float | None, host: str) -> Slot:
        """
        Return a place for one request.

        Args:
            patience: Seconds to wait for one; None for no limit.
            host: For the error's message.

        Raises:
            APITimeoutError: All connections were in use for that long.
            ClientClosedError: The user's own client is closed.
            ConfigurationError: A proxy or CA file of the environment is unusable.
        """
        if self.http_client is not None and self.http_client.is_closed:
            raise ClientClosedError("the client given as http_client= is closed")
        pools = await self._here()
        try:
            pools.places.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait(pools, patience, host)
        try:
            # From here on nothing waits: what is free now is free when it is taken.
            # The first with room, so that idle connections are used again.
            room = (pool for pool in pools.pools if pool.busy < pools.size)
            pool = next(room, None)
            if pool is None:
                pool = Pool(self._transport(pools.context or blind_context()))
                pools.pools.append(pool)
        except BaseException:
            pools.places.release()
            raise
        pool.busy += 1
        # httpx closes idle connections of a pool when that pool is used again.
        expiry = self.config.limits.keepalive_expiry
        pools.close_idle(pools.clock(), expiry)
        return Slot(pool, pools)

    async def _wait(self, pools: LoopPools, patience: float | None, host: str) -> None:
        with anyio.move_on_after(patience) as waiting:
            await pools.places.acquire()
        if waiting.cancelled_caught:
            raise APITimeoutError(
                f"{host}: no free connection within {patience:g} s; all"
                f" {self.config.limits.max_connections} are in use"
                " (Limits.max_connections)",
                phase="pool",
                sent=False,
            )

    async def _here(self) -> LoopPools:
        token = loop_token()
        pools = self._by_loop.get(token)
        if pools is None or pools.closed or pools.pid != os.getpid():
            self._forget_lost()
            places = anyio.Semaphore(self.config.limits.max_connections)
            pools = LoopPools(token, places, lent=self.http_client is not None)
            self._by_loop[token] = pools
        if pools.keeper is not None:
            return pools
        async with pools.making:
            if pools.keeper is None:
                pools.context = await self._context()
                pools.keeper = pools.keep()
                await anext(pools.keeper)
        return pools

    def _forget_lost(self) -> None:
        """Let go of pools whose loop has ended, or that a parent process made."""
        for token, pools in list(self._by_loop.items()):
            if pools.pid != os.getpid():
                inherit(self._by_loop.pop(token, None))
            elif pools.closed or getattr(token, "is_closed", bool)():
                self._by_loop.pop(token, None)

    @property
    def _trust_env(self) -> bool:
        # Nothing on this machine is behind a proxy, and its http:// may carry the key.
        host = urlsplit(self.config.base_url).hostname or ""
        return self.config.trust_env and not is_loopback(host)

    async def _context(self) -> ssl.SSLContext:
        if self.http_client is not None or self.transport is not None:
            return blind_context()
        await load_core()
        if self.config.base_url.startswith("http:"):
            return blind_context()
        return await ssl_context(trust_env=self._trust_env)

    def _transport(self, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
        if self.http_client is not None:
            return LentClient(self.http_client)
        if self.transport is not None:
            return Lent(self.transport)
        limits = httpx.Limits(
            max_connections=POOL_SIZE,
            max_keepalive_connections=POOL_SIZE,
            keepalive_expiry=self.config.limits.keepalive_expiry,
        )
        if self._trust_env and any(map(getproxies().get, ("http", "https", "all"))):
            return proxied(context, limits)
        return Direct(context, limits)

    async def aclose(self) -> None:
        """Close the connections of this event loop; other loops close their own."""
        pools = self._by_loop.pop(loop_token(), None)
        if pools is not None and pools.keeper is not None:
            await pools.keeper.aclose()


def _close_all(by_loop: dict[Any, LoopPools]) -> None:
    for pools in list(by_loop.values()):
        pools.close_later()

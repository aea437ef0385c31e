"""
The connections of a client, in several small pools for each event loop.

With httpx 0.28, a request costs more the more connections its pool has, so requests are
spread over several small pools.
"""

from __future__ import annotations

import os
import ssl
import weakref

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import anyio

from attrs import define, field

from .._fork_lock import run_apart_once
from .._models.base_types import HTTPClient, HTTPTransport
from .._models.errors import APITimeoutError, ClientClosedError, ConfigurationError
from .._settings.config import ClientConfig, is_loopback
from .adapters import DirectTransport, preload_network
from .event_loop import in_worker, loop_token
from .loop_pools import LoopPools, Pool, Slot, keep_inherited


__all__ = ["Pools", "read_proxies"]


@define(eq=False, repr=False)
class Pools:
    """
    The connection pools of a client and of its copies from `with_options`.

    Attributes:
        http_client: A user-provided HTTP client, or None; never closed here.
        transport: A user-provided transport for all pools, or None; never closed here.
    """

    config: ClientConfig
    http_client: HTTPClient | None = None
    transport: HTTPTransport | None = None
    _by_loop: dict[Any, LoopPools] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if self.http_client is not None and self.transport is not None:
            raise ConfigurationError("give http_client= or transport=, not both")
        if self.http_client is not None:
            _user_client().check_client(self.http_client)
        if self.transport is not None:
            _user_client().check_transport(self.transport)
        weakref.finalize(self, _close_all, self._by_loop).atexit = False

    @property
    def own(self) -> bool:
        """
        Whether asi1 opens the connections itself; False with a user's client or
        transport.
        """
        return self.http_client is None and self.transport is None

    async def slot(self, pool_timeout: float | None, host: str) -> Slot:
        """
        Wait for a free slot for one request in one of the pools; return the slot.

        Args:
            pool_timeout: Seconds to wait for a slot; None for no limit.
            host: The server's name, for error messages.

        Raises:
            APITimeoutError: All connections were in use for *pool_timeout* seconds.
            ClientClosedError: The user-provided HTTP client is closed.
            ConfigurationError: A proxy or CA file of the environment is unusable.
        """
        if self.http_client is not None and self.http_client.is_closed:
            raise ClientClosedError("the client given as http_client= is closed")
        pools = await self._loop_pools()
        try:
            pools.free_slots.acquire_nowait()
        except anyio.WouldBlock:
            await self._wait(pools, pool_timeout, host)
        try:
            # There is no await from here on, so no other task can take the chosen
            # slot. The first pool with a free slot is chosen, so that idle connections
            # are reused.
            free = (pool for pool in pools.pools if pool.busy < pools.size)
            pool = next(free, None)
            if pool is None:
                pool = Pool(self._transport(pools))
                pools.pools.append(pool)
        except BaseException:
            pools.free_slots.release()
            raise
        pool.busy += 1
        # httpx 0.28 closes a pool's idle connections only when that pool is used again,
        # so idle pools are closed here.
        expiry = self.config.limits.keepalive_expiry
        pools.close_idle(pools.clock(), expiry)
        return Slot(pool, pools)

    async def _wait(
        self, pools: LoopPools, pool_timeout: float | None, host: str
    ) -> None:
        with anyio.move_on_after(pool_timeout) as waiting:
            await pools.free_slots.acquire()
        if waiting.cancelled_caught:
            raise APITimeoutError(
                f"{host}: no free connection within {pool_timeout:g} s; all"
                f" {self.config.limits.max_connections} are in use"
                " (Limits.max_connections)",
                phase="pool",
                sent=False,
            )

    async def _loop_pools(self) -> LoopPools:
        token = loop_token()
        pools = self._by_loop.get(token)
        if pools is None or pools.closed or pools.pid != os.getpid():
            self._drop_lost()
            slots = anyio.Semaphore(self.config.limits.max_connections)
            pools = LoopPools(token, slots, user_client=not self.own)
            self._by_loop[token] = pools
        if pools.closer is not None:
            return pools
        async with pools.setup_lock:
            if pools.closer is None:
                pools.context = await self._context()
                pools.proxies = await self._proxies()
                pools.closer = pools.close_with_loop()
                await anext(pools.closer)
        return pools

    def _drop_lost(self) -> None:
        """Drop the pools of ended event loops, and those of a parent process."""
        for token, pools in list(self._by_loop.items()):
            if pools.pid != os.getpid():
                keep_inherited(self._by_loop.pop(token, None))
            elif pools.closed or getattr(token, "is_closed", bool)():
                self._by_loop.pop(token, None)

    async def _proxies(self) -> Mapping[str, str]:
        """Return the environment's proxies; none for a server on this machine."""
        # A server on this machine needs no proxy; with http://, a proxy would also see
        # the API key.
        host = urlsplit(self.config.base_url).hostname or ""
        if not self.own or not self.config.trust_env or is_loopback(host):
            return {}
        return await in_worker(read_proxies)

    async def _context(self) -> ssl.SSLContext | None:
        if not self.own:
            return None
        await preload_network()
        if self.config.base_url.startswith("http:"):
            return None
        tls = await in_worker(_tls)
        made: ssl.SSLContext = await tls.ssl_context(trust_env=self.config.trust_env)
        return made

    def _transport(self, pools: LoopPools) -> Any:
        if self.http_client is not None:
            return _user_client().UserClient(self.http_client)
        if self.transport is not None:
            return _user_client().UserTransport(self.transport)
        context, proxied = pools.context, None
        expiry = self.config.limits.keepalive_expiry
        if given := pools.proxies:
            secure = context or _tls().placeholder_context()
            proxied = _proxy_transport()(secure, expiry, self.config.base_url, given)
        return proxied or DirectTransport(context, expiry)

    async def aclose(self) -> None:
        """Close the connections of this event loop; other loops close their own."""
        pools = self._by_loop.pop(loop_token(), None)
        if pools is not None and pools.closer is not None:
            await pools.aclose_with_closer()


def read_proxies() -> Mapping[str, str]:
    """Return the environment's proxies; import what sends requests through them."""
    found = _getproxies()()
    if not any(map(found.get, ("all", "http", "https"))):
        return {}
    _proxy_transport()
    _tls()
    return found


@run_apart_once
def _getproxies() -> Callable[[], dict[str, str]]:
    from urllib.request import getproxies  # noqa: PLC0415 - not used for this machine

    return getproxies


@run_apart_once
def _proxy_transport() -> Callable[..., Any]:
    from .proxies import proxy_transport  # noqa: PLC0415 - most programs have no proxy

    return proxy_transport


@run_apart_once
def _tls() -> ModuleType:
    from . import tls  # noqa: PLC0415 - not needed for a server on this machine

    return tls


@run_apart_once
def _user_client() -> ModuleType:
    from . import user_client  # noqa: PLC0415 - most programs provide none

    return user_client


def _close_all(by_loop: dict[Any, LoopPools]) -> None:
    for pools in list(by_loop.values()):
        pools.close_later()

"""
The httpx transports that send requests, directly or through a proxy.

The transports that wrap a user's own client or transport are in `user_client`.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx

from .._fork_lock import run_apart_once
from .event_loop import in_worker, loop_token


if TYPE_CHECKING:
    import httpcore


__all__ = [
    "DirectTransport",
    "network_backend",
    "preload_httpcore",
]

# The modules of this package that import httpcore.
_MODULES = (f"{__package__}.http_pool", f"{__package__}.connect")
# The functions below whose imports have ended; `sys.modules` cannot tell that, since it
# has a module before the module's import ends.
_preloaded: set[Callable[[], object]] = set()


async def preload_httpcore() -> None:
    """Import httpcore, and the modules of this package that need it, in a thread."""
    on_asyncio = isinstance(loop_token(), asyncio.AbstractEventLoop)
    backend = () if on_asyncio else (_trio_backend,)
    for load in (_import_resolver, _import_httpcore, *backend):
        if load not in _preloaded:
            await in_worker(load)
            _preloaded.add(load)


def _import_resolver() -> None:
    # asyncio resolves host names in threads of `concurrent.futures.thread`, which
    # cannot be imported while Python is exiting. That module registers a fork hook that
    # releases a lock, so a fork must not wait for this import: the fork would release
    # the lock without having acquired it.
    with suppress(RuntimeError):
        importlib.import_module("concurrent.futures.thread")


@run_apart_once
def _import_httpcore() -> None:
    for name in _MODULES:
        importlib.import_module(name)


class DirectTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, but with asi1's connection pool."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=context, limits=limits)
        # These imports are fast: `preload_httpcore` has already run them in a thread.
        from .http_pool import ConnectionPool  # noqa: PLC0415
        from .httpcore_internals import replace_pool  # noqa: PLC0415

        replace_pool(self, lambda: ConnectionPool(context, limits, network_backend()))


def network_backend() -> httpcore.AsyncNetworkBackend:
    """Return an object that opens connections on the running event loop."""
    if isinstance(loop_token(), asyncio.AbstractEventLoop):
        from .connect import AsyncioBackend  # noqa: PLC0415

        return AsyncioBackend()
    return _trio_backend()()


@run_apart_once
def _trio_backend() -> type[httpcore.AsyncNetworkBackend]:
    # trio 0.35 calls `socket.getaddrinfo` on the event loop, which would import this
    # module there.
    importlib.import_module("encodings.idna")
    from .trio_socket import TrioBackend  # noqa: PLC0415 - most programs use asyncio

    return TrioBackend

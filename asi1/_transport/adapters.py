"""
Sends requests directly to servers: on trio by httpx, on asyncio mostly without.

The transports that wrap a user's own client or transport are in `user_client`.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import operator
import ssl
import sys

from collections.abc import Callable
from contextlib import suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any

from .._fork_lock import no_fork, run_apart_once
from .event_loop import import_in_worker, loop_token


if TYPE_CHECKING:
    import httpcore
    import httpx

    from .connect import AsyncioNetwork
    from .plain_connection import Connection, PlainReply
    from .plain_http import Outgoing


__all__ = [
    "DirectTransport",
    "is_genuine",
    "network_backend",
    "preload_httpx",
    "preload_network",
]

# The modules of this package that send requests: without httpcore, and with it.
_PLAIN = ("connect", "plain_connection")
_BY_HTTPCORE = ("http_pool", "httpcore_network", "tls", "httpx_request")
# Where the functions of httpx and httpcore that send requests are defined.
_HOMES = (
    "httpx._transports.default",
    "httpcore._async.connection_pool",
    "httpcore._async.connection",
    "httpcore._async.http11",
)
# The classes of httpx and httpcore that send requests, and the name of their method.
_REPLACEABLE = (
    ("httpx", "AsyncHTTPTransport"),
    ("httpcore", "AsyncConnectionPool"),
    ("httpcore", "AsyncHTTPConnection"),
    ("httpcore", "AsyncHTTP11Connection"),
)
_METHOD = "handle_async_request"
_LOGGERS = [logging.getLogger(f"httpcore.{name}") for name in ("connection", "http11")]
# The functions of httpx and httpcore that are known not to be replaced by others.
_genuine: list[object] = []


async def preload_network() -> None:
    """Import in a thread what sends requests: httpcore too, except on asyncio."""
    on_asyncio = isinstance(loop_token(), asyncio.AbstractEventLoop)
    if on_asyncio:
        await _preload(_import_resolver, _import_plain)
    else:
        await _preload(_import_resolver, _import_httpcore, _trio_backend)


async def preload_httpx() -> None:
    """Import in a thread what `DirectTransport` needs to send requests by httpx."""
    await _preload(_import_httpcore)


async def _preload(*loads: Callable[[], object]) -> None:
    for load in loads:
        await import_in_worker(load)


def _import_resolver() -> None:
    # asyncio resolves host names in threads of `concurrent.futures.thread`, which
    # cannot be imported while Python is exiting. That module registers fork hooks: one
    # acquires a lock before a fork, and one releases it after. A fork that has begun
    # before this import would only release the lock, so the import waits for the fork,
    # and not the fork for the import.
    no_fork.wait_for_forks()
    with suppress(RuntimeError):
        importlib.import_module("concurrent.futures.thread")


@run_apart_once
def _import_plain() -> None:
    for name in _PLAIN:
        importlib.import_module(f"{__package__}.{name}")


@run_apart_once
def _import_httpcore() -> None:
    for name in _BY_HTTPCORE:
        importlib.import_module(f"{__package__}.{name}")


class DirectTransport:
    """
    Sends requests to servers: on trio by httpx, on asyncio mostly without.

    Args:
        context: For TLS; None if all servers are addressed by http.
        expiry: Seconds after which an idle connection is closed; None for never.

    Attributes:
        on_asyncio: Whether `send_plainly` may be used.
        by_httpx: httpx's own transport, but with asi1's pool; None before its first
            use.
    """

    def __init__(
        self, context: ssl.SSLContext | None, expiry: float | None = None
    ) -> None:
        self._context, self._expiry = context, expiry
        self.on_asyncio = isinstance(loop_token(), asyncio.AbstractEventLoop)
        self.by_httpx: httpx.AsyncHTTPTransport | None = None
        self._network: AsyncioNetwork | None = None
        self._plain: list[Connection] = []
        self._of_httpx: httpcore.AsyncConnectionPool | None = None

    @property
    def connections(self) -> int:
        """The number of connections that asi1 itself reads, and has not closed."""
        return sum(not connection.closed for connection in self._plain)

    async def send_plainly(self, asked: Outgoing) -> PlainReply:
        """
        Send *asked* over one of asi1's own connections, and return the reply.

        Raises:
            TransportError: No reply arrived.
        """
        # These imports are fast: `preload_network` has run them in a thread.
        from .connect import AsyncioNetwork  # noqa: PLC0415
        from .plain_connection import connect  # noqa: PLC0415

        connection = self._idle(asked.address.origin)
        if connection is None:
            await self._close_idle_of_httpx()
            network = self._network = self._network or AsyncioNetwork()
            connection = await connect(asked, network, self._context, self._expiry)
            self._plain.append(connection)
        return await connection.send(asked)

    def _idle(self, origin: object) -> Connection | None:
        """Return an idle connection to *origin*; close those that are of no use."""
        now, found = asyncio.get_running_loop().time(), None
        for connection in self._plain[:]:
            if connection.busy and not connection.closed:
                continue
            if connection.closed or connection.has_expired(now):
                self._plain.remove(connection)
                connection.abort()
            elif connection.origin == origin and found is None:
                connection.busy = True
                found = connection
        return found

    async def _close_idle_of_httpx(self) -> None:
        """Close httpx's idle connections, so that both kinds together keep a limit."""
        for connection in self._of_httpx.connections if self._of_httpx else ():
            if connection.is_idle():
                await connection.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* by httpx, after closing idle connections of asi1 itself."""
        if self.by_httpx is None:
            await preload_httpx()
            self.by_httpx = self._made()
        for connection in self._plain:
            if not connection.busy:  # `max_connections` limits both kinds together
                connection.abort()
        return await self.by_httpx.handle_async_request(request)

    def _made(self) -> httpx.AsyncHTTPTransport:
        if self.by_httpx is not None:  # by another task, during the import
            return self.by_httpx
        import httpx  # noqa: PLC0415 - rarely used on asyncio

        from .http_pool import ConnectionPool, pool_limits  # noqa: PLC0415
        from .httpcore_internals import replace_pool  # noqa: PLC0415
        from .tls import placeholder_context  # noqa: PLC0415

        context = self._context or placeholder_context()
        limits = pool_limits(self._expiry)
        made = httpx.AsyncHTTPTransport(verify=context, limits=limits)
        pool = ConnectionPool(context, limits, network_backend())
        if replace_pool(made, lambda: pool):
            self._of_httpx = pool
        return made

    async def aclose(self) -> None:
        """Close all connections."""
        plain, self._plain = self._plain, []
        for connection in plain:
            await connection.aclose()
        if self.by_httpx is not None:
            await self.by_httpx.aclose()


def is_genuine() -> bool:
    """
    Whether nothing wants to see the requests pass through httpx and httpcore.

    Libraries for tests, such as respx, pytest-httpx and vcrpy, replace functions of
    both. And a program may log what httpcore does.
    """
    found = [
        getattr(getattr(sys.modules.get(library), name, None), _METHOD, None)
        for library, name in _REPLACEABLE
    ]
    # A wrapper may be equal to the function that it wraps.
    if not (_genuine and all(map(operator.is_, found, _genuine))):
        if not all(map(_is_original, found)):
            return False
        _genuine[:] = found
    return not any(each.isEnabledFor(logging.DEBUG) for each in _LOGGERS)


def _is_original(function: Any) -> bool:
    """
    Whether *function* is defined in a module of httpx or httpcore that sends.

    None is original too: nobody can replace a function that is not imported yet.
    """
    if function is None:
        return True
    # A function that wraps it may have its name, but not the variables of its module.
    return (
        type(function) is FunctionType
        and function.__globals__.get("__name__") in _HOMES
    )


def network_backend() -> httpcore.AsyncNetworkBackend:
    """Return an object that opens connections on the running event loop."""
    if isinstance(loop_token(), asyncio.AbstractEventLoop):
        from .httpcore_network import HTTPCoreBackend  # noqa: PLC0415

        return HTTPCoreBackend()
    return _trio_backend()()


@run_apart_once
def _trio_backend() -> type[httpcore.AsyncNetworkBackend]:
    # trio 0.35 calls `socket.getaddrinfo` on the event loop, which would import this
    # module there.
    importlib.import_module("encodings.idna")
    from .trio_socket import TrioBackend  # noqa: PLC0415 - most programs use asyncio

    return TrioBackend

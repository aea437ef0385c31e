"""
The httpx transports that send requests: httpx's own, or a user-provided one.

An httpx client is used only for proxies, or if the user provides one. The client for
proxies stores no cookies.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl

from contextlib import suppress
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from .._fork_lock import run_apart_once
from .._models.errors import ConfigurationError
from .event_loop import in_worker, loop_token


if TYPE_CHECKING:
    import httpcore


__all__ = [
    "DirectTransport",
    "UserClient",
    "UserTransport",
    "preload_httpcore",
    "proxy_transport",
]

# The modules of this package that import httpcore.
_MODULES = (f"{__package__}.http_pool", f"{__package__}.connect")
# Set after the import: a module is in `sys.modules` as soon as its import begins.
_preloaded = False


async def preload_httpcore() -> None:
    """Import httpcore, and the modules of this package that need it, in a thread."""
    global _preloaded  # noqa: PLW0603 - modules are imported once per process
    if not _preloaded:
        await in_worker(_import_httpcore)
        _preloaded = True


@run_apart_once
def _import_httpcore() -> None:
    for name in _MODULES:
        importlib.import_module(name)
    # asyncio resolves host names in threads of this module, which cannot be imported
    # while Python is exiting.
    with suppress(RuntimeError):
        importlib.import_module("concurrent.futures.thread")


class DirectTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, but with asi1's connection pool."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=context, limits=limits)
        # These imports are fast: `preload_httpcore` has already run them in a thread.
        from .http_pool import ConnectionPool  # noqa: PLC0415
        from .httpcore_internals import replace_pool  # noqa: PLC0415

        replace_pool(self, lambda: ConnectionPool(context, limits, _network_backend()))


def _network_backend() -> httpcore.AsyncNetworkBackend:
    if isinstance(loop_token(), asyncio.AbstractEventLoop):
        from .connect import AsyncioBackend  # noqa: PLC0415

        return AsyncioBackend()
    from .connect import TrioBackend  # noqa: PLC0415

    return TrioBackend()


class UserTransport(httpx.AsyncBaseTransport):
    """Sends through a user-provided transport, and never closes that transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class _ClientTransport(httpx.AsyncBaseTransport):
    """Sends through an httpx client, which applies its own proxies, hooks and auth."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        await self._client.aclose()


class UserClient(_ClientTransport):
    """Sends through a user-provided httpx client, adds its headers, never closes it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        prepared = self._client.build_request(
            request.method,
            request.url,
            content=request.content,
            headers=request.headers,
            extensions=request.extensions,
        )
        prepared.stream = request.stream
        return await super().handle_async_request(prepared)

    async def aclose(self) -> None:
        """Do nothing: the user closes the client."""


def proxy_transport(
    context: ssl.SSLContext, limits: httpx.Limits
) -> httpx.AsyncBaseTransport:
    """
    Return a transport that sends through the proxies named in the environment.

    Raises:
        ConfigurationError: One of these proxies cannot be used.
    """
    try:
        client = httpx.AsyncClient(
            verify=context,
            limits=limits,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # The error's text may contain a proxy's password, so it is not shown. The text
        # of an ImportError is shown, since it only names a missing package.
        reason = f": {error}" if isinstance(error, ImportError) else ""
        raise ConfigurationError(
            "a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,"
            f" NO_PROXY) cannot be used{reason}"
        ) from None
    return _ClientTransport(client)

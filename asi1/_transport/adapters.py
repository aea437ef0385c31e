"""
The httpx transports that send requests: httpx's own, or a user-provided one.

An httpx client is used only for proxies, or if the user provides one. The client for
proxies stores no cookies.
"""

from __future__ import annotations

import asyncio
import ssl

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from .._models.errors import ConfigurationError
from .event_loop import loop_token


if TYPE_CHECKING:
    import httpcore


__all__ = ["DirectTransport", "UserClient", "UserTransport", "proxy_transport"]


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

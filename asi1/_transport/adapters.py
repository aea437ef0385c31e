"""
What carries a request, for httpx: its own transport, or one that was lent.

httpx's client is passed by where it has nothing to add. No cookie is kept.
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


__all__ = ["Direct", "Lent", "LentClient", "proxied"]


class Direct(httpx.AsyncHTTPTransport):
    """httpx's own transport; on asyncio, with sockets that cost less."""

    def __init__(self, context: ssl.SSLContext, limits: httpx.Limits) -> None:
        super().__init__(verify=context, limits=limits)
        # `preload_httpcore` has loaded them in a thread.
        from .http_pool import ConnectionPool  # noqa: PLC0415
        from .httpcore_internals import replace_pool  # noqa: PLC0415

        replace_pool(self, lambda: ConnectionPool(context, limits, _network()))


def _network() -> httpcore.AsyncNetworkBackend:
    if isinstance(loop_token(), asyncio.AbstractEventLoop):
        from .connect import Sockets  # noqa: PLC0415

        return Sockets()
    from .connect import TrioSockets  # noqa: PLC0415

    return TrioSockets()


class Lent(httpx.AsyncBaseTransport):
    """A transport of the user's, which is theirs to close."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)


class _Through(httpx.AsyncBaseTransport):
    """What goes by way of an httpx client, with all that it does on the way."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        await self._client.aclose()


class LentClient(_Through):
    """A client of the user's: it adds headers of its own, and is theirs to close."""

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
        """Leave it open."""


def proxied(context: ssl.SSLContext, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    """
    Return what goes through the proxies of the environment.

    Raises:
        ConfigurationError: One is unusable.
    """
    try:
        client = httpx.AsyncClient(
            verify=context,
            limits=limits,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # The reason may quote a password; but not when a package is missing.
        reason = f": {error}" if isinstance(error, ImportError) else ""
        raise ConfigurationError(
            "a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,"
            f" NO_PROXY) cannot be used{reason}"
        ) from None
    return _Through(client)

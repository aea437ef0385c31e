"""
The httpx transports that send requests: httpx's own, or a user-provided one.

An httpx client is used only if the user provides one.
"""

from __future__ import annotations

import asyncio
import ssl

from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from .._models.errors import ConfigurationError
from .event_loop import loop_token


if TYPE_CHECKING:
    import httpcore


__all__ = [
    "DirectTransport",
    "UserClient",
    "UserTransport",
    "needs_no_proxy",
    "proxy_transport",
]


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


class UserClient(httpx.AsyncBaseTransport):
    """Sends through a user-provided httpx client, adds its headers, never closes it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        prepared = self._client.build_request(
            request.method,
            request.url,
            content=request.content,
            headers=request.headers,
            extensions=request.extensions,
        )
        prepared.stream = request.stream
        return await self._client.send(prepared, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        """Do nothing: the user closes the client."""


def proxy_transport(
    context: ssl.SSLContext, limits: httpx.Limits, base_url: str
) -> httpx.AsyncBaseTransport | None:
    """
    Return a transport that sends through the environment's proxy for *base_url*.

    None if the environment names no proxy for this URL.

    Raises:
        ConfigurationError: One of the environment's proxies cannot be used.
    """
    given = getproxies()
    try:
        found = {
            scheme: httpx.AsyncHTTPTransport(
                verify=context, limits=limits, proxy=_with_scheme(given[scheme])
            )
            for scheme in ("all", "http", "https")
            if given.get(scheme)
        }
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # The error's text may contain a proxy's password, so it is not shown. The text
        # of an ImportError is shown, since it only names a missing package.
        reason = f": {error}" if isinstance(error, ImportError) else ""
        raise ConfigurationError(
            "a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,"
            f" NO_PROXY) cannot be used{reason}"
        ) from None
    url = urlsplit(base_url)
    transport = found.get(url.scheme, found.get("all"))
    if transport is None or needs_no_proxy(given.get("no", ""), base_url):
        return None
    from .httpcore_internals import replace_backend  # noqa: PLC0415 - as above

    replace_backend(transport, _network_backend())
    return transport


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def needs_no_proxy(no_proxy: str, base_url: str) -> bool:
    """
    Whether *no_proxy*, the value of ``NO_PROXY``, names the host of *base_url*.

    Its entries, separated by commas, are host names, addresses and networks of IPv4
    and IPv6, each with or without a port, or URLs; ``*`` means all hosts. An entry of
    another form is ignored, as curl ignores it.
    """
    return any(_matches(each.strip(), base_url) for each in no_proxy.lower().split(","))


def _matches(entry: str, base_url: str) -> bool:
    url = urlsplit(base_url.lower())
    host, port = url.hostname or "", url.port or {"http": 80}.get(url.scheme, 443)
    if entry == "*":
        return True
    with suppress(ValueError):  # not an address
        return ip_address(host) in ip_network(entry, strict=False)
    try:
        scheme, _, rest = entry.rpartition("://")
        parts = urlsplit(f"//{rest}")
        named, wanted = parts.hostname or "", parts.port
    except ValueError:
        return False
    if scheme not in ("", "all", url.scheme) or wanted not in (None, port):
        return False
    with suppress(ValueError):
        return ip_address(host) in ip_network(f"{named}{parts.path}", strict=False)
    if scheme:
        return named == host
    below = host.endswith(f".{named.removeprefix('*').removeprefix('.')}")
    return bool(named) and (named == host or below)

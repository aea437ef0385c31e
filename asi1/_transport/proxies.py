"""The proxies that the environment names, and the servers that need none of them."""

from __future__ import annotations

import re
import ssl

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import httpx

from .._models.errors import ConfigurationError
from .adapters import network_backend
from .http_pool import ConnectionPool, pool_limits
from .httpcore_internals import replace_backend, replace_pool
from .tunnel import TunnelBackend


__all__ = ["needs_no_proxy", "proxy_transport"]


def proxy_transport(
    context: ssl.SSLContext,
    expiry: float | None,
    base_url: str,
    proxies: Mapping[str, str],
) -> httpx.AsyncBaseTransport | None:
    """
    Return a transport that sends through the environment's proxy for *base_url*.

    None if the environment names no proxy for this URL.

    Args:
        context: The TLS context for the proxy, and for the server behind it.
        expiry: Seconds after which an idle connection is closed; None for never.
        base_url: The API's URL.
        proxies: The environment's proxies, from `urllib.request.getproxies`.

    Raises:
        ConfigurationError: One of the environment's proxies cannot be used.
    """
    if needs_no_proxy(proxies.get("no", ""), base_url):
        return None
    scheme = urlsplit(base_url).scheme
    try:
        found = {
            name: httpx.Proxy(_with_scheme(proxies[name]))
            for name in ("all", "http", "https")
            if proxies.get(name)
        }
        proxy = found.get(scheme, found.get("all"))
        if proxy is None:
            return None
        return _transport(context, pool_limits(expiry), scheme, proxy)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # The error's text may contain a proxy's password, so it is not shown. The text
        # of an ImportError is shown, since it only names a missing package.
        reason = f": {error}" if isinstance(error, ImportError) else ""
        raise ConfigurationError(
            "a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,"
            f" NO_PROXY) cannot be used{reason}"
        ) from None


def _transport(
    context: ssl.SSLContext, limits: httpx.Limits, scheme: str, proxy: httpx.Proxy
) -> httpx.AsyncBaseTransport:
    if scheme == "https" or proxy.url.scheme.startswith("socks"):
        tunnelled = httpx.AsyncHTTPTransport(verify=context, limits=limits)
        network = TunnelBackend(proxy, context, network_backend())
        if replace_pool(tunnelled, lambda: ConnectionPool(context, limits, network)):
            return tunnelled
    # No tunnel: an HTTP proxy itself receives requests for http:// URLs, and forwards
    # them.
    forwarded = httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)
    replace_backend(forwarded, network_backend())
    return forwarded


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def needs_no_proxy(no_proxy: str, base_url: str) -> bool:
    """
    Whether *no_proxy*, the value of ``NO_PROXY``, names the host of *base_url*.

    Its entries, separated by commas or spaces, are host names and addresses of IPv4 and
    IPv6, each with or without a port, URLs, and networks; ``*`` means all hosts. An
    entry of another form is ignored, as curl ignores it: a network or ``*`` with a
    port, too.
    """
    entries = re.split(r"[,\s]+", no_proxy.lower())
    return any(_matches(entry, base_url) for entry in entries)


def _matches(entry: str, base_url: str) -> bool:
    url = urlsplit(base_url.lower())
    host, port = (
        (url.hostname or "").removesuffix("."),
        url.port or {"http": 80}.get(url.scheme, 443),
    )
    if entry == "*":
        return True
    with suppress(ValueError):  # raised if the host or the entry is not an IP address
        return ip_address(host) in ip_network(entry, strict=False)
    try:
        scheme, _, rest = entry.rpartition("://")
        parts = urlsplit(f"//{rest}")
        named, wanted = (parts.hostname or "").removesuffix("."), parts.port
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

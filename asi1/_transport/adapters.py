"""
The httpx transports that send requests: httpx's own, or a user-provided one.

An httpx client is used only if the user provides one.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
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
    "needs_no_proxy",
    "preload_httpcore",
    "proxy_transport",
]

# A request's extension with this key is a list of the bodies of its replies.
_HELD = "asi1.held"
# The modules of this package that import httpcore.
_MODULES = (f"{__package__}.http_pool", f"{__package__}.connect")
# True once httpcore is imported; `sys.modules` has a module before its import ends.
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
    # asyncio resolves host names in threads of `concurrent.futures.thread`, which
    # cannot be imported while Python is exiting.
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
    return _trio_backend()()


@run_apart_once
def _trio_backend() -> type[httpcore.AsyncNetworkBackend]:
    from .trio_socket import TrioBackend  # noqa: PLC0415 - most programs use asyncio

    return TrioBackend


class UserTransport(httpx.AsyncBaseTransport):
    """Sends through a user-provided transport, and never closes that transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._transport.handle_async_request(request)
        except httpx.HTTPStatusError as error:
            if (reply := _reply_in(error, request, [])) is None:
                raise
            return reply


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
        held: list[_HeldBody] = []
        prepared.extensions = {**prepared.extensions, _HELD: held}
        hooks = self._client.event_hooks
        if hooks["response"] and hooks["response"][0] is not _hold_body:
            # Replace the list, since other tasks may be running the old list's hooks.
            hooks["response"] = [_hold_body, *hooks["response"]]
        try:
            response = await self._client.send(
                prepared, stream=True, follow_redirects=False
            )
        except BaseException as error:
            reply = None
            if isinstance(error, httpx.HTTPStatusError):
                reply = _reply_in(error, prepared, held)
            await _let_go(held, reply)
            if reply is None:
                raise
            return reply
        await _let_go(held, response)
        return response

    async def aclose(self) -> None:
        """Do nothing: the user closes the client."""


class _HeldBody(httpx.AsyncByteStream):
    """
    A reply's body; while *held*, `aclose` leaves it open unless it was fully read.

    httpx closes a reply if one of the client's hooks raises an error.
    """

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self.stream = stream
        self.held = True
        self.closed = self.ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.stream:
            yield piece
        self.ended = True

    async def aclose(self) -> None:
        self.closed = True
        if self.ended or not self.held:
            await self.stream.aclose()


async def _hold_body(response: httpx.Response) -> None:
    """Keep the body of a reply to asi1's request open; a response hook of httpx."""
    held = response.request.extensions.get(_HELD)
    if held is not None and isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _HeldBody(response.stream)
        held.append(response.stream)


async def _let_go(held: list[_HeldBody], kept: httpx.Response | None) -> None:
    """Close the bodies that `aclose` left open, except the body of the reply *kept*."""
    for body in held:
        body.held = False
        if body.closed and (kept is None or kept.stream is not body):
            with anyio.CancelScope(shield=True), suppress(Exception):
                await body.stream.aclose()


def _reply_in(
    error: httpx.HTTPStatusError, request: httpx.Request, held: list[_HeldBody]
) -> httpx.Response | None:
    """
    Return the reply that a hook or a transport raised because of its status.

    None if it is the reply to another request, such as for a token. The body is empty
    if it was closed before it was read.
    """
    reply = error.response
    if reply.request.url != request.url or reply.is_stream_consumed:
        return reply if reply.request.url == request.url else None
    if not reply.is_closed:
        return reply
    headers = [(k, v) for k, v in reply.headers.multi_items() if k != "content-length"]
    body = next((each for each in held if each is reply.stream), None)
    if body is None:
        headers = [(k, v) for k, v in headers if k != "content-encoding"]
    return httpx.Response(
        reply.status_code, headers=headers, stream=body or httpx.ByteStream(b"")
    )


def proxy_transport(
    context: ssl.SSLContext,
    limits: httpx.Limits,
    base_url: str,
    proxies: Mapping[str, str],
) -> httpx.AsyncBaseTransport | None:
    """
    Return a transport that sends through the environment's proxy for *base_url*.

    None if the environment names no proxy for this URL.

    Args:
        context: For TLS to the proxy, and to the server behind it.
        limits: The limits of the transport's connections.
        base_url: The API's URL.
        proxies: The environment's proxies, from `urllib.request.getproxies`.

    Raises:
        ConfigurationError: One of the environment's proxies cannot be used.
    """
    if needs_no_proxy(proxies.get("no", ""), base_url):
        return None
    try:
        found = {
            scheme: httpx.AsyncHTTPTransport(
                verify=context, limits=limits, proxy=_with_scheme(proxies[scheme])
            )
            for scheme in ("all", "http", "https")
            if proxies.get(scheme)
        }
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # The error's text may contain a proxy's password, so it is not shown. The text
        # of an ImportError is shown, since it only names a missing package.
        reason = f": {error}" if isinstance(error, ImportError) else ""
        raise ConfigurationError(
            "a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,"
            f" NO_PROXY) cannot be used{reason}"
        ) from None
    transport = found.get(urlsplit(base_url).scheme, found.get("all"))
    if transport is None:
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
    with suppress(ValueError):  # raised if the host or the entry is not an IP address
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

# ruff: noqa: ASYNC109 - httpcore's interface has timeouts
"""
Opens connections through a proxy: by CONNECT of HTTP (RFC 9110), or SOCKS 5 (RFC 1928).

httpcore 1.0 has proxies of its own. It waits for their replies without a timeout,
leaves the connection open if a SOCKS proxy fails, and raises errors of the package
socksio. Here, opening the tunnel is part of connecting: one timeout limits all of it,
and nothing is sent to the server before the tunnel is open.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import ssl

from contextlib import suppress
from typing import Any

import anyio
import httpcore
import httpx

from attrs import define

from .address import PORTS
from .http_pool import begins_http
from .httpcore_network import as_httpcore
from .sending import map_connect_errors


__all__ = ["TunnelBackend"]

# Maximum length of a proxy's reply to CONNECT.
_LONGEST_HEAD = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")
_SOCKS_PORT = 1080
_VERSION, _PASSWORD_VERSION = 5, 1
_NO_PASSWORD, _WITH_PASSWORD = 0, 2
_REASONS = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "expired on the way",
    7: "it does not know the command",
    8: "it does not know the kind of address",
}
# The codes of those reasons that may be temporary, so that a retry may help.
_PASSING = (1, 3, 4, 5, 6)


@define
class TunnelBackend(httpcore.AsyncNetworkBackend):
    """
    Opens connections to servers through a proxy.

    Attributes:
        proxy: The proxy's URL, user and password.
        context: The TLS context for the connection to the proxy itself.
        network: Opens the connections to the proxy.
    """

    proxy: httpx.Proxy
    context: ssl.SSLContext
    network: httpcore.AsyncNetworkBackend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the pool sets none
        socket_options: Any = None,  # noqa: ARG002 - also unset
    ) -> httpcore.AsyncNetworkStream:
        """
        Return a connection to the proxy that the proxy forwards to *host* and *port*.

        Raises:
            httpcore.ConnectTimeout: The tunnel was not open within *timeout* seconds.
            httpcore.ConnectError: The proxy cannot be reached, or breaks off.
            httpcore.ProxyError: The proxy refuses.
        """
        with as_httpcore(), map_connect_errors(), anyio.fail_after(timeout):
            stream = await self._connect()
            try:
                await self._ask(stream, host, port)
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await stream.aclose()
                raise
            return stream

    async def _connect(self) -> httpcore.AsyncNetworkStream:
        url = self.proxy.url
        default = PORTS.get(url.scheme, _SOCKS_PORT)
        stream = await self.network.connect_tcp(url.host, url.port or default)
        if url.scheme == "https":
            stream = await stream.start_tls(self.context, url.host)
        return stream

    async def _ask(
        self, stream: httpcore.AsyncNetworkStream, host: str, port: int
    ) -> None:
        try:
            if self.proxy.url.scheme.startswith("socks"):
                await self._ask_socks(stream, host, port)
            else:
                await self._ask_http(stream, host, port)
        except (httpcore.ReadError, httpcore.WriteError) as error:
            raise httpcore.ConnectError(f"the proxy broke off: {error}") from error

    async def _ask_http(
        self, stream: httpcore.AsyncNetworkStream, host: str, port: int
    ) -> None:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.proxy.raw_auth is not None:
            token = base64.b64encode(b":".join(self.proxy.raw_auth)).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        await stream.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        status, reason = await _read_status(stream)
        while status.startswith("1"):  # skips informational replies
            status, reason = await _read_status(stream)
        if not status.startswith("2"):
            raise httpcore.ProxyError(f"{status} {reason}".strip())

    async def _ask_socks(
        self, stream: httpcore.AsyncNetworkStream, host: str, port: int
    ) -> None:
        auth = self.proxy.raw_auth
        method = _NO_PASSWORD if auth is None else _WITH_PASSWORD
        await stream.write(bytes([_VERSION, 1, method]))
        version, chosen = await _read(stream, 2)
        if version != _VERSION:
            raise httpcore.ProxyError("it does not reply with SOCKS 5")
        if chosen != method:
            wanted = "the user and password" if auth else "calls without a password"
            raise httpcore.ProxyError(f"it does not take {wanted}")
        if auth is not None:
            user, password = (_counted(each) for each in auth)
            await stream.write(bytes([_PASSWORD_VERSION]) + user + password)
            _, wrong = await _read(stream, 2)
            if wrong:
                raise httpcore.ProxyError("wrong user or password")
        place = _address(host) + port.to_bytes(2, "big")
        await stream.write(bytes([_VERSION, 1, 0]) + place)
        _, reply, _, kind = await _read(stream, 4)
        if reply:
            passing = "could not connect: " if reply in _PASSING else ""
            raise httpcore.ProxyError(passing + _REASONS.get(reply, f"code {reply}"))
        await _skip_address(stream, kind)


async def _read(stream: httpcore.AsyncNetworkStream, size: int) -> bytes:
    """Return the next *size* bytes; later bytes, from the server, stay unread."""
    data = b""
    while len(data) < size:
        piece = await stream.read(size - len(data))
        if not piece:
            raise httpcore.ConnectError("the proxy hung up")
        data += piece
    return data


async def _read_status(stream: httpcore.AsyncNetworkStream) -> tuple[str, str]:
    """Read the head of an HTTP reply; return its status and its reason."""
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")):
        if len(head) >= _LONGEST_HEAD:
            raise httpcore.ProxyError("its reply is too long")
        head += await _read(stream, 1)
        if not begins_http(head):
            raise httpcore.ProxyError("it does not reply with HTTP/1")
    found = _STATUS_LINE.match(head)
    if found is None:
        raise httpcore.ProxyError("it does not reply with HTTP/1")
    status, reason = found.groups(b"")
    return status.decode(), reason.decode("ascii", "replace")


async def _skip_address(stream: httpcore.AsyncNetworkStream, kind: int) -> None:
    """Read and drop the address, of type *kind*, from which the proxy connects."""
    sizes = {1: 4, 4: 16}
    size = sizes[kind] if kind in sizes else (await _read(stream, 1))[0]
    await _read(stream, size + 2)


def _counted(value: bytes) -> bytes:
    if len(value) > 255:
        raise httpcore.ProxyError("a name for it is longer than 255 bytes")
    return bytes([len(value)]) + value


def _address(host: str) -> bytes:
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return bytes([1 if address.version == 4 else 4]) + address.packed
    return bytes([3]) + _counted(host.encode("ascii"))

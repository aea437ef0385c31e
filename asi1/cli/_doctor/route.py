"""
Connects to the server with plain sockets, step by step: DNS, TCP, proxy tunnel, TLS.

Each function returns a finding together with the result for the next step, which is
None after a failure. No step lasts longer than the *seconds* that it is given.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import threading
import time

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import asi1

from ..._transport.tls import ssl_context
from .cures import cure_of, cure_of_call
from .finding import Finding
from .settings import Proxy


__all__ = ["open_tls", "open_tunnel", "reach", "resolve", "steps_to", "within"]

_T = TypeVar("_T")

# The largest reply of a proxy to CONNECT, in bytes.
_MOST = 8 * 1024
# A certificate that expires within this many days is mentioned.
_SOON = 14


def steps_to(url: str, proxy: Proxy | None, seconds: float) -> Iterator[Finding]:
    """Yield the finding of each connection step to *url*; stop after a failure."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    addresses, finding = resolve(
        proxy.host if proxy else host, proxy.port if proxy else port, seconds
    )
    yield finding
    if addresses is None:
        return
    connection, finding = reach(addresses, seconds)
    yield finding
    if connection is None:
        return
    with connection:
        if not secure:
            yield Finding("TLS", "skipped", "not used by http://")
            return
        if proxy is not None:
            if proxy.scheme != "http":
                words = f"not looked at behind a proxy with {proxy.scheme}://"
                yield Finding("TLS", "skipped", words)
                return
            finding = open_tunnel(connection, proxy, host, port, seconds)
            yield finding
            if finding.state == "failed":
                return
        try:
            context = asyncio.run(ssl_context(trust_env=True))
        except asi1.ConfigurationError as error:
            yield Finding("TLS", "failed", str(error), cure_of_call(error))
            return
        yield open_tls(connection, host, context, seconds)


def resolve(
    host: str, port: int, seconds: float
) -> tuple[Sequence[Any] | None, Finding]:
    """Look up the addresses of *host*."""
    begun = time.perf_counter()
    try:
        found = within(
            seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    # UnicodeError means that *host* is not a valid host name.
    except (OSError, UnicodeError) as error:
        text = f"{host}: {_words(error, seconds)}"
        return None, Finding("DNS", "failed", text, cure_of("DNS", error))
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    took = time.perf_counter() - begun
    text = f"{host} is {', '.join(addresses[:4])}{_more(addresses[4:])}, {_ms(took)}"
    if addresses == [host]:
        text = f"{host} is an address"
    facts = {"addresses": ", ".join(addresses), "seconds": round(took, 6)}
    return found, Finding("DNS", "ok", text, facts=facts)


def reach(
    addresses: Sequence[Any], seconds: float
) -> tuple[socket.socket | None, Finding]:
    """Connect to the first of *addresses* that accepts."""
    deadline = time.perf_counter() + seconds
    failed: list[str] = []
    last: OSError = OSError("there is no address")
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        begun = time.perf_counter()
        share = (deadline - begun) / (len(addresses) - place)
        shown = f"{address[0]} port {address[1]}"
        try:
            connection = socket.socket(family, kind, protocol)
        # OSError means that this machine does not support the protocol, such as IPv6.
        except OSError as error:
            last, failed = error, [*failed, f"{shown}: {_words(error, share)}"]
            continue
        try:
            connection.settimeout(max(share, 0.001))
            connection.connect(address)
        except OSError as error:
            connection.close()
            last, failed = error, [*failed, f"{shown}: {_words(error, share)}"]
            continue
        took = time.perf_counter() - begun
        text = f"connected to {shown}, {_ms(took)}"
        text += f" (not to {'; '.join(failed)})" if failed else ""
        facts = {"address": str(address[0]), "seconds": round(took, 6)}
        return connection, Finding("TCP", "ok", text, facts=facts)
    return None, Finding("TCP", "failed", "; ".join(failed), cure_of("TCP", last))


def open_tunnel(
    connection: socket.socket, proxy: Proxy, host: str, port: int, seconds: float
) -> Finding:
    """Ask the proxy at the other end of *connection* to connect to the server."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", *_login(proxy)]
    try:
        deadline = time.perf_counter() + seconds
        connection.settimeout(seconds)
        connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        status = _read_status(connection, deadline)
    except (OSError, UnicodeError) as error:
        text = f"{proxy.shown}: {_words(error, seconds)}"
        return Finding("tunnel", "failed", text, cure_of("tunnel", error))
    words = status.split(None, 2)
    if len(words) > 1 and words[0].startswith("HTTP/1") and words[1].startswith("2"):
        return Finding("tunnel", "ok", f"{proxy.shown} connects to {place}")
    text = f"{proxy.shown} answers {status!r:.200}"
    login = "407" in words[1:2]
    named = "set the proxy to http://user:password@host:port"
    cure = named if login else cure_of("tunnel")
    return Finding("tunnel", "failed", text, cure)


def open_tls(
    connection: socket.socket, host: str, context: ssl.SSLContext, seconds: float
) -> Finding:
    """Begin TLS, check the server's certificate, and close the connection."""
    begun = time.perf_counter()
    try:
        connection.settimeout(seconds)
        # An invalid name must raise here: if `wrap_socket` raises the error, Python
        # (3.11) leaves the socket open.
        host.encode("idna")
        with context.wrap_socket(connection, server_hostname=host) as secured:
            took = time.perf_counter() - begun
            certificate: Any = secured.getpeercert() or {}
            version = secured.version() or "TLS"
    # ValueError means that *host* is not a valid server name.
    except (OSError, ValueError) as error:
        text = f"{host}: {_words(error, seconds)}"
        return Finding("TLS", "failed", text, cure_of("TLS", error))
    ends = _end_of(certificate)
    issuer = _issuer(certificate)
    text = f"{version}, issued by {issuer}, valid until {ends:%Y-%m-%d}, {_ms(took)}"
    days = (ends - datetime.now(UTC)).days
    text += f"; it ends in {days} days" if days < _SOON else ""
    facts = {"issuer": issuer, "expires": ends.isoformat(), "version": version}
    return Finding("TLS", "ok", text, facts={**facts, "seconds": round(took, 6)})


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """
    Return the result of *work*; raise TimeoutError after *seconds*, since a DNS lookup
    has no timeout of its own.
    """
    results: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def run() -> None:
        try:
            results.put((True, work()))
        except Exception as error:  # noqa: BLE001 - raised in the caller's thread
            results.put((False, error))

    threading.Thread(target=run, name="asi1 doctor", daemon=True).start()
    try:
        done, value = results.get(timeout=seconds)
    except Empty:
        raise TimeoutError from None
    if not done:
        raise value
    result: _T = value
    return result


def _login(proxy: Proxy) -> list[str]:
    parts = urlsplit(proxy.url)
    if parts.username is None:
        return []
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    coded = base64.b64encode(words.encode()).decode("ascii")
    return [f"Proxy-Authorization: Basic {coded}"]


def _read_status(connection: socket.socket, deadline: float) -> str:
    """Return a proxy's status line; read the headers after it byte by byte."""
    read = b""
    # No byte after the headers is read, since TLS begins there.
    while not _is_whole(read) and len(read) < _MOST:
        left = deadline - time.perf_counter()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        byte = connection.recv(1)
        if not byte:
            break
        read += byte
    return read.partition(b"\r\n")[0].decode("latin-1")


def _is_whole(read: bytes) -> bool:
    """Whether *read* has all headers, or a first line that is not HTTP."""
    if read.endswith(b"\n") and not read.startswith(b"HTTP/"):
        return True
    return read.endswith(b"\r\n\r\n")


def _issuer(certificate: Any) -> str:
    names = {
        name: value for each in certificate.get("issuer", ()) for name, value in each
    }
    found = (names.get(name) for name in ("organizationName", "commonName"))
    return next((name for name in found if name), "an issuer without a name")


def _end_of(certificate: Any) -> datetime:
    seconds = ssl.cert_time_to_seconds(certificate["notAfter"])
    return datetime.fromtimestamp(seconds, UTC)


def _words(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {seconds:.3g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return (getattr(error, "strerror", None) or str(error)) or type(error).__name__


def _more(rest: Sequence[str]) -> str:
    return f" and {len(rest)} more" if rest else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"

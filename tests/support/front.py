"""A TLS server that forwards the decrypted bytes, like a reverse proxy."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio.from_thread
import pytest

from attrs import define, field


__all__ = ["Front", "mute", "served", "trust_only"]


def trust_only(authority: Any, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """
    Make clients trust *authority*, through SSL_CERT_FILE, and use no proxy.

    Returns:
        The file with the authority's certificate, in *folder*.
    """
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("SSL"):
            monkeypatch.delenv(name)
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@define(eq=False)
class Front:
    """
    Accepts TLS on 127.0.0.1 and forwards the decrypted bytes to port *behind*.

    Attributes:
        context: Has the server's certificate.
        behind: Port of the service that gets the decrypted bytes.
        hang_ups: How many connections are closed right after the handshake, before
            others are served.
        deaf: Whether the server reads nothing that clients send.
        handshakes: Number of handshakes that succeeded.
        open: Number of connections that are forwarded now.
        tunnels: Request lines that the CONNECT proxy received.
        port: Port that accepts TLS.
        proxy_port: Port that accepts CONNECT.
    """

    context: ssl.SSLContext
    behind: int
    hang_ups: int = 0
    deaf: bool = False
    handshakes: int = 0
    open: int = 0
    tunnels: list[bytes] = field(factory=list)
    port: int = 0
    proxy_port: int = 0
    _servers: list[asyncio.Server] = field(factory=list)
    _writers: list[asyncio.StreamWriter] = field(factory=list)
    _over: asyncio.Event = field(factory=asyncio.Event)

    async def start(self) -> None:
        """Start accepting TLS and CONNECT, each on a free port of 127.0.0.1."""
        secure = await asyncio.start_server(
            self._secured, "127.0.0.1", 0, ssl=self.context
        )
        proxy = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = secure.sockets[0].getsockname()[1]
        self.proxy_port = proxy.sockets[0].getsockname()[1]
        self._servers = [secure, proxy]

    async def stop(self) -> None:
        """Stop accepting connections, and abort the open ones."""
        self._over.set()
        for server in self._servers:
            server.close()
        for writer in self._writers:
            writer.transport.abort()
        # This lets the event loop close the aborted connections.
        await asyncio.sleep(0.01)

    async def _secured(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.handshakes += 1
        self._writers.append(writer)
        if self.handshakes <= self.hang_ups:
            writer.close()
        elif self.deaf:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await self._over.wait()
        else:
            await self._forward(reader, writer, self.behind)

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers.append(writer)
        self.tunnels.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await self._forward(reader, writer, self.port)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        self.open += 1
        back, on = await asyncio.open_connection("127.0.0.1", port)
        self._writers.append(on)

        async def copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    to.write(data)
                    await to.drain()
            # close() would send a TLS close_notify, so abort() is called.
            writer.transport.abort()
            on.transport.abort()

        await asyncio.gather(copy(reader, on), copy(back, writer))
        with suppress(OSError):
            await writer.wait_closed()
        self.open -= 1


@contextmanager
def served(front: Front) -> Iterator[Front]:
    """Run *front* in a thread with an event loop until the ``with`` block ends."""
    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(front.start)
        try:
            yield front
        finally:
            portal.call(front.stop)


@contextmanager
def mute() -> Iterator[int]:
    """Yield the port of a server that accepts connections and never sends a byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]

"""The sockets for asyncio with TLS, tested directly, without a client."""

from __future__ import annotations

import asyncio
import ssl

from contextlib import asynccontextmanager, suppress

import anyio
import pytest

from asi1._transport import network_errors
from asi1._transport.asyncio_socket import AsyncioSocket
from asi1._transport.connect import AsyncioNetwork

from ..support.talk import until


@pytest.fixture
def anyio_backend():
    """Run on asyncio only: trio has httpx's own sockets."""
    return "asyncio"


@asynccontextmanager
async def secured(certificate):
    """
    Yield a client's TLS socket, and a bytearray of the bytes that its server has
    received; the server never replies.
    """
    heard, left = bytearray(), []
    trusting = ssl.create_default_context(cafile=str(certificate))

    async def listen(reader, writer):
        with suppress(OSError):
            while data := await reader.read(1024):
                heard.extend(data)
        writer.close()
        left.append(writer)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        plain = await AsyncioNetwork().connect_tcp("127.0.0.1", port, 10)
        secure = await plain.start_tls(trusting, "127.0.0.1", 10)
        try:
            yield secure, heard
        finally:
            await secure.aclose()
    finally:
        server.close()
        with anyio.CancelScope(shield=True):
            await until(lambda: left)


async def test_tls_write_does_not_wait_for_the_server(certificate):
    """
    A write over TLS returns when the bytes are sent, even if the server never replies.
    """
    async with secured(certificate) as (secure, heard):
        for _ in range(4):
            await secure.write(b"otter", timeout=5)
            await secure.write(b"", timeout=5)

        await until(lambda: heard == b"otter" * 4)


async def test_is_readable_of_an_aborted_tls_connection_is_soon_true(certificate):
    """
    Soon after a TLS connection is aborted, its extra info `is_readable` is True, so the
    pool does not reuse the connection. Reading `is_readable` raises no error.
    """
    async with secured(certificate) as (secure, _):
        secure.abort()
        told = []
        for _ in range(4):
            told.append(secure.get_extra_info("is_readable"))
            await asyncio.sleep(0)

    assert told[1:] == [True, True, True]


def test_connection_stays_half_open_only_without_tls():
    """
    When the server has closed its sending side, a connection without TLS stays open for
    writing. A connection with TLS is closed, even before asyncio reports the end of the
    handshake.
    """
    assert AsyncioSocket().eof_received()
    assert not AsyncioSocket(below=asyncio.Transport()).eof_received()


@pytest.mark.parametrize("host", ["otter..example", "o" * 64 + ".example"])
async def test_host_name_with_an_empty_or_long_label_raises_connect_error(host):
    """
    Connecting to a host name raises ConnectError if a label of the name, the part
    between two dots, is empty or too long.
    """
    with pytest.raises(network_errors.ConnectError):
        await AsyncioNetwork().connect_tcp(host, 443, 5)

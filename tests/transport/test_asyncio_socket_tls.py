"""How the sockets of asyncio behave, each side of them alone."""

from __future__ import annotations

import asyncio
import ssl

from contextlib import asynccontextmanager, suppress

import anyio
import httpcore
import pytest

from asi1._transport.asyncio_socket import AsyncioSocket
from asi1._transport.connect import AsyncioBackend

from ..support.talk import until


@pytest.fixture
def anyio_backend():
    """The sockets are asyncio's."""
    return "asyncio"


@asynccontextmanager
async def secured(certificate):
    """Yield a socket with TLS, and what its silent server has heard."""
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
        plain = await AsyncioBackend().connect_tcp("127.0.0.1", port, 10)
        secure = await plain.start_tls(trusting, "127.0.0.1", 10)
        try:
            yield secure, heard
        finally:
            await secure.aclose()
    finally:
        server.close()
        with anyio.CancelScope(shield=True):
            await until(lambda: left)


async def test_a_write_over_tls_does_not_wait_for_an_answer(certificate):
    """
    A write over TLS is done when the network has it, although the server is silent.
    """
    async with secured(certificate) as (secure, heard):
        for _ in range(4):
            await secure.write(b"otter", timeout=5)
            await secure.write(b"", timeout=5)

        await until(lambda: heard == b"otter" * 4)


async def test_a_tls_connection_that_is_just_being_lost_is_not_used(certificate):
    """
    In each step of the event loop in which a connection with TLS is lost, it can be
    asked whether it is still of use; and in the end it is not.
    """
    async with secured(certificate) as (secure, _):
        secure.abort()
        told = []
        for _ in range(4):
            told.append(secure.get_extra_info("is_readable"))
            await asyncio.sleep(0)

    assert told[1:] == [True, True, True]


def test_only_a_plain_connection_stays_open_for_what_is_still_to_be_said():
    """
    The server's end of what it says leaves a plain connection half open, and ends one
    with TLS, even before its handshake is told to be over.
    """
    assert AsyncioSocket().eof_received()
    assert not AsyncioSocket(below=asyncio.Transport()).eof_received()


@pytest.mark.parametrize("host", ["otter..example", "o" * 64 + ".example"])
async def test_a_name_that_no_host_can_have_is_not_reached(host):
    """
    A name with an empty or endless part is a host that cannot be reached.
    """
    with pytest.raises(httpcore.ConnectError):
        await AsyncioBackend().connect_tcp(host, 443, 5)

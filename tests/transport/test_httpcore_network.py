"""What httpcore sees of the connections that asi1 opens."""

from __future__ import annotations

import socket
import ssl

import anyio
import httpcore
import pytest

from asi1._transport import network_errors
from asi1._transport.httpcore_network import (
    HTTPCoreBackend,
    HTTPCoreStream,
    as_httpcore,
    from_httpcore,
)


@pytest.fixture
def anyio_backend():
    """Return the only backend with which httpcore uses these connections."""
    return "asyncio"


class Broken:
    """A connection on which everything fails, because of an error of TLS."""

    async def read(self, max_bytes, timeout=None):
        raise network_errors.ReadError("read") from ssl.SSLError("why")

    async def write(self, buffer, timeout=None):
        raise network_errors.WriteTimeout("write")

    async def start_tls(self, *what):
        raise network_errors.ConnectError("tls")


async def test_errors_of_a_connection_are_those_of_httpcore():
    """
    httpcore sees its own errors, each with the text of the connection's error.
    """
    stream = HTTPCoreStream(Broken())

    with pytest.raises(httpcore.ReadError, match="read"):
        await stream.read(1)
    with pytest.raises(httpcore.WriteTimeout, match="write"):
        await stream.write(b"a")
    with pytest.raises(httpcore.ConnectError, match="tls"):
        await stream.start_tls(None)


async def test_refused_connection_is_an_error_of_httpcore():
    """
    If no address accepts the connection, httpcore sees its own ConnectError.
    """
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    with pytest.raises(httpcore.ConnectError):
        await HTTPCoreBackend().connect_tcp("127.0.0.1", port, 60)


def test_reason_of_an_error_survives_httpcore():
    """
    The error of TLS that broke a connection is still found after httpcore has raised
    the connection's error as another, without its cause.
    """
    with pytest.raises(httpcore.ReadError) as caught, as_httpcore():
        raise network_errors.ReadError("read") from ssl.SSLError("why")

    error = caught.value
    assert error.__cause__ is None
    assert isinstance(error.__context__.__cause__, ssl.SSLError)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("why"),
        TimeoutError(),
        network_errors.ReadError("why"),
        network_errors.TransportError("why"),
    ],
)
def test_other_errors_are_not_translated(error):
    """
    An error that is not of httpcore stays as it is.
    """
    assert from_httpcore(error) is error


def test_error_of_httpcore_becomes_one_of_asi1():
    """
    An error of httpcore becomes asi1's error of the same name and text, whose cause it
    is.
    """
    error = httpcore.RemoteProtocolError("why")
    made = from_httpcore(error)

    assert type(made) is network_errors.RemoteProtocolError
    assert ("why", error) == (str(made), made.__cause__)


async def test_sleep_of_the_backend_takes_the_given_time():
    """
    `HTTPCoreBackend.sleep`, part of httpcore's interface, sleeps for the given seconds.
    """
    began = anyio.current_time()

    await HTTPCoreBackend().sleep(0.02)

    assert anyio.current_time() - began > 0.01

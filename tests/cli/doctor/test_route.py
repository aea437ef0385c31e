"""The steps of ``asi1 doctor`` from DNS to TLS, with real sockets on 127.0.0.1."""

from __future__ import annotations

import socket
import ssl
import threading

from contextlib import contextmanager, suppress
from functools import partial

import pytest

from asi1.cli._doctor.route import open_tls, open_tunnel, reach, resolve, within
from asi1.cli._doctor.settings import Proxy

from ...support.front import mute


HOST = "127.0.0.1"
LONG = 60.0
SHORT = 0.05


@pytest.fixture
def trusting(certificate):
    """Return a TLS context that trusts the certificate of the test's server."""
    return ssl.create_default_context(cafile=certificate)


@contextmanager
def connected(port):
    """Yield a connection to a port of this machine."""
    with socket.create_connection((HOST, port)) as connection:
        yield connection


@contextmanager
def serving(serve):
    """
    Yield the port of a server that accepts one connection and calls *serve* with it,
    and the list of what *serve* has returned.
    """
    returned: list[bytes] = []
    listener = socket.create_server((HOST, 0))

    def run():
        with listener.accept()[0] as connection:
            returned.append(serve(connection))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1], returned
    finally:
        thread.join()
        listener.close()


def answering(data):
    """Return a server that answers one request with *data*, or without data closes the
    connection.
    """

    def serve(connection):
        request = connection.recv(65536)
        with suppress(OSError):
            connection.sendall(data)
            while data and connection.recv(65536):
                pass
        return request

    return serve


@pytest.fixture
def secure(certificate):
    """Return a server that speaks TLS, after the reply to CONNECT if it is a proxy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(connection, *, proxy=False):
        request = b""
        if proxy:
            request = connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with (
            suppress(OSError),
            context.wrap_socket(connection, server_side=True) as secured,
        ):
            secured.recv(1)
        return request

    return serve


def test_tls_step_names_the_issuer_and_the_expiry_date_of_the_certificate(
    secure, trusting
):
    """
    If DNS, TCP and TLS succeed, each step is "ok"; the TLS step names the issuer of the
    certificate and its expiry date, and warns if that date is near.
    """
    with serving(secure) as (port, _):
        addresses, dns = resolve("localhost", port, LONG)
        connection, tcp = reach(addresses, LONG)
        with connection:
            tls = open_tls(connection, HOST, trusting, LONG)

    assert ["ok"] * 3 == [each.state for each in (dns, tcp, tls)]
    assert HOST in dns.text
    assert f"connected to {HOST} port {port}, " in tcp.text
    assert "issued by localhost, valid until 2" in tls.text
    assert tls.text.endswith("it ends in 1 days")


def test_tls_behind_a_proxy_checks_the_certificate_of_the_server(secure, trusting):
    """A proxy gets a CONNECT request; then TLS checks the certificate of the server
    behind it.
    """
    with (
        serving(partial(secure, proxy=True)) as (port, requests),
        connected(port) as connection,
    ):
        proxy = Proxy(f"http://{HOST}:{port}", "http", HOST, port)
        tunnel = open_tunnel(connection, proxy, HOST, 443, LONG)
        tls = open_tls(connection, HOST, trusting, LONG)

    assert ("ok", "ok") == (tunnel.state, tls.state)
    request = b"CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n"
    assert [request] == requests


@pytest.mark.parametrize(
    ("data", "told", "cure"),
    [
        (b"HTTP/1.1 407 Who?\r\n\r\n", "answers 'HTTP/1.1 407 Who?'", "user:password"),
        (b"HTTP/1.1 403 No\r\n\r\n", "answers 'HTTP/1.1 403 No'", "NO_PROXY"),
        (b"SSH-2.0-otter\x1b[2J\r\n", r"'SSH-2.0-otter\x1b[2J'", "NO_PROXY"),
        (b"", "answers ''", "NO_PROXY"),
        (b"x" * 10_000, "answers 'xxx", "NO_PROXY"),
    ],
)
def test_proxy_that_does_not_connect_is_a_failure(data, told, cure):
    """
    The reply of a proxy that refuses CONNECT is shown, shortened and without control
    characters. The proxy's user and password are sent to the proxy, and not shown.
    """
    with (
        serving(answering(data)) as (port, requests),
        connected(port) as connection,
    ):
        proxy = Proxy(f"http://user:w%40rd@{HOST}:{port}", "http", HOST, port)
        finding = open_tunnel(connection, proxy, "otter.example", 443, LONG)

    assert "failed" == finding.state
    assert told in finding.text
    assert cure in finding.cure
    assert b"\r\nProxy-Authorization: Basic dXNlcjp3QHJk\r\n" in requests[0]
    assert "w%40rd" not in repr(finding)
    assert "w@rd" not in repr(finding)
    assert len(finding.text) < 300


def test_step_with_a_silent_proxy_or_server_fails_after_its_timeout(trusting):
    """A step that waits for a silent proxy, or for a silent server, fails when its
    timeout has passed.
    """
    with mute() as port, connected(port) as first, connected(port) as second:
        proxy = Proxy(f"http://{HOST}:{port}", "http", HOST, port)
        tunnel = open_tunnel(first, proxy, "otter.example", 443, SHORT)
        tls = open_tls(second, HOST, trusting, SHORT)

    assert ("failed", "failed") == (tunnel.state, tls.state)
    assert "nothing within 0.05 s" in tunnel.text
    assert "nothing within 0.05 s" in tls.text


@pytest.mark.parametrize(
    ("host", "told", "cure"),
    [
        (HOST, "self", "SSL_CERT_FILE"),
        ("otter.example", "mismatch", "another name"),
        ("a" * 70 + ".example", "", "base URL"),
    ],
)
def test_refused_certificate_is_a_failure_with_advice(
    secure, trusting, host, told, cure
):
    """A certificate of an unknown issuer, or for another name, is a failure."""
    context = ssl.create_default_context() if host == HOST else trusting

    with serving(secure) as (port, _), connected(port) as connection:
        finding = open_tls(connection, host, context, LONG)

    assert "failed" == finding.state
    assert told in finding.text
    assert cure in finding.cure


def test_server_without_tls_is_a_failure(fake, trusting):
    """If the server's port does not speak TLS, the step fails and says so."""
    with connected(fake.port) as connection:
        finding = open_tls(connection, HOST, trusting, LONG)

    assert "failed" == finding.state
    assert "whether the server speaks TLS" in finding.cure


def test_name_that_no_host_can_have_is_a_failure():
    """A name that cannot be looked up is a failure with advice."""
    addresses, finding = resolve("a" * 70, 443, LONG)

    assert (None, "failed") == (addresses, finding.state)
    assert "base URL" in finding.cure


def test_lookup_that_takes_too_long_is_given_up():
    """The lookup of a name, which has no timeout of its own, is given up when the
    timeout of its step has passed.
    """
    never = threading.Event()

    with pytest.raises(TimeoutError):
        within(SHORT, never.wait)

    never.set()


def test_addresses_are_tried_until_one_accepts_a_connection():
    """
    Addresses are tried in order until one accepts a connection. The finding names the
    addresses that failed before it, or all addresses if none accepts.
    """
    with socket.create_server((HOST, 0)) as listener:
        there = (socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname())
        with socket.create_server((HOST, 0)) as closed:
            gone = (*there[:4], closed.getsockname())
        unknown = (9999, *there[1:])

        found, finding = reach([gone, unknown, there], LONG)
        found.close()
        missing, failed = reach([gone], LONG)

    assert "ok" == finding.state
    assert f"(not to {HOST} port {gone[4][1]}: Connection refused; " in finding.text
    assert (None, "failed") == (missing, failed.state)
    assert "whether the server runs" in failed.cure

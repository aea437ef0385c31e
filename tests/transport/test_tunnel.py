"""A tunnel through a proxy: the bytes of CONNECT and SOCKS 5, and a proxy's replies."""

from __future__ import annotations

import base64
import ssl

import anyio
import httpcore
import httpx
import pytest

from asi1._transport.tunnel import TunnelBackend


pytestmark = pytest.mark.virtual_time

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONNECTED = b"HTTP/1.1 200 OK\r\n\r\n"
BASIC = base64.b64encode(b"otter:f:sh").decode()


class Proxy(httpcore.AsyncNetworkBackend, httpcore.AsyncNetworkStream):
    """A proxy without sockets, which sends *replies*, and then nothing if *silent*."""

    def __init__(self, replies=b"", *, silent=False, size=65536):
        self.replies, self.silent, self.size = replies, silent, size
        self.asked, self.places, self.secured, self.closed = b"", [], [], False

    async def connect_tcp(self, host, port, *_, **__):
        self.places.append((host, port))
        return self

    async def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        self.secured.append((ssl_context, server_hostname))
        return self

    async def read(self, max_bytes, timeout=None):
        if not self.replies and self.silent:
            await anyio.sleep_forever()
        size = min(max_bytes, self.size)
        data, self.replies = self.replies[:size], self.replies[size:]
        return data

    async def write(self, buffer, timeout=None):
        self.asked += buffer

    async def aclose(self):
        self.closed = True


async def connect(proxy, url="http://proxy.example", host="otter.example", **options):
    backend = TunnelBackend(httpx.Proxy(url), CONTEXT, proxy)
    return await backend.connect_tcp(host, 443, **options)


@pytest.mark.parametrize(
    ("host", "url", "lines"),
    [
        ("otter.example", "http://proxy.example", "otter.example:443"),
        ("2001:db8::1", "http://proxy.example", "[2001:db8::1]:443"),
        (
            "10.1.2.3",
            "http://otter:f%3Ash@proxy.example",
            f"10.1.2.3:443\r\nProxy-Authorization: Basic {BASIC}",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 65536])
async def test_http_proxy_gets_one_connect_request_with_the_password(
    host, url, lines, size
):
    """
    An HTTP proxy gets one CONNECT with the server's host and port, and the password of
    its URL. Bytes after its reply are left for the server's connection.
    """
    proxy = Proxy(b"HTTP/1.1 102 Wait\r\n\r\n" + CONNECTED + b"more", size=size)

    stream = await connect(proxy, url, host)

    target = lines.partition("\r\n")[0]
    assert proxy.asked == (
        f"CONNECT {target} HTTP/1.1\r\nHost: {lines}\r\n\r\n".encode()
    )
    assert (proxy, b"more", False) == (stream, proxy.replies, proxy.closed)
    assert [("proxy.example", 80)] == proxy.places


@pytest.mark.parametrize(
    ("url", "place", "secured"),
    [
        ("http://proxy.example:3128", ("proxy.example", 3128), []),
        ("https://proxy.example", ("proxy.example", 443), [(CONTEXT, "proxy.example")]),
        ("socks5://proxy.example", ("proxy.example", 1080), []),
        ("socks5h://[::1]:9050", ("::1", 9050), []),
    ],
)
async def test_connection_goes_to_the_host_and_port_of_the_proxys_url(
    url, place, secured
):
    """
    The connection goes to the host and port of the proxy's URL, or to the usual port of
    its scheme; an ``https://`` proxy is spoken to over TLS.
    """
    socks = b"\x05\x00" + b"\x05\x00\x00\x01" + bytes(6)
    proxy = Proxy(socks if url.startswith("socks") else CONNECTED)

    await connect(proxy, url)

    assert ([place], secured) == (proxy.places, proxy.secured)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("otter.example", b"\x03\x0dotter.example"),
        ("10.1.2.3", b"\x01\x0a\x01\x02\x03"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
    ],
)
@pytest.mark.parametrize(
    "bound", [b"\x01" + bytes(4), b"\x04" + bytes(16), b"\x03\x02ab"]
)
@pytest.mark.parametrize("password", [False, True])
async def test_socks_proxy_gets_the_name_of_the_server_and_the_password(
    host, address, bound, password
):
    """
    A SOCKS proxy gets the server's name or address, and the password of its URL. Its
    reply may name an address of any kind, in pieces of any size; later bytes are left.
    """
    login = b"\x01\x05otter\x04fish" if password else b""
    method = b"\x02" if password else b"\x00"
    granted = b"\x01\x00" if password else b""
    proxy = Proxy(
        b"\x05" + method + granted + b"\x05\x00\x00" + bound + b"\x00\x50more", size=1
    )

    await connect(proxy, f"socks5://{'otter:fish@' * password}proxy.example", host)

    assert proxy.asked == (
        b"\x05\x01" + method + login + b"\x05\x01\x00" + address + b"\x01\xbb"
    )
    assert (b"more", False) == (proxy.replies, proxy.closed)


LOGIN = "socks5://otter:fish@proxy.example"
REFUSALS = [
    ("http://p", b"HTTP/1.1 407 Give a password\r\n\r\n", "407 Give a password"),
    ("http://p", b"HTTP/1.0 503\r\nx: y\r\n\r\n", "503"),
    ("http://p", b"HTTP/1.1 502 \xff\r\n\r\n", "502 \ufffd"),
    ("http://p", b"SSH-2.0", "it does not reply with HTTP/1"),
    ("http://p", b"HTTP/2 200\r\n\r\n", "it does not reply with HTTP/1"),
    ("http://p", b"HTTP/1.1 200 OK\r\n" + b"x" * 65536, "its reply is too long"),
    ("socks5://p", b"HT", "it does not reply with SOCKS 5"),
    ("socks5://p", b"\x05\xff", "it does not take calls without a password"),
    (LOGIN, b"\x05\xff", "it does not take the user and password"),
    (LOGIN, b"\x05\x02\x01\x01", "wrong user or password"),
    ("socks5://p", b"\x05\x00\x05\x02\x00\x01", "not allowed by its rules"),
    ("socks5://p", b"\x05\x00\x05\x04\x00\x01", "could not connect: host unreachable"),
    ("socks5://p", b"\x05\x00\x05\x63\x00\x01", "code 99"),
    (f"socks5://{'o' * 256}:f@p", b"\x05\x02", "a name for it is longer"),
]


@pytest.mark.system
@pytest.mark.parametrize(("url", "replies", "reason"), REFUSALS)
async def test_refusal_of_a_proxy_raises_an_error_with_the_reason(url, replies, reason):
    """
    A proxy that refuses, or that speaks another protocol, causes a ProxyError with the
    reason, and the connection to it is closed.
    """
    proxy = Proxy(replies)

    with pytest.raises(httpcore.ProxyError, match=f"^{reason}"):
        await connect(proxy, url)
    assert proxy.closed


@pytest.mark.parametrize(
    ("url", "replies"),
    [
        ("http://p", b""),
        ("http://p", b"HTTP/1.1 200 OK\r\n"),
        ("socks5://p", b""),
        ("socks5://p", b"\x05"),
        ("socks5://p", b"\x05\x00\x05"),
        ("socks5://p", b"\x05\x00\x05\x00\x00\x03\x09half"),
    ],
)
async def test_proxy_that_closes_the_connection_early_causes_a_connect_error(
    url, replies
):
    """
    If a proxy closes the connection before its reply is complete, the error is a
    ConnectError, and the connection is closed.
    """
    proxy = Proxy(replies)

    with pytest.raises(httpcore.ConnectError, match="the proxy hung up"):
        await connect(proxy, url)
    assert proxy.closed


@pytest.mark.parametrize("url", ["http://p", "socks5://p"])
async def test_connect_timeout_ends_the_wait_for_a_silent_proxy(url):
    """
    The connect timeout limits the whole way through a proxy, and closes the connection
    to the proxy.
    """
    proxy, began = Proxy(silent=True), anyio.current_time()

    with pytest.raises(httpcore.ConnectTimeout):
        await connect(proxy, url, timeout=7)

    assert pytest.approx(7) == anyio.current_time() - began
    assert proxy.closed


async def test_broken_connection_to_a_proxy_raises_a_connect_error():
    """
    If the connection to a proxy breaks during its reply, the error is a ConnectError.
    """

    class Broken(Proxy):
        async def read(self, max_bytes, timeout=None):
            raise httpcore.ReadError("reset")

    with pytest.raises(httpcore.ConnectError, match="the proxy broke off: reset"):
        await connect(Broken())

"""The parts of a URL that asi1 reads without httpx, and the URLs left to httpx."""

from __future__ import annotations

import httpx
import pytest

from hypothesis import example, given
from hypothesis import strategies as st

from asi1._transport.address import read_address
from asi1._transport.httpx_request import address_by_httpx


HOSTS = [
    *("api.example", "a", "a-b.example", "127.0.0.1", "[::1]", "[fe80::2]"),
    *("1.2.3", "999.0.0.1", "01.2.3.4", "[::1", "[1.2.3.4]", "a..b", "a.b.", "-a"),
    *("xn--a", "API.example", "a_b", "é.example", "user@a.b", "a%20b", ""),
]
PORTS = ["", ":80", ":443", ":8000", ":0", ":080", ":65536", ":x", ":"]
PARTS = ["/", "a", "/v1", ".", "..", "%2F", "%2f", "%", "?", "#", " ", "é", "=", "&"]
PARTS += ["'", '"', "<", "~", "|", "\\", "^", "+", ";", ":", "@", "[", "\n", "\x7f"]

urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp", ""]),
    st.sampled_from(HOSTS),
    st.sampled_from(PORTS),
    st.lists(st.sampled_from(PARTS), max_size=6).map("".join),
)


@given(url=urls)
@example(url="https://api.example/v1/chat/completions")
@example(url="http://[::1]:80/v1?a=%20b?c")
@example(url="http://a.b/x/../y")
def test_address_is_the_one_that_httpx_reads(url):
    """
    Where asi1 itself reads a URL, the scheme, host, port, Host header and target are
    those that httpx reads.
    """
    found = read_address(url)
    if found is not None:
        assert address_by_httpx(url) == found


@pytest.mark.parametrize(
    ("url", "origin", "netloc", "target"),
    [
        pytest.param(
            "https://api.example/v1?a=b",
            *(("https", "api.example", 443), "api.example", "/v1?a=b"),
            id="https",
        ),
        pytest.param(
            "http://127.0.0.1:8000/v1",
            *(("http", "127.0.0.1", 8000), "127.0.0.1:8000", "/v1"),
            id="port",
        ),
        pytest.param(
            "http://[::1]:80/v1", *(("http", "::1", 80), "[::1]", "/v1"), id="ipv6"
        ),
    ],
)
def test_usual_url_is_read_without_httpx(url, origin, netloc, target):
    """
    asi1 itself reads the URL of a usual request: the port also if it is the scheme's
    default, and the Host header without that port.
    """
    found = read_address(url)

    assert (origin, netloc, target) == (found.origin, found.netloc, found.target)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://api.example", id="no-path"),
        pytest.param("https://API.example/v1", id="capitals"),
        pytest.param("https://é.example/v1", id="not-ascii"),
        pytest.param("https://api.example/a b", id="space"),
        pytest.param("https://api.example/v1/../v2", id="dots"),
        pytest.param("https://999.0.0.1/v1", id="no-address"),
        pytest.param("https://user@api.example/v1", id="user"),
        pytest.param("https://api.example/v1#a", id="fragment"),
        pytest.param("https://api.example/v1\n", id="line-break"),
        pytest.param("https://[::1/v1", id="bracket"),
    ],
)
def test_unusual_url_is_left_to_httpx(url):
    """
    asi1 leaves to httpx each URL that httpx would change or refuse.
    """
    assert read_address(url) is None


def test_invalid_url_raises_the_error_of_httpx():
    """
    A URL that is not valid raises httpx's InvalidURL.
    """
    with pytest.raises(httpx.InvalidURL):
        address_by_httpx("https://[::1/v1")

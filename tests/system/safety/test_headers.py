"""Unsafe request headers are refused; excessive response heads raise an error."""

from __future__ import annotations

import anyio
import pytest

import asi1

from asi1.testing import Close, FakeASI1, Raw

from .search import KEY, in_error
from .talk import CREATE_AND_STREAM, call, call_blocking, client_of, strays


MIB = 1024 * 1024

INJECTIONS = [
    pytest.param("a\r\nx-evil: 1", id="crlf"),
    pytest.param("a\nx-evil: 1", id="lf"),
    pytest.param("a\rx-evil: 1", id="cr"),
    pytest.param("a\r\n\r\nPOST /evil HTTP/1.1", id="request"),
    pytest.param("a\r\n x-evil: 1", id="folded"),
    pytest.param("a\n", id="lf-at-the-end"),
    pytest.param("\r\na", id="crlf-at-the-start"),
    pytest.param("a\0b", id="nul"),
    pytest.param("a\x0bb", id="vertical-tab"),
    pytest.param("a\x7fb", id="delete"),
    pytest.param("a\x85b", id="next-line"),
    pytest.param("a\u2028b", id="line-separator"),
    pytest.param("a\u010ab", id="lf-in-the-low-byte"),
    pytest.param("a\u560d\u560ab", id="crlf-in-the-low-bytes"),
    pytest.param("\ud800", id="lone-surrogate"),
    pytest.param(b"a\r\nx-evil: 1", id="bytes"),
    pytest.param(["a", "b"], id="list"),
]
WAYS = {
    "extra_headers": lambda value: {"extra_headers": {"x-a": value}},
    "extra_headers-name": lambda value: {"extra_headers": {value: "a"}},
    "session_id": lambda value: {"session_id": value},
    "idempotency_key": lambda value: {"idempotency_key": value},
}


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize("way", WAYS)
async def test_unsafe_header_is_refused(way, value):
    """
    A header name or value that could inject another header, or that is not a str,
    raises an ArgumentError; nothing is sent, and the message has no line break.
    """
    if isinstance(value, list) and way == "extra_headers-name":
        value = 5  # a list cannot be a dict key
    fake = FakeASI1(seed=5)
    options = WAYS[way](value)

    async with client_of(fake) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = await call(client, stream=stream, **options)
            assert isinstance(error, asi1.ArgumentError)
            assert way.partition("-")[0] in (error.argument, *str(error).split(":"))
            assert "\n" not in str(error)
        with pytest.raises(asi1.ArgumentError):
            await client.request("GET", "/models", **options)

    assert [] == fake.requests


@pytest.mark.parametrize("make", [asi1.AsyncASI1, asi1.ASI1])
@pytest.mark.parametrize("value", INJECTIONS)
def test_unsafe_default_header_is_refused(make, value):
    """
    The ``default_headers`` of a client, and of its with_options, are refused if a name
    or value could inject another header or is not a str.
    """
    name = 5 if isinstance(value, list) else value
    parent = make(KEY, "https://otter.example")

    for headers in ({"x-a": value}, {name: "a"}):
        with pytest.raises(asi1.ConfigurationError, match="default_headers"):
            make(KEY, "https://otter.example", default_headers=headers)
        with pytest.raises(asi1.ConfigurationError, match="default_headers"):
            parent.with_options(default_headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "3"},
        {"content-length": "99999999"},
        {"transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked", "content-length": "3"},
    ],
)
async def test_content_length_and_transfer_encoding_headers_are_refused(fake, headers):
    """
    A caller that sets Content-Length or Transfer-Encoding gets an ArgumentError,
    because a wrong length could hide a second request in the body.
    """
    inner = "POST /v1/evil HTTP/1.1\r\nhost: x\r\n\r\n"
    limits = asi1.Timeouts(total=1)

    async with asi1.AsyncASI1(
        KEY, fake.base_url, timeout=limits, max_retries=0
    ) as client:
        result, _ = await call(
            client, stream=False, messages=inner, extra_headers=headers
        )

    assert isinstance(result, asi1.ArgumentError)
    assert [] == fake.requests


async def test_host_header_does_not_change_the_server(fake):
    """
    A ``Host`` header of the caller is sent, but the request still goes to the server of
    the base URL.
    """
    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        await call(client, stream=False, extra_headers={"Host": "otter.example"})

    assert ["otter.example"] == [r.headers["host"] for r in fake.requests]
    assert [] == strays(fake.requests)


HEADS = {
    "giant": ("giant_headers", {"mib": 4}),
    "many": ("many_headers", {}),
    "nul": ("obs_header_injection", {}),
    "two-lengths": ("two_lengths", {}),
    "hints": ("informational_flood", {"seconds": 0.0}),
}


@pytest.mark.parametrize("name", HEADS)
async def test_excessive_response_head_raises_a_connection_error(fake, name):
    """
    An excessive response head makes a call raise an APIConnectionError within its
    timeouts. Such a head has one giant header, 20,000 headers, a control character, or
    two different values of Content-Length. Endless 1xx responses without a final head
    count as excessive as well.
    """
    fault, options = HEADS[name]
    fake.fault(fault, times=None, **options)
    limits = asi1.Timeouts(total=5, first_token=0.3)

    async with asi1.AsyncASI1(KEY, fake.base_url, timeout=limits) as client:
        for stream in CREATE_AND_STREAM:
            with anyio.fail_after(60):
                error, _ = await call(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)
            assert [] == in_error(error)


def test_giant_header_makes_a_blocking_call_raise_a_connection_error(fake):
    """
    A response head with a giant header makes a blocking call raise an
    APIConnectionError.
    """
    fake.fault("giant_headers", times=None, mib=4)

    with asi1.ASI1(KEY, fake.base_url) as client:
        for stream in CREATE_AND_STREAM:
            error, _ = call_blocking(client, stream=stream)
            assert isinstance(error, asi1.APIConnectionError)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
async def test_endless_status_line_raises_a_connection_error(fake, stream):
    """
    A status line of 1 MiB without an end makes the call raise an APIConnectionError
    whose message is shorter than 1,000 characters.
    """
    fake.play(Raw(b"HTTP/1.1 200 " + b"k" * MIB), Close(), times=None)

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIConnectionError)
    assert 1000 > len(str(error))


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"HTTP/1.1 nope " + b"k" * 50_000, id="status-line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx y: " + b"k" * 50_000, id="line"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nx: \x1b[31m\x07 y\x00", id="control-characters"
        ),
    ],
)
async def test_error_for_a_broken_head_is_short_and_printable(fake, stream, line):
    """
    The message of the error for a broken response head is shorter than 1,000 characters
    and has no control characters, although the message quotes the head.
    """
    fake.play(Raw(line + b"\r\n\r\n"), Close(), times=None)

    async with asi1.AsyncASI1(KEY, fake.base_url) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIConnectionError)
    assert str(error).isprintable()
    assert 1000 > len(str(error))

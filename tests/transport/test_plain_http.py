"""The ordinary requests and replies that asi1 itself writes and reads."""

from __future__ import annotations

import h11
import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._transport.httpx_request import address_by_httpx
from asi1._transport.plain_http import (
    ChunkedBody,
    LengthBody,
    Outgoing,
    may_be_plain,
    read_head,
)


HOST = {"host": "localhost:8000"}


def asked(method="POST", path="/v1/chat", **headers):
    """Return a request; an underscore in the name of a header is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://localhost:8000{path}"
    return Outgoing(
        method, url, address_by_httpx(url), {**HOST, **named}, b"", {}, bool
    )


@pytest.mark.parametrize(
    "request_",
    [
        asked(),
        asked("GET", "/"),
        asked("DELETE", "/v1/models?a=%20b&c"),
        asked(authorization="Bearer sk-test", content_length="12"),
        asked(X_Name="a  b\tc", accept="application/json, */*;q=0.8"),
        asked(x_empty=""),
    ],
)
def test_ordinary_request_has_the_bytes_that_h11_writes(request_):
    """
    The head of an ordinary request has the same bytes as if h11 had written it.
    """
    by_h11 = h11.Connection(h11.CLIENT).send(
        h11.Request(
            method=request_.method,
            target=request_.address.target,
            headers=request_.raw_headers(),
        )
    )

    assert request_.is_plain()
    assert by_h11 == request_.head()


@pytest.mark.parametrize(
    "request_",
    [
        asked("HEAD"),
        asked("CONNECT"),
        asked("GET it"),
        asked(connection="close"),
        asked(Connection="keep-alive"),
        asked(Content_Length="3"),
        asked(content_length="3", x="y"),
        asked(content_length="3 "),
        asked(expect="100-continue"),
        asked(Host="otter.example"),
        asked(transfer_encoding="chunked"),
        asked(upgrade="h2c"),
        asked(x=" y"),
        asked(x="y "),
        asked(x="y\x00"),
        asked(x="\xe4"),
        asked(x="a\r\nconnection: close"),
        asked(x="a\r\nb: c"),
        asked(x="a\nb: c"),
        asked(x="a\r\n b"),
        asked(**{"x y": "z"}),
        asked(**{"": "z"}),
        asked(**{"x:": "z"}),
    ],
)
def test_request_that_h11_must_check_is_not_ordinary(request_):
    """
    A request with a field about the connection or the body, or with a sign that does
    not belong into a head, is left to h11.
    """
    assert not request_.is_plain()


def test_representation_of_a_request_shows_neither_headers_nor_body():
    """
    The representation of a request shows neither the key nor the prompt.
    """
    request_ = asked(authorization="Bearer sk-test")
    request_.body = b"prompt"
    assert request_.is_plain()

    assert "sk-test" not in repr(request_)
    assert "prompt" not in repr(request_)


def test_head_has_the_status_the_headers_and_the_framing():
    """
    An ordinary head has its names in lowercase, and repeated values joined by commas.
    """
    head = read_head(
        b"HTTP/1.1 503 Out of order\r\nX-A: b\r\nx-a:c \r\nContent-Length: 70\r\n"
        b"Connection: Close\r\n\r\n"
    )

    assert head is not None
    assert (503, 70, False) == (head.status, head.length, head.keeps)
    assert head.headers == {
        "x-a": "b, c",
        "content-length": "70",
        "connection": "Close",
    }


def test_head_of_a_body_in_chunks_has_no_length():
    """
    The length of a body in chunks is not known, and the connection is kept by default.
    """
    head = read_head(b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n")

    assert head is not None
    assert (200, None, True) == (head.status, head.length, head.keeps)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", True),
        (b"HTT", True),
        (b"HTTP/1.1 200 OK\r\nx: ", True),
        (b"HTTP/1.1 200 OK\r", True),
        (b"HTTP/1.0", False),
        (b"\r\n", False),
        (b"HTTP/1.1 200 OK\nx: ", False),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 64 * 1024, False),
    ],
)
def test_incomplete_head_may_be_ordinary(data, expected):
    """
    The rest of a head is awaited only as long as the head can be ordinary.
    """
    assert expected is may_be_plain(data)


@pytest.mark.parametrize("value", [b" " * 2_000_000, b"a " * 1_000_000])
def test_head_with_a_giant_value_is_checked_in_linear_time(value):
    """
    To find that a head of 2 MB is not ordinary takes milliseconds. A check whose time
    grew with the square of the size would take half an hour.
    """
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx:" + value + b"\x01\r\n\r\n"

    assert read_head(head) is None


def test_length_body_ends_after_its_bytes():
    """
    A body with a length ends after so many bytes; later bytes are left over.
    """
    body = LengthBody(5)

    assert (b"hel", False) == (body.feed(b"hel"), body.whole)
    assert "received 3 bytes, expected 5" in body.cut()
    assert (b"lo", True) == (body.feed(b"lo there"), body.whole)
    assert b" there" == body.rest


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    data=st.data(),
)
def test_chunks_are_joined_however_they_are_divided_into_reads(chunks, data):
    """
    The bytes of chunks are returned with the read that they arrive in, and the end is
    noticed with its last byte.
    """
    parts = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    sent = b"".join([*parts, b"0\r\n\r\n"])
    at = data.draw(st.integers(0, len(sent) - 1))
    body = ChunkedBody()
    first = body.feed(sent[:at])

    assert not body.whole
    assert b"".join(chunks) == first + body.feed(sent[at:])
    assert (True, False, b"") == (body.whole, body.odd, body.rest)


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([b"5\r\nhel"], (b"2\r\n", 0)),
        ([b"5\r\nhello"], (b"1\r\n-", 1)),
        ([b"5\r\nhello\r"], (b"1\r\n-\r", 1)),
        ([b"5\r\nhello", b"XY"], (b"1\r\n-XY", 1)),
        ([b"5\r\nhello\r\n"], (b"", 0)),
        ([b"5\r\nhello\r\n1", b"0"], (b"10", 0)),
        ([b"5\r\nhello\r\n", b"0\r\n"], (b"0\r\n", 0)),
        ([b"5\r\nhello\r\n0\r\na: b\r\n"], (b"0\r\na: b\r\n", 0)),
    ],
)
def test_replay_brings_h11_to_the_same_place(reads, expected):
    """
    The replay is a reply in chunks that ends at the same place of a chunk, with all
    bytes that were not read.
    """
    body = ChunkedBody()
    for read in reads:
        body.feed(read)
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    end, dropped = expected

    assert (head + end, dropped) == body.replay()

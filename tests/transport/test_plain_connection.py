"""
What asi1 itself reads of HTTP ends as it does with h11: the same bytes go through both.
"""

from __future__ import annotations

import asyncio

from itertools import pairwise

import httpcore
import httpx
import pytest

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._transport.address import read_address
from asi1._transport.http_pool import Connection as ByHTTPCore
from asi1._transport.httpcore_network import HTTPCoreStream
from asi1._transport.network_errors import (
    ConnectError,
    ReadError,
    TransportError,
    WriteError,
)
from asi1._transport.plain_connection import Connection, connect
from asi1._transport.plain_http import Outgoing


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
CLOSES = OK + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
EVENTS = b"5\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\n\r\n"
LENGTH = OK + b"content-length: 5\r\n\r\n"
BREAKS = ReadError("connection reset")

# Replies, all of which h11 accepts or refuses in its own way.
REPLIES = {
    "length": LENGTH + b"hello",
    "no body": OK + b"Content-Length: 0\r\n\r\n",
    "chunks": CHUNKED + EVENTS,
    "many headers": b"HTTP/1.1 404 Not Found\r\nDate: today\r\nX-A:b\r\nX-a: c \r\n"
    b"Content-Type:  text/plain\t\r\nx-empty:\r\nContent-Length: 2\r\n\r\nno",
    "no reason": b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello",
    "empty reason": b"HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\nhello",
    "closes": CLOSES + EVENTS,
    "keeps": OK + b"Connection: Keep-Alive\r\ncontent-length: 2\r\n\r\nhi",
    "other connection": OK + b"connection: x, close\r\ncontent-length: 2\r\n\r\nhi",
    "two connections": OK + b"connection: keep-alive\r\nconnection: close\r\n"
    b"content-length: 2\r\n\r\nhi",
    "equal lengths": OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nhi",
    "equal lengths, one line": OK + b"content-length: 2, 2\r\n\r\nhi",
    "other lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\nhi!",
    "signed length": OK + b"content-length: +2\r\n\r\nhi",
    "negative length": OK + b"content-length: -2\r\n\r\nhi",
    "long length": OK + b"content-length: %d\r\n\r\nhi" % 10**19,
    "too long length": OK + b"content-length: %d\r\n\r\nhi" % 10**20,
    "length and chunks": OK
    + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"
    + EVENTS,
    "chunked in capitals": OK + b"Transfer-Encoding: Chunked\r\n\r\n" + EVENTS,
    "chunked twice": OK + b"transfer-encoding: chunked\r\n" * 2 + b"\r\n" + EVENTS,
    "other coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n" + EVENTS,
    "until close": OK + b"content-type: text/plain\r\n\r\nhello",
    "folded": OK + b"x-a: b\r\n c\r\ncontent-length: 2\r\n\r\nhi",
    "folded first": OK + b" c\r\ncontent-length: 2\r\n\r\nhi",
    "line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "one line feed": OK + b"x: y\ncontent-length: 2\r\n\r\nhi",
    "line feed at the end": OK + b"content-length: 2\r\n\nhi",
    "line feeds, chunks": b"HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n" + EVENTS,
    "carriage return": OK + b"x: y\rz\r\ncontent-length: 2\r\n\r\nhi",
    "1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "1.0, until close": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "1.0, keeps": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n"
    b"content-length: 2\r\n\r\nhi",
    "1.2": b"HTTP/1.2 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "small letters": b"http/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "four digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\nhi",
    "two spaces": b"HTTP/1.1  200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "status 099": b"HTTP/1.1 099 What\r\ncontent-length: 2\r\n\r\nhi",
    "status 999": b"HTTP/1.1 999 What\r\ncontent-length: 2\r\n\r\nhi",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "204 with length": b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n",
    "304 with length": b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n",
    "hints": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + LENGTH + b"hello",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 2 + CHUNKED + EVENTS,
    "upgrade": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\nhello",
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nx-a: b\r\n\r\n",
    "wrong trailers": CHUNKED + b"5\r\nhello\r\n0\r\nx a\r\n\r\n",
    "extension": CHUNKED + b"5;a=b\r\nhello\r\n2\r\nhi\r\n0;a\r\n\r\n",
    "space after size": CHUNKED + b"2\r\nhi\r\n5 \r\nhello\r\n0\t\r\n\r\n",
    "space before size": CHUNKED + b"2\r\nhi\r\n 5\r\nhello\r\n0\r\n\r\n",
    "zeros before size": CHUNKED + b"2\r\nhi\r\n000000000005\r\nhello\r\n000\r\n\r\n",
    "long size": CHUNKED + b"2\r\nhi\r\n%021x\r\nhello\r\n0\r\n\r\n" % 5,
    "underscore in size": CHUNKED + b"2\r\nhi\r\n1_0\r\nhello\r\n0\r\n\r\n",
    "no size": CHUNKED + b"2\r\nhi\r\nzz\r\nhello\r\n0\r\n\r\n",
    "empty size": CHUNKED + b"2\r\nhi\r\n\r\nhello\r\n0\r\n\r\n",
    "size in line feed": CHUNKED + b"2\r\nhi\r\n5\nhello\r\n0\r\n\r\n",
    "end in line feeds": CHUNKED + b"2\r\nhi\r\n0\r\n\n",
    "chunk too long": CHUNKED + b"2\r\nhi!!\r\n0\r\n\r\n",
    "chunk without end": CHUNKED + b"2\r\nhi2\r\nhi\r\n0\r\n\r\n",
    "chunk ends in line feed": CHUNKED + b"2\r\nhi\n0\r\n\r\n",
    "more after length": LENGTH + b"hello HTTP/1.1 200",
    "more after chunks": CHUNKED + EVENTS + LENGTH,
    "space in name": OK + b"x y: z\r\ncontent-length: 2\r\n\r\nhi",
    "space after name": OK + b"x : z\r\ncontent-length: 2\r\n\r\nhi",
    "no name": OK + b": z\r\ncontent-length: 2\r\n\r\nhi",
    "no colon": OK + b"x\r\ncontent-length: 2\r\n\r\nhi",
    "latin": OK + b"x: \xe4\xf6\r\ncontent-length: 2\r\n\r\nhi",
    "utf-8 reason": b"HTTP/1.1 200 \xc3\xa4\r\ncontent-length: 2\r\n\r\nhi",
    "control sign": OK + b"x: a\x01b\r\ncontent-length: 2\r\n\r\nhi",
    "null": OK + b"x: a\x00b\r\ncontent-length: 2\r\n\r\nhi",
    "form feed": OK + b"x: a\x0cb\r\ncontent-length: 2\r\n\r\nhi",
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n\r\nhello",
    "tls": b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    "html": b"<html>hello</html>\r\n\r\n",
    "line break first": b"\r\n" + LENGTH + b"hello",
    "empty": b"",
}


@define
class Outcome:
    """
    What a reply led to.

    Attributes:
        given: For each read, the bytes of the body that were given before it.
    """

    head: tuple[int, dict[str, str]] | None = None
    body: bytes = b""
    given: list[int] = field(factory=list)
    error: tuple[str, str] | None = None
    reusable: bool = False


def words_of(error):
    """
    Return the message of *error* without the quoted bytes of a wrong end of a chunk.

    h11 quotes the bytes of that end that it has not accepted yet. How many these are
    depends on how the body was divided into reads.
    """
    return f"{error}".partition(" footer: ")[0]


class Stream:
    """A connection that receives *pieces*, and then ends or breaks."""

    def __init__(self, pieces, outcome, ending):
        self.pieces, self.outcome, self.ending = list(pieces), outcome, ending

    async def read(self, max_bytes, timeout=None):
        if self.pieces:
            self.outcome.given.append(len(self.outcome.body))
            return self.pieces.pop(0)
        if self.ending is not None:
            raise self.ending
        return b""

    async def write(self, buffer, timeout=None):
        pass

    async def aclose(self):
        pass

    def get_extra_info(self, info):
        return bool(self.pieces) if info == "is_readable" else None


class Network(httpcore.AsyncNetworkBackend):
    """Has one connection."""

    def __init__(self, stream):
        self.stream = stream

    async def connect_tcp(self, *where, **options):
        return self.stream


def outgoing(method="GET"):
    """Return a request."""
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"))
    url, headers = "http://localhost/", {"host": "localhost"}
    return Outgoing(method, url, read_address(url), headers, b"", timeouts, bool)


async def plainly(pieces, ending=None):
    """Return the outcome if asi1 itself reads the reply."""
    outcome = Outcome()
    stream = Stream([piece for piece in pieces if piece], outcome, ending)
    connection = Connection(("http", "localhost", 80), stream, None)
    asked = outgoing()
    assert asked.is_plain()
    try:
        reply = await connection.send(asked)
        outcome.head = reply.status, reply.headers
        async for piece in reply.stream:
            outcome.body += piece
    except TransportError as error:
        outcome.error = type(error).__name__, words_of(error)
        assert connection.closed
        return outcome
    await reply.stream.aclose()
    outcome.reusable = not connection.closed and not connection.has_expired(0.0)
    return outcome


async def by_h11(pieces, ending=None):
    """Return the outcome if h11 and httpcore read the reply."""
    outcome = Outcome()
    stream = Stream([piece for piece in pieces if piece], outcome, ending)
    origin = httpcore.Origin(b"http", b"localhost", 80)
    network = Network(HTTPCoreStream(stream))
    connection = ByHTTPCore(origin, network_backend=network)
    try:
        reply = await connection.handle_async_request(
            httpcore.Request("GET", "http://localhost/", headers={"host": "localhost"})
        )
        headers = httpx.Headers(reply.headers)
        outcome.head = (
            reply.status,
            {name.lower(): value for name, value in headers.items()},
        )
        async for piece in reply.stream:
            outcome.body += piece
    except (httpcore.ProtocolError, httpcore.NetworkError) as error:
        outcome.error = type(error).__name__, words_of(error)
        return outcome
    await reply.aclose()
    outcome.reusable = connection.is_idle() and not connection.has_expired()
    return outcome


async def check(pieces, ending=None):
    """Check that both outcomes are the same."""
    assert await by_h11(pieces, ending) == await plainly(pieces, ending)


@pytest.fixture
def anyio_backend():
    """Return the only backend on which asi1 itself reads replies."""
    return "asyncio"


@pytest.mark.parametrize("name", REPLIES)
async def test_h11_and_asi1s_reader_agree_on_a_reply_in_any_two_reads(name):
    """
    asi1's own reader and h11 agree on a reply, wherever its bytes are divided into two
    reads. They agree on the status, the headers, the bytes before each read, the error,
    and whether the connection can be used again.
    """
    reply = REPLIES[name]
    for at in range(len(reply) + 1):
        await check([reply[:at], reply[at:]])


@pytest.mark.parametrize("name", REPLIES)
async def test_h11_and_asi1s_reader_agree_on_a_reply_that_ends_anywhere(name):
    """
    asi1's own reader and h11 agree on a reply if the server closes the connection after
    any of its bytes.
    """
    reply = REPLIES[name]
    for at in range(len(reply)):
        await check([reply[:at]])


@pytest.mark.parametrize(
    "name", ["length", "chunks", "until close", "folded", "hints", "trailers", "html"]
)
async def test_h11_and_asi1s_reader_agree_on_a_reply_that_breaks_anywhere(name):
    """
    asi1's own reader and h11 agree on a reply if the connection breaks after any of its
    bytes.
    """
    reply = REPLIES[name]
    for at in range(len(reply)):
        await check([reply[:at]], BREAKS)


@pytest.mark.parametrize("name", REPLIES)
async def test_h11_and_asi1s_reader_agree_on_a_reply_byte_by_byte(name):
    """
    asi1's own reader and h11 agree on a reply whose bytes arrive one by one.
    """
    await check([bytes([byte]) for byte in REPLIES[name]])


# Parts of heads and of chunks, usual and odd ones.
LINES = st.sampled_from(
    [
        b"content-length: 7",
        b"Content-Length:7",
        b"content-length: 0",
        b"transfer-encoding: chunked",
        b"Transfer-Encoding:\tchunked ",
        b"connection: close",
        b"connection: keep-alive",
        b"Connection: upgrade",
        b"x-a: b",
        b"X-A: b,  c\t",
        b"x-empty:",
        b" folded",
        b"x-\xe4: \xf6",
        b"no colon",
        b"server: a\x01",
    ]
)
STATUS_LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK"] * 4
    + [b"HTTP/1.1 500 ", b"HTTP/1.1 200", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No"]
    + [b"HTTP/1.1 100 Continue", b"HTTP/2 200", b"HTTP/1.1 304 \xe4", b"ICY 200 OK"]
)
LINE_ENDS = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r"])
SIZES = st.sampled_from([b"%x", b"%x", b"%X", b"0%x", b"%x;a=b", b"%x ", b" %x"])


@st.composite
def bodies(draw):
    """Return the bytes of a body in chunks."""
    body = b""
    for data in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)):
        body += draw(SIZES) % len(data) + draw(LINE_ENDS) + data + draw(LINE_ENDS)
    return body + draw(
        st.sampled_from([b"0\r\n\r\n"] * 3 + [b"0\r\na: b\r\n\r\n", b""])
    )


@st.composite
def replies(draw):
    """Return the bytes of a reply, each of whose parts may be odd."""
    lines = [draw(STATUS_LINES), *draw(st.lists(LINES, max_size=5))]
    head = b"".join(line + draw(LINE_ENDS) for line in lines)
    rest = st.one_of(bodies(), st.binary(max_size=9), st.just(LENGTH + b"hello"))
    return head + draw(LINE_ENDS) + b"".join(draw(st.lists(rest, max_size=2)))


@st.composite
def reads(draw, of, *, whole):
    """Return the reads in which bytes arrive; perhaps not all bytes."""
    sent = draw(of)
    cuts = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=5)))
    end = len(sent) if whole else draw(st.sampled_from([len(sent), *cuts]))
    return [sent[a:b] for a, b in pairwise([0, *cuts, end])]


@given(pieces=reads(replies(), whole=False), breaks=st.booleans())
@settings(max_examples=300)
async def test_h11_and_asi1s_reader_agree_on_a_reply_of_odd_parts(pieces, breaks):
    """
    asi1's own reader and h11 agree on a reply whose head and chunks have usual and odd
    parts. The reply arrives in any number of reads, and may be cut off.
    """
    await check(pieces, BREAKS if breaks else None)


@given(pieces=reads(bodies(), whole=True))
@settings(max_examples=300)
async def test_h11_and_asi1s_reader_agree_on_chunks_of_any_format(pieces):
    """
    asi1's own reader and h11 agree on a chunked body, however the chunks are written,
    and however the body is divided into reads.
    """
    await check([CHUNKED, *pieces])


class Served(Stream):
    """A connection that records what is written, and may refuse to write."""

    def __init__(self, *pieces, refuses=False):
        super().__init__(pieces, Outcome(), None)
        self.refuses, self.written = refuses, b""

    async def write(self, buffer, timeout=None):
        self.written += buffer
        if self.refuses:
            raise WriteError("closed")


def connection_to(stream):
    """Return a connection that uses *stream*."""
    return Connection(("http", "localhost", 80), stream, None)


async def read(connection, asked=None):
    """Send a request, and return the body of its reply, which is closed."""
    asked = asked or outgoing()
    assert asked.is_plain()
    reply = await connection.send(asked)
    body = b"".join([piece async for piece in reply.stream])
    await reply.stream.aclose()
    return body


@pytest.mark.parametrize(
    "name", ["length", "chunks", "folded", "hints", "trailers", "extension"]
)
async def test_connection_is_used_again_after_a_whole_reply(name):
    """
    After a whole reply, ordinary or not, the connection takes the next request, and
    each request is written once.
    """
    stream = Served(REPLIES[name])
    connection = connection_to(stream)
    await read(connection)
    once = stream.written
    assert not connection.has_expired(0.0)

    stream.pieces += [REPLIES["length"], b""]
    assert b"hello" == await read(connection)
    stream.pieces[:] = [REPLIES["folded"]]
    assert b"hi" == await read(connection)

    assert not connection.closed
    assert once * 3 == stream.written


@pytest.mark.parametrize("name", ["length", "chunks", "folded"])
async def test_connection_is_closed_if_the_request_was_refused_while_it_was_sent(name):
    """
    If the server refuses a request before it has read all of it, its reply is read, and
    then the connection is closed: it cannot take another request.
    """
    connection = connection_to(Served(REPLIES[name], refuses=True))

    assert await read(connection)
    assert connection.closed


async def test_connection_is_closed_if_the_body_is_not_read_to_its_end():
    """
    A reply that is closed before its end closes the connection.
    """
    connection = connection_to(Served(LENGTH + b"hel"))
    reply = await connection.send(ready())
    pieces = aiter(reply.stream)

    assert b"hel" == await anext(pieces)
    await pieces.aclose()
    await reply.stream.aclose()
    assert connection.closed


async def test_idle_connection_expires():
    """
    An idle connection expires after its seconds, and never without them.
    """
    for expiry, expected in ((5.0, [False, True]), (None, [False, False])):
        connection = connection_to(Served(LENGTH + b"hello"))
        connection.expiry = expiry
        await read(connection)
        now = asyncio.get_running_loop().time()

        assert expected == [connection.has_expired(now + at) for at in (4, 6)]


async def test_body_of_a_request_is_sent_after_its_head_and_its_owner_is_told():
    """
    `sending` is called once, before the first byte; then head and body are written.
    """
    stream, told = Served(LENGTH + b"hello"), []
    asked = outgoing("POST")
    asked.headers["content-length"] = "2"
    asked.body = b"{}"
    asked.sending = lambda: told.append(stream.written)
    await read(connection_to(stream), asked)

    assert [b""] == told
    assert (
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"
        == stream.written
    )


def ready():
    """Return a request that is ready to be sent."""
    asked = outgoing()
    assert asked.is_plain()
    return asked


class Opener:
    """Opens a connection that records whether it was aborted."""

    def __init__(self):
        self.aborted = False

    async def connect_tcp(self, host, port, timeout):
        return self

    def abort(self):
        self.aborted = True


async def test_https_is_never_spoken_without_tls():
    """
    Without a TLS context, a request by https fails before a byte of it is sent.
    """
    asked, opener = outgoing(), Opener()
    asked.address = read_address("https://localhost/")

    with pytest.raises(ConnectError, match="no TLS context"):
        await connect(asked, opener, None, None)

    assert opener.aborted

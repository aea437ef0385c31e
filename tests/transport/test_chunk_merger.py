"""The chunks of HTTP replies are joined; h11 reads joined and original chunks alike."""

from __future__ import annotations

import h11
import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._transport.chunk_merger import ChunkMerger


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: a\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def often(usual, *unusual):
    """Return a hypothesis strategy that mostly draws from *usual*."""
    return st.sampled_from([usual] * 20 + [*unusual])


@st.composite
def chunks(draw):
    """Return one chunk, which may be invalid, or contain what looks like chunks."""
    body = draw(st.sampled_from([b"a", b"\r\n0\r\n\r\n", b"5\r\nhello\r\n", b"b" * 99]))
    size = draw(
        often(b"%x", b"%X", b"00%x", b"%x;a=b", b"%x ", b"+%x", b"0x%x", b"%xg")
    )
    end = draw(often(b"\r\n", b"\n", b"\r\r\n", b"", b"xx"))
    return size % len(body) + draw(often(b"\r\n", b"\n")) + body + end


@st.composite
def replies(draw):
    """Return the bytes of one reply, which may be of any kind."""
    first = draw(often(b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 N"))
    coding = draw(
        often(
            b"Transfer-Encoding: chunked",
            b"transfer-encoding:chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 5",
            b"X-A: b\r\n transfer-encoding: chunked",
            b"Content-Length: 30",
        )
    )
    line_end = draw(often(b"\r\n", b"\n"))
    early = draw(often(b"", b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1 101 S\r\n\r\n"))
    body = b"".join(draw(st.lists(chunks(), max_size=9)))
    end = draw(often(END, b"0\r\nA: b\r\n\r\n", b"00\r\n\r\n", b"", b"0\r\n"))
    return early + first + line_end + coding + line_end * 2 + body + end


def read_by_h11(reads, merger=None):
    """Return the events of h11 for some replies, with each body as one bytes object."""
    client, events, body = h11.Connection(h11.CLIENT), [], b""

    def ask():
        client.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        client.send(h11.EndOfMessage())
        if merger:
            merger.begin()

    ask()
    try:
        for data in reads:
            client.receive_data(merger.merge(data) if merger else data)
            while (event := client.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Data):
                    body += event.data
                    continue
                events.append((repr(event), body))
                body = b""
                if isinstance(event, h11.EndOfMessage):
                    client.start_next_cycle()
                    ask()
    except (h11.RemoteProtocolError, h11.LocalProtocolError) as error:
        # The end of an error message may show the bytes of one read, so it is left out.
        events.append((type(error), f"{error}"[:20]))
    return [*events, body]


def cut(data, size):
    """Return *data* in reads of *size* bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.system
@settings(max_examples=300)
@given(data=st.lists(replies(), min_size=1, max_size=2).map(b"".join), size=st.data())
def test_h11_reads_the_same_replies_with_and_without_joined_chunks(data, size):
    """
    Whatever a server sends, and wherever the network cuts it, h11 reads the same
    replies, the same bodies and the same error if the chunks have been joined.
    """
    reads = cut(data, size.draw(st.integers(1, len(data) + 1)))

    assert read_by_h11(reads) == read_by_h11(reads, ChunkMerger())


@pytest.mark.parametrize("size", [*range(1, 60), 800])
def test_chunks_are_joined_wherever_the_network_cuts_them(size):
    """
    The chunks of a stream are joined without loss, and no byte is held back, even if a
    read ends within a head, a chunk's size, its data or its line ends.
    """
    sizes = range(1, 30)
    data = HEAD + b"".join(b"%08x\r\n%b\r\n" % (n, b"a" * n) for n in sizes) + END
    merger = ChunkMerger()

    for read in cut(data, size):
        assert 0 < len(merger.merge(read)) <= len(read)
    assert read_by_h11(cut(data, size)) == read_by_h11(cut(data, size), ChunkMerger())


def test_whole_chunks_of_a_read_become_one_chunk():
    """
    The complete chunks in the bytes of one read become one chunk. The head, an
    incomplete chunk and the end of the stream stay as they are.
    """
    merger = ChunkMerger()

    first = merger.merge(HEAD + b"3\r\nabc\r\n02\r\nde\r\n4\r\nab")
    second = merger.merge(b"cd\r\n1\r\ne\r\n1\r\nf\r\n" + END)

    assert HEAD + b"5\r\nabcde\r\n4\r\nab" == first
    assert b"cd\r\n2\r\nef\r\n" + END == second


@pytest.mark.parametrize("at", range(1, 20))
def test_chunks_are_joined_again_after_a_chunk_size_that_was_cut(at):
    """
    If the network cuts a chunk anywhere, also inside of its size, the chunks after it
    are joined.
    """
    merger = ChunkMerger()
    chunk = b"00000008\r\n--------\r\n"

    merger.merge(HEAD + chunk[:at])
    merged = merger.merge(chunk[at:] + b"1\r\na\r\n1\r\nb\r\n")

    assert chunk[at:] + b"2\r\nab\r\n" == merged


def test_chunks_of_each_reply_on_a_connection_are_joined():
    """
    On a kept connection, the chunks of each reply are joined, also after a reply that
    had none.
    """
    merger = ChunkMerger()

    merger.merge(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    for _ in range(2):
        merger.begin()
        assert HEAD == merger.merge(HEAD)
        assert b"2\r\nab\r\n" + END == merger.merge(b"1\r\na\r\n1\r\nb\r\n" + END)


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"chunked", b"gzip, chunked"),
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"Content-Type", b"A: b\nContent-Type"),
        HEAD.replace(b"Content-Type: a", b"Content-Length: 5"),
        HEAD.replace(b"Content-Type: a", b"Transfer-Encoding: gzip"),
        HEAD.replace(b"200", b"204"),
        HEAD.replace(b"200", b"101"),
        b"\x05\x00\r\n\r\n",
    ],
)
def test_body_is_unchanged_if_its_head_does_not_clearly_announce_chunks(head):
    """
    If a response head does not say clearly that the body is chunked, and only chunked,
    bytes that look like chunks are passed on unchanged.
    """
    merger, data = ChunkMerger(), b"1\r\na\r\n1\r\nb\r\n"

    assert head == merger.merge(head[:9]) + merger.merge(head[9:])
    assert data == merger.merge(data)

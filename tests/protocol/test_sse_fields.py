"""Events that are more than a single data line."""

from __future__ import annotations

import pytest

from asi1._protocol.sse_fields import read_fields
from asi1._protocol.sse_reader import EventDecoder


LARGE = 300_000


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"data: a\ndata: b", [("message", b"a\nb")]),
        (b"event: ping\ndata: a", [("ping", b"a")]),
        (b"event: ping\nevent: pong\ndata:a", [("pong", b"a")]),
        (b": comment\nid: 1\nretry: 5\ndata: a", [("message", b"a")]),
        (b"data", [("message", b"")]),
        (b"data: \xff", [("message", "\ufffd".encode())]),
        (b"event: data", []),
        (b"id: 1", []),
        (b"database: a", []),
    ],
)
def test_event_has_the_fields_of_its_lines(block, expected):
    """
    An event has the last type that its lines name and all of its data, also data that
    is not valid UTF-8; lines without data are no event.
    """
    assert expected == list(read_fields(block))


@pytest.mark.parametrize(
    ("data", "needed"),
    [
        (b"data: a\n\ndata: b\n\n", False),
        (b": comment\n\ndata: a\n\n", False),
        (b"event: ping\n\nid: 1\n\n", False),
        (b"data: a\n\ndata: b\ndata: c\n\n", True),
        (b"event: ping\ndata: a\n\n", True),
        (b"data:a\n\n", True),
        (b"data: %b\n\ndata: b\n\n" % (b"a" * LARGE), False),
        (b"event: chunk\ndata: %b\n\n" % (b"a" * LARGE), True),
        (b"data: %b\n\ndata:b\n\n" % (b"a" * LARGE), True),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000, LARGE])
def test_decoder_tells_before_an_event_whether_it_has_fields(data, needed, size):
    """
    Before the events of a fragment are read, the decoder tells whether one of them has
    more than a single data line; from then on it says so for good.
    """
    decoder, told = EventDecoder(10 * LARGE), False
    size = max(size, len(data) // 1000)
    for at in range(0, len(data), size):
        events = decoder.feed(data[at : at + size])
        told = decoder.needs_fields
        list(events)

    assert told is needed


def test_decoder_tells_whether_the_last_cut_event_has_fields():
    """
    Before the event that the end of the stream has cut off is read, the decoder tells
    whether it has more than a single data line.
    """
    decoder = EventDecoder(1000)
    assert [] == list(decoder.feed(b"event: ping\ndata: a"))
    assert not decoder.needs_fields

    events = decoder.unfinished()
    assert decoder.needs_fields
    assert [("ping", b"a")] == list(events)

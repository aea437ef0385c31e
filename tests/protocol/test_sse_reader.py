"""
The bytes of an event stream are decoded into events, wherever the network cuts the
bytes.
"""

from __future__ import annotations

import json

from itertools import pairwise
from pathlib import Path

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._protocol.sse_reader import EventDecoder, EventTooLargeError


LARGE = 2**24
COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "sse_cases.json"


def as_tuples(events):
    """Return the name and the data of each event."""
    return [(name, data.decode("utf-8", "replace")) for name, data in events]


def event(data, name="message"):
    """Return an event as a tuple, in the form that `as_tuples` returns."""
    return name, data


def decoded(*pieces, limit=LARGE):
    """Decode *pieces* of a stream with a new decoder. Return all events."""
    decoder = EventDecoder(limit)
    return as_tuples(e for piece in pieces for e in decoder.feed(piece))


# Streams that are cut into pieces. Beside each piece are the events that end in it.
STREAMS = {
    "lf": [(b"data: otter\n\n", [event("otter")]), (b"data: b\n\n", [event("b")])],
    "cr": [(b"data: otter\r\r", [event("otter")]), (b"data: b\r\r", [event("b")])],
    "crlf": [
        (b"data: otter\r\n\r", [event("otter")]),
        (b"\ndata: b\r\n\r", [event("b")]),
        (b"\n", []),
    ],
    "mixed-line-ends": [
        (b"data: a\r\n\n", [event("a")]),
        (b"data: b\n\r", [event("b")]),
        (b"\ndata: c\r\r", [event("c")]),
        (b"\n\n\r\r\n\n", []),
    ],
    "lf-cr-is-two-line-ends": [(b"data: a\n\r", [event("a")]), (b"data: b", [])],
    "cr-inside-ends-the-line": [
        (b"data: a\rb\n\n", [event("a")]),
        (b"data: c\rd\n\n", [event("c")]),
    ],
    "several-lines": [(b"data: a\ndata:  b \ndata:c\n\n", [event("a\n b \nc")])],
    "empty-data": [
        (b"data\n\n", [event("")]),
        (b"data:\n\n", [event("")]),
        (b"data: \ndata\n\n", [event("\n")]),
    ],
    "colons": [(b"data: a: b\n\n", [event("a: b")]), (b"data::\n\n", [event(":")])],
    "names": [
        (b"event: ping\ndata: a\n\n", [event("a", "ping")]),
        (b"data: b\nevent:pong\n\n", [event("b", "pong")]),
        (b"event: a\nevent: c\ndata: c\n\n", [event("c", "c")]),
        (b"event\ndata: d\n\n", [event("d")]),
        ("event: \u00f6\ndata: e\n\n".encode(), [event("e", "\u00f6")]),
    ],
    "name-is-for-one-event": [
        (b"event: ping\n\ndata: a\n\n", [event("a")]),
    ],
    "ids": [
        (b"id: 1\ndata: a\n\n", [event("a")]),
        (b"data: b\n\n", [event("b")]),
        (b"id: 2\nid:3 \ndata: c\n\n", [event("c")]),
        (b"id: 4\x005\ndata: d\n\n", [event("d")]),
        (b"data: e\nid\n\n", [event("e")]),
        (b"data: f\n\n", [event("f")]),
        (b"id: 6\n\n", []),
        (b"data: g\n\n", [event("g")]),
        (b"id:\n\n", []),
        (b"data: h\n\n", [event("h")]),
    ],
    "heartbeats": [
        (b"id: 1\ndata: a\n\n", [event("a")]),
        (b": hi\n\n:\n\n\n\nevent: ping\n\nretry: 9\n\n", []),
        (b"data: b\n\n", [event("b")]),
    ],
    "comments": [
        (b":data: no\n: data: no\n:\ndata: a\n:\n\n", [event("a")]),
    ],
    "retry": [
        (b"retry: 250\ndata: a\n\n", [event("a")]),
        (b"retry:0\ndata: b\n\n", [event("b")]),
        (b"data: c\n\n", [event("c")]),
    ],
    "letters-at-both-ends": [
        (b"X: a\ndata: XX\n\n", [event("XX")]),
        (b"\nid: 1\ndata: X\nretry: X\n\n", [event("X")]),
    ],
    "retry-is-digits-alone": [
        (b"retry: %b\ndata: a\n\n" % text, [event("a")])
        for text in (
            *(
                b"-5",
                b"+5",
                b"1_000",
                b"5.0",
                b"5 ",
                b" 5",
                b"0x5",
                b"nan",
                b"",
                b"5\t",
            ),
            *(text.encode() for text in ("\u0665", "\uff15", "\u00b2")),
        )
    ],
    "unknown-fields": [
        (
            b"Data: a\n data: b\ndata : c\ndatum: d\ndata: e\nretry-data: 5\n\n",
            [event("e")],
        ),
        (b"unknown: a\n\n", []),
    ],
    "characters-that-do-not-end-lines": [
        (f"data: a{char}b\n\n".encode(), [event(f"a{char}b")])
        for char in "\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029\0\xa0"
    ],
    "byte-order-mark": [
        (b"\xef\xbb\xbfdata: a\n\n", [event("a")]),
        (b"data: \xef\xbb\xbfb\n\n", [event("\ufeffb")]),
        (b"\xef\xbb\xbfdata: c\n\n", []),
    ],
    "byte-order-mark-after-the-start": [
        (b"data: a\n\n", [event("a")]),
        (b"\xef\xbb\xbfdata: b\n\n", []),
    ],
    "only-one-byte-order-mark": [(b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [])],
    "utf8": [
        (
            "data: \u00f6 \u6d77\u737a \U0001f9a6\n\n".encode(),
            [event("\u00f6 \u6d77\u737a \U0001f9a6")],
        )
    ],
    "broken-utf8": [
        (b"data: a\xffb\n\n", [event("a\ufffdb")]),
        (b"data: \xf0\x9f\xa6\n\n", [event("\ufffd")]),
        (b"data: \xc3(\n\n", [event("\ufffd(")]),
        (b"\xff: a\ndata: b\n\n", [event("b")]),
        (b"id: \xff\ndata: c\n\n", [event("c")]),
    ],
    "never-latin1": [
        ("data: \u00e2\u0080\u00a6\n\n".encode("latin-1"), [event("\u2026")])
    ],
    "cut-short": [(b"data: a\n\n", [event("a")]), (b"id: 5\ndata: b\n", [])],
    "json-body": [(b'{"error": "no"}\n\n', [])],
    "html-page": [(b"<html>\n\n<p>no</p>\n\n", [])],
    "nothing": [(b"", [])],
    "chat": [
        (
            b'data: {"choices":[{"delta":{"content":"Ott"}}]}\n\n',
            [event('{"choices":[{"delta":{"content":"Ott"}}]}')],
        ),
        (b"data: [DONE]\n\n", [event("[DONE]")]),
        (b"data: more\n\n", [event("more")]),
    ],
}
streams = pytest.mark.parametrize(
    "stream", [pytest.param(stream, id=name) for name, stream in STREAMS.items()]
)


@streams
def test_stream_decoded_at_once_gives_the_events_of_the_html_standard(stream):
    """
    A stream that is decoded in one piece gives the events that the HTML standard
    defines for it.
    """
    events = [e for _, completed in stream for e in completed]

    assert events == decoded(b"".join(piece for piece, _ in stream))


@streams
def test_stream_cut_in_two_at_any_byte_gives_the_same_events(stream):
    """
    A stream that is cut at any byte, with an empty piece between the two parts, gives
    the same events as the uncut stream.
    """
    events = [e for _, completed in stream for e in completed]
    body = b"".join(piece for piece, _ in stream)

    for place in range(len(body) + 1):
        assert events == decoded(body[:place], b"", body[place:]), place


@streams
def test_event_is_returned_as_soon_as_its_last_byte_is_decoded(stream):
    """
    If a stream is decoded byte by byte, each event is returned with its last byte, and
    not before.
    """
    decoder = EventDecoder(LARGE)

    for piece, completed in stream:
        early = [e for byte in piece[:-1] for e in decoder.feed(bytes([byte]))]

        assert [] == early
        assert completed == as_tuples(decoder.feed(piece[-1:]))


def test_retry_field_of_thousands_of_digits_is_ignored():
    """
    A ``retry`` field with more digits than Python converts to an int is ignored.
    """
    assert [event("a")] == decoded(b"retry: " + b"9" * 5000 + b"\ndata: a\n\n")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_size_of_the_pieces_of_a_stream_does_not_change_the_events(size):
    """
    A stream gives the same events whether it is decoded at once or in pieces of any
    size.
    """
    body = b"".join(p for n in ("lf", "crlf", "retry", "utf8") for p, _ in STREAMS[n])
    pieces = [body[i : i + size] for i in range(0, len(body), size)]

    assert decoded(body) == decoded(*pieces)
    assert 8 == len(decoded(body))


line = st.sampled_from([b"data: a", b"data", b"event: b", b"id: 1", b"id", b": c", b""])
block = st.lists(st.tuples(line, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=8)


@pytest.mark.system
@settings(deadline=None)
@given(lines=block, cuts=st.lists(st.integers(0, 80), max_size=5))
def test_random_lines_give_the_same_events_wherever_they_are_cut(lines, cuts):
    """
    Random lines with random line ends give the same events, wherever the stream of
    these lines is cut.
    """
    body = b"".join(part for pair in lines for part in pair)
    places = [0, *sorted(cuts), len(body)]
    pieces = [body[a:b] for a, b in pairwise(places)]

    assert decoded(body) == decoded(*pieces)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_give_the_same_events_when_decoded_byte_by_byte(body):
    """
    Any random bytes can be decoded, and give the same events whether they are decoded
    at once or byte by byte.
    """
    assert decoded(body) == decoded(*(bytes([byte]) for byte in body))


@pytest.mark.parametrize(
    ("body", "events"),
    [
        pytest.param(b"data: a", [event("a")], id="no-line-end"),
        pytest.param(b"data: a\n", [event("a")], id="lf"),
        pytest.param(b"data: a\r", [event("a")], id="cr"),
        pytest.param(b"data: a\r\n", [event("a")], id="crlf"),
        pytest.param(b"data: [DONE]", [event("[DONE]")], id="done"),
        pytest.param(b"event: b\nid: 1\ndata: a", [event("a", "b")], id="fields"),
        pytest.param(b"data: a\xe6\xb5", [event("a\ufffd")], id="half-a-character"),
        pytest.param(b"data: a\n\n", [], id="nothing-left"),
        pytest.param(b"data: a\r\r", [], id="nothing-left-cr"),
        pytest.param(b"data: a\r\n\r", [], id="nothing-left-crlf"),
        pytest.param(b"", [], id="empty-stream"),
        pytest.param(b"\xef\xbb", [], id="half-a-byte-order-mark"),
        pytest.param(b": hi", [], id="comment"),
        pytest.param(b"id: 1\n", [], id="no-data"),
        pytest.param(b"dat", [], id="half-a-name"),
    ],
)
def test_event_cut_short_by_the_end_of_the_stream_is_returned_once(body, events):
    """
    If the stream ends in the middle of an event, the decoder does not return the event.
    `unfinished` returns it, but only once.
    """
    decoder = EventDecoder(LARGE)
    decoder.feed(body)

    assert events == as_tuples(decoder.unfinished())
    assert [] == list(decoder.unfinished())


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        pytest.param(b"data: " + b"x" * 95 + b"\n\n", 100, id="whole"),
        pytest.param(b"data: " + b"x" * 200, 100, id="endless-line"),
        pytest.param(b"data: x\n" * 20, 100, id="endless-lines"),
        pytest.param(b": hi\n" * 21, 100, id="endless-comments"),
        pytest.param(b"\ndata: " + b"x" * 94 + b"\n\n", 100, id="blank-line-first"),
        pytest.param("data: \u6d77".encode() + "\u6d77".encode() * 32, 100, id="utf8"),
        pytest.param(
            "data: \u6d77".encode() + "\u6d77".encode() * 31 + b"\n\n",
            100,
            id="utf8-end",
        ),
        pytest.param(b"data: a\n\ndata: " + b"x" * 95 + b"\n\n", 100, id="the-second"),
    ],
)
@pytest.mark.parametrize("size", [1, 10, 1000])
def test_event_above_the_size_limit_raises_an_error(body, limit, size):
    """
    An event above the size limit is refused, whether it arrives at once or in pieces,
    complete or not. The size is counted in bytes, and includes comments and a blank
    line before the event.
    """
    decoder = EventDecoder(limit)

    with pytest.raises(EventTooLargeError, match="is larger than 100 bytes"):
        for place in range(0, len(body), size):
            list(decoder.feed(body[place : place + size]))


@pytest.mark.parametrize("size", [1, 10, 10_000])
def test_size_limit_applies_to_each_event_and_not_to_the_whole_stream(size):
    """
    The size limit applies to each event. A stream may have any number of events that
    are smaller than the limit.
    """
    body = (b"data: " + b"x" * 90 + b"\n\n") * 50 + b": hi\n\n" * 50

    assert 50 == len(
        decoded(*(body[i : i + size] for i in range(0, len(body), size)), limit=100)
    )


def test_error_for_a_too_large_event_shows_the_limit_with_separators():
    """
    The error for an event above the size limit shows the limit with thousands
    separators, such as 1,000.
    """
    with pytest.raises(EventTooLargeError) as caught:
        EventDecoder(1000).feed(b"data: " + b"x" * 1000)

    assert "an event of the stream is larger than 1,000 bytes" == str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_event_at_the_size_limit_is_decoded_however_it_is_cut():
    """
    An event whose size is exactly the limit is decoded wherever the network cuts it.
    """
    body = b"data: " + b"x" * 94 + b"\r\n\r\n"

    for place in range(len(body)):
        assert decoded(body, limit=100) == decoded(
            body[:place], body[place:], limit=100
        )


def test_events_are_returned_when_the_piece_that_completes_them_is_decoded():
    """
    When a piece of a stream is decoded, the events that it completes are returned. An
    event that the end of the stream cuts short is not returned.
    """
    decoder = EventDecoder(LARGE)
    pieces = (b"data: a\n\ndata: b\n\nda", b"ta: c\n\n", b"data: d")

    assert [[event("a"), event("b")], [event("c")], []] == [
        as_tuples(decoder.feed(piece)) for piece in pieces
    ]


def test_event_above_the_size_limit_after_a_smaller_event_is_refused():
    """
    An event above the size limit is refused even if it arrives in one complete piece,
    after an earlier event within the limit.
    """
    decoder = EventDecoder(100)

    assert [event("a")] == as_tuples(decoder.feed(b"data: a\n\n"))
    assert 1 == len(list(decoder.feed(b"data: " + b"x" * 94 + b"\n\n")))
    with pytest.raises(EventTooLargeError):
        list(decoder.feed(b"data: " + b"x" * 95 + b"\n\n"))


def test_unfinished_event_above_the_size_limit_is_refused():
    """
    An unfinished event is refused as soon as it exceeds the size limit, even if an
    earlier event was within the limit.
    """
    decoder = EventDecoder(100)

    assert [event("a")] == as_tuples(decoder.feed(b"data: a\n\n"))
    with pytest.raises(EventTooLargeError):
        decoder.feed(b"data: " + b"x" * 200)


def collection():
    """
    Return a test case for each recorded stream. Without the file of recorded streams,
    return one test case that is skipped.
    """
    if not COLLECTION.exists():
        skip = pytest.mark.skip(reason=f"{COLLECTION} does not exist")
        return [pytest.param(None, id="none", marks=skip)]
    return [
        pytest.param(case, id=case["name"])
        for case in json.loads(COLLECTION.read_text(encoding="utf-8"))
    ]


collected = pytest.mark.parametrize("case", collection())


def expected_of(case):
    """Return the expected events of a recorded stream."""
    return [(e["event"], e["data"]) for e in case["expected_events"]]


def pieces_of(case):
    """Return the pieces in which a recorded stream arrived."""
    return [bytes.fromhex(piece) for piece in case["bytes_chunks_hex"]]


@collected
def test_each_piece_of_a_recorded_stream_gives_the_events_that_it_completes(case):
    """
    After each piece of a recorded stream, the decoder has returned exactly the events
    that are complete so far.
    """
    decoder = EventDecoder(LARGE)
    events, counts = [], []

    for piece in pieces_of(case):
        events += as_tuples(decoder.feed(piece))
        counts.append(len(events))

    assert expected_of(case) == events
    assert case["events_after_chunk"] == counts


@pytest.mark.system
@collected
def test_recorded_stream_gives_the_same_events_when_cut_in_two(case):
    """
    A recorded stream gives the same events whether it is decoded at once or cut in two
    at any byte. A long stream is cut at about a hundred places.
    """
    events = expected_of(case)
    body = b"".join(pieces_of(case))
    near_the_ends = {*range(25), *range(len(body) - 25, len(body))}
    places = (
        range(len(body))
        if len(body) < 2000
        else sorted(near_the_ends | {*range(0, len(body), len(body) // 50)})
    )

    assert events == decoded(body)
    for place in places:
        assert events == decoded(body[:place], body[place:]), place


@pytest.mark.system
@collected
def test_recorded_stream_gives_the_same_events_when_decoded_byte_by_byte(case):
    """
    A recorded stream that is decoded byte by byte gives each event with the last byte
    of the event. Only the first 1200 bytes of a stream are decoded.
    """
    body = b"".join(pieces_of(case))[:1200]
    decoder = EventDecoder(LARGE)

    seen = []
    for place in range(len(body)):
        seen += as_tuples(decoder.feed(body[place : place + 1]))
        if place % 7 == 0 or body[place] in b"\r\n":
            assert seen == decoded(body[: place + 1]), place
    assert seen == decoded(body)


@pytest.mark.parametrize("count", [1, 80, 120, 1000])
@pytest.mark.parametrize("place", [0, 1])
def test_event_of_many_lines_has_all_of_its_data_and_fields(count, place):
    """
    A decoded event has all of its data and the last of its names, however many lines it
    has. The fields may stand before or after the data.
    """
    fields = b"event: a\nid: 1\nretry: 5\n: hi\nevent:b\nid: 2 \nretry:7\nother: c\n"
    data = b"data: x\ndata\ndata:y \ndata:  \xff\n" * count
    body = b"".join([fields, data] if place == 0 else [data, fields]) + b"\n"
    text = "\n".join(["x", "", "y ", " \ufffd"] * count)

    events = decoded(body, b"data: d\n\n")

    assert [event(text, "b"), event("d")] == events


@pytest.mark.parametrize("count", [10, 200])
def test_event_of_many_lines_without_data_is_not_returned(count):
    """
    An event without data is not returned, however many lines it has. Its name is not
    used for the next event.
    """
    body = b"event: a\n" * count + b"id: 1\n\ndata: a\n\n"

    assert [event("a")] == decoded(body)


def test_event_of_more_than_a_hundred_thousand_line_ends_is_refused():
    """
    An event with more than 100,000 lines before its last line is refused, whatever the
    size limit is.
    """
    body = b":\n" * 100_000 + b"data: a\n\n"

    assert [event("a")] == decoded(body)
    with pytest.raises(EventTooLargeError, match="is larger than 100,000 lines"):
        decoded(b":\n" + body)


def test_events_before_an_event_above_the_size_limit_are_returned():
    """
    Complete events before an event above the size limit are returned. Then the error
    for the large event is raised.
    """
    decoder = EventDecoder(20)

    events = decoder.feed(b"data: a\n\nid: 7\ndata: b\n\ndata: " + b"x" * 30 + b"\n\n")

    assert [event("a"), event("b")] == as_tuples([next(events), next(events)])
    with pytest.raises(EventTooLargeError):
        next(events)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"data: ", id="one-line"),
        pytest.param(b"\ndata: ", id="after-a-blank-line"),
        pytest.param(b"event: x\ndata: ", id="with-a-name"),
        pytest.param(b"data:y\nid: 7\ndata: ", id="two-data-lines-and-id"),
    ],
)
@pytest.mark.parametrize(
    "end",
    [
        (b"\n\n",),
        (b"\n", b"\n"),
        (b"z\n", b"\ndata: more\n\ndata: la", b"st\n\n"),
        (b"z\n\n\n\ndata: more\n\ndata: last\n\n",),
        (b"\r\n", b"\r", b"\ndata: more\r\r"),
    ],
)
def test_large_event_in_fragments_is_read_as_in_one_piece(start, end):
    """
    An event of more than 256 KiB that arrives in fragments is read like an event in one
    piece. The events after it are read like any events.
    """
    text = [b"x" * 100_000] * 3
    fragments = [start, *text, *end]

    events = decoded(b"".join(fragments))

    assert events == decoded(*fragments)
    assert 300_000 <= len(events[0][1])


def test_size_limit_applies_to_a_large_event_in_fragments():
    """
    An event above the size limit raises an error, although its last fragment is short.
    """
    fragments = [b"data: ", *[b"x" * 100_000] * 3, b"x\n\n"]

    assert 1 == len(decoded(*fragments, limit=300_007))
    with pytest.raises(EventTooLargeError, match="300,006 bytes"):
        decoded(*fragments, limit=300_006)

"""
Random event streams, decoded by asi1 and by an independent decoder, which is called the
oracle.
"""

from __future__ import annotations

import ast
import random
import re
import types

from itertools import pairwise
from pathlib import Path

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._protocol import sse_fields
from asi1._protocol import sse_reader as _sse

from ..support import sse_oracle
from ..support.sse_oracle import events_of


LARGE = 2**24
BATCHES, BATCH = 10, 2_000

ENDS = [b"\n", b"\n", b"\n", b"\r\n", b"\r\n", b"\r", b"\n\n", b"\r\r", b"\r\n\r\n"]
LINES = [
    *(b"data", b"data:", b"data: x", b"data:x", b"data:  x ", b"data::", b"data: a:b"),
    *(b"data: x", b"data: x", b"data: [DONE]", b'data: {"a":1}', b"data\t: x"),
    *(b"id", b"id:", b"id: 1", b"id:2", b"id: a\0b", b"id:\0", b"id: \xc3\xb6"),
    *(b"event", b"event:", b"event: ping", b"event:pong", b"event: message"),
    *(b"retry", b"retry:", b"retry: 5", b"retry:250", b"retry: 007", b"retry:  5"),
    *(b"retry: -5", b"retry: +5", b"retry: 1_000", b"retry: 5.0", b"retry: 5 "),
    *("retry: \u0665".encode(), "retry: \uff15".encode(), "retry: \u00b2".encode()),
    *(b"retry: nan", b"retry: 0x5", b"retry: 5\0"),
    *(b":", b": hi", b":data: no", b": id: 9", b"::"),
    *(b"unknown", b"unknown: x", b"Data: x", b" data: x", b"datum: x", b"data : x"),
    *(b"ids: 3", b"retry-after: 3", b"events: x", b"<html>", b'{"error": "no"}'),
    *(b"", b"", b"", b"", b"", b""),
]
# Byte sequences that are inserted at a random position of a line.
ODDITIES = [
    *(char.encode() for char in "\ufeff\u2028\u2029\x85\xa0\v\f\x1c\x1e\0\x1f\u6d77"),
    *("\U0001f9a6".encode(), "\u00f6".encode(), b"\xef\xbb\xbf\xef\xbb\xbf"),
    *(b"\xff", b"\xfe", b"\x80", b"\xc3", b"\xe6\xb5", b"\xf0\x9f\xa6", b"\xef\xbb"),
    *(
        b"\xc0\x80",
        b"\xc0\x8a",
        b"\xe0\x80\x8d",
        b"\xf0\x80\x80\x8a",
    ),  # overlong encodings, which are invalid UTF-8
    *(
        b"\xed\xa0\xbe",
        b"\xed\xb6\xa6",
        b"\xed\xa0\xbe\xed\xb6\xa6",
    ),  # encoded surrogates, which are invalid UTF-8
    *(b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80"),
    *(b":", b" ", b"\r", b"\n", b"data: ", b"id:"),
]
STARTS = [b"", b"", b"", b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb"]

# Changes to the source of asi1's decoder; each one alone causes wrong events.
BREAKS = {
    "crlf-cut-in-two-ends-two-lines": ('data = data.removeprefix(b"\\n")', "pass"),
    "byte-order-mark-is-kept": ("data = data.removeprefix(_BOM)", "pass"),
    "every-piece-loses-a-byte-order-mark": ("self._head = None", 'self._head = b""'),
    "event-without-data-is-emitted": ("if not _DATA.search(block):", "if False:"),
    "event-end-between-pieces-is-missed": (
        'border = self._pending[-1][-1:] if self._pending else b""',
        'border = b""',
    ),
    "cr-does-not-end-a-line": ('.replace(b"\\r", b"\\n")', ""),
    "invalid-utf8-is-dropped": ("'utf-8', 'replace'", "'utf-8', 'ignore'"),
    "several-lines-are-read-as-one": (' and block.find(b"\\n") < 0', ""),
    "several-lines-are-read-as-plain": ("!= 2 * len(texts)", "< 0"),
    "cr-is-read-as-plain": ('data.find(b"\\r") >= 0', "False"),
    "cut-event-is-read-as-plain": (' and data.endswith(b"\\n\\n")', ""),
    "cut-byte-order-mark-is-missed": ("if _BOM.startswith(data):", "if data == _BOM:"),
}


def as_tuples(events):
    """Return the name and the data of each event."""
    return [(name, data.decode("utf-8", "replace")) for name, data in events]


def random_body(rng):
    """
    Return a random stream of lines as servers send them. Some lines contain sequences
    from `ODDITIES`.
    """
    parts = [rng.choice(STARTS)]
    for _ in range(rng.randint(1, 12)):
        line = rng.choice(LINES)
        if rng.random() < 0.25:
            place = rng.randint(0, len(line))
            line = line[:place] + rng.choice(ODDITIES) + line[place:]
        parts += [line, rng.choice(ENDS)]
    if rng.random() < 0.7:
        parts.append(rng.choice([b"\n\n", b"\r\r", b"\r\n\r\n", b"\r\n\r"]))
    body = b"".join(parts)
    return body[: rng.randint(0, len(body))] if rng.random() < 0.1 else body


def random_pieces(rng, body):
    """Return the body of a stream, cut at random places. Some pieces are empty."""
    cuts = sorted(rng.randint(0, len(body)) for _ in range(rng.randint(1, 4)))
    return [body[a:b] for a, b in pairwise([0, *cuts, len(body)])]


def first_difference(pieces, module=_sse):
    """
    Return the number of pieces after which the decoder's events first differ from the
    oracle's, and both lists of events. Return None if the events never differ.
    """
    decoder = module.EventDecoder(LARGE)
    body, seen = b"", []
    for count, piece in enumerate(pieces, 1):
        body += piece
        seen += as_tuples(decoder.feed(piece))
        if events_of(body) != seen:
            return count, events_of(body), seen
    return None


def single_bytes(body):
    """Return the body of a stream, cut into single bytes."""
    return [body[place : place + 1] for place in range(len(body))]


def single_events(body):
    """Return the body of a stream, cut after each blank line, as most servers send."""
    return re.split(rb"(?<=\n\n)", body)


def broken_decoder(old, new):
    """Return the module of asi1's decoder, in which *new* replaces *old*."""
    modules = [types.ModuleType(each.__name__) for each in (_sse, sse_fields)]
    found = 0
    for module, original in zip(modules, (_sse, sse_fields), strict=True):
        source = Path(original.__file__).read_text(encoding="utf-8")
        found += source.count(old)
        module.__package__ = original.__package__
        exec(source.replace(old, new), vars(module))
    assert found
    decoder, fields = modules
    decoder.load_read_fields = lambda: fields.read_fields
    return decoder


@pytest.mark.system
@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_streams_are_read_as_the_oracle_reads_them(batch):
    """
    For random streams, decoded at once, in pieces or event by event, asi1's decoder
    returns the oracle's events. After each piece it has returned exactly the events
    that are complete so far.
    """
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        rng = random.Random(seed)
        body = random_body(rng)
        pieces = random_pieces(rng, body)

        misread = (
            first_difference([body])
            or first_difference(pieces)
            or first_difference(single_events(body))
        )

        assert None is misread, (seed, pieces)


@pytest.mark.system
def test_random_stream_decoded_byte_by_byte_gives_the_events_of_the_oracle():
    """
    After each byte of a random stream, the decoder has returned the events that the
    oracle reads from all bytes so far.
    """
    for seed in range(100_000, 100_300):
        body = random_body(random.Random(seed))
        misread = first_difference(single_bytes(body))

        assert None is misread, (seed, body)


@settings(deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(LINES), st.sampled_from(ODDITIES), st.sampled_from(ENDS)
        ),
        max_size=6,
    ),
    cuts=st.lists(st.integers(0, 120), max_size=4),
)
def test_lines_with_odd_bytes_are_read_as_the_oracle_reads_them(lines, cuts):
    """
    Lines that end in odd bytes, such as invalid UTF-8, are read as the oracle reads
    them. If not, hypothesis reports the smallest stream that is misread.
    """
    body = b"".join(part for line in lines for part in line)
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]

    assert None is first_difference([body[a:b] for a, b in pairwise(places)])


@pytest.mark.system
@settings(deadline=None)
@given(st.binary(max_size=40))
def test_random_bytes_between_events_are_read_as_the_oracle_reads_them(body):
    """
    Any bytes between two events are read as the oracle reads them.
    """
    assert None is first_difference([b"data: a\n\n", body, b"\n\ndata: b\n\n"])


def test_random_streams_contain_events_of_every_form():
    """
    The random streams have many events with names, several lines and invalid bytes. So
    comparing them with the oracle tests all of these.
    """
    events = [
        e for seed in range(2_000) for e in events_of(random_body(random.Random(seed)))
    ]

    count = len(events)

    assert 1_000 < count
    assert 50 < sum(name != "message" for name, _ in events)
    assert 100 < sum("\n" in data for _, data in events)
    assert 50 < sum("\ufffd" in "".join(event) for event in events)


@pytest.mark.system
@pytest.mark.parametrize(
    ("old", "new"), [pytest.param(*change, id=name) for name, change in BREAKS.items()]
)
def test_broken_decoder_differs_from_the_oracle(old, new):
    """
    If one mistake is put into asi1's decoder, the decoder reads at least one random
    stream differently from the oracle.
    """
    module = broken_decoder(old, new)
    found = False
    for seed in range(BATCH):
        rng = random.Random(seed)
        body = random_body(rng)
        cuts = (random_pieces(rng, body), single_events(body), single_bytes(body))
        found = any(first_difference(pieces, module) for pieces in ([body], *cuts))
        if found:
            break

    assert found


def test_oracle_and_decoder_share_no_code():
    """
    The oracle imports nothing, and asi1's decoder does not import the oracle. So the
    two do not share a mistake.
    """
    oracle = ast.parse(Path(sse_oracle.__file__).read_text(encoding="utf-8"))
    imports = [
        n for n in ast.walk(oracle) if isinstance(n, ast.Import | ast.ImportFrom)
    ]

    assert ["__future__"] == [node.module for node in imports]
    assert "oracle" not in Path(_sse.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\n\n", [("message", "a")]),
        (b"\xef\xbb\xbfdata\rdata: b\r\n\r", [("message", "\nb")]),
        (b"id: 1\n\nevent: e\nretry: 7\ndata:c\n\n", [("e", "c")]),
        (b"id: 1\nid: 2\0\nretry: -5\ndata:c\n\n", [("message", "c")]),
        (b":data: no\nevent: e\n\ndata: d", []),
    ],
)
def test_oracle_reads_simple_streams(body, events):
    """
    The oracle, which checks the decoder, reads the expected events from a few simple
    streams.
    """
    assert events == events_of(body)

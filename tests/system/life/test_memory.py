"""
Whatever a server sends, a client uses little memory, and its calls still time out.

The server runs in this process; the client runs in a process of its own, whose memory
is measured. The server generates large bodies piece by piece as it sends them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib

from pathlib import Path

import pytest

import asi1

from asi1.testing import Data, Head, Pause, Repeat


pytest.importorskip("resource", reason="memory is not measured here")

MIB = 1024 * 1024
# Limits of the peak memory of the client's process, in MiB. MOST limits the whole
# process, which needs about 40 while idle. GROWTH limits the memory for each MiB of a
# body, so a body of 16 MiB may need 16 * GROWTH.
MOST = 150
GROWTH = 7
EATER = str(Path(__file__).with_name("eater.py"))

SSE = (("content-type", "text/event-stream"),)
JSON = (("content-type", "application/json"),)
GZIP = (("content-encoding", "gzip"),)
DONE = Data(b"data: [DONE]\n\n")


def calls_for(fake, *replies, **options):
    """Send each reply to one `create` and one `stream`; return how each call ended."""
    for reply in replies:
        fake.play(*reply, times=2)
    words = [str(len(replies)), *(f"{name}={value}" for name, value in options.items())]
    done = subprocess.run(
        [sys.executable, EATER, fake.base_url, *words],
        env={**os.environ, "PYTHONPATH": str(Path(asi1.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert "" == done.stderr
    calls = json.loads(done.stdout)
    return [calls[at : at + 2] for at in range(0, len(calls), 2)]


def ends(calls):
    return {call["end"] for call in calls}


def most(calls):
    return max(call["peak"] for call in calls)


def compressed(block, mib, start=b""):
    """
    Return *start*, followed by *block* repeated up to *mib* MiB, as gzip data.

    The compressed data has no end mark, because no test reads that far; so each MiB of
    blocks compresses to the same bytes.
    """
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks = packer.compress(block * (MIB // len(block)))
    return Data(head + (blocks + packer.flush(zlib.Z_FULL_FLUSH)) * mib)


def repeated(start, block, mib, end):
    """
    Return the parts of a body: *start*, *block* repeated up to *mib* MiB, and *end*.
    """
    pieces = Repeat((Data(block * (65536 // len(block))),), mib * 16)
    return Data(start), pieces, Data(end)


def endless(block):
    return Repeat((Data(block * (65536 // len(block))),))


def test_endless_body_raises_an_error_at_16_mib(fake):
    """
    A line, event, comment or body without an end raises an error at the limit of 16
    MiB, whether the data is compressed or not, with or without a content-type.
    """
    replies = {
        "line": (Head(200, SSE), Data(b"data: "), endless(b"a")),
        "lines": (Head(200, SSE), endless(b"data: aaaaaaaaaaaa\n")),
        "comment": (Head(200, SSE), endless(b":")),
        "json": (Head(200, JSON), Data(b'{"a": "'), endless(b"a")),
        "list": (Head(200, JSON), endless(b"[1, ")),
        "blanks": (Head(200, JSON), endless(b" ")),
        "page": (Head(200, (("content-type", "text/html"),)), endless(b"<p>")),
        "untyped": (Head(200), endless(b"a")),
        "compressed-json": (Head(200, JSON + GZIP), compressed(b"a", 300)),
        "compressed-event": (Head(200, SSE + GZIP), compressed(b"a", 300, b"data: ")),
    }

    ended = dict(zip(replies, calls_for(fake, *replies.values()), strict=True))

    given_up = {"APIResponseError", "StreamDecodeError"}
    assert {} == {
        name: ended[name] for name in ended if not given_up >= ends(ended[name])
    }
    assert {} == {name: ended[name] for name in ended if most(ended[name]) > MOST}


def test_endless_error_body_raises_the_error_of_its_status(fake):
    """
    Only the beginning of an error body is read, and the call raises the error class of
    the response's status.
    """
    replies = {
        "json": (Head(500, JSON), Data(b'{"error": "'), endless(b"e")),
        "text": (Head(500), endless(b"e")),
        "compressed": (Head(500, JSON + GZIP), compressed(b"e", 300)),
    }

    ended = calls_for(fake, *replies.values())

    assert [{"InternalServerError"}] * 3 == [ends(calls) for calls in ended]
    assert most(ended[-1]) < MOST


def test_body_compressed_twice_is_refused(fake):
    """
    A small body compressed twice, which would expand to 300 MiB, is not decompressed:
    the call raises an APIResponseError.
    """
    twice = zlib.compressobj(wbits=31)
    data = twice.compress(compressed(b"a", 300).data) + twice.flush()
    headers = (*JSON, ("content-encoding", "gzip, gzip"))

    (ended,) = calls_for(fake, (Head(200, headers), Data(data)))

    assert {"APIResponseError"} == ends(ended)
    assert most(ended) < MOST


def test_endless_comments_are_dropped_and_do_not_reset_timeouts(fake):
    """
    Endless comments and empty events are dropped and do not reset the timeouts, so the
    call raises an APITimeoutError.
    """
    flood = endless(b": still here\n\ndata:\n\nevent: ping\n\n")

    (ended,) = calls_for(fake, (Head(200, SSE), flood), total=1, first_token=1)

    assert {"APITimeoutError"} == ends(ended)
    assert most(ended) < MOST


def test_call_times_out_while_many_empty_events_are_decompressed(fake):
    """
    While a small compressed body expands to 64 MiB of comments and empty events, the
    call can still time out.
    """
    flood = compressed(b": a\n\ndata:\n\n", 64)

    (ended,) = calls_for(fake, (Head(200, SSE + GZIP), flood), total=1, first_token=1)

    assert {"APITimeoutError"} == ends(ended)
    assert most(ended) < MOST


def body(text, name="delta"):
    choice = {"index": 0, name: {"content": text}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice]}, ensure_ascii=False).encode()


def event(text):
    return Data(b"data: %b\n\n" % body(text))


@pytest.mark.parametrize("kind", ["body", "event"])
def test_large_body_or_event_within_the_limit_is_read(fake, kind):
    """
    An answer of 15 MiB, below the limit of 16 MiB, is read completely, as a JSON body
    and as one event of a stream.
    """
    text = "g" * (15 * MIB)
    replies = {
        "body": (Head(200, JSON), Data(body(text, "message"))),
        "event": (Head(200, SSE), event(text), DONE),
    }

    (ended,) = calls_for(fake, replies[kind], total=60)

    assert {f"{15 * MIB} characters"} == ends(ended)
    assert most(ended) < MOST


WIDE = "\U0001f9a6"
CHOICE = b'data: {"choices":[{"index":0,"delta":{"x":['
# Bodies of 1 MiB that a simple parser would need many MiB of memory to parse.
GROWING = {
    "lists": (Head(200, JSON), *repeated(b'{"choices":[', b"[],", 1, b"[]]}")),
    "in-choice": (Head(200, SSE), *repeated(CHOICE, b"[],", 1, b"1]}}]}\n\n")),
    "short-lines": (Head(200, SSE), *repeated(b"", b"data\n", 1, b"\n")),
    "one-wide": (Head(200, SSE), event(WIDE + "g" * MIB), DONE),
}  # fmt: skip
HARMLESS = {
    "fields": (Head(200, SSE), *repeated(b"", b"x\n", 1, b"\n")),
    "brackets": (Head(200, JSON), *repeated(b'{"choices":', b"[", 1, b"")),
    "digits": (Head(200, SSE), *repeated(b'data: {"a": 1', b"9", 1, b"}\n\n")),
    "escapes": (Head(200, SSE), *repeated(b'data: {"a": "', b"\\ud83e", 1, b'"}\n\n')),
    "wide": (Head(200, SSE), event(WIDE * (MIB // 4)), DONE),
}


@pytest.mark.parametrize("name", [*HARMLESS, *GROWING])
def test_parsing_a_body_within_the_limit_needs_little_memory(fake, name):
    """
    Parsing a body of 1 MiB, whether of values, nested levels, digits, lines or emoji,
    adds less than 12 MiB to the client's peak memory.
    """
    small = (Head(200, JSON), Data(body("Hi", "message")))
    reply = {**HARMLESS, **GROWING}[name]

    before, after = calls_for(fake, small, reply, max_event_bytes=5 * MIB // 4)

    assert most(after) - most(before) < GROWTH + 5
    if "wide" in name:
        assert ends(after) <= {f"{MIB // 4} characters", f"{MIB + 1} characters"}


def test_event_id_of_15_mib_does_not_slow_later_events(fake):
    """
    An event with an ``id`` of 15 MiB does not slow down the events after that event.
    """
    word = json.dumps({"choices": [{"index": 0, "delta": {"content": "a"}}]}).encode()
    start = repeated(b"id: ", b"i", 15, b"\ndata:\n\n")
    words = Repeat((Data(b"data: %b\n\n" % word), Pause(0.001)), 1000)

    (ended,) = calls_for(fake, (Head(200, SSE), *start, words, DONE), total=60)

    assert {"1000 characters"} == ends(ended)

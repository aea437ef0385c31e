"""
Memory: whatever a server sends, a client stays small, and keeps its time limits.

The server is in this process, the client in one of its own, which is measured. Bodies
are made piece by piece as they are sent.
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
MOST = 150  # MiB of memory; an idle client has about 40
SWOLLEN = 7  # MiB that one of a body may become; 16 times that and the rest is MOST
EATER = str(Path(__file__).with_name("eater.py"))

SSE = (("content-type", "text/event-stream"),)
JSON = (("content-type", "application/json"),)
GZIP = (("content-encoding", "gzip"),)
DONE = Data(b"data: [DONE]\n\n")


def fed(fake, *meals, **options):
    """Play each meal to a plain call and to a stream; return how these went."""
    for meal in meals:
        fake.play(*meal, times=2)
    words = [str(len(meals)), *(f"{name}={value}" for name, value in options.items())]
    done = subprocess.run(
        [sys.executable, EATER, fake.base_url, *words],
        env={**os.environ, "PYTHONPATH": str(Path(asi1.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
    assert "" == done.stderr
    calls = json.loads(done.stdout)
    return [calls[at : at + 2] for at in range(0, len(calls), 2)]


def ends(calls):
    return {call["end"] for call in calls}


def most(calls):
    return max(call["peak"] for call in calls)


def zipped(block, mib, start=b""):
    """
    Return *start*, then *block* as often as makes *mib* MiB, compressed.

    It has no end, which nobody comes to: and so each MiB of it is the same bytes.
    """
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks = packer.compress(block * (MIB // len(block)))
    return Data(head + (blocks + packer.flush(zlib.Z_FULL_FLUSH)) * mib)


def around(start, block, mib, end):
    """Return the steps of a body that is *block* over and over, with a frame."""
    pieces = Repeat((Data(block * (65536 // len(block))),), mib * 16)
    return Data(start), pieces, Data(end)


def endless(block):
    return Repeat((Data(block * (65536 // len(block))),))


def test_what_does_not_end_is_given_up(fake):
    """
    A line, an event, a comment or a body without an end, compressed or not, typed or
    not, is given up at the bound of 16 MiB.
    """
    meals = {
        "line": (Head(200, SSE), Data(b"data: "), endless(b"a")),
        "lines": (Head(200, SSE), endless(b"data: aaaaaaaaaaaa\n")),
        "comment": (Head(200, SSE), endless(b":")),
        "json": (Head(200, JSON), Data(b'{"a": "'), endless(b"a")),
        "list": (Head(200, JSON), endless(b"[1, ")),
        "blanks": (Head(200, JSON), endless(b" ")),
        "page": (Head(200, (("content-type", "text/html"),)), endless(b"<p>")),
        "untyped": (Head(200), endless(b"a")),
        "zipped-json": (Head(200, JSON + GZIP), zipped(b"a", 300)),
        "zipped-event": (Head(200, SSE + GZIP), zipped(b"a", 300, b"data: ")),
    }

    told = dict(zip(meals, fed(fake, *meals.values()), strict=True))

    given_up = {"APIResponseError", "StreamDecodeError"}
    assert {} == {name: told[name] for name in told if not given_up >= ends(told[name])}
    assert {} == {name: told[name] for name in told if most(told[name]) > MOST}


def test_a_refusal_without_an_end_is_a_refusal(fake):
    """
    Of an error's body its beginning is read, and it is an error of its status.
    """
    meals = {
        "json": (Head(500, JSON), Data(b'{"error": "'), endless(b"e")),
        "text": (Head(500), endless(b"e")),
        "zipped": (Head(500, JSON + GZIP), zipped(b"e", 300)),
    }

    told = fed(fake, *meals.values())

    assert [{"InternalServerError"}] * 3 == [ends(calls) for calls in told]
    assert most(told[-1]) < MOST


def test_a_body_compressed_twice_is_refused(fake):
    """
    Some hundred bytes under two layers, which hold 300 MiB, are not unpacked.
    """
    twice = zlib.compressobj(wbits=31)
    data = twice.compress(zipped(b"a", 300).data) + twice.flush()
    headers = (*JSON, ("content-encoding", "gzip, gzip"))

    (told,) = fed(fake, (Head(200, headers), Data(data)))

    assert {"APIResponseError"} == ends(told)
    assert most(told) < MOST


def test_comments_without_an_end_are_not_kept(fake):
    """
    Comments and empty events in floods are dropped, and count as no sign of life.
    """
    flood = endless(b": still here\n\ndata:\n\nevent: ping\n\n")

    (told,) = fed(fake, (Head(200, SSE), flood), total=1, first_token=1)

    assert {"APITimeoutError"} == ends(told)
    assert most(told) < MOST


def test_no_timer_sleeps_while_a_flood_is_unpacked(fake):
    """
    A flood of nothings in a small compressed body keeps no time limit from its turn.
    """
    flood = zipped(b": a\n\ndata:\n\n", 64)

    (told,) = fed(fake, (Head(200, SSE + GZIP), flood), total=1, first_token=1)

    assert {"APITimeoutError"} == ends(told)
    assert most(told) < MOST


def body(text, name="delta"):
    choice = {"index": 0, name: {"content": text}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice]}, ensure_ascii=False).encode()


def event(text):
    return Data(b"data: %b\n\n" % body(text))


@pytest.mark.parametrize("kind", ["body", "event"])
def test_what_is_large_is_read(fake, kind):
    """
    A body of 15 MiB is an answer, and so is an event of as much.
    """
    text = "g" * (15 * MIB)
    meals = {
        "body": (Head(200, JSON), Data(body(text, "message"))),
        "event": (Head(200, SSE), event(text), DONE),
    }

    (told,) = fed(fake, meals[kind], total=60)

    assert {f"{15 * MIB} characters"} == ends(told)
    assert most(told) < MOST


WIDE = "\U0001f9a6"
CHOICE = b'data: {"choices":[{"index":0,"delta":{"x":['
# Bodies of 1 MiB that could be many times larger once they are read.
SWELLING = {
    "lists": (Head(200, JSON), *around(b'{"choices":[', b"[],", 1, b"[]]}")),
    "in-choice": (Head(200, SSE), *around(CHOICE, b"[],", 1, b"1]}}]}\n\n")),
    "short-lines": (Head(200, SSE), *around(b"", b"data\n", 1, b"\n")),
    "one-wide": (Head(200, SSE), event(WIDE + "g" * MIB), DONE),
}  # fmt: skip
SOUND = {
    "fields": (Head(200, SSE), *around(b"", b"x\n", 1, b"\n")),
    "brackets": (Head(200, JSON), *around(b'{"choices":', b"[", 1, b"")),
    "digits": (Head(200, SSE), *around(b'data: {"a": 1', b"9", 1, b"}\n\n")),
    "escapes": (Head(200, SSE), *around(b'data: {"a": "', b"\\ud83e", 1, b'"}\n\n')),
    "wide": (Head(200, SSE), event(WIDE * (MIB // 4)), DONE),
}


@pytest.mark.parametrize("name", [*SOUND, *SWELLING])
def test_no_body_swells_once_it_is_read(fake, name):
    """
    A body within the bound, made of as many values, levels, digits, lines or wide
    characters as it can hold, does not become many times as large.
    """
    small = (Head(200, JSON), Data(body("Hi", "message")))
    meal = {**SOUND, **SWELLING}[name]

    before, after = fed(fake, small, meal, max_event_bytes=5 * MIB // 4)

    assert most(after) - most(before) < SWOLLEN + 5
    if "wide" in name:
        assert ends(after) <= {f"{MIB // 4} characters", f"{MIB + 1} characters"}


def test_a_large_event_id_costs_nothing_afterwards(fake):
    """
    An ``id`` of 15 MiB is no burden for the events after it.
    """
    word = json.dumps({"choices": [{"index": 0, "delta": {"content": "a"}}]}).encode()
    start = around(b"id: ", b"i", 15, b"\ndata:\n\n")
    words = Repeat((Data(b"data: %b\n\n" % word), Pause(0.01)), 50)

    (told,) = fed(fake, (Head(200, SSE), *start, words, DONE), total=3)

    assert {"50 characters"} == ends(told)

"""A blocking stream read as server-sent events."""

from __future__ import annotations

import gc
import threading

import pytest

import asi1

from asi1.testing import Pause, Repeat

from ..support.browser import said, seen
from ..support.talk import DONE, SSE, TEXT, Event, chunk


def ask(client, **options):
    return client.chat.completions.stream(messages="Hi", **options)


ENDLESS = (SSE, Repeat((Event(chunk("on ")), Pause(0.005))))


def test_an_answer_is_events_for_blocking_code(fake, blocking_client):
    """
    The blocking stream gives the same events.
    """
    fake.reply(TEXT, thoughts=["Hm."], chunk_words=1)

    with ask(blocking_client) as stream:
        events = stream.to_sse()
        body = b"".join(events)

    assert TEXT == said(body)
    assert ["thought", *["text"] * 8, "done"] == [name for name, _ in seen(body)]
    assert [] == list(events)


def test_what_was_read_before_is_not_told_again_to_blocking_code(fake, blocking_client):
    """
    The blocking events begin where the reader of the stream stands too.
    """
    fake.play(SSE, Event(*map(chunk, "abcd")), Event(chunk("e", finish="stop")), DONE)

    with ask(blocking_client) as stream:
        assert "a" == next(stream).text
        body = b"".join(stream.to_sse())

    assert "bcde" == said(body)


def test_a_stream_that_breaks_ends_with_an_event_for_blocking_code(
    fake, blocking_client
):
    """
    An error in the middle is the last event in blocking code too.
    """
    fake.fault("reset_mid_body")

    with ask(blocking_client) as stream:
        body = b"".join(stream.to_sse())

    assert "stream_interrupted" == seen(body)[-1][1]["code"]


def test_open_raises_in_blocking_code(fake, blocking_client):
    """
    The blocking `open` raises what comes before the first event.
    """
    fake.fail(401)

    with pytest.raises(asi1.AuthenticationError):
        ask(blocking_client).to_sse().open()


def test_closing_ends_the_call_of_blocking_code(fake, blocking_client):
    """
    `close` ends the call of blocking code at once.
    """
    fake.play(*ENDLESS)

    events = ask(blocking_client).to_sse()
    assert next(events)
    events.close()

    assert "left" == fake.requests[0].wait()
    assert [] == list(events)


def test_dropping_ends_the_call_of_blocking_code(fake, blocking_client):
    """
    Blocking events that nobody holds any more end their call.
    """
    fake.play(*ENDLESS)

    for _ in ask(blocking_client).to_sse():
        break
    gc.collect()

    assert "left" == fake.requests[0].wait()


def test_events_may_be_read_by_another_thread(fake, blocking_client):
    """
    Blocking events are read by the thread that sends them, whoever began the stream.
    """
    fake.reply(TEXT)
    told = []
    with ask(blocking_client) as stream:
        reader = threading.Thread(target=lambda: told.extend(stream.to_sse()))
        reader.start()
        reader.join(10)

    assert TEXT == said(b"".join(told))


def test_a_wrong_argument_costs_no_chunk_in_blocking_code(fake, blocking_client):
    """
    The same holds for the blocking stream.
    """
    fake.reply(TEXT, chunk_words=1)

    with ask(blocking_client) as stream:
        first = next(stream)
        with pytest.raises(asi1.ArgumentError, match="ping"):
            stream.to_sse(ping=0)
        rest = [chunk.text for chunk in stream]

    assert first.text + "".join(rest) == TEXT

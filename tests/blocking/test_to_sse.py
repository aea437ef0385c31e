"""`to_sse` of the blocking client: a streamed answer as server-sent events."""

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


def test_blocking_to_sse_yields_the_events_of_an_answer(fake, blocking_client):
    """
    The blocking `to_sse` yields the same events as the async `to_sse`: the thoughts,
    the text, and a last event named "done".
    """
    fake.reply(TEXT, thoughts=["Hm."], chunk_words=1)

    with ask(blocking_client) as stream:
        events = stream.to_sse()
        body = b"".join(events)

    assert TEXT == said(body)
    assert ["thought", *["text"] * 8, "done"] == [name for name, _ in seen(body)]
    assert [] == list(events)


def test_blocking_to_sse_begins_after_the_last_chunk_read(fake, blocking_client):
    """
    The events of `to_sse` begin with the first chunk that was not read before `to_sse`
    was called; chunks read earlier are not sent as events.
    """
    fake.play(SSE, Event(*map(chunk, "abcd")), Event(chunk("e", finish="stop")), DONE)

    with ask(blocking_client) as stream:
        assert "a" == next(stream).text
        body = b"".join(stream.to_sse())

    assert "bcde" == said(body)


def test_broken_stream_ends_with_an_error_event_in_blocking_to_sse(
    fake, blocking_client
):
    """
    An error in the middle of a stream becomes the last event of `to_sse`: a web server
    that has already sent its status 200 cannot report the error by a status.
    """
    fake.fault("reset_mid_body")

    with ask(blocking_client) as stream:
        body = b"".join(stream.to_sse())

    assert "stream_interrupted" == seen(body)[-1][1]["code"]


def test_blocking_open_raises_an_error_before_the_first_event(fake, blocking_client):
    """
    `open` of the blocking `to_sse` raises an error that occurs before the first event,
    so that a web server can still respond with an error status.
    """
    fake.fail(401)

    with pytest.raises(asi1.AuthenticationError):
        ask(blocking_client).to_sse().open()


def test_closing_blocking_to_sse_cancels_the_call(fake, blocking_client):
    """
    `close` on a blocking iterator of events cancels the call at once; the iterator
    yields no event afterwards.
    """
    fake.play(*ENDLESS)

    events = ask(blocking_client).to_sse()
    assert next(events)
    events.close()

    assert "left" == fake.requests[0].wait()
    assert [] == list(events)


def test_garbage_collected_blocking_to_sse_cancels_its_call(fake, blocking_client):
    """
    A blocking iterator of events that is garbage-collected cancels its call.
    """
    fake.play(*ENDLESS)

    for _ in ask(blocking_client).to_sse():
        break
    gc.collect()

    assert "left" == fake.requests[0].wait()


def test_blocking_to_sse_may_be_read_by_another_thread(fake, blocking_client):
    """
    A blocking iterator of events may be read by another thread than the one that opened
    the stream: a web server often sends events from a worker thread.
    """
    fake.reply(TEXT)
    events = []
    with ask(blocking_client) as stream:
        reader = threading.Thread(target=lambda: events.extend(stream.to_sse()))
        reader.start()
        reader.join(10)

    assert TEXT == said(b"".join(events))


def test_blocking_to_sse_with_a_wrong_argument_loses_no_chunk(fake, blocking_client):
    """
    A `to_sse` call with a wrong argument raises and loses no chunk of the stream.
    """
    fake.reply(TEXT, chunk_words=1)

    with ask(blocking_client) as stream:
        first = next(stream)
        with pytest.raises(asi1.ArgumentError, match="ping"):
            stream.to_sse(ping=0)
        rest = [chunk.text for chunk in stream]

    assert first.text + "".join(rest) == TEXT

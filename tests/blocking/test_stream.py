"""The streamed answer of the blocking client."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time

from operator import length_hint

import pytest

import asi1

from asi1.testing import Pause, Repeat

from ..support.talk import DONE, SSE, TEXT, Event, chunk


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, times=None)
    return fake


def wait_for(condition):
    """Wait until *condition* holds; fail after five seconds."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("it never came true")


def test_a_stream_is_iterated(blocking_client):
    """
    A stream gives chunks, text and the final answer, each by plain iteration.
    """
    with blocking_client.chat.completions.stream(messages="Hi") as stream:
        chunks = list(stream)
        final = stream.get_final_completion()

    assert TEXT == "".join(each.text for each in chunks) == final.text
    assert final == stream.snapshot()
    assert "<ChatStream closed status=200>" == repr(stream)
    assert 200 == stream.response.status


def test_a_stream_gives_its_text_and_its_thoughts(fake, blocking_client):
    """
    `text_stream` and `thought_stream` give pieces, none of them empty.
    """
    fake.reply(TEXT, thoughts="Counting.", chunk_words=1, times=2)

    with blocking_client.chat.completions.stream(messages="Hi") as stream:
        words = list(stream.text_stream)
    made = blocking_client.chat.completions.create(messages="Hi", stream=True)
    thoughts = list(made.thought_stream)

    assert (8, TEXT) == (len(words), "".join(words))
    assert "Counting." == "".join(thoughts)
    for again in (made, made.text_stream, made.thought_stream):
        with pytest.raises(asi1.StreamConsumedError):
            iter(again)


@pytest.mark.parametrize("read", [0, 1, 4, 99])
def test_the_final_answer_does_not_depend_on_what_was_read(blocking_client, read):
    """
    `get_final_completion` gives the whole answer, whatever was read before it.
    """
    with blocking_client.chat.completions.stream(messages="Hi") as stream:
        for _ in range(read):
            next(stream, None)

        assert TEXT == stream.get_final_completion().text
        assert TEXT == stream.get_final_completion().text
        with pytest.raises(asi1.StreamConsumedError):
            iter(stream)


def test_a_closed_stream_cannot_be_read(fake, blocking_client):
    """
    A closed stream hands out nothing more, not even what had come before.
    """
    fake.clear()
    fake.play(SSE, Event(chunk("a"), chunk("b"), chunk("c", finish="stop")), DONE)
    stream = blocking_client.chat.completions.stream(messages="Hi")
    assert "a" == next(stream).text
    stream.close()
    stream.close()

    for use in (
        stream.__next__,
        stream.__enter__,
        stream.get_final_completion,
        stream.text_stream.__next__,
    ):
        with pytest.raises(asi1.StreamClosedError):
            use()


@pytest.mark.parametrize("way", ["break", "error", "drop"])
def test_leaving_early_closes_the_connection(fake, blocking_client, way):
    """
    A stream that is left before its end closes its connection.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.001))), times=None)

    if way == "break":
        with blocking_client.chat.completions.stream(messages="Hi") as stream:
            next(stream)
    elif way == "error":
        with (
            pytest.raises(ZeroDivisionError),
            blocking_client.chat.completions.stream(messages="Hi") as stream,
        ):
            for _ in stream:
                raise ZeroDivisionError
    else:
        stream = blocking_client.chat.completions.stream(messages="Hi")
        next(stream)
        del stream
        gc.collect()

    wait_for(lambda: fake.open_connections == 0)


def test_two_threads_cannot_read_one_stream(fake, blocking_client):
    """
    A second thread that reads a stream gets `StreamBusyError`.
    """
    fake.clear()
    fake.fault("stall", seconds=None)
    stream = blocking_client.chat.completions.create(messages="Hi", stream=True)
    failed = []

    def read():
        try:
            for _ in stream:
                pass
        except asi1.ASI1Error as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    wait_for(lambda: stream._answer.reading and stream.snapshot().text)
    wait_for(lambda: not length_hint(stream._batch))
    with pytest.raises(asi1.StreamBusyError):
        for _ in stream:
            pass
    stream.close()
    thread.join()

    assert [asi1.StreamClosedError] == [type(error) for error in failed]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_closes_the_stream_that_is_read(fake, blocking_client):
    """
    A reader of a stream who is interrupted by Ctrl-C leaves no connection open, even if
    the stream object is kept.
    """
    fake.clear()
    fake.fault("stall", after_chunks=1)
    stream = blocking_client.chat.completions.stream(messages="Hi")

    def interrupt():
        wait_for(lambda: "one" == stream.snapshot().text and stream._answer.reading)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
        thread.start()
        for _ in stream:
            pass
    thread.join()

    assert "left" == fake.requests[0].wait()
    assert not stream.consumed
    wait_for(lambda: fake.open_connections == 0)

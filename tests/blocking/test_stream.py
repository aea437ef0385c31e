"""Streamed answers of the blocking client."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import weakref

import pytest

import asi1

from asi1.testing import Pause, Repeat

from ..support.talk import DONE, SSE, TEXT, Event, chunk, wait_for


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, times=None)
    return fake


def test_blocking_stream_yields_its_chunks_and_then_has_the_final_answer(
    blocking_client,
):
    """
    A ``for`` loop over a blocking stream yields its chunks; afterwards
    `get_final_completion` returns the complete answer.
    """
    with blocking_client.chat.completions.stream(messages="Hi") as stream:
        chunks = list(stream)
        final = stream.get_final_completion()

    assert TEXT == "".join(each.text for each in chunks) == final.text
    assert final == stream.snapshot()
    assert "<ChatStream closed status=200>" == repr(stream)
    assert 200 == stream.response.status


def test_text_stream_and_thought_stream_can_be_iterated_only_once(
    fake, blocking_client
):
    """
    `text_stream` yields the fragments of the text, and `thought_stream` yields the
    fragments of the thoughts. Iterating a stream that was read to its end raises
    `StreamConsumedError`.
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


def test_blocking_stream_keeps_no_chunk_that_it_has_returned(fake, blocking_client):
    """
    A chunk that was read is freed as soon as the caller drops it, although the stream
    still has unread chunks that arrived with it.
    """
    fake.clear()
    fake.play(SSE, Event(chunk("a"), chunk("b"), chunk("c", finish="stop")), DONE)
    gc.disable()
    try:
        with blocking_client.chat.completions.stream(messages="Hi") as stream:
            next(stream)  # the first chunk, which the stream's answer keeps
            read = next(stream)
            known = weakref.ref(read)
            assert "b" == read.choices[0].delta.content
            del read
            assert known() is None
            assert ["c"] == [each.text for each in stream]
    finally:
        gc.enable()


@pytest.mark.parametrize("read", [0, 1, 4, 99])
def test_final_completion_is_complete_after_any_number_of_reads(blocking_client, read):
    """
    `get_final_completion` returns the complete answer, however many chunks the reader
    has read before.
    """
    with blocking_client.chat.completions.stream(messages="Hi") as stream:
        for _ in range(read):
            next(stream, None)

        assert TEXT == stream.get_final_completion().text
        assert TEXT == stream.get_final_completion().text
        with pytest.raises(asi1.StreamConsumedError):
            iter(stream)


def test_closed_stream_refuses_every_read(fake, blocking_client):
    """
    A closed stream raises `StreamClosedError` at every read, even if unread chunks had
    arrived before the stream was closed.
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


@pytest.mark.system
@pytest.mark.parametrize("way", ["break", "error", "drop"])
def test_stream_left_early_closes_its_connection(fake, blocking_client, way):
    """
    A stream that the program does not read to its end closes its connection when its
    ``with`` block is left, when an error is raised, or when the stream is
    garbage-collected.
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


def test_second_thread_that_reads_a_stream_is_refused(fake, blocking_client):
    """
    A second thread that reads a stream while a first thread is reading it gets
    `StreamBusyError`.
    """
    fake.clear()
    fake.fault("stall", seconds=None)
    stream = blocking_client.chat.completions.create(messages="Hi", stream=True)
    seen, failed = [], []

    def read():
        try:
            seen.extend(each.text for each in stream)
        except asi1.ASI1Error as error:
            failed.append(error)

    def waits():
        text = stream.snapshot().text
        return stream._answer.reading and text and text == "".join(seen)

    thread = threading.Thread(target=read)
    thread.start()
    wait_for(waits)
    with pytest.raises(asi1.StreamBusyError):
        for _ in stream:
            pass
    stream.close()
    thread.join()

    assert [asi1.StreamClosedError] == [type(error) for error in failed]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c_while_a_stream_is_read_closes_its_connection(fake, blocking_client):
    """
    Ctrl-C while a reader reads a stream closes the stream's connection, even if the
    program still refers to the stream object.
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

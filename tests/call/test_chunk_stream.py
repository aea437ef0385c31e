"""`ChunkStream`: what it reports to its observer, and what cancels its call."""

from __future__ import annotations

import gc

from functools import partial

import anyio
import pytest

import asi1

from asi1._call.attempts import OneRequest
from asi1._call.chunk_reader import ChunkReader
from asi1._call.chunk_stream import ChunkStream, chunk_stream
from asi1._protocol.request import chat_request
from asi1.testing import FakeASI1


# The virtual clock jumps over the server's pauses, so that no test waits in real time.
pytestmark = pytest.mark.virtual_time


class Observer:
    """A stream's observer that appends each report that it gets to `reports`."""

    def __init__(self):
        self.reports = []

    def ended(self, answer, *, whole):
        self.reports.append((answer.text, whole))

    def dropped(self):
        self.reports.append("dropped")


@pytest.fixture
def fake():
    return FakeASI1()


@pytest.fixture
async def engine(fake):
    async with asi1.AsyncASI1(
        "sk-test", "https://otter.example", transport=fake.transport, max_retries=0
    ) as client:
        yield client._engine


def request_of(engine):
    return chat_request(
        engine.config, messages="Hi", model=None, stream=True, options={}
    )


def observed(engine):
    """Return a new stream and the observer of that stream."""
    observer = Observer()
    call = engine.call(OneRequest(request_of(engine)), ChunkReader)
    return ChunkStream(call, partial(engine.begin, call), observer), observer


async def test_observer_of_a_stream_read_to_its_end_gets_one_report(fake, engine):
    """
    The observer of a stream that was read to its end gets one report with the answer's
    text, and no second report when the stream is closed afterwards.
    """
    fake.reply("one two")
    stream, observer = observed(engine)

    answer = await stream.final()
    await stream.aclose()

    assert "one two" == answer.text
    assert [("one two", True)] == observer.reports


async def test_observer_of_a_stream_closed_early_gets_the_partial_answer(fake, engine):
    """
    The observer of a stream that is closed before its end gets the answer received so
    far, marked as incomplete by ``whole=False``.
    """
    fake.reply("one two", chunk_words=1, chunk_delay=10)
    stream, observer = observed(engine)

    while not stream.snapshot().text:
        await stream.next_batch()
    text = stream.snapshot().text
    await stream.aclose()

    assert (text, False) == observer.reports[0]


async def test_observer_of_a_broken_stream_gets_the_partial_answer(fake, engine):
    """
    When a stream breaks, its observer gets the answer received so far at once, even
    before the reader closes the stream.
    """
    fake.fault("reset_mid_body")
    stream, observer = observed(engine)

    with pytest.raises(asi1.StreamInterruptedError):
        await stream.final()

    assert [(stream.snapshot().text, False)] == observer.reports


async def test_observer_is_notified_if_its_stream_is_closed_before_the_call_begins(
    engine,
):
    """
    The observer of a stream that is closed before its call began is notified that the
    stream was dropped, and gets no answer.
    """
    stream, observer = observed(engine)

    await stream.aclose()

    assert {"dropped"} == set(observer.reports)


@pytest.mark.system
async def test_garbage_collected_stream_cancels_its_call(fake, engine):
    """
    A stream that is garbage-collected cancels its call, and its observer is notified
    that the stream was dropped.
    """
    fake.reply("one two", chunk_words=1, chunk_delay=10)
    stream, observer = observed(engine)
    await stream.open()
    (task,) = engine.tasks

    del stream
    gc.collect()
    with anyio.fail_after(60):
        await task.done.wait()

    assert ["dropped"] == observer.reports


@pytest.mark.parametrize(("error", "left"), [(KeyError, 0), (asi1.ASI1Error, 1)])
async def test_error_in_the_readers_block_cancels_the_call_unless_it_is_an_asi1_error(
    fake, engine, error, left
):
    """
    An error of asi1 that leaves an `abandoned_if_left` block does not cancel the call,
    since the reader may go on reading; any other error cancels the call.
    """
    fake.reply("one two", chunk_words=1, chunk_delay=10)
    stream = chunk_stream(engine, request_of(engine))
    await stream.open()
    (task,) = engine.tasks

    with pytest.raises(error), stream.abandoned_if_left():
        raise error("left")
    with anyio.move_on_after(0.2 if left else 5):
        await task.done.wait()

    assert left == len(engine.tasks)
    await stream.aclose()


async def test_read_of_a_stream_closed_by_shut_raises_stream_closed_error(fake, engine):
    """
    After `shut`, which closes a stream when no event loop is left that could run
    `aclose`, the next read of the stream raises `StreamClosedError`.
    """
    stream = chunk_stream(engine, request_of(engine))

    stream.shut()

    with pytest.raises(asi1.StreamClosedError):
        await stream.next_batch()
    with pytest.raises(asi1.StreamClosedError):
        await stream.open()
    await stream.aclose()


async def test_stream_that_failed_to_open_raises_its_error_again(fake, engine):
    """
    A read of a stream that failed to open raises the same error as `open`, not
    `StreamClosedError`.
    """
    fake.fail(401)
    stream = chunk_stream(engine, request_of(engine))

    with pytest.raises(asi1.AuthenticationError) as first:
        await stream.open()
    with pytest.raises(asi1.AuthenticationError) as again:
        await stream.next_batch()

    assert first.value is again.value


async def test_repr_of_a_stream_tells_its_state_and_status(fake, engine):
    """
    The repr of a stream tells whether it is open, read to its end or closed, and the
    status of its reply.
    """
    fake.reply("one")
    stream = chunk_stream(engine, request_of(engine))

    states = [repr(stream)]
    await stream.final()
    states.append(repr(stream))
    await stream.aclose()
    states.append(repr(stream))

    assert [
        "<ChunkStream open status=None>",
        "<ChunkStream read status=200>",
        "<ChunkStream closed status=200>",
    ] == states

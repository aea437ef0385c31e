"""`AnswerStream`: what its observer is told, and what ends the call."""

from __future__ import annotations

import gc

from functools import partial

import anyio
import pytest

import asi1

from asi1._call.answer_reader import ChunkReader
from asi1._call.answer_stream import AnswerStream, answer_stream
from asi1._call.call import OneRequest
from asi1._protocol.request import chat_request
from asi1.testing import FakeASI1


# No test waits: the clock jumps over the pauses of the server.
pytestmark = pytest.mark.virtual_time


class Notes:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.told = []

    def ended(self, answer, *, whole):
        self.told.append((answer.text, whole))

    def dropped(self):
        self.told.append("dropped")


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
    """Return a stream, and the notes of its observer."""
    notes = Notes()
    call = engine.call(OneRequest(request_of(engine)), ChunkReader)
    return AnswerStream(call, partial(engine.begin, call), notes), notes


async def test_whole_answer_is_told_once(fake, engine):
    """
    The observer of an answer that was read to its end is told the text, and nothing
    when the stream is closed afterwards.
    """
    fake.reply("one two")
    stream, notes = observed(engine)

    answer = await stream.final()
    await stream.aclose()

    assert "one two" == answer.text
    assert [("one two", True)] == notes.told


async def test_early_close_tells_what_has_come(fake, engine):
    """
    The observer of a stream that is closed early is told that the answer is not whole.
    """
    fake.reply("one two", chunk_words=1, chunk_delay=10)
    stream, notes = observed(engine)

    while not stream.snapshot().text:
        await stream.next_batch()
    text = stream.snapshot().text
    await stream.aclose()

    assert (text, False) == notes.told[0]


async def test_failed_answer_tells_its_observer(fake, engine):
    """
    The observer of a stream that breaks is told so before the reader closes it.
    """
    fake.fault("reset_mid_body")
    stream, notes = observed(engine)

    with pytest.raises(asi1.StreamInterruptedError):
        await stream.final()

    assert [(stream.snapshot().text, False)] == notes.told


async def test_stream_that_never_began_does_not_end(engine):
    """
    A stream that is closed before its call began leaves the observer free, with no
    answer to keep.
    """
    stream, notes = observed(engine)

    await stream.aclose()

    assert {"dropped"} == set(notes.told)


async def test_dropped_stream_cancels_its_call(fake, engine):
    """
    The call of a stream that is garbage-collected ends, and the observer is told.
    """
    fake.reply("one two", chunk_words=1, chunk_delay=10)
    stream, notes = observed(engine)
    await stream.open()
    (task,) = engine.tasks

    del stream
    gc.collect()
    with anyio.fail_after(5):
        await task.done.wait()

    assert ["dropped"] == notes.told


@pytest.mark.parametrize(("error", "left"), [(KeyError, 0), (asi1.ASI1Error, 1)])
async def test_block_left_by_another_error_cancels_the_call(fake, engine, error, left):
    """
    A block around reads that is left by an error of the package keeps the call, by any
    other error it cancels it.
    """
    fake.reply("one two", chunk_words=1, chunk_delay=10)
    stream = answer_stream(engine, request_of(engine))
    await stream.open()
    (task,) = engine.tasks

    with pytest.raises(error), stream.abandoned_if_left():
        raise error("left")
    with anyio.move_on_after(0.2 if left else 5):
        await task.done.wait()

    assert left == len(engine.tasks)
    await stream.aclose()


async def test_shut_stream_is_not_read(fake, engine):
    """
    A stream that was shut, with no loop to close it on, refuses the next read.
    """
    stream = answer_stream(engine, request_of(engine))

    stream.shut()

    with pytest.raises(asi1.StreamClosedError):
        await stream.next_batch()
    with pytest.raises(asi1.StreamClosedError):
        await stream.open()
    await stream.aclose()

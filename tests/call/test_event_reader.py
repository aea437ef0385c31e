"""`EventReader`: when it delivers chunks, and when it lets other tasks run."""

from __future__ import annotations

import json

import anyio
import pytest

from attrs import define, field

from asi1 import ServerStreamError, StreamDecodeError, Timeouts
from asi1._call.batch_queue import BatchQueue
from asi1._call.event_reader import EventReader
from asi1._call.reply_reader import TURN
from asi1._call.timer import Timer
from asi1._models.chunks import ChatCompletionChunk
from asi1._models.response import read_info
from asi1._protocol.sse_reader import EventDecoder
from asi1._transport.event_loop import Flag

from ..support.calls import chat, config
from ..support.talk import chunk


pytestmark = pytest.mark.virtual_time

KIB = 1024
HALF, OTHER, OTTER = "\ud83e", "\udda6", "\U0001f9a6"
BUSY = {"message": "Slow down.", "code": 429}
THOUGHT = {"choices": [], "thought": "Hm."}


@define(eq=False)
class Reader(EventReader[ChatCompletionChunk]):
    """
    An event reader that records its batches, and how often it lets other tasks run.
    """

    batches: list = field(factory=list, init=False)
    turns: int = field(default=0, init=False)

    def result(self, info):
        return []

    async def read_events(self, head, pieces):
        raise NotImplementedError

    async def _deliver(self, batch):
        self.batches.append([each.text for each in batch])

    async def _worked(self, units):
        self.turns += self._work + units >= TURN
        await super()._worked(units)


class Events:
    """A decoder that returns the given events for the first bytes that it is fed."""

    needs_fields = False

    def __init__(self, *events):
        self.events = list(events)
        self.sizes = []

    def feed(self, data):
        self.sizes.append(len(data))
        events, self.events = self.events, []
        return events


def reader_of(timeouts=None):
    timer = Timer(anyio.current_time(), timeouts or Timeouts(), stream=True)
    return Reader(config(), chat(stream=True), timer, BatchQueue(), Flag())


def event(value):
    """Return the name and the data of an event with *value* as JSON."""
    return "message", json.dumps(value).encode()


def sized(size, **members):
    """Return an event of *size* bytes that the fast path cannot read."""
    bare = event({"choices": [], **members, "fill": ""})
    return event({"choices": [], **members, "fill": "x" * (size - len(bare[1]))})


async def read(reader, *reads):
    """Feed lists of events to *reader*, each list as if from one network read."""
    with reader.timer:
        reader.timer.arm("first_token")
        for events in reads:
            await reader._feed_all(Events(*events), b":")


@pytest.mark.parametrize(
    ("data", "reads", "turns"),
    [
        pytest.param(b":", 511, 0, id="511-reads"),
        pytest.param(b":", 512, 1, id="512-reads"),
        pytest.param(b":" * 31 * KIB, 15, 0, id="465-KiB"),
        pytest.param(b":" * 31 * KIB, 16, 1, id="496-KiB"),
        pytest.param(b"\n" * 1020, 1, 0, id="1020-lines"),
        pytest.param(b"\n" * 1020, 2, 1, id="2040-lines"),
        pytest.param(b"\n" * 1020, 4, 2, id="4080-lines"),
    ],
)
async def test_other_tasks_run_after_512_reads_half_a_megabyte_or_2040_lines(
    data, reads, turns
):
    """
    The reader lets other tasks run after 512 network reads, half a megabyte or 2040
    lines, even if these complete no chunk.
    """
    reader = reader_of()

    with reader.timer:
        reader.timer.arm("first_token")
        for _ in range(reads):
            await reader._feed_all(Events(), data)

    assert turns == reader.turns


@pytest.mark.parametrize(
    ("value", "count", "turns"),
    [
        pytest.param(chunk("a"), 510, 0, id="510-chunks"),
        pytest.param(chunk("a"), 511, 1, id="511-chunks"),
        pytest.param(chunk("a"), 1022, 1, id="1022-chunks"),
        pytest.param(chunk("a"), 1023, 2, id="1023-chunks"),
        pytest.param({"choices": []}, 85, 0, id="85-converted"),
        pytest.param({"choices": []}, 86, 1, id="86-converted"),
        pytest.param({"choices": [], "x": [{}] * 63}, 1, 0, id="64-objects"),
        pytest.param({"choices": [], "x": [{}] * 64}, 1, 2, id="65-objects"),
    ],
)
async def test_other_tasks_run_after_many_events_or_json_objects(value, count, turns):
    """
    Within one network read, other tasks run after 511 chunks of the fast path, or 86
    small events that the fast path cannot read. They also run before and after an event
    with more than 64 JSON objects.
    """
    reader = reader_of()

    with reader.timer:
        reader.timer.arm("first_token")
        await reader._feed(Events(*[event(value)] * count), b"")

    assert turns == reader.turns


@pytest.mark.parametrize(("size", "turns"), [(32 * KIB, 0), (32 * KIB + 1, 2)])
async def test_other_tasks_run_while_an_event_above_32_kib_is_read(size, turns):
    """
    An event above 32 KiB is read in several steps, between which other tasks run.
    """
    reader = reader_of()

    await read(reader, [sized(size)])

    assert turns == reader.turns


async def test_network_read_above_32_kib_is_decoded_in_parts():
    """
    The bytes of a network read above 32 KiB are decoded in parts of 32 KiB.
    """
    reader, decoder = reader_of(), Events()

    with reader.timer:
        reader.timer.arm("first_token")
        assert not await reader._feed_all(decoder, b":" * (64 * KIB + 1))

    assert [32 * KIB, 32 * KIB, 1] == decoder.sizes


async def test_chunks_before_a_large_event_are_delivered_before_it_is_read():
    """
    Chunks that arrive together with a large event are delivered before the steps in
    which the event is read.
    """
    reader = reader_of()

    await read(reader, [event(chunk("a")), sized(40 * KIB, thought="b")])

    assert [["a"], [""]] == reader.batches
    assert ("a", "b") == (
        reader._assembler.answer().text,
        reader._assembler.answer().thoughts,
    )


async def test_text_before_a_large_event_of_invalid_json_is_delivered():
    """
    The first text of an answer is delivered even if a large event that arrived with it
    is not valid JSON.
    """
    reader = reader_of()
    broken = ("message", b"{" + b"x" * 40 * KIB)

    with pytest.raises(StreamDecodeError):
        await read(reader, [event(chunk("a")), broken])

    assert [["a"]] == reader.batches
    assert reader.begun


@pytest.mark.parametrize(
    ("size", "texts"),
    [(64 * KIB, ["", OTTER]), (64 * KIB + 1, ["", "\ufffd", "\ufffd"])],
)
async def test_surrogate_pair_is_not_joined_in_an_event_above_64_kib(size, texts):
    """
    The halves of a surrogate pair are joined if the second half is in an event of at
    most 64 KiB; in a larger event each half becomes U+FFFD.
    """
    reader = reader_of()
    second = sized(size, **chunk(OTHER))

    await read(reader, [event(chunk(HALF))], [second])

    assert texts == [text for batch in reader.batches for text in batch]


async def test_surrogate_at_the_end_of_a_large_event_waits_for_its_other_half():
    """
    A first half of a surrogate pair at the end of a large event is joined with the
    second half in the next event.
    """
    reader = reader_of()

    await read(reader, [sized(40 * KIB, **chunk(f"a{HALF}"))], [event(chunk(OTHER))])

    assert [["a"], [OTTER]] == reader.batches


async def test_large_event_that_is_not_utf8_has_replacement_characters():
    """
    Bytes of a large event that are not valid UTF-8 are read as U+FFFD.
    """
    reader = reader_of()
    name, data = sized(40 * KIB, **chunk("a?"))

    await read(reader, [(name, data.replace(b"?", b"\xff"))])

    assert [["a\ufffd"]] == reader.batches


async def test_large_ping_event_that_is_not_json_is_skipped():
    """
    A large event named "ping" whose data is not JSON is skipped without an error.
    """
    reader = reader_of()

    await read(reader, [event(chunk("a")), ("ping", b"x" * 40 * KIB)])

    assert [["a"]] == reader.batches


async def test_large_event_of_many_tool_calls_is_one_chunk():
    """
    An event with 1000 tool calls is one chunk, although it is read in several steps.
    """
    reader = reader_of()
    calls = [{"index": n, "id": f"c{n}"} for n in range(1000)]
    many = {"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}

    await read(reader, [event(chunk("a"))], [event(many)])

    assert 2 == reader._assembler.chunks
    assert 1000 == len(reader._assembler.answer().message.tool_calls)
    assert 2 == len(reader.batches)


async def test_large_event_of_many_choices_is_one_chunk():
    """
    A large event with 100 choices counts as one chunk, and the answer has all of them.
    """
    reader = reader_of()
    choices = [{"index": n, "delta": {"content": str(n)}} for n in range(100)]

    await read(reader, [event(chunk("a"))], [event({"choices": choices})])

    assert 2 == reader._assembler.chunks
    answer = reader._assembler.answer()
    assert ["a0", *map(str, range(1, 100))] == [
        c.message.content for c in answer.choices
    ]
    assert [["a"], ["0"]] == reader.batches


@pytest.mark.parametrize(
    ("size", "count"), [(1024 * KIB, 1), (1024 * KIB + 1, 0)], ids=["kept", "dropped"]
)
async def test_chunks_before_the_answer_are_buffered_up_to_a_mebibyte(size, count):
    """
    Chunks before the first part of the answer are buffered while at most 1 MiB of the
    stream was read. After that, chunks are dropped until the answer begins.
    """
    reader = reader_of()

    with reader.timer:
        reader.timer.arm("first_token")
        await reader._feed(Events(), b":" * (size - 10))
        await reader._feed(Events(event(chunk())), b":" * 10)
        await reader._feed(Events(event(chunk("a"))), b":")
        await reader._feed(Events(event(chunk())), b":" * size)
        await reader._feed(Events(event(chunk("b"))), b":")

    assert [["", "a"][1 - count :], [""], ["b"]] == reader.batches


async def test_at_most_a_thousand_chunks_are_buffered_before_the_answer_begins():
    """
    At most a thousand chunks before the first part of the answer are buffered, however
    many reads bring them. They are delivered once, together with the first part.
    """
    reader = reader_of()

    await read(reader, *[[event(chunk())] * 400] * 3, [event(chunk("a"))], [])
    await read(reader, [event(chunk("b"))])

    assert [[""] * 1000 + ["a"], ["b"]] == reader.batches


@pytest.mark.parametrize("first", [THOUGHT, chunk("a")], ids=["thought", "text"])
async def test_first_thought_or_text_sets_the_time_to_first_token(first):
    """
    The first chunk with a thought or a text sets `time_to_first_token`. A tool call
    before this chunk, or a text after it, does not change the time.
    """
    reader = reader_of()
    call = {"index": 0, "id": "c1", "function": {"name": "f"}}
    tool = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}

    with reader.timer:
        reader.timer.arm("first_token")
        for value in (tool, first, chunk("b")):
            await anyio.sleep(1)
            await reader._feed(Events(event(value)), b":")

    assert pytest.approx(2) == reader.info.time_to_first_token


async def test_all_chunks_of_a_long_first_read_are_delivered_in_several_batches():
    """
    If the first read of a stream has more than a thousand chunks, all of them are
    delivered. Before each pause for other tasks, one batch is delivered.
    """
    reader = reader_of()

    await read(reader, [event(chunk("a"))] * 1500)

    assert [511, 512, 477] == [len(batch) for batch in reader.batches]


@pytest.mark.parametrize("name", ["delta", "Message", ""])
async def test_fast_path_reads_chunks_in_events_that_are_not_named_error(name):
    """
    The fast path reads chunks in unnamed events and in named ones, if the name is not
    "error".
    """
    reader = reader_of()

    await read(reader, [(name, event(chunk("a"))[1])] * 509)

    assert (0, [["a"] * 509]) == (reader.turns, reader.batches)


@pytest.mark.parametrize("name", ["error", "Error"])
async def test_chunk_in_an_event_named_error_is_an_error(name):
    """
    An event named "error" or "Error" is an error, even if its data is a chunk.
    """
    reader = reader_of()

    with pytest.raises(ServerStreamError):
        await read(reader, [event(chunk("a")), (name, event(chunk("b"))[1])])

    assert [["a"]] == reader.batches


async def test_halves_of_a_surrogate_pair_in_small_events_are_joined():
    """
    The halves of a surrogate pair in two small events are joined to one character.
    """
    reader = reader_of()

    await read(reader, [event(chunk(HALF)), event(chunk(OTHER)), event(chunk("a"))])

    assert [["", OTTER, "a"]] == reader.batches


@pytest.mark.parametrize(
    ("events", "retryable", "wait"),
    [
        pytest.param([event({"error": BUSY})], True, 7, id="first"),
        pytest.param(
            [event(chunk("a")), event({"error": BUSY})], False, None, id="later"
        ),
        pytest.param([event({"error": {"code": 400}})], False, None, id="lasting"),
    ],
)
async def test_only_a_temporary_error_before_the_answer_may_be_retried(
    events, retryable, wait
):
    """
    A temporary error in an event may be retried, after the wait that the reply's
    headers ask for, unless a part of the answer was delivered.
    """
    reader = reader_of()
    reader.info = read_info(200, {"retry-after": "7"})

    with pytest.raises(ServerStreamError) as caught:
        await read(reader, *[[each] for each in events])

    assert (retryable, wait) == (caught.value.retryable, caught.value.retry_after)


async def test_event_that_is_not_json_is_a_decode_error():
    """
    An event that is not valid JSON raises `StreamDecodeError`, whatever wait the
    reply's headers ask for.
    """
    reader = reader_of()
    reader.info = read_info(200, {"retry-after": "7"})

    with pytest.raises(StreamDecodeError):
        await read(reader, [("message", b"{")])

    assert [] == reader.batches


async def test_error_after_the_finish_reason_ends_the_stream():
    """
    An error event after the finish reason ends the stream without an exception. Other
    events do not move the timer's deadline, 10 seconds after the finish reason.
    """
    reader = reader_of()

    with reader.timer:
        reader.timer.arm("first_token")
        assert not await reader._feed(Events(event(chunk("a"))), b":")
        assert not reader.whole
        assert not await reader._feed(Events(event(chunk(finish="stop"))), b":")
        assert reader.whole
        await anyio.sleep(9)
        assert not await reader._feed(Events(event(chunk("b"))), b":")
        assert await reader._feed(Events(event({"error": BUSY})), b":")
        await anyio.sleep(60)

    assert pytest.approx(10) == reader.timer.elapsed
    assert "a" == reader.batches[0][0]


async def test_part_of_an_answer_in_a_long_read_restarts_the_idle_timeout():
    """
    If any event of a long read has a part of the answer, each batch of the read's
    chunks restarts the idle timeout.
    """
    reader = reader_of(Timeouts(first_token=5, idle=9))

    await read(reader, [event(chunk("a")), *[event({"choices": []})] * 100])

    assert "idle" == reader.timer.deadline.phase
    assert ["a"] == [text for batch in reader.batches for text in batch if text]


async def test_events_after_done_are_not_read():
    """
    Events after [DONE] are not read. The first half of a surrogate pair just before
    [DONE] is delivered as U+FFFD.
    """
    reader = reader_of()
    done = ("message", b"[DONE]")
    events = [event(chunk(f"a{HALF}")), done, event(chunk("b"))]

    with reader.timer:
        reader.timer.arm("first_token")
        assert await reader._feed_all(Events(*events), b":")

    assert [["a", "\ufffd"]] == reader.batches
    assert "a\ufffd" == reader._assembler.answer().text


async def test_event_split_over_two_reads_is_delivered_with_the_second_read():
    """
    An event whose bytes are split over two reads is delivered with the second read.
    """
    reader, decoder = reader_of(), EventDecoder(1000)
    data = b"data: %b\n\n" % event(chunk("a"))[1]

    with reader.timer:
        reader.timer.arm("first_token")
        assert not await reader._feed_all(decoder, data[:9])
        assert [] == reader.batches
        assert not await reader._feed_all(decoder, data[9:])

    assert [["a"]] == reader.batches

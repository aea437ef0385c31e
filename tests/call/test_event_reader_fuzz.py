"""Streams of any events give the same chunks with the fast path and without it."""

from __future__ import annotations

import json

import anyio
import pytest

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from asi1 import StreamError, Timeouts
from asi1._call.batch_queue import BatchQueue
from asi1._call.event_reader import EventReader
from asi1._call.timer import Timer
from asi1._models.chunks import ChatCompletionChunk
from asi1._transport.event_loop import Flag

from ..support.all_fields import all_fields
from ..support.calls import chat, config


pytestmark = pytest.mark.virtual_time

TEXTS = [
    *("", " ", "otter", "\u6d77", "\U0001f9a6", "\u00a0", "\u2028", "\x00", "\x7f"),
    *('"', "\\", "\n", '\\"', "\\u0041", '","x":"', '"content":"', "created", "{}"),
    *("\ud83e", "\udda6", "\ud83e\ud83e", '{"a": "', '"index":7', "[DONE]", "null"),
    *('"}}]},"finish_reason":"stop"}]}', '","function":{"arguments":"', "/", "<b>"),
]
NUMBERS = [
    *("0", "-0", "1", "-1", "255", "256", "1740580080140", "9007199254740993"),
    *("18446744073709551615", "18446744073709551616", "1" * 40, "0.5", "1.0", "-0.0"),
    *("1e3", "1E-7", "1e400", "12345678901234567.25"),
]
GROWING = ("content", "thought", "arguments", "reasoning_content", "reasoning")


class Members(list):
    """A JSON object as pairs, so that a key may occur twice."""


class Number(str):
    """The characters of a number in JSON."""

    __slots__ = ()


@define
class Style:
    """How an event is written as JSON."""

    comma: str
    colon: str
    ascii: bool

    def dumps(self, value):
        if isinstance(value, Members):
            pairs = (f"{json.dumps(k)}{self.colon}{self.dumps(v)}" for k, v in value)
            return "{" + self.comma.join(pairs) + "}"
        if isinstance(value, list):
            return "[" + self.comma.join(map(self.dumps, value)) + "]"
        if isinstance(value, Number):
            return str(value)
        return json.dumps(value, ensure_ascii=self.ascii)


def mostly(*usual):
    """Return a strategy of usual values, and of any others."""
    often = [st.sampled_from(usual)] * 6
    return st.one_of(*often, values)


def members(known, extra=0.1):
    """
    Return a strategy of objects with some of the known members, in any order; few have
    members that are unknown, or one that occurs twice.
    """

    @st.composite
    def drawn(draw):
        names = draw(st.lists(st.sampled_from([*known]), unique=True))
        names += [name for name in ("choices", "delta", "function") if name in known]
        pairs = {name: draw(known[name]) for name in dict.fromkeys(names)}
        made = Members(pairs.items())
        if draw(st.integers(0, 9)) == 0:
            key = draw(st.sampled_from([*known, "new", "message", "_text", "extra"]))
            made.insert(draw(st.integers(0, len(made))), (key, draw(values)))
        return made

    return drawn()


texts = st.one_of(
    st.lists(st.sampled_from(TEXTS), max_size=3).map("".join), st.text(max_size=4)
)
numbers = st.sampled_from(NUMBERS).map(Number)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
keys = st.sampled_from([*GROWING, "index", "id", "type", "token", "new", "error"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.lists(st.tuples(keys, inner), max_size=2).map(Members),
    ),
    max_leaves=4,
)
zero = Number("0")
growing = st.one_of(texts, texts, texts, mostly(None, ""))
functions = members({"name": mostly(None, "", "dive"), "arguments": growing})
calls = members(
    {
        "index": mostly(*map(Number, NUMBERS[:6])),
        "id": mostly(None, "", "call_1"),
        "type": mostly(None, "function"),
        "function": functions,
    }
)
deltas = members(
    {
        "role": mostly("assistant"),
        "content": growing,
        "refusal": mostly(None, "", "No."),
        "tool_calls": st.one_of(
            mostly(None, []), st.lists(calls, min_size=1, max_size=2)
        ),
        "reasoning_content": growing,
        "reasoning": growing,
    }
)
logprobs = members({"content": st.lists(values, max_size=2), "refusal": st.none()})
choices = members(
    {
        "index": mostly(zero, zero, Number("1"), None),
        "delta": deltas,
        "finish_reason": mostly(None, None, "", "stop", "tool_calls"),
        "stop_reason": mostly(None, "stop"),
        "logprobs": st.one_of(st.none(), logprobs),
    }
)
counts = members(dict.fromkeys(("prompt_tokens", "total_tokens"), numbers))
chunks = members(
    {
        "id": mostly("id_w"),
        "model": mostly("asi1-mini"),
        "object": mostly("chat.completion.chunk", None),
        "created": mostly(*map(Number, ["1740580080140", "1740580080"])),
        "conversation_id": mostly(None),
        "tool_thought": mostly([]),
        "thought": growing,
        "usage": st.one_of(st.none(), st.none(), counts, values),
        "executable_data": mostly(None, []),
        "error": mostly(None),
        "choices": st.one_of(
            *[choices.map(lambda choice: [choice])] * 4, st.lists(choices, max_size=3)
        ),
    }
)
styles = st.builds(
    Style,
    comma=st.sampled_from([",", ", ", ",\n ", " ,\t"]),
    colon=st.sampled_from([":", ": ", " : ", ":\n"]),
    ascii=st.sampled_from([True, True, False]),
)


@st.composite
def streams(draw):
    """Return the data of a stream's events: most differ from others only in texts."""
    style, kinds = draw(styles), draw(st.lists(chunks, min_size=1, max_size=2))
    events = []
    for _ in range(draw(st.integers(2, 8))):
        event = varied(draw, draw(st.sampled_from(kinds)))
        events.append(style.dumps(event).encode("utf-8", "surrogatepass"))
    return events


def varied(draw, value, key=""):
    """Return an event like *value* with other texts, indexes and times."""
    if isinstance(value, Members):
        return Members((name, varied(draw, item, name)) for name, item in value)
    if isinstance(value, list):
        return [varied(draw, item) for item in value]
    if isinstance(value, Number):
        if key == "created":
            return Number(int(float(value) % 1e13) + draw(st.integers(0, 3)))
        return draw(numbers) if key == "index" and draw(st.booleans()) else value
    return draw(texts) if key in GROWING and isinstance(value, str) else value


@define(eq=False)
class Reader(EventReader[ChatCompletionChunk]):
    """Records the chunks that it delivers."""

    read: list = field(factory=list, init=False)

    def result(self, info):
        return []

    async def _read_body(self, pieces):
        raise NotImplementedError

    async def _deliver(self, batch):
        self.read += batch


class NoFastPath:
    """Leaves each event to the converter."""

    def read(self, data):
        return None


class Events:
    """A decoder that returns the next event each time that it is fed."""

    def __init__(self, events):
        self.events = iter([*events, b"[DONE]"])

    def feed(self, data):
        return [("message", next(self.events))]


async def seen(events, *, fast):
    """Return what a reader delivers, how it ends, and the answer; and how many fast."""
    timer = Timer(anyio.current_time(), Timeouts(), stream=True)
    reader = Reader(config(), chat(stream=True), timer, BatchQueue(), Flag())
    if not fast:
        reader._fast_path = NoFastPath()
    decoder, error = Events(events), None
    with reader.timer:
        reader.timer.arm("first_token")
        try:
            while not await reader._feed(decoder, b":"):
                pass
        except StreamError as raised:
            error = type(raised), str(raised)
    read = [*reader.read, *reader._kept]
    quick = sum(chunk._pending is not None for chunk in read)
    answer = reader._assembler.answer()
    told = (error, reader.begun, reader.whole, all_fields(answer))
    return [all_fields(chunk) for chunk in read], told, quick


@settings(max_examples=300)
@given(streams())
async def test_any_stream_is_read_the_same_with_the_fast_path_and_without(events):
    """
    A stream's chunks, its answer, and the error that ends it are the same if the fast
    path reads the chunks that it can, and if the converter reads all.
    """
    expected, end, none = await seen(events, fast=False)
    found, ended, _ = await seen(events, fast=True)

    assert none == 0
    assert expected == found
    assert end == ended

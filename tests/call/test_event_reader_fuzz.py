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


def members(names, known, odd):
    """
    Return a strategy of objects with the named members, and some of the known ones, in
    any order. An odd one may have any value, unknown members, or one that occurs twice.
    """

    @st.composite
    def drawn(draw):
        chosen = [*names, *draw(st.lists(st.sampled_from([*known]), unique=True))]
        chosen = draw(st.permutations([*dict.fromkeys(chosen)]))
        made = Members((name, draw(known[name])) for name in chosen)
        for _ in range(draw(st.integers(0, 2)) if odd else 0):
            key = draw(st.sampled_from([*known, "new", "message", "_text", "extra"]))
            made.insert(draw(st.integers(0, len(made))), (key, draw(values)))
        return made

    return drawn()


def calls(odd):
    """Return a strategy of tool calls: pieces of arguments, or odd ones."""
    functions = {"name": one_of(odd, None, "", begin="dive"), "arguments": texts}
    known = {
        "index": st.sampled_from([*map(Number, NUMBERS[: 10 if odd else 5])]),
        "id": one_of(odd, None, "", begin="call_1"),
        "type": one_of(odd, None, "function", begin="custom"),
        "function": members(["arguments"], functions, odd),
    }
    return members(["index", "function"], known, odd)


def deltas(odd, kind):
    """Return a strategy of deltas with a text, a piece of a tool call, or both."""
    called = st.lists(calls(odd), min_size=1, max_size=2 if odd else 1)
    known = {
        "role": one_of(odd, "assistant", begin="user"),
        "refusal": one_of(odd, None, begin="No."),
        "content": texts if kind == "content" or odd else st.sampled_from([None, ""]),
        "tool_calls": called if kind == "tool_calls" else one_of(odd, None, begin=[]),
    }
    if odd:
        known |= {"reasoning_content": texts, "reasoning": texts}
    return members(["content", kind], known, odd)


def choices(odd, kind):
    """Return a strategy of choices."""
    logprobs = members([], {"content": st.lists(values, max_size=2)}, odd=True)
    known = {
        "index": one_of(odd, Number("0"), begin=Number("1")),
        "delta": deltas(odd, kind if kind == "tool_calls" else "content"),
        "finish_reason": one_of(odd, None, begin="stop"),
        "stop_reason": one_of(odd, None, begin=""),
        "logprobs": st.one_of(st.none(), logprobs) if odd else st.none(),
        "new": st.sampled_from([None, "a", True, Number("7"), []]),
    }
    return members(["delta"], known, odd)


def chunks(odd, kind):
    """Return a strategy of chunks of a kind, which the fast path reads if not odd."""
    usage = members([], {"prompt_tokens": numbers, "total_tokens": numbers}, odd=True)
    one = choices(odd, kind).map(lambda choice: [choice])
    known = {
        "id": one_of(odd, "id_w", begin=""),
        "model": one_of(odd, "asi1-mini", begin=None),
        "object": one_of(odd, "chat.completion.chunk", begin=None),
        "created": st.sampled_from([*map(Number, ["1740580080140", "1740580080"])]),
        "conversation_id": one_of(odd, None, begin="c"),
        "tool_thought": one_of(odd, [], begin=["t"]),
        "thought": texts if kind == "thought" or odd else st.sampled_from([None, ""]),
        "usage": st.one_of(st.none(), usage) if odd else st.none(),
        "executable_data": one_of(odd, None, [], begin=[{"a": 1}]),
        "error": one_of(odd, None, begin="Busy."),
        "system_fingerprint": st.sampled_from(["fp", None, Number("1")]),
        "choices": st.one_of(one, st.lists(choices(odd, kind), max_size=3))
        if odd
        else one,
    }
    names = ["choices", "thought"] if kind == "thought" else ["choices"]
    return members(names, known, odd)


def one_of(odd, *usual, begin):
    """Return a strategy of usual values; if *odd*, also of *begin* and any other."""
    often = st.sampled_from(usual)
    return st.one_of(often, often, st.just(begin), values) if odd else often


def chunks_of_any_kind(odd):
    """Return a strategy of chunks that add text, thoughts or a piece of a tool call."""
    kinds = ("content", "thought", "tool_calls")
    return st.one_of(*(chunks(odd, kind) for kind in kinds))


REGULAR, ODD = chunks_of_any_kind(odd=False), chunks_of_any_kind(odd=True)
styles = st.builds(
    Style,
    comma=st.sampled_from([",", ", ", ",\n ", " ,\t"]),
    colon=st.sampled_from([":", ": ", " : ", ":\n"]),
    ascii=st.sampled_from([True, True, False]),
)


@st.composite
def streams(draw):
    """Return the data of a stream's events: most differ from others only in texts."""
    style = draw(styles)
    kinds = [draw(kind) for kind in (REGULAR, REGULAR, ODD)[: draw(st.integers(1, 3))]]
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

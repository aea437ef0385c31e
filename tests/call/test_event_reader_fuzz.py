"""A stream of any events gives the same chunks with the fast path and without it."""

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
    """A JSON object as a list of pairs, so that a key may occur twice."""

    def __init__(self, pairs=(), **named):
        super().__init__(pairs.items() if isinstance(pairs, dict) else pairs)
        self += named.items()


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


# Unusual values that are drawn for each key, besides random values.
ODD = {
    "role": ["user", "", None],
    "refusal": ["No.", ""],
    "reasoning": ["Hm."],
    "reasoning_content": ["Hm.", None],
    "name": ["dive"],
    "id": ["call_1", Number("1")],
    "type": ["custom", "ping"],
    "index": [Number("1"), Number("1.0"), True, None, *map(Number, NUMBERS)],
    "finish_reason": ["stop", "", "tool_calls"],
    "stop_reason": ["stop"],
    "logprobs": [Members(content=[Members(token="a", logprob=Number("-0.25"))])],
    "usage": [Members(prompt_tokens=Number("3")), Members()],
    "error": ["Busy.", Members(message="Busy."), Members()],
    "message": [Members(content="otter"), None, "otter"],
    "tool_calls": [[], None],
    "tool_thought": [["t"]],
    "created": [Number("1.5"), Number("0"), None, Number("1" * 30), "1740580080140"],
    "choices": [[], None],
    "executable_data": [[Members(a=Number("1"))]],
    "conversation_id": ["c"],
    "new": [Number("1e400"), Number("0.5"), Number("1" * 40), [[]], Members(a=None)],
    "_text": ["x"],
    "thought": ["Hm.", Number("1")],
    "content": [None, "otter", ["otter"]],
}

# From a key that identifies the kind of an object to all keys that the object may have.
# The last entry is for deltas, which no key identifies.
PLACES = {
    "choices": [
        *("id", "model", "object", "created", "thought", "usage", "error", "new"),
        *("conversation_id", "executable_data", "tool_thought", "choices"),
    ],
    "delta": [
        *("index", "finish_reason", "stop_reason", "logprobs", "message", "error"),
        *("new", "delta"),
    ],
    "function": ["index", "id", "type", "new", "function"],
    "arguments": ["name", "arguments", "new"],
    "": [
        *("role", "refusal", "content", "tool_calls", "reasoning_content", "reasoning"),
        "new",
    ],
}


@st.composite
def members(draw, needed, **others):
    """
    Draw an object with the keys of *needed* and some keys of *others*, in any order.
    """
    known = needed | {name: others[name] for name in others if draw(st.booleans())}
    return Members(
        {name: draw(known[name]) for name in draw(st.permutations([*known]))}
    )


nothing = st.sampled_from([None, ""])
calls = members(
    {
        "index": st.sampled_from([*map(Number, NUMBERS[:6:5]), Number("1")]),
        "function": members({"arguments": texts}, name=nothing),
    },
    id=nothing,
    type=st.sampled_from([None, "function"]),
)
common = {"role": st.just("assistant"), "refusal": st.none()}
said = members({"content": texts}, **common, tool_calls=st.none())
called = members(
    {"tool_calls": calls.map(lambda call: [call])}, content=nothing, **common
)


def chunks(delta, **needed):
    """
    Return a strategy for chunks that have a *delta* and that the fast path can read.
    """
    flat = st.sampled_from([None, "a", True, Number("7"), []])
    choice = members(
        {"delta": delta},
        index=st.just(Number("0")),
        finish_reason=st.none(),
        stop_reason=st.none(),
        logprobs=st.none(),
        new=flat,
    )
    others = {
        "id": st.just("id_w"),
        "model": st.just("asi1-mini"),
        "object": st.just("chat.completion.chunk"),
        "created": st.sampled_from([Number("1740580080140"), Number("1740580080")]),
        "conversation_id": st.none(),
        "tool_thought": st.just([]),
        "thought": nothing,
        "usage": st.none(),
        "executable_data": st.sampled_from([None, []]),
        "system_fingerprint": flat,
    }
    return members({"choices": choice.map(lambda one: [one]), **needed}, **others)


kinds = st.one_of(
    chunks(said), chunks(called), chunks(members({"content": nothing}), thought=texts)
)
styles = st.builds(
    Style,
    comma=st.sampled_from([",", ", ", ",\n ", " ,\t"]),
    colon=st.sampled_from([":", ": ", " : ", ":\n"]),
    ascii=st.sampled_from([True, True, False]),
)


@st.composite
def streams(draw):
    """
    Draw the data of a stream's events. Most events differ from an earlier event only in
    their texts, times and indexes of tool calls. Some also have a changed key.
    """
    style, alike = draw(styles), draw(st.lists(kinds, min_size=1, max_size=2))
    events = []
    for _ in range(draw(st.integers(2, 8))):
        event = varied(draw, draw(st.sampled_from(alike)))
        if draw(st.integers(0, 3)) == 0:
            change(draw, draw(st.sampled_from(parts(event))))
            alike += [event, event] if draw(st.booleans()) else []
        events.append(style.dumps(event).encode("utf-8", "surrogatepass"))
    return events


def varied(draw, value, key=""):
    """Return an event like *value* with other texts, times and indexes of calls."""
    if isinstance(value, Members):
        items = ((name, varied(draw, item, name)) for name, item in value)
        return Members(items)
    if isinstance(value, list):
        return [varied(draw, item) for item in value]
    if isinstance(value, Number) and key == "created" and value.isdecimal():
        return Number(int(value) + draw(st.sampled_from([0, 1, 10**9])))
    if isinstance(value, Number) and key == "index" and value != "0":
        return draw(st.sampled_from([Number("1"), Number("2"), Number("300")]))
    return draw(texts) if key in GROWING and value else value


def parts(value):
    """Return all objects and non-empty lists in a value, the outermost first."""
    items = [item for _, item in value] if isinstance(value, Members) else value
    inner = [part for item in items if isinstance(item, list) for part in parts(item)]
    return [value, *inner] if isinstance(value, Members) or value else inner


def change(draw, part):
    """Add, remove or replace a key of an object, or repeat the first item of a list."""
    if not isinstance(part, Members):
        part.append(part[0])
        return
    names = {name for name, _ in part}
    own = next(keys for key, keys in PLACES.items() if key in names or not key)
    key = draw(st.sampled_from(own if draw(st.integers(0, 3)) else [*ODD, *names]))
    kept = draw(st.integers(0, 4)) == 0  # if true, the key occurs twice
    there = [n for n, (name, _) in enumerate(part) if name == key and not kept]
    place = there[0] if there else draw(st.integers(0, len(part)))
    again = [value for name, value in part if name == key and kept]
    value = again[0] if again else draw(odd_value(key))
    new = [(key, value)] if draw(st.integers(0, 9)) else []
    part[place : place + len(there)] = new


def odd_value(key):
    """Return a strategy for unusual values of a key."""
    if key not in ODD:
        return values
    known = st.sampled_from(ODD[key])
    return st.one_of(known, known, known, values)


@define(eq=False)
class Reader(EventReader[ChatCompletionChunk]):
    """An event reader that records the chunks that it delivers."""

    read: list = field(factory=list, init=False)

    def result(self, info):
        return []

    async def read_events(self, head, pieces):
        raise NotImplementedError

    async def _deliver(self, batch):
        self.read += batch


class NoFastPath:
    """A fast path that reads no event, so that the converter reads them all."""

    def read(self, data):
        return None


class Events:
    """A decoder that returns the next event each time that it is fed."""

    needs_fields = False

    def __init__(self, events):
        self.events = iter([*events, b"[DONE]"])

    def feed(self, data):
        return [("message", next(self.events))]


async def seen(events, *, fast):
    """Return the chunks that a reader delivers, the error or answer with which the
    stream ends, and the number of chunks that the fast path read.
    """
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
    A stream's chunks, its answer, and the error that ends it are the same whether the
    fast path reads the chunks that it can, or the converter reads all chunks.
    """
    expected, end, none = await seen(events, fast=False)
    found, ended, _ = await seen(events, fast=True)

    assert none == 0
    assert expected == found
    assert end == ended

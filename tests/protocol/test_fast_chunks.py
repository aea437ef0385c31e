"""
The fast path, which reads most chunks of a stream, gives the same chunks as the
converter.
"""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import random
import weakref

import attrs
import pytest

import asi1

from asi1._protocol.chunk_event import read_event
from asi1._protocol.fast_chunks import FastChunkReader
from asi1._protocol.stream_answer import Assembler
from asi1._settings.secret import Secret

from ..support.all_fields import all_fields


SECRET = Secret("sk_otter0123456789")

# One chunk in each format that servers send.
BARE = {"id": "id_w", "model": "asi1-mini", "choices": [{"delta": {"content": "Sea"}}]}
LIVE = {
    "id": "id_w",
    "model": "asi1-mini",
    "created": 1740580080140,
    "conversation_id": None,
    "tool_thought": [],
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            "delta": {"content": " otters"},
            "stop_reason": None,
        }
    ],
}
THINKING = {
    "id": "id_w",
    "model": "asi1-mini",
    "choices": [{"role": "assistant", "delta": {"role": "assistant", "content": ""}}],
    "thought": " about otters",
}
FULL = {
    "id": "id_w",
    "object": "chat.completion.chunk",
    "created": 1740580080,
    "thought": "",
    "system_fingerprint": "fp",
    "model": "asi1-mini",
    "choices": [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "a", "tool_calls": None},
            "logprobs": None,
            "finish_reason": None,
        }
    ],
    "usage": None,
    "executable_data": [],
}
PIECE_ALONE = {"index": 0, "function": {"arguments": '{"a": 1'}}
CALLING = {
    **LIVE,
    "choices": [{"index": 0, "delta": {"tool_calls": [PIECE_ALONE]}, "logprobs": None}],
}
PIECE_WITH_NULLS = {
    "id": None,
    "index": 12,
    "type": "function",
    "function": {"name": None, "arguments": '"}'},
}
CALLING_WITH_NULLS = {
    **FULL,
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": None,
                "tool_calls": [PIECE_WITH_NULLS],
            },
        }
    ],
}
CREATED_LAST = {**BARE, "created": 1740580080140}
CHUNKS = {
    "bare": BARE,
    "live": LIVE,
    "thinking": THINKING,
    "full": FULL,
    "created-last": CREATED_LAST,
    "calling": CALLING,
    "calling-with-nulls": CALLING_WITH_NULLS,
}
# A chunk that begins a tool call, which the fast path does not read.
BEGIN = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "dive", "arguments": ""},
}
BEGINNING = {**LIVE, "choices": [{"index": 0, "delta": {"tool_calls": [BEGIN]}}]}
# Chunks with two texts: an answer's and a thought, or the same text under two keys.
BOTH = {**BARE, "thought": "hm"}
TWICE = {"content": "Sea", **BARE}

PIECES = [
    *("", " ", "otter", " dive", "\u6d77", "\U0001f9a6", "\u00a0", "\u2028"),
    *('"', "\\", "\n", "\x7f", '","x":"', "created", '"content":"', "\ud800"),
    *("\udda6", '{"a": "', '"}', "{}", '"index":7', '","function":{"arguments":"'),
]
ODD = [
    *(None, "", "x", 0, 1, -1, 1.5, 2**70, True, [], {}, [1], {"a": 1}),
    *([[]], "stop", "assistant", [None], {"content": "x"}),
]
KEYS = [
    *("error", "usage", "index", "finish_reason", "stop_reason", "role", "content"),
    *("message", "reasoning_content", "tool_calls", "refusal", "created", "thought"),
    *("conversation_id", "executable_data", "choices", "delta", "object", "detail"),
    *("id", "model", "extra", "wire", "new", "type", "function", "name", "arguments"),
    *("_piece", "tool_name"),
]


def with_new_text(rng, chunk):
    """
    Return a copy of a chunk with a new text or thought, or a new piece of any tool
    call's arguments, and sometimes a new creation time.
    """
    chunk = copy.deepcopy(chunk)
    calls = chunk["choices"][0]["delta"].get("tool_calls")
    piece = "".join(rng.choices(PIECES, k=rng.randint(1, 2)))
    if chunk.get("thought"):
        chunk["thought"] = piece
    elif calls:
        calls[0]["index"] = rng.choice([*range(4), 0, 255, 256, 2**40])
        calls[0]["function"]["arguments"] = piece
    else:
        chunk["choices"][0]["delta"]["content"] = piece
    if "created" in chunk:
        chunk["created"] += rng.choice([0, 1, 10**6, -(10**12)])
    return chunk


def with_one_change(rng, chunk):
    """
    Return a copy of a chunk in which one key is changed, added or removed, at the top,
    in its choice or in the delta.
    """
    chunk = copy.deepcopy(chunk)
    choice = chunk["choices"][0]
    calls = choice["delta"].get("tool_calls") or ()
    inner = [part for call in calls for part in (call, call["function"])]
    place = rng.choice([chunk, choice, choice["delta"], *inner])
    if place and rng.random() < 0.3:
        del place[rng.choice(list(place))]
    else:
        key = rng.choice(KEYS + list(place))
        place[key] = copy.deepcopy(rng.choice(ODD))
    return chunk


def encoded(rng, chunk):
    """
    Return a chunk as the data of an event. In about one of ten results a few bytes are
    corrupted.
    """
    style = rng.choice([{}, {"separators": (",", ":")}, {"indent": 1}])
    text = json.dumps(chunk, ensure_ascii=rng.random() < 0.1, **style)
    data = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        place = rng.randrange(len(data))
        change = rng.choice([b"", b'"', b"\\", b"0", b"\xff", b"}", b"\x01"])
        data = data[:place] + change + data[place + rng.randint(0, 2) :]
    return data


def random_events(rng):
    """
    Return the data of random events of one stream. Most events differ only in the text,
    some in a key.
    """
    chunks = [*CHUNKS.values(), BOTH, TWICE, BEGINNING]
    chunk = rng.choice(chunks)
    events = []
    for _ in range(8):
        fate = rng.random()
        chunk = rng.choice(chunks) if fate < 0.1 else chunk
        similar = with_new_text(rng, chunk)
        events.append(
            encoded(rng, with_one_change(rng, similar) if fate > 0.8 else similar)
        )
    return events


def read_in_any_order(rng, chunk):
    """Read some fields of a chunk, of its choices and of their deltas, in any order."""
    choices = chunk.choices if rng.random() < 0.5 else ()
    deltas = [choice.delta for choice in choices]
    calls = [call for delta in deltas for call in delta.tool_calls]
    parts = [chunk, *choices, *deltas, *calls, *(call.function for call in calls)]
    for part in rng.choices(parts, k=rng.randint(0, 4)):
        getattr(part, rng.choice([a.name for a in attrs.fields(type(part))]))


def read_by_converter(data):
    """
    Return the chunk that the converter reads, or None if the converter refuses the
    data.
    """
    try:
        return read_event("message", data, SECRET)
    except asi1.StreamError:
        return None


def thoughts(chunk):
    """Return the thoughts in a chunk's choices, under the name in OpenAI's client."""
    return [choice.delta.reasoning_content for choice in chunk.choices]


@pytest.mark.system
@pytest.mark.parametrize("batch", range(4))
def test_fast_path_gives_the_same_chunks_as_the_converter(batch):
    """
    A chunk read by the fast path equals the converter's chunk in every field, and makes
    the same answer. The fast path reads no event that the converter refuses.
    """
    fast_chunks = 0
    for seed in range(batch * 500, batch * 500 + 500):
        reader, quick, slow = FastChunkReader(), Assembler(), Assembler()
        rng = random.Random(seed)
        for data in random_events(rng):
            fast, whole = reader.read(data), read_by_converter(data)
            if whole is not None:
                quick.add(fast or whole)
                slow.add(whole)
            if fast is not None:
                fast_chunks += 1
                assert whole is not None, data
                assert (whole.text, whole.thought) == (fast.text, fast.thought)
                read_in_any_order(rng, fast)
                assert [thoughts(fast)] == [thoughts(whole)]
                assert all_fields(whole) == all_fields(fast)
        assert all_fields(slow.answer()) == all_fields(quick.answer())
        assert slow.finished == quick.finished

    assert 1500 < fast_chunks


@pytest.mark.parametrize("chunk", CHUNKS.values(), ids=CHUNKS)
def test_chunk_that_differs_only_in_text_and_time_is_not_parsed(chunk):
    """
    If only text and time differ from the previous chunk, the fast path cuts these two
    values from the chunk's bytes. The JSON is parsed only when a caller reads ``wire``.
    """
    reader = FastChunkReader()
    rng = random.Random(1)
    data = [json.dumps(with_new_text(rng, chunk)).encode() for _ in range(200)]
    chunks = [(reader.read(event), event) for event in data]
    unread = [(seen, event) for seen, event in chunks if seen and seen._data]

    count = len(unread)
    assert 20 < count
    assert all(
        json.loads(event) == seen.wire == seen.to_dict() for seen, event in unread
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            BARE, {**BARE, "choices": [{"delta": {"content": ""}}]}, id="empty-text"
        ),
        pytest.param(LIVE, {**LIVE, "created": 10**12}, id="earliest-time"),
        pytest.param(LIVE, {**LIVE, "created": 10**13 - 1}, id="latest-time"),
    ],
)
def test_empty_text_and_extreme_times_are_cut_from_the_bytes(first, second):
    """
    The fast path cuts even an empty text from a chunk's bytes without parsing the JSON.
    The same holds for the smallest and largest time with as many digits as the time
    before.
    """
    reader = FastChunkReader()
    reader.read(json.dumps(first).encode())
    event = json.dumps(second).encode()

    chunk = reader.read(event)

    assert event == chunk._data
    assert all_fields(read_by_converter(event)) == all_fields(chunk)


def test_time_of_more_than_64_bits_remains_an_integer():
    """
    A time that does not fit into 64 bits is read as the same integer by the fast path
    and by the converter, even after a time that fits and has as many digits.
    """
    reader = FastChunkReader()
    reader.read(json.dumps({**LIVE, "created": 2**64 - 1}).encode())
    event = json.dumps({**LIVE, "created": 2**64}).encode()

    chunk = reader.read(event) or read_by_converter(event)

    assert 2**64 == chunk.created
    assert all_fields(read_by_converter(event)) == all_fields(chunk)


def test_chunk_with_all_known_keys_of_a_delta_is_read_by_the_fast_path():
    """
    A delta may have every known key. If all of them but the role and the text are null,
    the fast path reads the chunk.
    """
    delta = {"role": "assistant", "content": "a", "refusal": None, "tool_calls": None}
    data = json.dumps({"id": "a", "choices": [{"delta": delta}]}).encode()

    assert "a" == FastChunkReader().read(data).text


@pytest.mark.system
@pytest.mark.parametrize("chunk", CHUNKS.values(), ids=CHUNKS)
@pytest.mark.parametrize("dumps", [json.dumps, lambda c: json.dumps(c, indent=1)])
def test_event_that_resembles_the_previous_chunk_is_read_correctly(chunk, dumps):
    """
    An event may begin and end with the bytes of the previous chunk, but differ in
    between. The fast path reads this event as the converter does, or leaves it to the
    converter.
    """
    data = dumps(chunk).encode()
    other = {**chunk, "created": 2740580080149} if "created" in chunk else chunk
    cuts = {
        data[:n] + data[m:] for n in range(len(data)) for m in (n + 1, n + 2, n + 8)
    }
    digits = [
        b"0740580080140",
        b"1" * 13,
        b"1" * 14,
        b"9" * 30,
        b"",
        b"-1",
        b"1.5",
        b"x",
    ]
    timed = {data.replace(b"1740580080140", number) for number in digits}
    swapped = {data.replace(b" otters", b"x" + number) for number in digits}
    doubled = {data.replace(b'"choices"', b'"content": "Sea", "choices"')}

    for event in {dumps(other).encode()} | cuts | timed | swapped | doubled:
        reader = FastChunkReader()
        reader.read(data)
        seen, whole = reader.read(event), read_by_converter(event)
        if seen is not None:
            assert whole is not None, event
            assert all_fields(whole) == all_fields(seen)


def test_chunk_whose_text_occurs_twice_is_left_to_the_converter():
    """
    If the bytes of the text occur at two places in a chunk, either place could be the
    text. So the fast path leaves the chunk to the converter.
    """
    reader = FastChunkReader()
    for text in ("Sea", "Ray"):
        data = json.dumps({**TWICE, "content": text}).encode()
        assert all_fields(read_by_converter(data)) == all_fields(reader.read(data))


def test_fast_path_refuses_an_event_that_lacks_bytes_of_the_previous_chunk():
    """
    An event may lack the bytes between the time and the text of the previous chunk. The
    fast path does not read this event.
    """
    data = json.dumps(LIVE).encode()
    start, end = data.index(b"1740580080140"), data.index(b" otters") + len(b" otters")
    reader = FastChunkReader()
    reader.read(data)

    assert reader.read(data) is not None
    assert reader.read(data[:start] + b"1740580080141" + data[end:]) is None


def fast_chunk(chunk=LIVE):
    """Return a chunk that the fast path read."""
    reader = FastChunkReader()
    reader.read(json.dumps(chunk).encode())
    return reader.read(json.dumps(chunk).encode())


@pytest.mark.parametrize(
    "use",
    [
        lambda chunk: pickle.loads(pickle.dumps(chunk)),
        copy.copy,
        copy.deepcopy,
        attrs.evolve,
        lambda chunk: asi1.ChatCompletionChunk(
            **{
                a.name: getattr(chunk, a.name)
                for a in attrs.fields(type(chunk))
                if a.init
            }
        ),
    ],
    ids=["pickle", "copy", "deepcopy", "evolve", "constructor"],
)
def test_chunk_of_the_fast_path_can_be_copied_compared_and_printed(use):
    """
    A chunk that the fast path read can be pickled, copied, evolved, compared and
    printed like any chunk, and none of its fields can be changed.
    """
    whole = read_event("message", json.dumps(LIVE).encode(), SECRET)

    assert all_fields(whole) == all_fields(use(fast_chunk()))
    assert whole == fast_chunk()
    assert repr(whole) == repr(fast_chunk())
    for name in ("id", "choices"):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(fast_chunk(), name, "x")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(fast_chunk(), name)
    with pytest.raises(AttributeError, match="no attribute 'texts'"):
        _ = fast_chunk().texts


@pytest.mark.parametrize(
    "use",
    [
        lambda part: pickle.loads(pickle.dumps(part)),
        copy.copy,
        copy.deepcopy,
        attrs.evolve,
        lambda part: part,
    ],
    ids=["pickle", "copy", "deepcopy", "evolve", "none"],
)
@pytest.mark.parametrize("chunk", CHUNKS.values(), ids=CHUNKS)
def test_choice_of_the_fast_path_is_used_like_any_choice(chunk, use):
    """
    The choice and the delta of a chunk that the fast path read can be copied, pickled,
    compared, printed and turned into dicts like those that the converter makes, whether
    or not the chunk still exists.
    """
    whole = read_event("message", json.dumps(chunk).encode(), SECRET).choices[0]

    for read in (lambda choice: choice, lambda choice: choice.delta):
        expected, part = read(whole), use(read(fast_chunk(chunk).choices[0]))
        assert all_fields(expected) == all_fields(part)
        assert expected == part
        assert repr(expected) == repr(read(fast_chunk(chunk).choices[0]))
        assert expected.to_dict() == read(fast_chunk(chunk).choices[0]).to_dict()
        assert expected.model_dump() == use(part).model_dump()
        changed = [attrs.evolve(each, extra={"k": 1}) for each in (expected, part)]
        assert changed[0].to_dict() == changed[1].to_dict()
    match fast_chunk(chunk):
        case asi1.ChatCompletionChunk(choices=[asi1.ChunkChoice(delta=delta, index=0)]):
            assert whole.delta == delta


def test_choices_are_read_without_parsing_and_share_the_wire_of_their_chunk():
    """
    Reading the text, the tool calls or the finish reason from ``choices`` parses no
    JSON. Then the wires of a chunk, its choice and its delta are parts of one object,
    and the chunk no longer keeps its bytes.
    """
    chunk = fast_chunk()
    (choice,) = chunk.choices

    assert (" otters", ()) == (choice.delta.content, choice.delta.tool_calls)
    assert (None, 0, None) == (choice.finish_reason, choice.index, choice.stop_reason)
    assert chunk.choices is chunk.choices
    assert b"" != chunk._data
    assert chunk.wire["choices"][0] is choice.wire
    assert choice.wire["delta"] is choice.delta.wire
    assert b"" == chunk._data


def test_piece_of_a_tool_call_is_read_without_parsing_and_shares_its_wire():
    """
    Reading a piece of a tool call parses no JSON. The wires of the piece and of its
    function are those in the wire of the chunk, whichever is read first.
    """
    for first in (
        lambda chunk: chunk.wire,
        lambda chunk: chunk.choices[0].wire,
        lambda chunk: chunk.choices[0].delta.tool_calls[0].wire,
    ):
        chunk = fast_chunk(CALLING)
        first(chunk)
        (call,) = chunk.choices[0].delta.tool_calls
        (wire,) = chunk.wire["choices"][0]["delta"]["tool_calls"]
        assert CALLING == chunk.wire
        assert wire is call.wire
        assert wire["function"] is call.function.wire
    chunk = fast_chunk(CALLING)
    (call,) = chunk.choices[0].delta.tool_calls
    assert (0, '{"a": 1') == (call.index, call.function.arguments)
    assert b"" != chunk._data


def test_changed_wire_of_a_tool_call_does_not_change_later_chunks():
    """A caller may change the wire of a piece without changing the pieces after it."""
    reader = FastChunkReader()
    data = json.dumps(CALLING).encode()
    for _ in range(4):
        chunk = reader.read(data)
        (call,) = chunk.choices[0].delta.tool_calls
        (wire,) = chunk.wire["choices"][0]["delta"]["tool_calls"]
        assert PIECE_ALONE == wire == call.wire
        wire["new"], wire["function"]["new"], call.extra["new"] = 1, 1, 1


@pytest.mark.parametrize("indent", [None, 1])
def test_pieces_of_alternating_tool_calls_are_cut_from_the_bytes(indent):
    """
    Pieces of several tool calls may arrive in any order. The fast path cuts each piece
    from the bytes of its chunk and decodes its escapes. The answer has the arguments of
    each tool call.
    """
    pieces = [
        '{"a": "',
        "\\",
        '"',
        "\n",
        "\\u00e9",
        "\u00e9",
        "\U0001f9a6",
        "\\n",
        '"}',
    ]
    reader, quick, slow = FastChunkReader(), Assembler(), Assembler()
    parsed = 0
    for number, (piece, index) in enumerate(itertools.product(pieces, [2, 0, 1, 255])):
        call = {"index": index, "function": {"arguments": piece}}
        if number < 4:
            call = {**BEGIN, "index": index, "id": f"call_{index}"}
        choice = {"index": 0, "delta": {"tool_calls": [call]}}
        event = json.dumps({**LIVE, "choices": [choice]}, indent=indent).encode()
        fast, whole = reader.read(event), read_by_converter(event)
        assert (number < 4) == (fast is None)
        parsed += fast is not None and not fast._data
        assert quick.add(fast or whole) == slow.add(whole)
        assert all_fields(whole) == all_fields(fast or whole)

    assert 1 == parsed
    assert all_fields(slow.answer()) == all_fields(quick.answer())


@pytest.mark.parametrize(
    "call",
    [
        {"index": 0, "function": {"arguments": {"a": 1}}},
        {"index": 0, "function": {"arguments": "a", "name": "dive"}},
        {"index": 0, "function": {"arguments": "a", "new": 1}},
        {"index": 0, "function": {"arguments": "a"}, "id": "call_1"},
        {"index": 0, "function": {"arguments": "a"}, "type": "custom"},
        {"index": 0, "function": {"arguments": "a"}, "new": 1},
        {"index": "0", "function": {"arguments": "a"}},
        {"index": 0.0, "function": {"arguments": "a"}},
        {"index": True, "function": {"arguments": "a"}},
        {"index": 0, "function": {"arguments": None}},
        {"index": 0, "function": None},
        {"function": {"arguments": "a"}},
        None,
    ],
)
def test_tool_call_with_more_than_a_piece_of_arguments_is_left_to_the_converter(call):
    """
    The fast path does not read a tool call with a name, an id, unknown keys, or values
    of other types, nor several tool calls, nor text beside a tool call.
    """
    reader = FastChunkReader()
    for calls, text in (([call], None), ([PIECE_ALONE] * 2, ""), ([PIECE_ALONE], "x")):
        delta = {"content": text, "tool_calls": calls}
        chunk = {**LIVE, "choices": [{"index": 0, "delta": delta}]}
        assert reader.read(json.dumps(chunk).encode()) is None


def test_choice_of_the_fast_path_does_not_keep_its_chunk_in_memory():
    """
    A chunk whose choices were read is freed at once, without the garbage collector,
    even if its choice is kept.
    """
    chunk = fast_chunk()
    choice, freed = chunk.choices[0], weakref.ref(chunk)
    del chunk

    assert freed() is None
    assert LIVE["choices"][0] == choice.wire


@pytest.mark.parametrize("cls", [asi1.ChunkChoice, asi1.Delta])
def test_field_of_an_object_without_fields_raises_attribute_error(cls):
    """
    A program that copies an object first creates the copy without fields. Reading a
    field of this copy raises an AttributeError.
    """
    names = {field.name for field in attrs.fields(cls)} - {"_as_sent"}
    for name in names:
        with pytest.raises(AttributeError):
            getattr(cls.__new__(cls), name)


def with_delta(**delta):
    """Return a chunk with a delta, as the live service sends it."""
    return {**LIVE, "choices": [{"index": 0, "delta": delta}]}


def with_piece(piece):
    """Return a chunk with a piece of a tool call."""
    return with_delta(tool_calls=[{"index": 7, "function": {"arguments": piece}}])


EITHER_DELTA = pytest.mark.parametrize(
    "with_text",
    [lambda text: with_delta(content=text), with_piece],
    ids=["text", "piece-of-a-call"],
)


@pytest.mark.parametrize("ensure_ascii", [True, False])
@EITHER_DELTA
def test_text_with_escapes_is_cut_from_the_bytes(with_text, ensure_ascii):
    """
    From the second chunk of a stream on, even a text, or a piece of a tool call, with
    newlines, quotes, backslashes or escaped characters is cut from a chunk's bytes.
    """
    texts = [
        "\u6d77\n",
        'say "hi"',
        "C:\\n\t",
        "\U0001f9a6",
        "\u2028",
        "\x00\x7f",
        '","x":"',
        "\\",
        "plain",
        "",
    ]
    reader = FastChunkReader()
    for text in texts:
        event = json.dumps(with_text(text), ensure_ascii=ensure_ascii).encode()
        seen = reader.read(event)
        (delta,) = [choice.delta for choice in seen.choices]
        pieces = [delta.content, *(c.function.arguments for c in delta.tool_calls)]
        assert (delta.content, text) == (seen.text, "".join(pieces))
        assert text == texts[0] or event == seen._data
        assert all_fields(read_by_converter(event)) == all_fields(seen)


@pytest.mark.parametrize(
    "text", [b"\xff", b"\x01", b'"', b"\\", b"\\x", rb"\ud83d", b'",,"'], ids=repr
)
@EITHER_DELTA
def test_invalid_text_of_a_chunk_is_left_to_the_converter(with_text, text):
    """
    If the bytes of a text, or of a piece of a tool call, are not valid JSON, the fast
    path does not read the chunk, even if its other bytes are those of a chunk before.
    """
    reader = FastChunkReader()
    event = json.dumps(with_text("otter")).encode()

    assert reader.read(event) is not None
    assert reader.read(event.replace(b"otter", text)) is None
    assert reader.read(event) is not None


def test_piece_without_the_bytes_before_its_arguments_is_left_to_the_converter():
    """
    The fast path does not read an event that has the index of a tool call, but lacks
    the bytes between the index and the arguments.
    """
    reader = FastChunkReader()
    event = json.dumps(with_piece("otter")).encode()
    start, end = event.index(b": 7") + 3, event.index(b"otter") + len(b"otter")

    assert reader.read(event) is not None
    assert reader.read(event[:start] + event[end:]) is None


def test_consecutive_chunks_share_no_objects_in_extra():
    """
    Two consecutive chunks share no object in ``extra``. So a caller may change a value
    in one chunk without changing the other chunk.
    """
    reader = FastChunkReader()
    data = json.dumps(LIVE).encode()
    first, second, third = (reader.read(data) for _ in range(3))

    for one, other in [(first, second), (second, third)]:
        assert one.extra["tool_thought"] is not other.extra["tool_thought"]
        assert one.extra is not other.extra


def test_chunk_with_an_empty_finish_reason_does_not_finish_the_stream():
    """
    An empty string as finish reason does not finish a stream.
    """
    chunk = copy.deepcopy(LIVE)
    chunk["choices"][0]["finish_reason"] = ""
    assembler = Assembler()
    assembler.add(read_event("message", json.dumps(chunk).encode(), SECRET))

    assert not assembler.finished
    assert assembler.answer().finish_reason is None


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("number", [0, 1], ids=["parsed", "unparsed"])
def test_pickled_fast_chunk_names_public_classes_only(number, protocol):
    """
    The pickle of a chunk that the fast path read names only public classes, so that a
    version of asi1 with other private modules can read it.
    """
    reader = FastChunkReader()
    chunk = [reader.read(json.dumps(LIVE).encode()) for _ in range(2)][number]

    data = pickle.dumps(chunk, protocol)

    assert b"asi1._" not in data
    assert all_fields(
        read_event("message", json.dumps(LIVE).encode(), SECRET)
    ) == all_fields(pickle.loads(data))


def test_server_key_named_like_a_private_field_is_in_extra():
    """
    If a key that a server sends has the name of a private field of asi1, the key is in
    ``extra``.
    """
    chunk = read_event(
        "message", b'{"id":"a","choices":[],"_text":"x","pending":1}', SECRET
    )

    assert {"_text": "x", "pending": 1} == chunk.extra

"""Tool calls of a streamed answer, assembled from the fragments in its chunks."""

from __future__ import annotations

import gc
import json
import random

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1 import ChatCompletionChunk, FunctionCall, ToolCallDelta
from asi1._protocol.answer_parts import ToolCalls
from asi1._protocol.converter import decode
from asi1._protocol.stream_answer import Assembler


def part(name=None, arguments="", id_=None, *, index=0, **more):
    """Return a fragment of a tool call, as servers send it."""
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": id_, "function": function, **more}


def bare(name=None, arguments="", id_=None):
    """Return a fragment of a tool call without an index."""
    call = part(name, arguments, id_)
    del call["index"]
    return call


def calls_of(*deltas):
    """
    Return id, name and arguments of the tool calls in an assembled answer.

    Each delta is a fragment of a tool call, or a list of fragments.
    """
    assembler = Assembler()
    for delta in deltas:
        parts = delta if isinstance(delta, list) else [delta]
        choice = {"index": 0, "delta": {"tool_calls": parts}}
        assembler.add(decode(ChatCompletionChunk, {"choices": [choice]}))
    calls = assembler.answer().message.tool_calls
    return [(call.id, call.function.name, call.function.arguments) for call in calls]


def joined(*parts):
    """Return the one tool call that is assembled from these fragments."""
    (call,) = calls_of(*parts)
    return call


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            [part("f", "", "c1"), part("f", '{"x":'), part("f", "1}")], id="no-id"
        ),
        pytest.param(
            [part("f", "", "c1"), part("f", '{"x":1}', "c1"), part("f", "", "c1")],
            id="same-id",
        ),
        pytest.param(
            [part("f", '{"x":1}', "c1"), part("f", "", ""), part("f", "", "")],
            id="after-the-arguments",
        ),
        pytest.param(
            [bare("f", '{"x":', "c1"), bare("f", "1"), bare("f", "}")], id="no-index"
        ),
        pytest.param(
            [part("f", '{"x":', "c1"), part("f", "1", "c2"), part("f", "}", "c3")],
            id="other-ids",
        ),
        pytest.param(
            [part("f", "", "c1"), part("f", '{"x":1}', "c2")],
            id="other-id-before-the-arguments",
        ),
        pytest.param(
            [part("f", '{"x":1}', "c1"), part("f", '{"x":1}', "c1")],
            id="whole-call-repeated",
        ),
        pytest.param(
            [part("f", "{}", "c1"), part("f", '{"x":1}', "c1")],
            id="empty-object-first",
        ),
        pytest.param(
            [
                part("f", "", "c1"),
                part("f"),
                part(None, "{}"),
                part(None, '{"x":1}'),
            ],
            id="twice-before-an-empty-object",
        ),
        pytest.param(
            [part("", "", "c1"), part("f", '{"x":1}', "c1")], id="name-second"
        ),
        pytest.param([part(None, '{"x":1}', "c1"), part("f")], id="name-last"),
        pytest.param([part("f", '{"x":1}'), part("f", "", "c1")], id="id-last"),
    ],
)
def test_repeated_name_of_a_tool_call_is_used_once(parts):
    """
    A server may send a tool call's name in any fragment of the call, or in all of them.
    The assembled call has the name once.
    """
    assert ("c1", "f", '{"x":1}') == joined(*parts)


@pytest.mark.parametrize(
    ("pieces", "last"),
    [
        pytest.param(['{"x": 1', "}"], '{"x":1}', id="spaces"),
        pytest.param(['{"x": 1, "y": "é"}'], '{"y":"\\u00e9","x":1}', id="order"),
        pytest.param(['{"x": 1}'], '{\n"x": 1\n}\n', id="line-ends"),
    ],
)
def test_tool_call_that_is_repeated_with_other_spaces_stays_one_tool_call(pieces, last):
    """
    A server may repeat a finished tool call in the last chunk, with its arguments
    formatted differently. The answer has one call, with the arguments as first sent.
    """
    first, *rest = pieces
    parts = [part("f", first, "a"), *(part(None, piece) for piece in rest)]

    assert ("a", "f", "".join(pieces)) == joined(*parts, part("f", last, "a"))


@pytest.mark.parametrize(
    "last",
    [
        pytest.param('{"x":true}', id="true-is-not-1"),
        pytest.param('{"x":1,"y":2}', id="more-arguments"),
        pytest.param('{"x":', id="begins"),
        pytest.param("[1]", id="list"),
    ],
)
def test_fragment_with_the_same_id_but_other_arguments_begins_a_new_call(last):
    """
    A fragment repeats the id and name of a finished tool call. If its arguments have
    other values, the fragment begins another call.
    """
    parts = [part("f", '{"x": 1}', "a"), part("f", last, "a")]

    assert [("a", "f", '{"x": 1}'), ("a", "f", last)] == calls_of(*parts)


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        pytest.param(
            [part("a", "{}", ""), part("b", "{}", "")],
            [("", "a", "{}"), ("", "b", "{}")],
            id="no-ids",
        ),
        pytest.param(
            [
                part("a", '{"x"', ""),
                part(None, ":1}"),
                part("b", "", ""),
                part(None, "[]"),
            ],
            [("", "a", '{"x":1}'), ("", "b", "[]")],
            id="in-parts",
        ),
        pytest.param(
            [part("f", '{"x":1}', ""), part("f", '{"x":2}', "")],
            [("", "f", '{"x":1}'), ("", "f", '{"x":2}')],
            id="same-name",
        ),
        pytest.param(
            [part("f", '{"x":1}'), part("f"), part(None, '{"x"'), part(None, ":2}")],
            [("", "f", '{"x":1}'), ("", "f", '{"x":2}')],
            id="same-name-before-its-arguments",
        ),
        pytest.param(
            [part("a", '{"x":1}', "c"), part("b", '{"x":2}', "c")],
            [("c", "a", '{"x":1}'), ("c", "b", '{"x":2}')],
            id="same-id",
        ),
        pytest.param(
            [part("f", '{"x":1}', "c"), part("f", '{"x":2}', "c")],
            [("c", "f", '{"x":1}'), ("c", "f", '{"x":2}')],
            id="same-id-and-name",
        ),
        pytest.param(
            [part("a", "", ""), part("b", "", "")],
            [("", "a", ""), ("", "b", "")],
            id="no-arguments",
        ),
        pytest.param(
            [part("a", "", "c1"), part("b", "", "c2"), part(None, "{}")],
            [("c1", "a", ""), ("c2", "b", "{}")],
            id="no-arguments-but-ids",
        ),
        pytest.param(
            [part("f", "{}", "c1"), part("f", "{}", "c2"), part("f", "{}", "c3")],
            [("c1", "f", "{}"), ("c2", "f", "{}"), ("c3", "f", "{}")],
            id="one-function-with-three-ids",
        ),
        pytest.param(
            [part("f", "", "c1"), part("f", "", "c2"), part("f", None, "c3")],
            [("c1", "f", ""), ("c2", "f", ""), ("c3", "f", "")],
            id="one-function-without-arguments-three-ids",
        ),
        pytest.param(
            [part("f", "", "c1"), part("f", "", "c2"), part(None, "{}")],
            [("c1", "f", ""), ("c2", "f", "{}")],
            id="no-arguments-then-arguments",
        ),
        pytest.param(
            [
                *(part("f", "", "c1"), part("f", "", "c2")),
                *(part(None, "{}", "c1"), part(None, "[]", "c2")),
            ],
            [("c1", "f", "{}"), ("c2", "f", "[]")],
            id="arguments-by-id",
        ),
        pytest.param(
            [part("f", '{"x":1}', "c1"), part("f", "", "c2")],
            [("c1", "f", '{"x":1}'), ("c2", "f", "")],
            id="arguments-then-none",
        ),
        pytest.param(
            [bare("f", "", "c1"), bare("f", "", "c2")],
            [("c1", "f", ""), ("c2", "f", "")],
            id="no-arguments-and-no-index",
        ),
        pytest.param(
            [[part("f", "", "c1"), part("f", "", "c2")]],
            [("c1", "f", ""), ("c2", "f", "")],
            id="list-without-arguments",
        ),
        pytest.param(
            [
                [part("f", "", "c1"), part("f", '{"x":', "c2")],
                [part("f", "[]", "c1"), part("f", "1}", "c2")],
            ],
            [("c1", "f", "[]"), ("c2", "f", '{"x":1}')],
            id="lists-with-two-ids-and-one-index",
        ),
        pytest.param(
            [
                [part("f", "", "c1"), part("f", "", "c2", index=1)],
                [part("f", "{}", "c3"), part("f", "[]", "c4", index=1)],
            ],
            [("c1", "f", "{}"), ("c2", "f", "[]")],
            id="lists-with-new-ids-in-every-part",
        ),
        pytest.param(
            [part("f", '{"x":', "c"), part("g", '{"y":2}', "c", index=1)],
            [("c", "f", '{"x":'), ("c", "g", '{"y":2}')],
            id="same-id-with-another-index",
        ),
        pytest.param(
            [part("f", "{}", "c1"), part("f", "", "c2")],
            [("c1", "f", "{}"), ("c2", "f", "")],
            id="new-id-without-arguments",
        ),
        pytest.param(
            [part("f", '{"x":1}', ""), part("f", '{"x":2}', "c")],
            [("", "f", '{"x":1}'), ("c", "f", '{"x":2}')],
            id="id-of-the-second-alone",
        ),
        pytest.param(
            [part("a", {"x": 1}, ""), part("b", {}, "")],
            [("", "a", '{"x":1}'), ("", "b", "{}")],
            id="objects",
        ),
        pytest.param(
            [part("a", '{"x":"}', ""), part(None, '\\"}"'), part(None, "}"), part("b")],
            [("", "a", '{"x":"}\\"}"}'), ("", "b", "")],
            id="brackets-in-strings",
        ),
        pytest.param(
            [
                part("f", '{"x":"', ""),
                part(None, '{{"'),
                part(None, "}"),
                part("f", '{"y":1}'),
            ],
            [("", "f", '{"x":"{{"}'), ("", "f", '{"y":1}')],
            id="string-cut",
        ),
        pytest.param(
            [
                part("f", '{"x":"}\\', ""),
                part(None, '"}"'),
                part(None, "}"),
                part("f", '{"y":1}'),
            ],
            [("", "f", '{"x":"}\\"}"}'), ("", "f", '{"y":1}')],
            id="escape-cut",
        ),
        pytest.param(
            [part("a", '{"x', ""), part("b", "{}", "")],
            [("", "a", '{"x'), ("", "b", "{}")],
            id="arguments-cut-off",
        ),
        pytest.param(
            [part("a", "{}", "c1"), part(None, '{"x":1}', "c2"), part("b", "", "c2")],
            [("c1", "a", "{}"), ("c2", "b", '{"x":1}')],
            id="id-before-name",
        ),
        pytest.param(
            [[bare("a", "{}"), bare("b", "{}")]],
            [("", "a", "{}"), ("", "b", "{}")],
            id="list-without-index",
        ),
        pytest.param(
            [
                [
                    part("f", '{"x":', None, index=None),
                    part("f", "[", None, index=None),
                ],
                [part(None, "1}", None, index=None), part(None, "]", None, index=None)],
            ],
            [("", "f", '{"x":1}'), ("", "f", "[]")],
            id="lists-with-null-as-index",
        ),
        pytest.param(
            [
                bare("f", "{", "a"),
                bare("f", "[", "b"),
                bare(None, "}", "a"),
                bare(None, "]", "b"),
            ],
            [("a", "f", "{}"), ("b", "f", "[]")],
            id="one-function-without-index",
        ),
        pytest.param(
            [bare("a", "{}"), bare("b", "{}"), bare("b", "{}")],
            [("", "a", "{}"), ("", "b", "{}"), ("", "b", "{}")],
            id="neither-index-nor-id",
        ),
        pytest.param(
            [
                part("a", "{", "c1", index="0"),
                part("b", "[", "c2", index="1"),
                part(None, "}", index="0"),
                part(None, "]", index="1"),
            ],
            [("c1", "a", "{}"), ("c2", "b", "[]")],
            id="digits-as-index",
        ),
    ],
)
def test_name_after_complete_arguments_begins_a_new_tool_call(parts, calls):
    """
    A fragment with a name begins a new tool call if the previous call has complete
    arguments or another name. The index and id of the fragment do not matter.
    """
    assert calls == calls_of(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            [
                part("f", "", "c1"),
                part("", '{"x"', "c2"),
                part("", ":", "c3"),
                part("", "1}", "c4"),
            ],
            id="new-id-in-every-part",
        ),
        pytest.param(
            [part("f", '{"x":1}', "c1"), part("", "", "c2")],
            id="new-id-in-the-last-part",
        ),
        pytest.param([bare("f", '{"x":', "c1"), bare(None, "1}", "c2")], id="no-index"),
        pytest.param(
            [part("f", '{"x":', "c1"), part(None, "1}", "c1", index=1)], id="new-index"
        ),
        pytest.param(
            [part("f", '{"x":', "c1"), part("g", "1}", "c1")], id="same-id-other-name"
        ),
        pytest.param([bare("f", '{"x":', "c1"), part(None, "1}")], id="first-index"),
        pytest.param(
            [bare("f", '{"x":', "c1"), [bare(None, "1"), bare(None, "}")]], id="list"
        ),
    ],
)
def test_fragment_without_a_name_belongs_to_the_unfinished_tool_call(parts):
    """
    A fragment without a name belongs to the tool call whose arguments are incomplete,
    even if the fragment has a new id or index.
    """
    assert ("c1", "f", '{"x":1}') == joined(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(
            [
                part("f", '{"x":', "a"),
                part("g", '{"y":', "b"),
                part(None, "1}", "a"),
                part(None, "2}", "b"),
            ],
            id="ids-with-one-index",
        ),
        pytest.param(
            [
                bare("f", '{"x":', "a"),
                part(None, "1", "a"),
                part("g", '{"y":', "b", index=1),
                part(None, "}"),
                part(None, "2}", index=1),
            ],
            id="index-in-a-later-part",
        ),
        pytest.param(
            [
                [bare("f", '{"x":1}'), bare("g", '{"y":')],
                [bare(None, "2}")],
            ],
            id="one-part-after-a-list",
        ),
    ],
)
def test_deltas_of_two_unfinished_tool_calls_are_told_apart(parts):
    """
    Two tool calls have incomplete arguments. A delta belongs to the call with its id,
    else to the call with its index, else to the last call.
    """
    assert [("f", '{"x":1}'), ("g", '{"y":2}')] == [
        (name, arguments) for _, name, arguments in calls_of(*parts)
    ]


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        pytest.param(["{}", '{"x":1}'], '{"x":1}', id="whole"),
        pytest.param(["{}", '{"x', '":', "1}"], '{"x":1}', id="in-pieces"),
        pytest.param(["{}", "", ' {"x": 1}'], ' {"x": 1}', id="spaces"),
        pytest.param([{}, '{"x":', "1}"], '{"x":1}', id="object-then-pieces"),
        pytest.param(["", {"x": 1}], '{"x":1}', id="empty-then-object"),
        pytest.param([None, {"x": 1}, None], '{"x":1}', id="null-and-object"),
        pytest.param([{"x": 1}, ""], '{"x":1}', id="object-then-empty"),
        pytest.param(['{"x":', "1}", {"x": 1}], '{"x":1}', id="pieces-then-object"),
        pytest.param(['{"x": 1}', {}], '{"x": 1}', id="empty-object-last"),
        pytest.param([{"x": 1}, {"x": 1, "y": 2}], '{"x":1,"y":2}', id="growing"),
        pytest.param([{"x": 1}, {"y": 2}], '{"x":1,"y":2}', id="objects"),
        pytest.param(["{}", "{}"], "{}", id="twice-empty"),
        pytest.param(["{}", "\n"], "{}\n", id="newline"),
        pytest.param(["[1]", '{"x":1}'], '{"x":1}', id="list-then-object"),
        pytest.param(["{x}", '{"x":1}'], '{"x":1}', id="invalid-then-object"),
        pytest.param(['{"x":{}', ',"y":', "{}", "}"], '{"x":{},"y":{}}', id="nested"),
        pytest.param(['{"x":"\\', '"{', '{"}'], '{"x":"\\"{{"}', id="cut-escape"),
        pytest.param(["{}", '{"x"'], '{"x"', id="cut-off"),
    ],
)
def test_object_after_complete_tool_call_arguments_is_merged_into_them(
    pieces, arguments
):
    """
    If an object follows the complete arguments of a tool call, the two objects are
    merged into one. An empty object changes nothing.
    """
    first, *rest = pieces

    assert [("c", "f", arguments)] == calls_of(
        part("f", first, "c"), *(part(None, piece) for piece in rest)
    )


def test_arguments_can_be_read_between_two_fragments():
    """
    A caller may read a tool call's arguments between two fragments. The caller gets the
    arguments so far, and the final arguments do not change.
    """
    assembler = Assembler()
    seen = []
    for sent in (part("f", "{}", "c"), *(part(None, each) for each in '{"x":{}}')):
        choice = {"index": 0, "delta": {"tool_calls": [sent]}}
        assembler.add(decode(ChatCompletionChunk, {"choices": [choice]}))
        (call,) = assembler.answer().message.tool_calls
        seen.append(call.function.arguments)

    assert ["{}", *('{"x":{}}'[:end] for end in range(1, 9))] == seen


def test_argument_fragments_without_a_bracket_are_joined():
    """
    Arguments that do not begin with a bracket never count as complete. So a later delta
    with the same name continues the arguments.
    """
    assert [("c", "f", "true")] == calls_of(part("f", "tr", "c"), part("f", "ue"))


def test_arguments_read_while_objects_are_merged_lose_no_object():
    """
    A server may send the arguments of a tool call as several objects. If a caller reads
    the arguments in between, no object is lost.
    """
    assembler = Assembler()
    seen = []
    for piece in ('{"x":1}', '{"y":', "2}", "", '{"z":3}'):
        choice = {"index": 0, "delta": {"tool_calls": [part("f", piece, "c")]}}
        if seen:
            choice["delta"]["tool_calls"] = [part(None, piece, status=piece)]
        assembler.add(decode(ChatCompletionChunk, {"choices": [choice]}))
        (call,) = assembler.answer().message.tool_calls
        seen.append(call.function.arguments)

    both = '{"x":1,"y":2}'
    assert ['{"x":1}', '{"y":', both, both, '{"x":1,"y":2,"z":3}'] == seen


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from('{}[]"\\'),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@pytest.mark.system
@settings(deadline=None)
@given(
    value=st.dictionaries(st.text(max_size=3), json_values, max_size=3), data=st.data()
)
def test_two_tool_calls_with_the_same_index_are_told_apart_however_they_are_cut(
    value, data
):
    """
    Two tool calls with the same index and without ids stay two calls, however the first
    call's arguments are cut, and whether or not each fragment has the name.
    """
    text = json.dumps(value)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    ends = zip([0, *places], [*places, len(text)], strict=True)
    name = data.draw(st.sampled_from(["f", None, ""]))

    assert [("", "f", text), ("", "g", "{}")] == calls_of(
        part("f"), *(part(name, text[a:b]) for a, b in ends), part("g", "{}")
    )


def tracked():
    """Return how many objects a full garbage collection searches."""
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.system
@pytest.mark.parametrize("pieces", [[""], ["{}"], ['{"x":', "1", "}"]])
def test_tool_call_adds_at_most_three_objects_to_garbage_collection(pieces):
    """
    A tool call adds at most three objects to those that a full garbage collection
    searches: its state and its two models. The number of deltas does not matter.
    """
    # The first tool call creates more objects than later ones, so it is not counted.
    calls_of(*(part("f", piece) for piece in pieces))
    assembler, count = Assembler(), 1000
    before = tracked()

    for index in range(count):
        for piece in pieces:
            call = part("f", piece, f"c{index}", index=index)
            choice = {"index": 0, "delta": {"tool_calls": [call]}}
            assembler.add(decode(ChatCompletionChunk, {"choices": [choice]}))
    answer = assembler.answer()

    assert count == len(answer.message.tool_calls)
    assert 3 * count + 100 > tracked() - before


def test_tool_calls_grow_while_many_other_tool_calls_get_fragments():
    """
    1,200 tool calls get their fragments in turn. Each call keeps its own arguments, its
    unknown fields and its half-received JSON escape, although the assembler keeps fewer
    calls open at once.
    """
    count = 1200
    assembler = Assembler()

    def add(*parts):
        choice = {"index": 0, "delta": {"tool_calls": list(parts)}}
        assembler.add(decode(ChatCompletionChunk, {"choices": [choice]}))

    for n in range(count):
        add(part("f", '{"x":"\\', f"c{n}", index=n, signature=f"s{n}"))
    for n in range(count):
        add(part(None, f'"{n}', index=n))
    assert count == len(assembler.answer().message.tool_calls)
    for n in reversed(range(count)):
        add(part(None, '"}', f"c{n}", index=n))

    calls = assembler.answer().message.tool_calls
    assert [{"x": f'"{n}'} for n in range(count)] == [
        json.loads(call.function.arguments) for call in calls
    ]
    assert [f"c{n}" for n in range(count)] == [call.id for call in calls]
    assert [{"signature": f"s{n}"} for n in range(count)] == [c.extra for c in calls]


@pytest.mark.system
def test_garbage_collector_tracks_at_most_two_objects_for_each_tool_call():
    """
    For each of thousands of tool calls in an answer, Python's garbage collector tracks
    only the call and its function, so that a full collection blocks the event loop for
    less time.
    """
    count = 5000
    assembler = Assembler()
    gc.collect()
    before = len(gc.get_objects())
    for n in range(count):
        fragment = part("f", "{}", f"c{n}", index=n)
        choice = {"index": 0, "delta": {"tool_calls": [fragment]}}
        assembler.add(decode(ChatCompletionChunk, {"choices": [choice]}))
    answer = assembler.answer()
    del fragment, choice
    gc.collect()

    assert len(gc.get_objects()) - before < 2.1 * count
    assert count == len(answer.message.tool_calls)


def test_piece_of_arguments_is_added_like_a_part_without_name_and_id():
    """
    Adding a piece of arguments by index gives the same tool calls as adding a part with
    only an index and arguments, even if the index has no call yet, or if its call was
    already built, got its name twice, or is complete.
    """
    for seed in range(300):
        rng = random.Random(seed)
        quick, slow = ToolCalls(), ToolCalls()
        for _ in range(12):
            index, name = rng.choice([0, 0, 1, None]), rng.choice(["", "", "dive"])
            arguments = rng.choice(["", "{}", '{"a"', ": 1}", '{"b": 2}', " "])
            function = FunctionCall(name=name, arguments=arguments)
            call_type = rng.choice(["function", "custom"]) if name else "function"
            part = ToolCallDelta(index=index, type=call_type, function=function)
            if name or index is None:
                assert slow.add((part,)) == quick.add((part,))
            else:
                assert slow.add((part,)) == quick.add_piece(index, arguments)
            if rng.random() < 0.2:
                assert slow.build() == quick.build()
        assert slow.build() == quick.build()

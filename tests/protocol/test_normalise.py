"""The odd shapes that servers send, and what is read out of each."""

from __future__ import annotations

import json

import pytest

from asi1 import (
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChatMessage,
    ChunkChoice,
    Delta,
    FunctionCall,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from asi1._models.json_text import load_json
from asi1._protocol.converter import decode
from asi1._protocol.normalise import NORMALISERS, thought_text


def answer(**fields):
    """Decode an answer of these fields."""
    return decode(ChatCompletion, fields)


def chunk(**fields):
    """Decode a chunk of these fields."""
    return decode(ChatCompletionChunk, fields)


def message(**fields):
    """Decode the message of an answer's one choice."""
    return answer(choices=[{"message": fields}]).message


def delta(**fields):
    """Decode the delta of a chunk's one choice."""
    return chunk(choices=[{"delta": fields}]).choices[0].delta


THOUGHTS = [
    pytest.param("Otters?", "Otters?", id="text"),
    pytest.param(["Otters?"], "Otters?", id="list-of-one"),
    pytest.param(["Otters?", "They", ""], "Otters?\nThey\n", id="list"),
    pytest.param(["\n\n"], "\n\n", id="blank-lines"),
    pytest.param([None], "", id="list-of-null"),
    pytest.param(["a", None, "b"], "a\nb", id="null-inside"),
    pytest.param(["a", 5, {"b": 1}], "a", id="other-things-inside"),
    pytest.param([], "", id="empty-list"),
    pytest.param("", "", id="empty"),
    pytest.param(None, "", id="null"),
]


@pytest.mark.parametrize(("sent", "read"), THOUGHTS)
def test_thoughts_are_one_text(sent, read):
    """
    Thoughts are one text, whether they come as text, as a list with or without nulls,
    or not at all.
    """
    assert read == answer(thought=sent).thoughts
    assert read == chunk(thought=sent).thought


@pytest.mark.parametrize("value", ["text", None, 5, {"a": 1}])
def test_what_is_no_list_of_thoughts_is_left_alone(value):
    """
    Only a list of thoughts is joined.
    """
    assert value == thought_text(value)


REASONING = [
    pytest.param({"reasoning_content": "Hm."}, "Hm.", id="reasoning_content"),
    pytest.param({"reasoning": "Hm."}, "Hm.", id="reasoning"),
    pytest.param({"thought": "Hm."}, "Hm.", id="thought"),
    pytest.param({"thought": ["Hm.", None, "So."]}, "Hm.\nSo.", id="thought-list"),
    pytest.param({"reasoning": ["Hm."]}, "Hm.", id="reasoning-list"),
    pytest.param(
        {"reasoning_content": "", "reasoning": "Hm."}, "Hm.", id="the-first-not-empty"
    ),
    pytest.param(
        {"reasoning_content": "a", "reasoning": "b"}, "a", id="the-first-of-two"
    ),
    pytest.param(
        {"reasoning_content": None, "reasoning": None}, "", id="all-of-them-null"
    ),
    pytest.param({"reasoning": ""}, "", id="empty"),
    pytest.param({}, "", id="none"),
]


@pytest.mark.parametrize(("sent", "read"), REASONING)
def test_thoughts_beside_the_content_are_read_too(sent, read):
    """
    Thoughts beside the content are the message's ``reasoning``, and stand at the top as
    well where the server put none there.
    """
    said = answer(choices=[{"message": {"content": "x", **sent}}])
    piece = chunk(choices=[{"delta": {"content": "x", **sent}}])

    assert (read, read) == (said.message.reasoning, said.thoughts)
    assert (read, read) == (piece.choices[0].delta.reasoning, piece.thought)


def test_thoughts_at_the_top_win():
    """
    Thoughts at the top level are not replaced by those beside the content.
    """
    said = answer(thought=["top"], choices=[{"message": {"reasoning": "below"}}])

    assert ("top", "below") == (said.thoughts, said.message.reasoning)


@pytest.mark.parametrize(
    ("choices", "thoughts"),
    [
        pytest.param([{"index": 1, "message": {"reasoning": "b"}}], "", id="choice-1"),
        pytest.param(
            [
                {"index": 1, "message": {"reasoning": "b"}},
                {"index": 0, "message": {"reasoning": "a"}},
            ],
            "a",
            id="choice-0-comes-second",
        ),
        pytest.param(
            [{"message": None}, {"message": {"reasoning": "a"}}], "a", id="null-message"
        ),
        pytest.param([None, {"message": {"reasoning": "a"}}], "a", id="null-choice"),
        pytest.param([{"delta": {"reasoning": "a"}}], "a", id="in-a-delta"),
        pytest.param("text", "", id="no-list"),
    ],
)
def test_thoughts_at_the_top_are_those_of_choice_0(choices, thoughts):
    """
    The thoughts at the top are taken from choice 0 alone.
    """
    assert thoughts == answer(choices=choices).thoughts


def test_the_marker_of_beginning_thoughts_is_no_thought():
    """
    ``init_thought`` is a marker: it is kept in ``extra`` and is no text.
    """
    piece = chunk(choices=[{"role": "assistant", "delta": {}}], init_thought=True)

    assert "" == piece.thought
    assert {"init_thought": True} == piece.extra
    assert {"role": "assistant"} == piece.choices[0].extra


def test_a_thought_stands_beside_its_empty_choice():
    """
    A chunk with a thought has a choice with empty text; where both have text, both are
    read.
    """
    empty = chunk(thought="Otters", choices=[{"delta": {"content": ""}}])
    both = chunk(thought="Otters", choices=[{"delta": {"content": "Hi"}}])

    assert ("Otters", "") == (empty.thought, empty.text)
    assert ("Otters", "Hi") == (both.thought, both.text)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param({"delta": {"content": "x"}}, ChunkChoice(), id="delta-only"),
        pytest.param(
            {"role": "assistant", "delta": {"content": "x"}},
            ChunkChoice(extra={"role": "assistant"}),
            id="stray-role",
        ),
        pytest.param(
            {"index": None, "delta": {"content": "x"}, "finish_reason": None},
            ChunkChoice(),
            id="nulls",
        ),
        pytest.param(
            {"index": 2, "delta": {"content": "x"}, "finish_reason": "paused"},
            ChunkChoice(index=2, finish_reason="paused"),
            id="a-reason-nobody-knows",
        ),
        pytest.param(
            {"delta": {"content": "x"}, "finish_reason": "stop", "stop_reason": "eos"},
            ChunkChoice(finish_reason="stop", stop_reason="eos"),
            id="two-reasons",
        ),
        pytest.param(
            {"delta": {"content": "x"}, "stop_reason": 151336},
            ChunkChoice(stop_reason=151336),
            id="stop-reason-number",
        ),
        pytest.param(
            {"delta": {"content": "x"}, "stop_reason": True, "finish_reason": 7},
            ChunkChoice(extra={"stop_reason": True, "finish_reason": 7}),
            id="wrong-types",
        ),
        pytest.param(
            {"index": 1.0, "delta": {"content": "x"}}, ChunkChoice(index=1), id="1.0"
        ),
        pytest.param(
            {"index": 0.5, "delta": {"content": "x"}},
            ChunkChoice(extra={"index": 0.5}),
            id="half",
        ),
        pytest.param(
            {"index": True, "delta": {"content": "x"}},
            ChunkChoice(extra={"index": True}),
            id="true-is-no-number",
        ),
    ],
)
def test_choices_need_nothing_but_their_delta(choice, expected):
    """
    Whatever a choice lacks has a default, the index 0; what has a wrong type stands in
    ``extra``.
    """
    actual = chunk(choices=[choice]).choices[0]

    assert "x" == actual.delta.content
    assert expected == decode(ChunkChoice, {**choice, "delta": {}})


@pytest.mark.parametrize(
    ("choice", "text", "extra"),
    [
        pytest.param({"message": {"content": "m"}}, "m", {}, id="message"),
        pytest.param(
            {"delta": {"content": "d"}}, "d", {"delta": {"content": "d"}}, id="delta"
        ),
        pytest.param(
            {"delta": {"content": "d"}, "message": {"content": "m"}},
            "m",
            {"delta": {"content": "d"}},
            id="both",
        ),
        pytest.param(
            {"delta": {"content": "d"}, "message": None},
            "d",
            {"delta": {"content": "d"}},
            id="message-null",
        ),
        pytest.param({"delta": None, "message": None}, "", {"delta": None}, id="null"),
        pytest.param({}, "", {}, id="neither"),
        pytest.param({"message": "text"}, "", {"message": "text"}, id="no-object"),
    ],
)
def test_an_answer_reads_the_message_before_the_delta(choice, text, extra):
    """
    A choice of an answer speaks through its message, and through a delta where it has
    no other; what is not used stands in ``extra``.
    """
    said = answer(choices=[choice])

    assert text == said.text
    assert extra == said.choices[0].extra


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        pytest.param({"delta": {"content": "d"}}, "d", id="delta"),
        pytest.param({"message": {"content": "m"}}, "m", id="message"),
        pytest.param(
            {"delta": {"content": "d"}, "message": {"content": "m"}}, "d", id="both"
        ),
        pytest.param({"delta": None, "message": {"content": "m"}}, "m", id="null"),
        pytest.param({"delta": None}, "", id="nothing"),
    ],
)
def test_a_chunk_reads_the_delta_before_the_message(choice, text):
    """
    A choice of a chunk speaks through its delta, and through a message where it has no
    other.
    """
    assert text == chunk(choices=[choice]).text


@pytest.mark.parametrize(
    ("choices", "count"),
    [
        pytest.param(None, 0, id="null"),
        pytest.param([], 0, id="empty"),
        pytest.param([None], 0, id="null-inside"),
        pytest.param([None, {"delta": {"content": "x"}}], 1, id="null-beside-one"),
        pytest.param([{}, {"index": 1}], 2, id="two"),
    ],
)
def test_null_choices_are_no_choices(choices, count):
    """
    Null is read as missing, as a list and inside one; an answer without choices has an
    empty text.
    """
    piece = chunk(choices=choices)
    said = answer(choices=choices)

    assert (count, count) == (len(piece.choices), len(said.choices))
    assert {} == piece.extra == said.extra


def test_missing_choices_are_no_choices():
    """
    Text, message and finish reason can be asked of an answer or chunk without choices,
    or without choice 0.
    """
    for said in (answer(), answer(choices=[{"index": 1, "finish_reason": "stop"}])):
        assert ("", ChatMessage(), None) == (
            said.text,
            said.message,
            said.finish_reason,
        )
    for piece in (chunk(), chunk(choices=[{"index": 1, "finish_reason": "stop"}])):
        assert ("", None) == (piece.text, piece.finish_reason)


def test_choice_0_is_found_by_its_index():
    """
    Text and finish reason are those of the choice whose index is 0, wherever it stands.
    """
    both = [
        {"index": 1, "message": {"content": "b"}, "finish_reason": "length"},
        {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
    ]

    assert ("a", "stop") == (
        answer(choices=both).text,
        answer(choices=both).finish_reason,
    )
    assert ("a", "stop") == (
        chunk(choices=both).text,
        chunk(choices=both).finish_reason,
    )


@pytest.mark.parametrize("odd", [5, "text", [], True])
def test_an_odd_choice_costs_no_other(odd):
    """
    A choice that is no object leaves those beside it as they are.
    """
    assert "Hi" == answer(choices=[{"message": {"content": "Hi"}}, odd]).text


CONTENTS = [
    pytest.param("Hi", "Hi", {}, id="text"),
    pytest.param(" \n\n", " \n\n", {}, id="blanks"),
    pytest.param("", "", {}, id="empty"),
    pytest.param(None, "", {}, id="null"),
    pytest.param([], "", {}, id="no-parts"),
    pytest.param(
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "ab",
        {},
        id="parts",
    ),
    pytest.param(
        ["a", {"text": None}, {"image_url": {}}, 5, None, "b"], "ab", {}, id="oddities"
    ),
    pytest.param(5, "", {"content": 5}, id="number"),
    pytest.param({"text": "a"}, "", {"content": {"text": "a"}}, id="object"),
]


@pytest.mark.parametrize(("sent", "text", "extra"), CONTENTS)
def test_content_is_a_text(sent, text, extra):
    """
    Content is a text, never None: null is "", and the texts of parts are joined without
    a change to their blanks.
    """
    said, piece = message(content=sent), delta(content=sent)

    assert (text, extra) == (said.content, said.extra)
    assert (text, extra) == (piece.content, piece.extra)


TOOL_CALLS = [
    pytest.param(
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "dive", "arguments": '{"m": 3}'},
        },
        ToolCall(id="c1", function=FunctionCall(name="dive", arguments='{"m": 3}')),
        id="documented",
    ),
    pytest.param(
        {"id": "c1", "function": {"name": "dive", "arguments": {"m": 3}}},
        ToolCall(id="c1", function=FunctionCall(name="dive", arguments='{"m":3}')),
        id="arguments-object",
    ),
    pytest.param(
        {"id": "c1", "function": {"name": "dive", "arguments": [3]}},
        ToolCall(id="c1", function=FunctionCall(name="dive", arguments="[3]")),
        id="arguments-list",
    ),
    pytest.param(
        {"id": "c1", "function": {"name": "dive", "arguments": "3 metres"}},
        ToolCall(id="c1", function=FunctionCall(name="dive", arguments="3 metres")),
        id="arguments-no-json",
    ),
    pytest.param(
        {"id": "c1", "function": {"name": "dive", "arguments": None}},
        ToolCall(id="c1", function=FunctionCall(name="dive")),
        id="arguments-null",
    ),
    pytest.param(
        {"id": "c1", "function": {"name": "dive", "arguments": 3}},
        ToolCall(id="c1", function=FunctionCall(name="dive", extra={"arguments": 3})),
        id="arguments-number",
    ),
    pytest.param(
        {"id": "c1", "tool_name": "dive", "args": {"m": 3}, "result": {"ok": True}},
        ToolCall(
            id="c1",
            function=FunctionCall(name="dive", arguments='{"m":3}'),
            extra={"tool_name": "dive", "args": {"m": 3}, "result": {"ok": True}},
        ),
        id="server-side",
    ),
    pytest.param(
        {"id": "c1", "tool_name": "dive"},
        ToolCall(
            id="c1",
            function=FunctionCall(name="dive", arguments="{}"),
            extra={"tool_name": "dive"},
        ),
        id="server-side-without-arguments",
    ),
    pytest.param(
        {"id": "c1", "tool_name": "other", "function": {"name": "dive"}},
        ToolCall(
            id="c1", function=FunctionCall(name="dive"), extra={"tool_name": "other"}
        ),
        id="both-names",
    ),
    pytest.param(
        {"id": 7, "type": None, "function": None},
        ToolCall(extra={"id": 7}),
        id="wrong-and-null",
    ),
    pytest.param({}, ToolCall(), id="empty"),
]


@pytest.mark.parametrize(("sent", "call"), TOOL_CALLS)
def test_tool_calls_have_one_shape(sent, call):
    """
    A tool call has id, type and function, its arguments as text, whichever of the two
    shapes it came in; what the shape has no field for stands in ``extra``.
    """
    part = ToolCallDelta(
        index=1, id=call.id, type=call.type, function=call.function, extra=call.extra
    )

    assert (call,) == message(tool_calls=[sent]).tool_calls
    assert (part,) == delta(tool_calls=[{"index": 1, **sent}]).tool_calls


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"n": 2**70}, id="more-than-64-bits"),
        pytest.param({"text": "\ud800"}, id="lone-surrogate"),
    ],
)
def test_arguments_of_any_kind_are_text(arguments):
    """
    Arguments that came as an object are text whatever numbers and texts they hold.
    """
    (call,) = message(
        tool_calls=[{"function": {"name": "f", "arguments": arguments}}]
    ).tool_calls

    assert "f" == call.function.name
    assert arguments == json.loads(call.function.arguments)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"content": "<tool_call>", "tool_calls": None}, id="null"),
        pytest.param({"content": "<tool_call>", "tool_calls": [None]}, id="null-in"),
        pytest.param({"content": "<tool_call>"}, id="missing"),
        pytest.param({"content": "<tool_call>", "tool_calls": []}, id="empty"),
    ],
)
def test_announced_tool_calls_may_be_absent(sent):
    """
    A finish reason of "tool_calls" may come without any; the text is then all there is,
    and stays as the model wrote it.
    """
    said = answer(
        thought=[None], choices=[{"message": sent, "finish_reason": "tool_calls"}]
    )

    assert "tool_calls" == said.finish_reason
    assert ("<tool_call>", ()) == (said.text, said.message.tool_calls)


def test_text_stands_beside_tool_calls():
    """
    An answer may have both a text and tool calls.
    """
    said = message(content="I will look.", tool_calls=[{"id": "a"}, {"id": "b"}])

    assert "I will look." == said.content
    assert ["a", "b"] == [call.id for call in said.tool_calls]


USAGES = [
    pytest.param(None, None, id="null"),
    pytest.param({}, Usage(), id="empty"),
    pytest.param(
        {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7},
        Usage(prompt_tokens=4, completion_tokens=3, total_tokens=7),
        id="documented",
    ),
    pytest.param({"total_tokens": 7.0}, Usage(total_tokens=7), id="whole-float"),
    pytest.param(
        {"total_tokens": "7"}, Usage(extra={"total_tokens": "7"}), id="number-as-text"
    ),
    pytest.param({"reasoning_tokens": 2}, Usage(reasoning_tokens=2), id="reasoning"),
    pytest.param({"reasoning_tokens": 0}, Usage(reasoning_tokens=0), id="no-thoughts"),
    pytest.param(
        {"completion_tokens_details": {"reasoning_tokens": 2}},
        Usage(
            reasoning_tokens=2,
            extra={"completion_tokens_details": {"reasoning_tokens": 2}},
        ),
        id="reasoning-in-the-details",
    ),
    pytest.param(
        {"completion_tokens_details": {"reasoning_tokens": 9}, "reasoning_tokens": 0},
        Usage(
            reasoning_tokens=0,
            extra={"completion_tokens_details": {"reasoning_tokens": 9}},
        ),
        id="the-plain-number-wins",
    ),
    pytest.param(
        {"completion_tokens_details": None, "prompt_tokens_details": None},
        Usage(extra={"completion_tokens_details": None, "prompt_tokens_details": None}),
        id="null-details",
    ),
]


@pytest.mark.parametrize(("sent", "usage"), USAGES)
def test_usage_has_its_numbers(sent, usage):
    """
    Token counts are read where they are whole numbers, thoughts from the details too.
    """
    assert usage == answer(usage=sent).usage
    assert usage == chunk(usage=sent).usage


def test_usage_comes_with_choices():
    """
    The chunk with the usage may have choices with a finish reason, said before.
    """
    last = chunk(
        choices=[{"finish_reason": "stop", "delta": {"role": "assistant"}}],
        usage={"total_tokens": 7},
    )

    assert ("stop", 7) == (last.finish_reason, last.usage.total_tokens)


@pytest.mark.parametrize("data", [[], [{}], {"a": 1}, {}, "text", 5])
def test_executable_data_is_kept_as_it_came(data):
    """
    ``executable_data`` is whatever the server sent, a list or an object.
    """
    assert data == answer(executable_data=data).executable_data
    assert data == chunk(executable_data=data).executable_data


@pytest.mark.parametrize("created", [1768500000, 1740600000123, 1740600000123.0, 0])
def test_created_is_kept_in_its_own_unit(created):
    """
    ``created`` is the server's number, in seconds or in milliseconds.
    """
    assert created == answer(created=created).created
    assert int is type(chunk(created=created).created)


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (ChatCompletion, "chat.completion"),
        (ChatCompletionChunk, "chat.completion.chunk"),
    ],
)
def test_object_and_created_may_be_missing(cls, name):
    """
    An answer or chunk without ``object`` and ``created`` is what it was asked for as.
    """
    assert (name, None) == (decode(cls, {}).object, decode(cls, {}).created)
    assert "other" == decode(cls, {"object": "other"}).object


def test_unknown_keys_are_kept():
    """
    Keys that no version of this API had before stand in ``extra``.
    """
    state = {"agent_used": {"agent_name": "otter"}}

    assert {"plan_state": state, "metadata": {}} == answer(
        plan_state=state, metadata={}, model="asi1"
    ).extra


@pytest.mark.parametrize(
    ("fields", "extra"),
    [
        pytest.param({"usage": "free"}, {"usage": "free"}, id="usage"),
        pytest.param({"choices": {"index": 0}}, {"choices": {"index": 0}}, id="list"),
        pytest.param({"id": 5, "model": []}, {"id": 5, "model": []}, id="texts"),
        pytest.param({"created": "17"}, {"created": "17"}, id="number"),
        pytest.param({"thought": 5}, {"thought": 5}, id="thought-number"),
        pytest.param(
            {"thought": {}},
            {"thought": {}},
            id="thought-object",
        ),
        pytest.param(
            {"thought": False},
            {"thought": False},
            id="thought-flag",
        ),
    ],
)
def test_a_wrong_type_costs_one_field(fields, extra):
    """
    A value of another type than its field's stands in ``extra``, the field has its
    default, and all other fields are read.
    """
    said = answer(conversation_id="c", **fields)

    assert ChatCompletion(conversation_id="c", extra=extra) == said


def test_reasoning_of_another_type_stands_in_extra():
    """
    Reasoning that is no text is kept as every other value of a wrong type is.
    """
    assert {"reasoning": {"effort": "low"}} == message(
        reasoning={"effort": "low"}
    ).extra


def test_a_part_that_was_put_together_has_fields_only():
    """
    An object without ``wire`` writes its fields under the server's names, those without
    a value left out, and what stands in ``extra``.
    """
    said = ChatCompletion(
        id="a",
        choices=(ChatChoice(message=ChatMessage(content="Hi", reasoning="Hm.")),),
        usage=Usage(total_tokens=7),
        thoughts="Hm.",
        executable_data={"a": [1]},
        extra={"metadata": {}},
    )

    assert {
        "id": "a",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "reasoning_content": "Hm.",
                },
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 7},
        "thought": "Hm.",
        "executable_data": {"a": [1]},
        "metadata": {},
    } == said.to_dict()
    assert said == decode(ChatCompletion, said.to_dict())


def test_text_form_escapes_lone_surrogates():
    """
    ``to_json`` can always be encoded, whatever the model wrote.
    """
    said = answer(id="\ud800", created=2**70)

    assert '{"id":"\\ud800","created":1180591620717411303424}' == said.to_json()


def test_what_can_be_read_can_be_given_back():
    """
    A reply nests too deep to be read, or it can be given back.
    """
    for depth in range(50, 1500, 50):
        sent = f'{{"x":{"[" * depth}{"]" * depth}}}'
        try:
            raw = load_json(sent.encode())
        except ValueError:
            continue

        assert sent == decode(ChatCompletion, raw).to_json()


def test_what_is_in_order_is_not_copied():
    """
    An object of the documented shape is handed on as it is.
    """
    plain = {"index": 0, "role": "assistant", "content": "x", "usage": None}

    assert all(shape(plain) is plain for shape in NORMALISERS.values())


def test_shapes_leave_what_they_are_given_alone():
    """
    What is read is not changed by being read.
    """
    raw = {
        "thought": [None],
        "choices": [{"delta": {"content": [], "reasoning": "a", "tool_name": "x"}}],
        "usage": {"completion_tokens_details": {"reasoning_tokens": 1}},
    }
    before = json.dumps(raw)

    decode(ChatCompletion, raw)
    decode(ChatCompletionChunk, raw)

    assert before == json.dumps(raw)


def test_the_repr_shows_no_wire_form():
    """
    The repr of an answer shows its fields, not the server's object a second time.
    """
    said = answer(id="a", choices=[])

    assert "wire" not in repr(said)
    assert {"id": "a", "choices": []} == said.wire
    assert ChatCompletion(id="a") == said


def test_a_delta_is_read_as_a_message_is():
    """
    A delta without anything is empty in every field.
    """
    assert Delta() == delta()
    assert (None, "", "", (), None) == (
        delta().role,
        delta().content,
        delta().reasoning,
        delta().tool_calls,
        delta().refusal,
    )

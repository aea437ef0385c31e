"""Unusual JSON that servers send, and the values that asi1 reads from it."""

from __future__ import annotations

import json

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

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
from asi1._protocol.normalise import NORMALISERS, HalfCharacters, thought_text


def answer(**fields):
    """Decode an answer with these fields."""
    return decode(ChatCompletion, fields)


def chunk(**fields):
    """Decode a chunk with these fields."""
    return decode(ChatCompletionChunk, fields)


def message(**fields):
    """Decode an answer with one choice; return the choice's message."""
    return answer(choices=[{"message": fields}]).message


def delta(**fields):
    """Decode a chunk with one choice; return the choice's delta."""
    return chunk(choices=[{"delta": fields}]).choices[0].delta


THOUGHTS = [
    pytest.param("Otters?", "Otters?", id="text"),
    pytest.param(["Otters?"], "Otters?", id="list-of-one-string"),
    pytest.param(["Otters?", "They", ""], "Otters?\nThey\n", id="list"),
    pytest.param(["\n\n"], "\n\n", id="blank-lines"),
    pytest.param([None], "", id="list-of-null"),
    pytest.param(["a", None, "b"], "a\nb", id="list-with-null"),
    pytest.param(["a", 5, {"b": 1}], "a", id="list-with-other-types"),
    pytest.param([], "", id="empty-list"),
    pytest.param("", "", id="empty"),
    pytest.param(None, "", id="null"),
]


@pytest.mark.parametrize(("sent", "read"), THOUGHTS)
def test_thoughts_in_any_form_are_read_as_one_string(sent, read):
    """
    Thoughts are read as one string, whether the server sends a string, a list, a list
    with nulls, or nothing.
    """
    assert read == answer(thought=sent).thoughts
    assert read == chunk(thought=sent).thought


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param([{"type": "text", "text": "H"}, {"text": "m"}], "Hm", id="parts"),
        pytest.param(["H", {"thinking": ["m"]}], "Hm", id="mixed"),
        pytest.param(["H", {"a": 1}, None, "m"], "H\nm", id="no-text-in-the-object"),
    ],
)
def test_thoughts_in_a_list_of_parts_are_joined_without_newlines(sent, read):
    """
    If thoughts are a list of parts, such as ``{"text": "H"}``, the texts of the parts
    are joined without newlines.
    """
    assert read == thought_text(sent)


@pytest.mark.parametrize("value", ["text", None, 5, {"a": 1}])
def test_thoughts_that_are_not_a_list_are_not_converted(value):
    """
    Thoughts in a list are joined to one string. Thoughts of any other type are returned
    unchanged.
    """
    assert value == thought_text(value)


REASONING = [
    pytest.param({"reasoning_content": "Hm."}, "Hm.", id="reasoning_content"),
    pytest.param({"reasoning": "Hm."}, "Hm.", id="reasoning"),
    pytest.param({"thought": "Hm."}, "Hm.", id="thought"),
    pytest.param({"thought": ["Hm.", None, "So."]}, "Hm.\nSo.", id="thought-list"),
    pytest.param({"reasoning": ["Hm."]}, "Hm.", id="reasoning-list"),
    pytest.param(
        {"reasoning_content": "", "reasoning": "Hm."},
        "Hm.",
        id="first-non-empty-key-wins",
    ),
    pytest.param(
        {"reasoning_content": "a", "reasoning": "b"}, "a", id="first-key-wins"
    ),
    pytest.param({"reasoning_content": None, "reasoning": None}, "", id="all-null"),
    pytest.param({"reasoning": ""}, "", id="empty"),
    pytest.param({}, "", id="none"),
]


@pytest.mark.parametrize(("sent", "read"), REASONING)
def test_reasoning_beside_the_content_becomes_thoughts_of_the_answer(sent, read):
    """
    Reasoning beside the content becomes the ``reasoning`` of the message. If the server
    sent no thoughts at the top level, the reasoning also becomes the thoughts of the
    answer.
    """
    completion = answer(choices=[{"message": {"content": "x", **sent}}])
    piece = chunk(choices=[{"delta": {"content": "x", **sent}}])

    assert (read, read) == (completion.message.reasoning, completion.thoughts)
    assert (read, read) == (piece.choices[0].delta.reasoning, piece.thought)


def test_top_level_thoughts_are_preferred_to_reasoning_in_the_message():
    """
    If the server sent thoughts both at the top level and in the message, the thoughts
    of the answer are those at the top level.
    """
    completion = answer(thought=["top"], choices=[{"message": {"reasoning": "below"}}])

    assert ("top", "below") == (completion.thoughts, completion.message.reasoning)


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
        pytest.param([{"delta": {"reasoning": "a"}}], "a", id="delta"),
        pytest.param("text", "", id="not-a-list"),
    ],
)
def test_answer_has_the_thoughts_of_choice_0_by_default(choices, thoughts):
    """
    If the server sent no thoughts at the top level, the answer has the thoughts of
    choice 0, and never the thoughts of another choice.
    """
    assert thoughts == answer(choices=choices).thoughts


def test_init_thought_is_in_extra_and_is_not_a_thought():
    """
    The key ``init_thought`` of a chunk only marks the beginning of thoughts. Its value
    is in ``extra``, and is not part of the thought.
    """
    piece = chunk(choices=[{"role": "assistant", "delta": {}}], init_thought=True)

    assert "" == piece.thought
    assert {"init_thought": True} == piece.extra
    assert {"role": "assistant"} == piece.choices[0].extra


def test_chunk_with_a_thought_and_a_text_is_read_with_both():
    """
    If a chunk has both a thought and a text, both are read. The text may also be empty.
    """
    empty = chunk(thought="Otters", choices=[{"delta": {"content": ""}}])
    both = chunk(thought="Otters", choices=[{"delta": {"content": "Hi"}}])

    assert ("Otters", "") == (empty.thought, empty.text)
    assert ("Otters", "Hi") == (both.thought, both.text)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param({"delta": {"content": "x"}}, ChunkChoice(), id="delta-alone"),
        pytest.param(
            {"role": "assistant", "delta": {"content": "x"}},
            ChunkChoice(extra={"role": "assistant"}),
            id="stray-role",
        ),
        pytest.param(
            {"index": None, "delta": {"content": "x"}, "finish_reason": None},
            ChunkChoice(),
            id="null-values",
        ),
        pytest.param(
            {"index": 2, "delta": {"content": "x"}, "finish_reason": "paused"},
            ChunkChoice(index=2, finish_reason="paused"),
            id="unknown-finish-reason",
        ),
        pytest.param(
            {"delta": {"content": "x"}, "finish_reason": "stop", "stop_reason": "eos"},
            ChunkChoice(finish_reason="stop", stop_reason="eos"),
            id="finish-and-stop-reason",
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
            {"index": 1.0, "delta": {"content": "x"}},
            ChunkChoice(index=1),
            id="index-1.0",
        ),
        pytest.param(
            {"index": 0.5, "delta": {"content": "x"}},
            ChunkChoice(extra={"index": 0.5}),
            id="index-not-whole",
        ),
        pytest.param(
            {"index": True, "delta": {"content": "x"}},
            ChunkChoice(extra={"index": True}),
            id="index-true",
        ),
    ],
)
def test_missing_values_of_a_choice_have_defaults(choice, expected):
    """
    A missing value of a choice has its default, such as index 0. A value of a wrong
    type is in ``extra``, and the field has its default.
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
        pytest.param(
            {"message": "text"}, "", {"message": "text"}, id="message-not-an-object"
        ),
    ],
)
def test_choice_of_an_answer_is_read_from_its_message_else_from_its_delta(
    choice, text, extra
):
    """
    A choice of an answer is read from its message, or from its delta if it has no
    message; if it has both, the delta is in ``extra``.
    """
    completion = answer(choices=[choice])

    assert text == completion.text
    assert extra == completion.choices[0].extra


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
def test_choice_of_a_chunk_is_read_from_its_delta_else_from_its_message(choice, text):
    """
    A choice of a chunk is read from its delta, or from its message if it has no delta.
    """
    assert text == chunk(choices=[choice]).text


@pytest.mark.parametrize(
    ("choices", "count"),
    [
        pytest.param(None, 0, id="null"),
        pytest.param([], 0, id="empty"),
        pytest.param([None], 0, id="list-with-null"),
        pytest.param([None, {"delta": {"content": "x"}}], 1, id="null-beside-one"),
        pytest.param([{}, {"index": 1}], 2, id="two-choices"),
    ],
)
def test_null_in_place_of_choices_or_of_a_choice_is_skipped(choices, count):
    """
    Null in place of ``choices``, or of one of its items, is skipped. An answer without
    choices has an empty text.
    """
    piece = chunk(choices=choices)
    completion = answer(choices=choices)

    assert (count, count) == (len(piece.choices), len(completion.choices))
    assert {} == piece.extra == completion.extra


def test_text_message_and_finish_reason_have_defaults_without_choice_0():
    """
    If an answer or chunk has no choice 0, its text, message and finish reason have
    their defaults.
    """
    for completion in (
        answer(),
        answer(choices=[{"index": 1, "finish_reason": "stop"}]),
    ):
        assert ("", ChatMessage(), None) == (
            completion.text,
            completion.message,
            completion.finish_reason,
        )
    for piece in (chunk(), chunk(choices=[{"index": 1, "finish_reason": "stop"}])):
        assert ("", None) == (piece.text, piece.finish_reason)


def test_answer_has_the_text_and_finish_reason_of_the_choice_with_index_0():
    """
    An answer has the text and finish reason of the choice with index 0, wherever this
    choice is in the list.
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
def test_choice_that_is_not_an_object_is_skipped(odd):
    """
    A choice that is not a JSON object is skipped. The other choices are read.
    """
    assert "Hi" == answer(choices=[{"message": {"content": "Hi"}}, odd]).text


CONTENTS = [
    pytest.param("Hi", "Hi", {}, id="text"),
    pytest.param(" \n\n", " \n\n", {}, id="blanks"),
    pytest.param("", "", {}, id="empty"),
    pytest.param(None, "", {}, id="null"),
    pytest.param([], "", {}, id="empty-list"),
    pytest.param(
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "ab",
        {},
        id="parts",
    ),
    pytest.param(
        ["a", {"text": None}, {"image_url": {}}, 5, None, "b"],
        "ab",
        {},
        id="parts-of-other-types",
    ),
    pytest.param(5, "", {"content": 5}, id="number"),
    pytest.param({"text": "a"}, "", {"content": {"text": "a"}}, id="object"),
]


def thinks(text, **more):
    """Return a part of a message's content that is a thought."""
    return {"type": "thinking", "thinking": text, **more}


@pytest.mark.parametrize(
    ("content", "thoughts", "text"),
    [
        pytest.param([thinks("Hm.")], "Hm.", "", id="thinking"),
        pytest.param(
            [thinks("Hm."), {"type": "text", "text": "Hi"}], "Hm.", "Hi", id="both"
        ),
        pytest.param(
            ["H", thinks("Hm"), {"type": "text", "text": "i"}, thinks(".")],
            "Hm.",
            "Hi",
            id="alternating",
        ),
        pytest.param(
            [thinks([{"type": "text", "text": "H"}, {"type": "text", "text": "m."}])],
            "Hm.",
            "",
            id="nested-list",
        ),
        pytest.param([thinks(["H", [{"text": "m."}]])], "Hm.", "", id="nested-lists"),
        pytest.param([thinks({"text": "Hm."})], "Hm.", "", id="nested-object"),
        pytest.param([{"type": "thinking", "text": "Hm."}], "Hm.", "", id="under-text"),
        pytest.param(
            [{"type": "reasoning", "reasoning": "Hm."}], "Hm.", "", id="reasoning"
        ),
        pytest.param(
            [{"type": "reasoning", "text": "Hm."}], "Hm.", "", id="reasoning-text"
        ),
        pytest.param(
            [
                {
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": "Hm."}],
                }
            ],
            "Hm.",
            "",
            id="summary",
        ),
        pytest.param(
            [
                {
                    "type": "reasoning",
                    "content": [{"type": "reasoning_text", "text": "Hm."}],
                }
            ],
            "Hm.",
            "",
            id="reasoning-content",
        ),
        pytest.param([{"type": "Thought", "thought": "Hm."}], "Hm.", "", id="thought"),
        pytest.param(
            [{"type": "text", "text": "Hm.", "thought": True}], "Hm.", "", id="mark"
        ),
        pytest.param([{"text": "Hm.", "thought": True}], "Hm.", "", id="mark-alone"),
        pytest.param([{"thinking": "Hm."}], "Hm.", "", id="without-type"),
        pytest.param([thinks("", signature="x")], "", "", id="signature"),
        pytest.param(
            [{"type": "redacted_thinking", "data": "x"}], "", "", id="redacted"
        ),
        pytest.param(
            [thinks(None), thinks(5), thinks([None, 5])], "", "", id="no-text"
        ),
        pytest.param(
            [{"type": ["thinking"], "text": "Hi"}], "", "Hi", id="list-as-type"
        ),
        pytest.param(thinks("Hm."), "Hm.", "", id="part-alone"),
        pytest.param({"type": "text", "text": "Hi"}, "", "Hi", id="text-alone"),
    ],
)
@pytest.mark.parametrize("index", [0, None, "0"])
def test_parts_of_the_content_with_the_type_thinking_are_thoughts(
    content, thoughts, text, index
):
    """
    A part of the content whose type is "thinking", or similar, is a thought, and is not
    in the text, in streams and in complete answers.
    """
    choice = {"index": index}
    completion = answer(choices=[{**choice, "message": {"content": content}}])
    piece = chunk(choices=[{**choice, "delta": {"content": content}}])

    assert (thoughts, thoughts, text) == (
        completion.thoughts,
        completion.message.reasoning,
        completion.text,
    )
    assert (thoughts, thoughts, text) == (
        piece.thought,
        piece.choices[0].delta.reasoning,
        piece.text,
    )


@pytest.mark.parametrize(
    "kind",
    [
        *("reasoning", "reasoning_content", "reasoning_text", "redacted_thinking"),
        *("thinking", "thought", "Thinking"),
    ],
)
@pytest.mark.parametrize(
    "key",
    [
        *("content", "reasoning", "reasoning_content", "reasoning_text", "summary"),
        *("text", "thinking", "thought"),
    ],
)
def test_text_of_a_thinking_part_is_read_from_any_of_eight_keys(kind, key):
    """
    If a part of the content has the type of a thought, its text is read under any of
    eight keys.
    """
    read = message(content=[{"type": kind, key: "Hm."}])

    assert ("Hm.", "") == (read.reasoning, read.content)


def test_thoughts_of_choice_1_are_only_in_the_message_of_choice_1():
    """
    Thoughts in the content of choice 1 are only in the message of choice 1. The answer
    has the thoughts of choice 0.
    """
    completion = answer(
        choices=[
            {"index": 0, "message": {"content": [thinks("a"), "b"]}},
            {"index": "1", "message": {"content": [thinks("c"), "d"]}},
        ]
    )

    assert ("a", "b") == (completion.thoughts, completion.text)
    assert [(0, "a", "b"), (1, "c", "d")] == [
        (c.index, c.message.reasoning, c.message.content) for c in completion.choices
    ]


@pytest.mark.parametrize(
    ("sent", "thoughts"),
    [
        pytest.param({"reasoning_content": "Hm."}, "Hm.", id="reasoning_content"),
        pytest.param({"reasoning_content": None}, "Hm, hm.", id="null"),
        pytest.param({"thinking": "Hm."}, "Hm.", id="thinking"),
        pytest.param(
            {"reasoning": [{"type": "text", "text": "Hm."}]}, "Hm.", id="parts"
        ),
    ],
)
def test_thoughts_beside_the_content_are_preferred_to_thoughts_in_the_content(
    sent, thoughts
):
    """
    A server that sends thoughts beside the content may repeat them inside the content.
    The thoughts inside the content are then ignored.
    """
    completion = message(content=[thinks("Hm, hm."), "Hi"], **sent)

    assert (thoughts, "Hi") == (completion.reasoning, completion.content)


def test_reasoning_of_a_wrong_type_is_in_extra_even_if_the_content_has_thoughts():
    """
    Reasoning of a wrong type is in ``extra``, even if the content has thoughts.
    """
    completion = message(content=[thinks("Hm.")], reasoning={"effort": "low"})

    assert ("Hm.", {"reasoning": {"effort": "low"}}) == (
        completion.reasoning,
        completion.extra,
    )


@pytest.mark.parametrize(("sent", "text", "extra"), CONTENTS)
def test_content_is_always_a_string(sent, text, extra):
    """
    Content is a string, never None: null is read as "", and the texts of several parts
    are joined with their white space unchanged.
    """
    completion, piece = message(content=sent), delta(content=sent)

    assert (text, extra) == (completion.content, completion.extra)
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
        id="arguments-not-json",
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
        id="wrong-type-and-nulls",
    ),
    pytest.param({}, ToolCall(), id="empty"),
]


@pytest.mark.parametrize(("sent", "call"), TOOL_CALLS)
def test_tool_calls_are_read_from_both_formats_that_servers_send(sent, call):
    """
    Servers send tool calls in two formats. From either format, the id, type, function
    and arguments are read; the arguments are a string. Unknown keys are in ``extra``.
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
        pytest.param({"text": "\ufffd\U0001f9a6"}, id="beyond-ascii"),
    ],
)
def test_arguments_of_a_tool_call_sent_as_an_object_become_a_json_string(arguments):
    """
    Arguments that are sent as an object become a JSON string, whatever numbers and
    strings the object contains.
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
        pytest.param(
            {"content": "<tool_call>", "tool_calls": [None]}, id="list-with-null"
        ),
        pytest.param({"content": "<tool_call>"}, id="missing"),
        pytest.param({"content": "<tool_call>", "tool_calls": []}, id="empty"),
    ],
)
def test_text_stays_if_finish_reason_tool_calls_comes_without_tool_calls(sent):
    """
    If the finish reason is "tool_calls" but there are no tool calls, the text is
    unchanged.
    """
    completion = answer(
        thought=[None], choices=[{"message": sent, "finish_reason": "tool_calls"}]
    )

    assert "tool_calls" == completion.finish_reason
    assert ("<tool_call>", ()) == (completion.text, completion.message.tool_calls)


def test_message_may_have_text_and_tool_calls():
    """
    An answer may have both a text and tool calls.
    """
    completion = message(content="I will look.", tool_calls=[{"id": "a"}, {"id": "b"}])

    assert "I will look." == completion.content
    assert ["a", "b"] == [call.id for call in completion.tool_calls]


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
    pytest.param(
        {"reasoning_tokens": 0}, Usage(reasoning_tokens=0), id="no-reasoning-tokens"
    ),
    pytest.param(
        {"completion_tokens_details": {"reasoning_tokens": 2}},
        Usage(
            reasoning_tokens=2,
            extra={"completion_tokens_details": {"reasoning_tokens": 2}},
        ),
        id="reasoning-tokens-in-the-details",
    ),
    pytest.param(
        {"completion_tokens_details": {"reasoning_tokens": 9}, "reasoning_tokens": 0},
        Usage(
            reasoning_tokens=0,
            extra={"completion_tokens_details": {"reasoning_tokens": 9}},
        ),
        id="top-level-count-wins",
    ),
    pytest.param(
        {"completion_tokens_details": None, "prompt_tokens_details": None},
        Usage(extra={"completion_tokens_details": None, "prompt_tokens_details": None}),
        id="null-details",
    ),
]


@pytest.mark.parametrize(("sent", "usage"), USAGES)
def test_token_counts_that_are_whole_numbers_are_read(sent, usage):
    """
    Token counts are read if they are whole numbers. The number of reasoning tokens may
    also be in ``completion_tokens_details``.
    """
    assert usage == answer(usage=sent).usage
    assert usage == chunk(usage=sent).usage


def test_chunk_with_usage_may_also_have_choices():
    """
    A chunk with ``usage`` may also have choices that repeat the finish reason.
    """
    last = chunk(
        choices=[{"finish_reason": "stop", "delta": {"role": "assistant"}}],
        usage={"total_tokens": 7},
    )

    assert ("stop", 7) == (last.finish_reason, last.usage.total_tokens)


@pytest.mark.parametrize("data", [[], [{}], {"a": 1}, {}, "text", 5])
def test_executable_data_is_the_value_that_was_sent(data):
    """
    ``executable_data`` is the value that the server sent, of whatever type.
    """
    assert data == answer(executable_data=data).executable_data
    assert data == chunk(executable_data=data).executable_data


@pytest.mark.parametrize("created", [1768500000, 1740600000123, 1740600000123.0, 0])
def test_time_of_creation_is_not_converted_to_another_unit(created):
    """
    ``created`` is the number that the server sent, as an int, and is not converted
    between seconds and milliseconds.
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
def test_missing_fields_object_and_created_have_defaults(cls, name):
    """
    A missing ``object`` becomes "chat.completion" in an answer and
    "chat.completion.chunk" in a chunk. A missing ``created`` becomes None.
    """
    assert (name, None) == (decode(cls, {}).object, decode(cls, {}).created)
    assert "other" == decode(cls, {"object": "other"}).object


def test_unknown_keys_are_in_extra():
    """
    Keys that asi1 does not know are in ``extra``.
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
def test_value_of_a_wrong_type_is_in_extra_and_changes_no_other_field(fields, extra):
    """
    A value of a wrong type is in ``extra``, and its field has the default. The value
    does not change how other fields are read.
    """
    completion = answer(conversation_id="c", **fields)

    assert ChatCompletion(conversation_id="c", extra=extra) == completion


def test_reasoning_of_a_wrong_type_is_in_extra():
    """
    Reasoning that is not a string is in ``extra``, like any value of a wrong type.
    """
    assert {"reasoning": {"effort": "low"}} == message(
        reasoning={"effort": "low"}
    ).extra


def test_to_dict_of_a_model_created_by_a_caller_has_its_fields():
    """
    ``to_dict`` of a model that a caller created has the fields under the server's names
    and all of ``extra``. Empty values are left out.
    """
    completion = ChatCompletion(
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
    } == completion.to_dict()
    assert completion == decode(ChatCompletion, completion.to_dict())


def test_to_json_replaces_lone_surrogates_with_u_fffd():
    """
    ``to_json`` has U+FFFD for a lone surrogate, so that the JSON can be encoded as
    UTF-8.
    """
    completion = answer(id="\ud800", created=2**70)

    assert '{"id":"\\ufffd","created":1180591620717411303424}' == completion.to_json()


def test_reply_that_is_shallow_enough_to_read_can_be_written_as_json():
    """
    asi1 refuses JSON that is nested too deeply. Any reply that asi1 reads can also be
    written as JSON.
    """
    for depth in range(50, 1500, 50):
        sent = f'{{"x":{"[" * depth}{"]" * depth}}}'
        try:
            raw = load_json(sent.encode())
        except ValueError:
            continue

        assert sent == decode(ChatCompletion, raw).to_json()


def test_normaliser_does_not_copy_an_object_in_the_documented_format():
    """
    A normaliser converts unusual JSON to the documented format. If an object already
    has this format, the normaliser returns the object itself, not a copy.
    """
    plain = {"index": 0, "role": "assistant", "content": "x", "usage": None}

    assert all(shape(plain) is plain for shape in NORMALISERS.values())


def test_decoding_does_not_change_the_json_that_it_reads():
    """
    Decoding an answer or chunk does not change the dicts and lists that are decoded.
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


def test_repr_of_an_answer_leaves_out_the_json_of_the_server():
    """
    ``repr`` of an answer shows its fields. It leaves out ``wire``, the server's JSON,
    which repeats the fields.
    """
    completion = answer(id="a", choices=[])

    assert "wire" not in repr(completion)
    assert {"id": "a", "choices": []} == completion.wire
    assert ChatCompletion(id="a") == completion


def test_delta_without_keys_has_the_default_of_every_field():
    """
    A delta without any key has the default of every field.
    """
    assert Delta() == delta()
    assert (None, "", "", (), None) == (
        delta().role,
        delta().content,
        delta().reasoning,
        delta().tool_calls,
        delta().refusal,
    )


HIGH, LOW, OTTER = "\ud83e", "\udda6", "\U0001f9a6"


def at(path, text):
    """
    Return an event with *text* in the delta of choice 0. *path* is the list of keys
    that lead to the text.
    """
    for key in reversed(path):
        text = {key: text} if isinstance(key, str) else [{**key[0], **text}]
    return {"choices": [{"index": 0, "delta": text}]}


def ending(**choice):
    """Return an event whose finish reason ends choice 0."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", **choice}]}


@pytest.mark.system
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(["content"], id="content"),
        pytest.param(["refusal"], id="refusal"),
        pytest.param(["reasoning_content"], id="reasoning_content"),
        pytest.param(["reasoning"], id="reasoning"),
        pytest.param(["thinking"], id="thinking"),
        pytest.param(["content", ({"type": "text"},), "text"], id="part"),
        pytest.param(
            ["content", ({"type": "thinking"},), "thinking"], id="thinking-part"
        ),
        pytest.param(
            [
                "content",
                ({"type": "thinking"},),
                "thinking",
                ({"type": "text"},),
                "text",
            ],
            id="nested-part",
        ),
        pytest.param(
            ["tool_calls", ({"index": 1},), "function", "arguments"], id="arguments"
        ),
        pytest.param(["tool_calls", ({},), "function", "arguments"], id="no-index"),
        pytest.param(
            ["reasoning_details", ({"index": 0},), "text"],
            id="unknown-member",
        ),
        pytest.param(["tool_calls", ({"index": 0},), "args"], id="args"),
        pytest.param(["audio", "transcript"], id="transcript"),
        pytest.param(["a"] * 9 + ["text"], id="deep"),
    ],
)
@pytest.mark.parametrize(
    ("pieces", "read"),
    [
        pytest.param([HIGH, LOW], ["", OTTER], id="halves"),
        pytest.param([f"a{HIGH}", f"{LOW}b"], ["a", f"{OTTER}b"], id="between-texts"),
        pytest.param([HIGH, "", LOW], ["", "", OTTER], id="empty-text-between"),
        pytest.param([HIGH, "b"], ["", "\ufffdb"], id="high-half-alone"),
        pytest.param([HIGH, HIGH, LOW], ["", "\ufffd", OTTER], id="two-high-halves"),
        pytest.param(["a", LOW], ["a", "\ufffd"], id="low-half-alone"),
        pytest.param([f"{LOW}{HIGH}", LOW], ["\ufffd", OTTER], id="wrong-order"),
        pytest.param([f"{HIGH}a", "b"], ["\ufffda", "b"], id="inside"),
        pytest.param([HIGH + LOW, "b"], [OTTER, "b"], id="both-in-one-text"),
        pytest.param(["a", f"b{HIGH}"], ["a", "b", "\ufffd"], id="at-the-end"),
    ],
)
def test_surrogate_pair_split_over_two_events_becomes_one_character(path, pieces, read):
    """
    A surrogate pair that is split over two events becomes one character in the second
    event. A lone half becomes U+FFFD, at the latest when the choice ends.
    """
    halves = HalfCharacters()

    joined = [halves.join(at(path, piece)) for piece in pieces]
    end = halves.join(ending())

    rest = read[len(pieces) :]
    assert [at(path, text) for text in read[: len(pieces)]] == joined
    delta = at(path, rest[0])["choices"][0]["delta"] if rest else {}
    assert ending(delta=delta) == end
    assert {} == halves.waiting == halves.rest()


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        pytest.param({"finish_reason": "stop"}, "a\ufffd", id="ends"),
        pytest.param({"finish_reason": ""}, "a", id="goes-on"),
        pytest.param({"finish_reason": None}, "a", id="null"),
    ],
)
def test_high_surrogate_at_the_end_of_a_choice_becomes_u_fffd_at_once(sent, read):
    """
    A text may end with a high surrogate, whose other half is still to come. If the same
    event ends the choice, the high surrogate becomes U+FFFD in this event.
    """
    choice = {"index": 0, "delta": {"content": f"a{HIGH}"}, **sent}

    joined = HalfCharacters().join({"choices": [choice]})

    assert {"choices": [{**choice, "delta": {"content": read}}]} == joined


def test_half_of_a_surrogate_pair_is_joined_only_to_its_own_text():
    """
    Half of a surrogate pair is joined to the next fragment of its own text, never to
    the text of another choice or tool call, or to thoughts.
    """
    halves = HalfCharacters()
    calls = [{"index": n, "function": {"arguments": HIGH}} for n in (0, 1)]
    delta = {"content": HIGH, "reasoning": f"b{HIGH}", "tool_calls": calls}
    both = [{"index": n, "delta": delta} for n in ("0", 1)]
    halves.join({"choices": both, "thought": HIGH})

    second = halves.join({"choices": [{"index": 1, "delta": {"content": LOW}}]})
    first = halves.join(
        {
            "choices": [
                {
                    "delta": {
                        "tool_calls": [{"index": 1, "function": {"arguments": LOW}}]
                    }
                }
            ]
        }
    )
    end = halves.join(ending())

    assert OTTER == second["choices"][0]["delta"]["content"]
    (call,) = first["choices"][0]["delta"]["tool_calls"]
    assert OTTER == call["function"]["arguments"]
    assert {
        "thought": "\ufffd",
        **ending(
            delta={
                "content": "\ufffd",
                "reasoning": "\ufffd",
                "tool_calls": [{"index": 0, "function": {"arguments": "\ufffd"}}],
            }
        ),
    } == end
    assert {
        "choices": [
            {
                "index": 1,
                "delta": {
                    "reasoning": "\ufffd",
                    "tool_calls": [
                        {"index": 0, "function": {"arguments": "\ufffd"}},
                        {"index": 1, "function": {"arguments": "\ufffd"}},
                    ],
                },
            }
        ]
    } == halves.rest()


@pytest.mark.parametrize(
    ("path", "end"),
    [
        pytest.param(
            ["content"],
            ending(delta={"content": [{"type": "text", "text": "b"}]}),
            id="list-after-text",
        ),
        pytest.param(
            ["content", ({"type": "text"},), "text"],
            ending(delta={"content": "END"}),
            id="text-after-list",
        ),
        pytest.param(["content"], ending(delta={"content": 5}), id="number"),
        pytest.param(["content"], ending(delta={"content": False}), id="false"),
        pytest.param(["content"], ending(delta=5), id="delta"),
        pytest.param(
            ["tool_calls", ({"index": 0},), "function", "arguments"],
            ending(
                delta={
                    "tool_calls": [{"index": 0, "function": {"arguments": {"x": 1}}}]
                }
            ),
            id="object-after-text",
        ),
    ],
)
def test_high_surrogate_before_another_type_becomes_u_fffd_when_the_stream_ends(
    path, end
):
    """
    A text ends with a high surrogate, and its choice then ends with a value of another
    type. The value stays unchanged, and U+FFFD follows at the end of the stream.
    """
    halves = HalfCharacters()
    halves.join(at(path, f"a{HIGH}"))

    assert end == halves.join(end)
    assert at(path, "\ufffd") == halves.rest()
    assert {} == halves.waiting


def test_thought_that_is_a_number_is_unchanged_after_a_high_surrogate():
    """
    If a thought ends with a high surrogate and the next thought is a number, the number
    is unchanged. U+FFFD follows at the end of the stream.
    """
    halves = HalfCharacters()
    halves.join({"thought": HIGH})

    assert {"thought": 5, **ending()} == halves.join({"thought": 5, **ending()})
    assert {"thought": "\ufffd"} == halves.rest()


def test_choice_whose_index_is_a_list_counts_as_choice_0():
    """
    A choice whose index is a list counts as choice 0: a high surrogate in such a choice
    becomes U+FFFD when choice 0 ends.
    """
    halves = HalfCharacters()
    halves.join({"choices": [{"index": [0], "delta": {"content": HIGH}}]})

    assert ending(delta={"content": "\ufffd"}) == halves.join(ending())


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"id": HIGH, "model": f"a{LOW}", HIGH: [{LOW: HIGH}]}, id="top"),
        pytest.param({"choices": [{"index": 0, HIGH: HIGH, "delta": {}}]}, id="choice"),
        pytest.param(at(["role"], HIGH), id="role"),
        pytest.param(at(["metadata", HIGH], HIGH), id="keys"),
        pytest.param(at(["tool_calls", ({},), "function", "name"], HIGH), id="name"),
        pytest.param(at(["tool_calls", ({},), "id"], HIGH), id="call-id"),
        pytest.param(
            at(["tool_calls", ({},), "function", "arguments", "text"], HIGH),
            id="object",
        ),
        pytest.param(at(["tool_calls", ({},), "args", "text"], HIGH), id="args"),
        pytest.param(at(["content", ({"type": "image"},), "url"], HIGH), id="part"),
        pytest.param(at(["a"] * 10 + ["text"], HIGH), id="deep"),
        pytest.param(at(["content"], [[HIGH, [HIGH]]]), id="lists"),
        pytest.param({"usage": {"text": HIGH}, "choices": None}, id="no-choices"),
    ],
)
def test_surrogate_in_a_text_that_is_never_split_becomes_u_fffd_at_once(event):
    """
    Servers never split some texts, such as an id. Half of a surrogate pair in such a
    text becomes U+FFFD at once.
    """
    halves = HalfCharacters()

    joined = halves.join(event)

    shown = (
        json.dumps(event).replace(r"\ud83e", r"\ufffd").replace(r"\udda6", r"\ufffd")
    )
    assert json.loads(shown) == joined
    assert {} == halves.waiting


def test_high_surrogate_ending_thoughts_is_joined_to_the_next_thoughts():
    """
    A high surrogate at the end of a list of thoughts is joined to the low surrogate at
    the beginning of the next list of thoughts.
    """
    halves = HalfCharacters()

    read = [halves.join({"thought": [text]}) for text in ("a" + HIGH, LOW, HIGH)]

    assert [["a"], [OTTER], [""]] == [event["thought"] for event in read]
    assert {"thought": ["\ufffd"]} == halves.rest()


def test_high_surrogate_ending_thoughts_becomes_u_fffd_when_choice_0_ends():
    """
    A high surrogate at the end of a list of thoughts becomes U+FFFD when choice 0 ends.
    """
    halves = HalfCharacters()
    halves.join({"thought": [HIGH]})

    assert {"thought": ["\ufffd"], **ending()} == halves.join(ending())
    assert {} == halves.waiting


@pytest.mark.parametrize("character", ["\U00010000", "\U0010ffff"])
def test_halves_of_the_first_and_the_last_surrogate_pair_are_joined(character):
    """
    The halves of U+10000 and U+10FFFF, the first and last surrogate pairs, are joined.
    """
    units = character.encode("utf-16-le")
    halves = HalfCharacters()
    read = [
        halves.join(
            {"thought": units[start : start + 2].decode("utf-16-le", "surrogatepass")}
        )
        for start in (0, 2)
    ]

    assert [{"thought": ""}, {"thought": character}] == read


def test_high_surrogate_becomes_u_fffd_when_a_choice_without_an_index_ends():
    """
    If a choice without an index ends, its high surrogate becomes U+FFFD.
    """
    halves = HalfCharacters()
    halves.join({"choices": [{"delta": {"content": HIGH}}]})

    end = halves.join({"choices": [{"delta": {}, "finish_reason": "stop"}]})

    assert "\ufffd" == end["choices"][0]["delta"]["content"]


def test_high_surrogate_of_a_tool_call_is_joined_to_its_next_delta():
    """
    A high surrogate at the end of a tool call's arguments is joined to the call's next
    delta. The next delta need not repeat the type.
    """
    path = ["tool_calls", ({},), "function", "arguments"]
    typed = ["tool_calls", ({"type": "function"},), "function", "arguments"]
    halves = HalfCharacters()
    halves.join(at(typed, HIGH))

    assert at(path, OTTER) == halves.join(at(path, LOW))


@pytest.mark.parametrize("empty", ["", None, [], {}])
def test_u_fffd_for_a_high_surrogate_replaces_an_empty_value_at_the_end(empty):
    """
    A text in a list ends with a high surrogate. If the choice then ends with an empty
    value in place of the list, a list with U+FFFD replaces this value.
    """
    path = ["content", ({"type": "text"},), "text"]
    halves = HalfCharacters()
    halves.join(at(path, HIGH))

    end = halves.join(ending(delta={"content": empty}))

    assert [{"type": "text", "text": "\ufffd"}] == end["choices"][0]["delta"]["content"]
    assert {} == halves.waiting


@settings(deadline=None)
@given(text=st.text(st.characters()), data=st.data())
def test_text_is_the_same_however_its_utf_16_units_are_cut_into_fragments(text, data):
    """
    A text may be cut between UTF-16 units, even within a surrogate pair. The joined
    fragments are the text, with U+FFFD for its lone surrogates.
    """
    units = text.encode("utf-16-le", "surrogatepass")
    count = len(units) // 2
    places = sorted(data.draw(st.lists(st.integers(0, count), max_size=6)))
    halves = HalfCharacters()
    pieces = [
        units[2 * a : 2 * b].decode("utf-16-le", "surrogatepass")
        for a, b in zip([0, *places], [*places, count], strict=True)
    ]

    read = [halves.join(at(["content"], piece)) for piece in pieces]
    read.append(halves.join(ending(delta={"content": ""})))

    joined = "".join(event["choices"][0]["delta"]["content"] for event in read)
    assert units.decode("utf-16-le", "replace") == joined


@pytest.mark.parametrize("end", [{}, {"finish_reason": "stop"}], ids=["open", "ended"])
@pytest.mark.parametrize("more", [{}, {"delta": {}}, {"delta": None}])
def test_half_surrogate_pair_before_the_complete_message_is_dropped(more, end):
    """
    A high surrogate at the end of the deltas is dropped if the complete message, which
    contains the whole character, follows.
    """
    halves = HalfCharacters()
    halves.join(
        {"choices": [{"delta": {"content": "Hi \ud83d", "reasoning": "\ud83d"}}]}
    )
    whole = {"message": {"content": "Hi \U0001f600"}, **more, **end}

    joined = halves.join({"choices": [{"index": 0, **whole}]})

    assert {"content": "Hi \U0001f600"} == joined["choices"][0]["message"]
    assert "content" not in (joined["choices"][0].get("delta") or {})
    assert bool(end) is not bool(halves.waiting)


def test_half_surrogate_pair_beside_a_growing_message_is_joined_in_the_delta():
    """
    If each chunk has a delta and the complete message so far, a surrogate pair that is
    split over two deltas is joined in the second delta.
    """
    halves = HalfCharacters()
    texts = [
        halves.join({"choices": [{"delta": {"content": d}, "message": {"content": m}}]})
        for d, m in [("\ud83d", "\ud83d"), ("\ude00", "\U0001f600")]
    ]

    assert ["", "\U0001f600"] == [t["choices"][0]["delta"]["content"] for t in texts]

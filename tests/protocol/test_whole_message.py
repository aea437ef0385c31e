"""A stream with chunks that repeat the complete message after or beside its deltas."""

from __future__ import annotations

import pytest

from asi1 import ChatCompletionChunk
from asi1._protocol.converter import decode
from asi1._protocol.stream_answer import Assembler


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
STOP = {"finish_reason": "stop"}


def read(*choices):
    """
    Return the answer assembled from *choices*, one per chunk, and each chunk's text.
    """
    assembler, texts = Assembler(), []
    for choice in choices:
        fields = {"choices": [{"index": 0, **choice}]}
        chunk = assembler.new_part(decode(ChatCompletionChunk, fields))
        assembler.add(chunk)
        texts.append(chunk.text)
    return assembler.answer(), texts


def deltas(*texts):
    """Return choices with *texts* as deltas; the first delta also has a role."""
    roles = ({"role": "assistant"}, *({} for _ in texts))
    pairs = zip(texts, roles, strict=False)
    return [{"delta": {**role, "content": text}} for text, role in pairs]


def message(text, **more):
    """Return a choice with a complete message instead of a delta."""
    return {"message": {"role": "assistant", "content": text, **more}}


@pytest.mark.parametrize(
    ("choices", "texts"),
    [
        pytest.param(
            [*deltas("Hel", "lo"), {**message("Hello"), **STOP}],
            ["Hel", "lo", ""],
            id="after",
        ),
        pytest.param(
            [*deltas("Hello"), {**message("Hello"), **STOP}], ["Hello", ""], id="one"
        ),
        pytest.param(
            [*deltas("Hel", "lo"), STOP, message("Hello")],
            ["Hel", "lo", "", ""],
            id="after-the-finish-reason",
        ),
        pytest.param(
            [*deltas("Hel", "lo"), {"delta": {}, **message("Hello"), **STOP}],
            ["Hel", "lo", ""],
            id="beside-an-empty-delta",
        ),
        pytest.param(
            [*deltas("Hel", "lo"), {"delta": None, **message("Hello"), **STOP}],
            ["Hel", "lo", ""],
            id="beside-null",
        ),
        pytest.param(
            [*deltas("Hel"), {"delta": {"content": "lo"}, **message("Hello"), **STOP}],
            ["Hel", "lo"],
            id="beside-the-last-delta",
        ),
        pytest.param(
            [
                {"delta": {"content": "Hel"}, **message("Hel")},
                {"delta": {"content": "lo"}, **message("Hello")},
                STOP,
            ],
            ["Hel", "lo", ""],
            id="beside-each-delta",
        ),
        pytest.param(
            [
                {"delta": {}, **message("Hel")},
                {"delta": {}, **message("Hello")},
                {"delta": {}, **message("Hello"), **STOP},
            ],
            ["Hel", "lo", ""],
            id="growing-beside-empty-deltas",
        ),
        pytest.param(
            [*deltas("Hel"), {**message("Hello"), **STOP}],
            ["Hel", "lo"],
            id="with-more-text",
        ),
        pytest.param(
            [*deltas("\n\nHel", "lo"), {**message("Hello"), **STOP}],
            ["\n\nHel", "lo", ""],
            id="stripped",
        ),
        pytest.param(
            [*deltas(""), {**message("Hello"), **STOP}], ["", "Hello"], id="alone"
        ),
        pytest.param(
            [{"delta": {}, **message("Hello"), **STOP}], ["Hello"], id="only-chunk"
        ),
        pytest.param(
            [message("Hel"), message("lo"), STOP],
            ["Hel", "lo", ""],
            id="fragments",
        ),
        pytest.param(
            [*deltas(""), message("Hel"), message("lo"), STOP],
            ["", "Hel", "lo", ""],
            id="fragments-after-a-role",
        ),
        pytest.param(
            [message("Hel"), message("lo"), {**message("Hello"), **STOP}],
            ["Hel", "lo", ""],
            id="fragments-then-whole",
        ),
        pytest.param(
            [message("ha"), {**message("ha"), **STOP}],
            ["ha", "ha"],
            id="equal-fragments",
        ),
    ],
)
def test_complete_message_after_its_deltas_does_not_repeat_the_text(choices, texts):
    """
    A server may send the complete message after its deltas or beside them: only text
    that has not arrived yet is added to the answer and to the chunk.
    """
    answer, seen = read(*choices)

    assert (texts, "".join(texts)) == (seen, answer.text)
    assert "message" not in answer.choices[0].extra


def test_complete_message_does_not_repeat_thoughts_tool_calls_or_refusal():
    """
    Thoughts, tool calls, the refusal and unknown fields of a complete message are added
    to the answer only if the deltas did not contain them.
    """
    parts = {
        "reasoning_content": "Hm.",
        "refusal": "No.",
        "tool_calls": [CALL],
        "audio": {"transcript": "a"},
    }
    first = {"delta": {"content": "Hi", **parts}}
    again = {**message("Hi", **parts), **STOP}

    expected, _ = read(first, STOP)

    for last in (again, {"delta": {}, **again}, {"delta": {"role": "a"}, **again}):
        answer, _ = read(first, {**last, "delta": last.get("delta")})
        assert expected.message.tool_calls == answer.message.tool_calls
        assert ("Hm.", "Hm.") == (answer.thoughts, answer.message.reasoning)
        assert ("No.", {"audio": {"transcript": "a"}}) == (
            answer.message.refusal,
            answer.message.extra,
        )

    whole, _ = read({"delta": {"role": "assistant", "content": "Hi"}}, again)
    assert expected.message == whole.message
    assert expected.thoughts == whole.thoughts


def test_complete_message_is_compared_only_with_deltas_of_the_same_choice():
    """
    In a stream with two choices, the complete message of each choice is compared only
    with the deltas of the same choice.
    """
    assembler = Assembler(2)
    for choices in (
        [{"index": 0, "delta": {"content": "a"}}],
        [{"index": 1, "delta": {"content": "b"}}],
        [{"index": 0, **message("a")}, {"index": 1, **message("bb"), **STOP}],
    ):
        chunk = decode(ChatCompletionChunk, {"choices": choices})
        assembler.add(assembler.new_part(chunk))

    contents = [choice.message.content for choice in assembler.answer().choices]
    assert ["a", "bb"] == contents


@pytest.mark.parametrize(
    "whole",
    [["a", "b"], ["a"], ["b", "a"], [], None],
    ids=["more", "same", "other-order", "empty", "null"],
)
def test_new_citations_of_a_complete_message_are_added_to_the_answer(whole):
    """
    Citations of a complete message are added to the answer, unless an earlier chunk
    already had them.
    """
    answer, _ = read(
        {"delta": {"content": "Hi", "citations": ["a"]}},
        {**message("Hi", citations=whole), **STOP},
    )

    assert ["a", *({"b"} & {*(whole or ())})] == answer.message.extra["citations"]


def call_named(name, call_id):
    return {**CALL, "id": call_id, "function": {"name": name, "arguments": "{}"}}


@pytest.mark.parametrize(
    ("whole", "names"),
    [
        ([CALL, call_named("g", "d")], ["f", "g"]),
        ([CALL, call_named("f", "d")], ["f", "f"]),
        ([call_named("f", "other")], ["f"]),
        ([call_named("g", "d")], ["f"]),
        ([call_named("g", "d"), CALL], ["f"]),
    ],
    ids=["more", "same-name", "new-id", "other", "other-order"],
)
@pytest.mark.parametrize("index", [{}, {"index": 0}], ids=["no-index", "index"])
def test_new_tool_calls_at_the_end_of_a_complete_message_are_added(index, whole, names):
    """
    If a complete message lists the tool calls of earlier chunks and then new ones, the
    new ones are added to the answer. If an earlier call's id or position differs, no
    tool call is added, since the message may repeat the earlier calls.
    """
    answer, _ = read(
        {"delta": {"tool_calls": [{**CALL, **index}]}},
        {"delta": {}, **message(None, tool_calls=whole), "finish_reason": "tool_calls"},
    )

    assert names == [call.function.name for call in answer.message.tool_calls]
    assert {"{}"} == {call.function.arguments for call in answer.message.tool_calls}


@pytest.mark.parametrize(
    ("received", "whole", "text"),
    [
        (["\n\nHel"], "Hello", "\n\nHello"),
        (["Hello"], "\n\nHello you", "Hello you"),
        (["Hello \n"], "Hello", "Hello \n"),
        (["Hello \n"], "Hello you", "Hello \nyou"),
        (["\n", "\n"], "Hello", "\n\nHello"),
        (["\nHello\n"], "Hello", "\nHello\n"),
        (["Hello"], " Hello ", "Hello "),
        (["Hello"], "Other", "Hello"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"delta": {}}], ids=["alone", "with-delta"])
def test_whitespace_around_a_whole_message_may_differ(received, whole, text, more):
    """
    If a server strips white space from the deltas or from the complete message, no text
    is doubled and none is lost.
    """
    answer, seen = read(*deltas(*received), {**message(whole), **more, **STOP})

    assert (text, text) == (answer.text, "".join(seen))


def part_of(arguments, **more):
    return {**CALL, **more, "function": {"name": "f", "arguments": arguments}}


@pytest.mark.parametrize(
    ("known", "whole"),
    [
        ([part_of('{"x":')], [part_of('{"x":1}')]),
        ([part_of("")], [part_of('{"x":1}')]),
        ([part_of('{"x":1}')], [part_of('{"x":1}')]),
        ([part_of('{"x":', index=0)], [part_of('{"x":1}', index=0)]),
        ([part_of('{"x":', index=0)], [part_of('{"x":1}', id="other")]),
        ([part_of('{"x":', id=None)], [part_of('{"x":1}', id=None)]),
        (
            [part_of('{"x":', index=0), part_of('{"x":1', id="d", index=1)],
            [part_of('{"x":1}'), part_of('{"x":1}', id="d")],
        ),
        ([part_of('{"x":')], [part_of('{"x":1}'), part_of('{"x":1}', id="d")]),
    ],
)
@pytest.mark.parametrize("more", [{}, {"delta": {}}], ids=["alone", "with-delta"])
def test_whole_message_completes_the_arguments_of_tool_calls(known, whole, more):
    """
    If the deltas contain only the beginning of a tool call's arguments, a complete
    message adds the rest of them.
    """
    answer, _ = read(
        {"delta": {"tool_calls": known}},
        {**message(None, tool_calls=whole), **more, "finish_reason": "tool_calls"},
    )

    calls = [call.function for call in answer.message.tool_calls]
    assert [("f", '{"x":1}')] * len(whole) == [(c.name, c.arguments) for c in calls]

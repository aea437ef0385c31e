"""The chunks of a stream are assembled into an answer."""

from __future__ import annotations

import json
import weakref

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

import asi1

from asi1 import (
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChatMessage,
    FunctionCall,
    ToolCall,
    Usage,
)
from asi1._models.chunk_parts import as_chunk, in_parts
from asi1._protocol.converter import decode
from asi1._protocol.fast_chunks import FastChunkReader
from asi1._protocol.stream_answer import Assembler

from ..support.executed_lines import lines_of


def in_one_step(steps):
    """Run a generator to its end, and return the value that it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def chunk(**fields):
    """Decode a chunk with these fields."""
    return decode(ChatCompletionChunk, fields)


def piece(text="", *, index=0, finish=None, **delta):
    """Return a chunk that adds this text to one choice."""
    choice = {"index": index, "delta": {"content": text, **delta}}
    return chunk(choices=[choice | ({"finish_reason": finish} if finish else {})])


def tool_call_chunks(*calls):
    """Return a decoded chunk for each of these fragments of tool calls."""
    return [piece(tool_calls=[call]) for call in calls]


def call_part(index=None, id_=None, name=None, arguments=None, **more):
    """
    Return a fragment of a tool call, as servers send it. Keys whose value is None are
    left out.
    """
    function = {"name": name, "arguments": arguments}
    present = {k: v for k, v in function.items() if v is not None}
    call = {"index": index, "id": id_, "function": present or None, **more}
    return {key: value for key, value in call.items() if value is not None}


def assembled(chunks, expected=1):
    """Return an assembler to which these chunks were added."""
    assembler = Assembler(expected)
    for each in chunks:
        assembler.add(each)
    return assembler


def answer(*chunks):
    """Return the answer that is assembled from these chunks."""
    return assembled(chunks).answer()


def tool_calls_of(*sent):
    """
    Return id, name and arguments of the tool calls that are assembled from these
    fragments.
    """
    message = answer(*tool_call_chunks(*sent)).message
    return [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls]


def test_answer_of_no_chunks_is_empty_and_unfinished():
    """
    Before the first chunk is added, the answer is empty and unfinished.
    """
    assembler = Assembler()

    assert ChatCompletion() == assembler.answer()
    assert ("", 0, False) == (
        assembler.answer().text,
        assembler.chunks,
        assembler.finished,
    )


def test_texts_of_chunks_are_joined_unchanged():
    """
    The texts of the chunks are joined in order with all their white space. An empty
    text adds nothing.
    """
    completion = answer(
        *(piece(text) for text in ("\n\n", "", "Otters ", " ", "swim", "\n"))
    )

    assert "\n\nOtters  swim\n" == completion.text


def test_thoughts_are_joined_separately_from_the_text():
    """
    The ``thought`` of each chunk is joined to the answer's thoughts. The thoughts are
    separate from the answer's text.
    """
    completion = answer(
        chunk(choices=[{"delta": {"content": ""}}], init_thought=True),
        chunk(choices=[{"delta": {"content": ""}}], thought="They "),
        chunk(choices=[{"delta": {"content": "Hi"}}], thought="ask."),
    )

    assert ("They ask.", "Hi") == (completion.thoughts, completion.text)
    assert {"init_thought": True} == completion.extra


def test_reasoning_in_deltas_becomes_the_thoughts_of_the_answer():
    """
    The reasoning in deltas is joined. The result is the ``reasoning`` of the message,
    and the thoughts of the answer.
    """
    completion = answer(piece(reasoning_content="They "), piece(reasoning="ask."))

    assert ("They ask.", "They ask.") == (
        completion.thoughts,
        completion.message.reasoning,
    )


def test_role_and_refusal_of_chunks_are_in_the_answer():
    """
    The message of the answer has the role and the refusal that chunks contain. Without
    a role in the chunks, the role is "assistant".
    """
    completion = answer(piece(role="critic", refusal="I can"), piece(refusal="not."))

    assert ("critic", "I cannot.") == (
        completion.message.role,
        completion.message.refusal,
    )
    assert ("assistant", None) == (
        answer(piece()).message.role,
        answer(piece()).message.refusal,
    )


def test_top_level_fields_of_chunks_are_in_the_answer():
    """
    The answer has the id and model of the first chunk, and the creation time,
    ``executable_data``, conversation id and unknown keys of any chunk that has them.
    """
    completion = answer(
        chunk(
            id="a", model="asi1-mini", executable_data=[], usage=None, tool_thought=[]
        ),
        chunk(id="b", model="other", created=1740600000123, metadata={"v": 1}),
        chunk(created=5, conversation_id="c", executable_data=[{"a": 1}]),
        chunk(executable_data=[], metadata={"v": 2}),
    )

    assert (
        ChatCompletion(
            id="a",
            model="asi1-mini",
            created=1740600000123,
            conversation_id="c",
            executable_data=[{"a": 1}],
            extra={"tool_thought": [], "metadata": {"v": 2}},
        )
        == completion
    )
    assert completion.wire is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            [
                call_part(0, "a", "dive", ""),
                call_part(0, None, None, '{"m"'),
                call_part(0, None, None, ":3}"),
            ],
            [("a", "dive", '{"m":3}')],
            id="one-call",
        ),
        pytest.param(
            [
                call_part(0, "a", "dive", "{"),
                call_part(1, "b", "swim", "["),
                call_part(0, None, None, "}"),
                call_part(1, None, None, "]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="interleaved",
        ),
        pytest.param(
            [
                call_part(1, "b", "swim", "[]"),
                call_part(0, "a", "dive", "{}"),
            ],
            [("b", "swim", "[]"), ("a", "dive", "{}")],
            id="order-of-first-parts",
        ),
        pytest.param(
            [
                call_part(None, "a", "dive", "{"),
                call_part(None, None, None, "}"),
                call_part(None, "b", "swim", "["),
                call_part(None, None, None, "]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="without-index",
        ),
        pytest.param(
            [
                call_part(None, "a", "dive", "{"),
                call_part(None, "b", "swim", "["),
                call_part(None, "a", None, "}"),
                call_part(None, "b", None, "]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="by-id",
        ),
        pytest.param(
            [call_part(0, "a", "dive", "{"), call_part(0, "a", None, "}")],
            [("a", "dive", "{}")],
            id="id-repeated",
        ),
        pytest.param(
            [
                call_part(0, "a", "dive", "{"),
                call_part(None, None, None, "}"),
            ],
            [("a", "dive", "{}")],
            id="index-in-the-first-part-only",
        ),
        pytest.param(
            [call_part(None, "a", "dive", "{"), call_part(0, "a", None, "}")],
            [("a", "dive", "{}")],
            id="index-in-the-second-part-only",
        ),
        pytest.param(
            [call_part(0, None, "dive", "{"), call_part(0, "a", None, "}")],
            [("a", "dive", "{}")],
            id="id-in-the-second-part-only",
        ),
        pytest.param(
            [call_part(None, None, "dive")], [("", "dive", "")], id="name-alone"
        ),
        pytest.param(
            [
                call_part(0, "a", "dive", "{}"),
                call_part(0, "b", "swim", "[]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="two-ids-with-one-index",
        ),
        pytest.param(
            [call_part(0, "a", "dive", "{"), call_part(0, "a", "dive", "}")],
            [("a", "dive", "{}")],
            id="name-repeated",
        ),
    ],
)
def test_fragments_of_tool_calls_are_joined_by_index_id_or_order(sent, expected):
    """
    Fragments of a tool call are joined by their index, or by their id if they have no
    index. A fragment with neither belongs to the tool call before it.
    """
    assert expected == tool_calls_of(*sent)


@pytest.mark.parametrize("count", [256, 257, 300, 600])
def test_tool_calls_without_index_and_id_are_told_apart_by_their_position(count):
    """
    A large chunk is added to the answer in parts. Its tool calls without index and id
    are still told apart by their position in the chunk's list.
    """
    expected = [(f"f{n}", f'{{"n":{n}}}') for n in range(count)]
    names = [{"function": {"name": name}} for name, _ in expected]
    arguments = [{"function": {"arguments": text}} for _, text in expected]
    chunks = [piece(tool_calls=calls) for calls in (names, arguments)]

    message = answer(*(part for each in chunks for part in in_parts(each))).message

    assert expected == [
        (call.function.name, call.function.arguments) for call in message.tool_calls
    ]


def test_tool_call_has_the_last_type_and_all_unknown_keys():
    """
    A tool call has the type of its last fragment, or "function" if this fragment has no
    type. The call has the unknown keys of all its fragments.
    """
    completion = answer(
        *tool_call_chunks(
            call_part(0, "a", "dive", "", type="custom", result={"ok": 1}),
            call_part(0, None, None, "{}", status="done"),
            call_part(1, "b", "swim", "{}"),
        )
    )

    assert (
        ToolCall(
            id="a",
            type="function",
            function=FunctionCall(name="dive", arguments="{}"),
            extra={"result": {"ok": 1}, "status": "done"},
        ),
        ToolCall(id="b", function=FunctionCall(name="swim", arguments="{}")),
    ) == completion.message.tool_calls


def test_tool_call_has_the_type_of_its_last_fragment():
    """
    A tool call has the type of its last fragment, even if its first fragment has no
    type.
    """
    parts = call_part(0, "a", "dive", "{}"), call_part(0, type="custom")

    (call,) = answer(*tool_call_chunks(*parts)).message.tool_calls

    assert "custom" == call.type


def test_choices_are_sorted_by_index():
    """
    The choices of an answer are sorted by index, even if choice 1 comes first in the
    stream.
    """
    completion = answer(
        piece("b1 ", index=1),
        piece("a1 ", index=0),
        piece("b2", index=1, finish="length"),
        piece("a2", index=0, finish="stop"),
    )

    assert ["a1 a2", "b1 b2"] == [
        choice.message.content for choice in completion.choices
    ]
    assert ["stop", "length"] == [choice.finish_reason for choice in completion.choices]
    assert ("a1 a2", "stop") == (completion.text, completion.finish_reason)


@pytest.mark.parametrize("reason", ["length", "MAX_TOKENS"])
def test_finish_reason_of_a_truncated_answer_is_used_even_if_it_comes_late(reason):
    """
    If a later finish reason says that the answer is cut off, this reason is used, so
    that the answer does not count as complete.
    """
    completion = answer(
        piece("Hi"),
        piece(finish="tool_calls"),
        piece(finish=reason),
        piece(finish="stop"),
    )

    assert reason == completion.finish_reason


def test_first_finish_reason_of_a_choice_is_used():
    """
    A choice's first finish reason is used, and later ones are ignored.
    """
    completion = answer(
        piece("Hi"),
        piece(finish="tool_calls"),
        chunk(choices=[{"finish_reason": "stop", "stop_reason": 0}]),
        chunk(choices=[{"finish_reason": "stop", "stop_reason": "eos", "logprobs": 1}]),
    )

    assert ("tool_calls", 0) == (
        completion.finish_reason,
        completion.choices[0].stop_reason,
    )
    assert {"logprobs": 1} == completion.choices[0].extra


@pytest.mark.parametrize(
    "last",
    [
        pytest.param({"choices": []}, id="without-choices"),
        pytest.param({"choices": None}, id="choices-null"),
        pytest.param({"choices": [{"delta": {"content": ""}}]}, id="empty-delta"),
        pytest.param(
            {"choices": [{"finish_reason": "stop"}]}, id="finish-reason-again"
        ),
    ],
)
def test_token_usage_after_the_finish_reason_is_read(last):
    """
    Token usage is read even if the server sends it after the finish reason. If the
    server sends usage several times, the last usage is used.
    """
    assembler = assembled(
        [
            chunk(usage={"total_tokens": 1}),
            piece("Hi", finish="stop"),
            chunk(usage={"total_tokens": 7}, **last),
            chunk(usage=None),
        ]
    )

    assert Usage(total_tokens=7) == assembler.answer().usage
    assert assembler.finished
    assert 4 == assembler.chunks


@pytest.mark.parametrize(
    ("expected", "chunks", "finished"),
    [
        pytest.param(1, [], False, id="no-chunks"),
        pytest.param(1, [piece("Hi")], False, id="unfinished"),
        pytest.param(1, [piece("Hi", finish="stop")], True, id="finished"),
        pytest.param(1, [piece(finish="length")], True, id="empty-but-finished"),
        pytest.param(1, [piece("Hi"), piece(finish="stop")], True, id="finished-later"),
        pytest.param(
            1,
            [piece(finish="stop"), piece("b", index=1)],
            False,
            id="unexpected-second-choice",
        ),
        pytest.param(2, [piece(finish="stop")], False, id="second-choice-missing"),
        pytest.param(
            2,
            [piece(finish="stop"), piece("b", index=1)],
            False,
            id="second-choice-unfinished",
        ),
        pytest.param(
            2,
            [piece(index=1, finish="stop"), piece(finish="stop")],
            True,
            id="both-choices-finished",
        ),
        pytest.param(1, [chunk(thought="Hm")], False, id="thought-alone"),
        pytest.param(1, [chunk(usage={"total_tokens": 1})], False, id="usage-alone"),
    ],
)
def test_answer_is_finished_when_every_choice_has_a_finish_reason(
    expected, chunks, finished
):
    """
    An answer is finished when every choice that the caller requested, or the server
    sent, has a finish reason.
    """
    assert finished == assembled(chunks, expected).finished


def test_answer_is_empty_until_a_choice_arrives():
    """
    An answer counts as empty until a chunk with a choice arrives.
    """
    assembler = Assembler()
    empty = [assembler.empty]
    for each in (chunk(id="a", thought="Hm"), piece()):
        assembler.add(each)
        empty.append(assembler.empty)

    assert [True, True, False] == empty


def test_answer_read_mid_stream_is_not_changed_by_later_chunks():
    """
    A caller may read the answer so far in the middle of a stream. Later chunks do not
    change this answer, and reading it does not change later answers.
    """
    stream = [
        chunk(thought="Hm", metadata=1),
        piece("Hi", tool_calls=[call_part(0, "a", "dive", "{", result=1)]),
        piece(
            " you",
            tool_calls=[call_part(0, None, None, "}", result=2)],
            finish="stop",
        ),
        chunk(usage={"total_tokens": 7}, metadata=2),
    ]
    assembler = Assembler()
    taken, shown = [], []

    for each in stream:
        assembler.add(each)
        taken.append(assembler.answer())
        shown.append(repr(taken[-1]))

    assert shown == [repr(snapshot) for snapshot in taken]
    assert ["", "Hi", "Hi you", "Hi you"] == [snapshot.text for snapshot in taken]
    assert answer(*stream) == taken[-1] == assembler.answer()


WHOLE = {
    "id": "a",
    "model": "asi1",
    "created": 1768500000,
    "object": "chat.completion",
    "thought": "Hm.",
    "conversation_id": "c",
    "executable_data": [{"a": 1}],
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "reasoning_content": "Hm.",
                "refusal": "but",
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "dive", "arguments": "{}"},
                        "result": {},
                    },
                    {
                        "id": "b",
                        "type": "function",
                        "function": {"name": "swim", "arguments": "[]"},
                    },
                ],
            },
            "finish_reason": "tool_calls",
            "stop_reason": "eos",
            "matched_stop": 7,
        },
        {
            "index": 1,
            "message": {"role": "assistant", "content": ""},
            "finish_reason": "stop",
        },
    ],
    "usage": {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7},
    "metadata": {"v": 1},
}


def test_complete_answer_converted_to_one_chunk_gives_the_same_answer():
    """
    A server may send a complete answer in place of a stream. The complete answer is
    converted to one chunk, from which the same answer is assembled.
    """
    whole = decode(ChatCompletion, WHOLE)

    single = in_one_step(as_chunk(whole))

    assert ("Hi", "Hm.", "tool_calls") == (
        single.text,
        single.thought,
        single.finish_reason,
    )
    assert WHOLE == single.to_dict()
    assert whole == answer(single)
    assert assembled([single], 2).finished


def test_assembled_answer_equals_the_answer_decoded_from_its_dict():
    """
    If an assembled answer is converted to a dict and the dict is decoded, the result
    equals the answer.
    """
    completion = answer(in_one_step(as_chunk(decode(ChatCompletion, WHOLE))))

    assert completion == decode(ChatCompletion, completion.to_dict())
    assert WHOLE == completion.to_dict()


@pytest.mark.parametrize(
    ("delta", "read"),
    [
        pytest.param({"annotations": [1]}, lambda message: message.extra, id="message"),
        pytest.param(
            {"tool_calls": [{"function": {"name": "f", "annotations": [1]}}]},
            lambda message: message.tool_calls[0].function.extra,
            id="function",
        ),
    ],
)
def test_unknown_keys_of_messages_and_functions_are_in_extra(delta, read):
    """
    An unknown key of a message or function is in ``extra``, with streaming and without.
    """
    assert {"annotations": [1]} == read(answer(piece(**delta)).message)
    assert {"annotations": [1]} == read(
        decode(ChatCompletion, {"choices": [{"message": delta}]}).message
    )


def cut(draw, text):
    """Cut *text* at random positions; return the pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.system
@settings(deadline=None)
@given(
    text=st.text(st.characters()),
    thoughts=st.text(),
    arguments=st.text(st.characters(exclude_characters="{")),
    data=st.data(),
)
def test_answer_is_the_same_however_its_texts_are_cut_into_chunks(
    text, thoughts, arguments, data
):
    """
    The text, thoughts and tool call arguments of an answer may come in one chunk each,
    or cut anywhere into several chunks. The answer is the same.
    """
    whole = [
        chunk(thought=thoughts),
        piece(text),
        *tool_call_chunks(call_part(0, "a", "dive", arguments)),
        piece(finish="stop"),
    ]
    pieces = [
        *(chunk(thought=each) for each in cut(data.draw, thoughts)),
        *(piece(each) for each in cut(data.draw, text)),
        *tool_call_chunks(
            call_part(0, "a", "dive"),
            *(call_part(0, arguments=each) for each in cut(data.draw, arguments)),
        ),
        piece(finish="stop"),
    ]

    assert answer(*whole) == answer(*pieces)
    assert (text, thoughts) == (answer(*pieces).text, answer(*pieces).thoughts)


@settings(deadline=None)
@given(order=st.permutations([0, 0, 0, 1, 1, 1, 2, 2]))
def test_answer_is_the_same_however_the_chunks_of_choices_interleave(order):
    """
    The answer is the same however the chunks of its choices are interleaved.
    """
    counts = {}
    stream = []
    for index in order:
        counts[index] = counts.get(index, 0) + 1
        stream.append(piece(f"{index}.{counts[index]} ", index=index))

    assert ChatCompletion(
        choices=tuple(
            ChatChoice(index=index, message=ChatMessage(content=text))
            for index, text in enumerate(("0.1 0.2 0.3 ", "1.1 1.2 1.3 ", "2.1 2.2 "))
        )
    ) == answer(*stream)


def test_answer_with_one_finished_choice_is_finished_by_default():
    """
    An answer is finished when its first choice is finished, unless the caller requested
    more choices.
    """
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunk = decode(asi1.ChatCompletionChunk, {"choices": [choice]})
    one, two = Assembler(), Assembler(2)
    one.add(chunk)
    two.add(chunk)

    assert (True, False) == (one.finished, two.finished)


def test_unknown_key_of_a_complete_answer_is_in_the_chunk_made_from_it():
    """
    A complete answer may be converted to one chunk. An unknown key of its message is
    then in ``extra`` of the delta.
    """
    message = {"role": "assistant", "content": "a", "mood": "wet"}
    whole = decode(asi1.ChatCompletion, {"choices": [{"index": 0, "message": message}]})

    assert {"mood": "wet"} == in_one_step(as_chunk(whole)).choices[0].delta.extra


def test_tool_call_with_an_empty_type_has_the_type_function():
    """
    If the type of a tool call is an empty string, the type becomes "function".
    """
    delta = {"tool_calls": [{"index": 0, "id": "a", "type": ""}]}
    assembler = Assembler()
    chunk = {"choices": [{"index": 0, "delta": delta}]}
    assembler.add(decode(asi1.ChatCompletionChunk, chunk))

    (choice,) = assembler.answer().choices

    assert "function" == choice.message.tool_calls[0].type


FIRST = {
    "id": "a",
    "created": 1,
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "Hi",
                "mood": "sad",
                "quote": {"source": "a"},
                "parts": [{"index": 0, "id": "p"}],
            },
        }
    ],
    "usage": {"total_tokens": 3},
    "metadata": {"v": 1},
}


@pytest.mark.parametrize(
    ("fields", "carries"),
    [
        ({}, False),
        ({"type": "ping"}, False),
        ({"type": "ping", "data": {"at": 2}}, False),
        ({"status": "Keep-Alive", "data": {"at": 2}}, False),
        ({"id": "b", "object": "ping", "created": 2}, False),
        ({"type": "server.heartbeat", "data": {"at": 2}}, False),
        ({"object": "ping", "data": {"at": 2}}, False),
        ({"ping": {"at": 2}}, False),
        ({"type": "ping", "choices": [{"delta": {}, "ts": 2}]}, False),
        ({"type": "ping", "choices": [{"delta": {}, "data": {"at": 2}}]}, False),
        ({"type": "ping", "choices": [{"delta": {"data": {"at": 2}}}]}, False),
        ({"choices": [{"delta": {}, "ts": 2}]}, False),
        ({"choices": [{"delta": {"content": ""}, "ts": 2}]}, False),
        ({"choices": [{"delta": {}, "time": "12:00:02"}]}, False),
        ({"choices": [{"delta": {"ts": 2}}]}, False),
        ({"choices": [{"delta": {"time": {"at": 2}}}]}, False),
        ({"choices": [{"delta": {"mood": "glad"}}]}, False),
        ({"choices": [{"delta": {"type": "ping"}}]}, False),
        ({"choices": [{"delta": {"quote": {"source": "a"}}}]}, False),
        ({"choices": [{"delta": {"parts": [{"index": 0, "id": "p"}]}}]}, False),
        ({"at": 2}, False),
        ({"id": "b", "choices": []}, False),
        ({"choices": [{"delta": {}}]}, False),
        ({"choices": [{"delta": {"content": ""}}]}, False),
        ({"choices": [{"delta": {"role": "assistant", "content": None}}]}, False),
        ({"choices": [{"delta": {"tool_calls": []}, "logprobs": None}]}, False),
        ({"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}, False),
        ({"choices": [{"delta": {"content": ""}, "finish_reason": ""}]}, False),
        ({"choices": [{"index": 1, "delta": {"content": ""}}]}, False),
        ({"thought": "", "usage": None, "executable_data": []}, False),
        ({"usage": {}}, False),
        ({"usage": {"total_tokens": 0}}, False),
        ({"usage": {"total_tokens": 3}}, False),
        ({"metadata": {"v": 1}}, False),
        ({"metadata": {}}, False),
        ({"choices": [{"delta": {"content": " "}}]}, True),
        ({"choices": [{"index": 1, "delta": {"content": "x"}}]}, True),
        ({"choices": [{"delta": {"reasoning_content": "x"}}]}, True),
        ({"choices": [{"delta": {"refusal": "x"}}]}, True),
        ({"choices": [{"delta": {"tool_calls": [{"id": "c"}]}}]}, True),
        (
            {"choices": [{"delta": {"tool_calls": [{"function": {"name": "f"}}]}}]},
            True,
        ),
        ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, True),
        ({"choices": [{"delta": {}, "stop_reason": 0}]}, True),
        ({"choices": [{"delta": {}, "logprobs": {"content": [1]}}]}, True),
        ({"choices": [{"delta": {"manner": "calm"}}]}, True),
        ({"choices": [{"delta": {"quote": {"page": "b"}}}]}, True),
        ({"choices": [{"delta": {"parts": [{"index": 0, "text": "a"}]}}]}, True),
        ({"choices": [{"delta": {"parts": [{"index": 1}]}}]}, True),
        ({"choices": [{"delta": {"mode": "b"}, "index": 1}]}, True),
        ({"type": "ping", "choices": [{"delta": {"content": "x"}}]}, True),
        ({"type": "ping", "choices": [{"delta": {}, "finish_reason": "stop"}]}, True),
        ({"thought": "x"}, True),
        ({"usage": {"total_tokens": 4}}, True),
        ({"executable_data": [1]}, True),
        ({"metadata": {"v": 2}}, False),
        ({"id": "a", "metadata": {"v": 2}}, True),
        ({"plan_state": {"tasks": []}}, True),
    ],
)
def test_chunk_with_new_text_thoughts_or_counts_carries_a_part_of_the_answer(
    fields, carries
):
    """
    A chunk carries a part of the answer if it adds text, thoughts, tool calls, token
    counts or unknown keys. Ids, roles, times and repeated values add nothing.
    """
    read = FastChunkReader().read(json.dumps(fields).encode())
    for each in filter(None, (read, chunk(**fields))):
        assembler = assembled([chunk(**FIRST)])

        assert carries == assembler.add(each)


CALL = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"x": 1}'}}


@pytest.mark.parametrize(
    ("part", "carries"),
    [
        (CALL, False),
        ({"index": 0, "id": "c1"}, False),
        ({"index": 0, "id": "c2"}, False),
        ({"id": "c1"}, False),
        ({"index": 0, "type": "function", "function": {"name": "f"}}, False),
        ({"index": 0, "function": {"arguments": "{}"}}, False),
        ({"index": 0, "function": {"arguments": '{"x": 1}'}}, False),
        ({"index": 0, "ts": 2}, False),
        ({"index": 0, "signature": "s"}, False),
        ({"index": 0, "signature": "other"}, False),
        ({"index": 0, "result": "r"}, True),
        ({"index": 0, "function": {"note": "n"}}, True),
        ({"index": 0, "function": {"arguments": '{"y": 1}'}}, True),
        ({**CALL, "id": "c2"}, True),
        ({"index": 1, "id": "c2"}, True),
        ({"index": 0, "function": {"name": "g"}}, True),
    ],
)
def test_repeated_tool_call_does_not_carry_a_part_of_the_answer(part, carries):
    """
    A chunk carries a part of the answer if it begins or continues a tool call. A chunk
    that only repeats a tool call does not, since a server may repeat it without end.
    """
    first = {**CALL, "signature": "s"}
    assembler = assembled(tool_call_chunks(first))

    added = [assembler.add(each) for each in tool_call_chunks(part, part)]

    assert [carries, False] == added


def test_repeated_finish_reason_or_token_count_adds_nothing_to_the_answer():
    """
    A chunk that only repeats a finish reason, a token count or an unknown key does not
    carry a part of the answer.
    """
    last = {
        "choices": [{"delta": {"mood": "calm"}, "finish_reason": "stop"}],
        "usage": {"total_tokens": 3},
        "metadata": {"v": 1},
    }
    assembler = Assembler()

    assert [True, False, False] == [assembler.add(chunk(**last)) for _ in range(3)]


def said(text="", *, choice=(), **more):
    """Return the fields of a chunk that the fast path can read."""
    choices = [{"index": 0, "delta": {"content": text}, **dict(choice)}]
    return {"id": "a", "choices": choices, **more}


@pytest.mark.parametrize(
    ("events", "carries"),
    [
        pytest.param([said("a"), said("b"), said(), said("c")], "yyny", id="text"),
        pytest.param(
            [said("a"), said(thought="b"), said(thought=""), said(thought="c")],
            "yyny",
            id="thoughts",
        ),
        pytest.param([said("a"), said("b", thought="c")], "yy", id="both"),
        pytest.param(
            [said("a"), said("b", created=5), said(created=7)], "yyn", id="created"
        ),
        pytest.param([said("a"), said(at=1), said(at=2)], "ynn", id="top"),
        pytest.param(
            [said("a"), *(said(choice={"logprobs": n}) for n in (1, 1, 2))],
            "ynnn",
            id="choice",
        ),
        pytest.param(
            [said("a", at=1), said("b", at=1), said(at=[2]), said("c", at=1)],
            "yyyy",
            id="between",
        ),
        pytest.param(
            [said("a", choice={"delta": {"role": "critic"}}), said("b"), said("c")],
            "nyy",
            id="role",
        ),
        pytest.param(
            [
                said("a", choice={"delta": {"role": "critic"}}),
                said(choice={"delta": {"content": "b", "role": "assistant"}}),
            ],
            "ny",
            id="role-changes",
        ),
        pytest.param(
            [said("a", choice={"index": 1}), said("b"), said("c")],
            "yyy",
            id="second-choice-first",
        ),
    ],
)
def test_chunks_of_the_fast_path_and_the_converter_give_the_same_answer(
    events, carries
):
    """
    A chunk of the fast path, and the converter's chunk for the same event, add the same
    to the answer.
    """
    reader, quick, slow = FastChunkReader(), Assembler(), Assembler()
    chunks = [reader.read(json.dumps(e).encode()) or chunk(**e) for e in events]

    decoded = [(slow.add(chunk(**e)), slow.answer()) for e in events]
    read = [(quick.add(each), quick.answer()) for each in chunks]

    assert decoded == read
    assert [letter == "y" for letter in carries] == [carried for carried, _ in read]
    assert chunks[-1]._pending is not None
    assert len(events) == quick.chunks


def test_first_usage_with_counts_of_zero_adds_nothing_to_the_answer():
    """
    A chunk whose token counts are zero does not carry a part of the answer, even if it
    is the first chunk with usage.
    """
    assert not Assembler().add(chunk(usage={}))


def numbered(kind, size):
    """
    Return chunks with *size* new choices or tool calls, either one in each chunk or all
    in one chunk.
    """
    calls = [{"index": n, "id": f"c{n}", "function": {}} for n in range(size)]
    if kind == "choices":
        return [piece("x", index=n, finish="stop") for n in range(size)]
    if kind == "same index":
        return [piece(tool_calls=[call | {"index": 0}]) for call in calls]
    if kind == "no index":
        return [piece(tool_calls=[{**call, "index": None}]) for call in calls]
    if kind == "one chunk":
        return [piece(tool_calls=calls)]
    return [piece(tool_calls=[call]) for call in calls]


@pytest.mark.system
@pytest.mark.parametrize(
    "kind", ["choices", "same index", "no index", "one chunk", "tool calls"]
)
def test_work_to_add_a_chunk_does_not_grow_with_the_answer(kind):
    """
    Assembling the third thousand of choices or tool calls runs about as many lines of
    Python as the second thousand. No chunk makes the assembler search all earlier ones.
    """
    one, two, three = (
        lines_of(assembled, numbered(kind, size)) for size in (1000, 2000, 3000)
    )

    assert three - two <= 1.1 * (two - one)


def test_adding_a_chunk_of_the_fast_path_runs_half_as_many_lines():
    """
    Adding a chunk of the fast path runs fewer than half as many lines of Python as
    adding the converter's chunk. If only the text of the chunk is new, even fewer lines
    run.
    """
    reader, assembler = FastChunkReader(), Assembler()
    chunks = [reader.read(json.dumps(said(text)).encode()) for text in "abc"]
    _, new, again = (lines_of(assembler.add, each) for each in chunks)
    whole = lines_of(assembler.add, chunk(**said("d")))

    assert again < new < whole / 2


@pytest.mark.system
@pytest.mark.parametrize("kind", ["choices", "tool calls"])
def test_reading_a_larger_answer_runs_hardly_more_lines_of_python(kind):
    """
    Reading an answer builds only the choices and tool calls that changed recently. So
    reading an answer runs about as many lines of Python as reading an answer of half
    the size.
    """
    small, large = (
        lines_of(assembled(numbered(kind, size)).answer) for size in (1500, 3000)
    )

    assert large <= 1.1 * small


def test_model_of_a_tool_call_is_built_when_the_answer_is_first_read():
    """
    The model of a tool call is built when the answer is read. If the answer is read
    again, the model is not built again.
    """
    parts = call_part(0, "a", "f", "{"), call_part(0, arguments="}")
    assembler = assembled(tool_call_chunks(*parts))
    first, again = lines_of(assembler.answer), lines_of(assembler.answer)

    assert again < first


@pytest.mark.system
@pytest.mark.parametrize("kind", ["choices", "tool calls"])
def test_answer_read_during_a_stream_does_not_change(kind):
    """
    An answer that a caller reads during a stream does not change later. Reading it does
    not change the final answer.
    """
    chunks = [*numbered(kind, 1200), piece("end", tool_calls=[call_part(0, "c0")])]
    assembler = assembled(chunks[:600])
    early = assembler.answer()
    for each in chunks[600:]:
        assembler.add(each)

    assert answer(*chunks[:600]) == early
    assert answer(*chunks) == assembler.answer()


@pytest.mark.parametrize(
    ("index", "reason", "cut"),
    [(0, "length", True), (0, "stop", False), (0, None, False), (1, "length", False)],
)
def test_answer_is_cut_by_length_if_choice_0_has_finish_reason_length(
    index, reason, cut
):
    """
    An answer was cut by its maximum length if choice 0 has the finish reason "length".
    Other choices do not matter.
    """
    assembler = Assembler()
    assembler.add(piece("Otters", index=index, finish=reason))

    assert cut is assembler.cut_by_length


@pytest.mark.parametrize(
    ("members", "carries"),
    [
        ({"time": {"a": 2}}, False),
        ({"ts": 2}, False),
        ({"ts": [2], "created": 2}, False),
        ({"time": {"a": 2}, "choices": []}, False),
        ({"time": {"a": 2}, "id": None, "usage": None}, False),
        ({"id": "c", "plan_state": {"a": 2}}, True),
        ({"model": "m", "intermediate_steps": ["a"]}, True),
        ({"object": "chat.completion.chunk", "plan_state": {"a": 2}}, True),
        ({"conversation_id": "c", "plan_state": {"a": 2}}, True),
        ({"executable_data": [{"a": 2}]}, True),
        ({"choices": [{"delta": {}}], "plan_state": {"a": 2}}, True),
    ],
)
def test_chunk_with_only_unknown_keys_is_not_a_part_of_the_answer(members, carries):
    """
    A chunk that has only unknown keys, such as a heartbeat with the time, is not a part
    of the answer, even if the values change. A chunk that also has an id or another
    known key is a part.
    """
    assembler = Assembler()
    assembler.add(decode(ChatCompletionChunk, {"choices": [{"delta": {}}]}))
    assembler.add(decode(ChatCompletionChunk, {"time": {"a": 1}, "ts": 1}))

    assert carries is assembler.add(decode(ChatCompletionChunk, members))


def test_assembler_keeps_the_first_chunks_names_but_no_chunk():
    """
    An answer has the id and the model of the first chunk that it was assembled from,
    but no chunk is kept in memory: it would take a kilobyte, in each open stream.
    """
    assembler = Assembler()
    first = chunk(id="id_1", model="asi1", choices=[{"delta": {"content": "Hi"}}])
    freed = []
    weakref.finalize(first, freed.append, True)

    assembler.add(first)
    assembler.add(chunk(id="id_2", model="other", choices=[]))
    del first

    assert [True] == freed
    answer = assembler.answer()
    assert ("id_1", "asi1", "asi1") == (answer.id, answer.model, assembler.model)

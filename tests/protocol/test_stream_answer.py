"""Chunks into the answer that they make."""

from __future__ import annotations

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
from asi1._protocol.converter import decode
from asi1._protocol.stream_answer import Assembler, as_chunk


def chunk(**fields):
    """Decode a chunk of these fields."""
    return decode(ChatCompletionChunk, fields)


def piece(text="", *, index=0, finish=None, **delta):
    """Decode a chunk with a piece of text for one choice."""
    choice = {"index": index, "delta": {"content": text, **delta}}
    return chunk(choices=[choice | ({"finish_reason": finish} if finish else {})])


def parts(*calls):
    """Decode chunks with one part of a tool call each."""
    return [piece(tool_calls=[call]) for call in calls]


def part(index=None, id_=None, name=None, arguments=None, **more):
    """Return a part of a tool call as servers send it, what is None left out."""
    function = {"name": name, "arguments": arguments}
    told = {k: v for k, v in function.items() if v is not None}
    call = {"index": index, "id": id_, "function": told or None, **more}
    return {key: value for key, value in call.items() if value is not None}


def assembled(chunks, expected=1):
    """Return the assembler after these chunks."""
    assembler = Assembler(expected)
    for each in chunks:
        assembler.add(each)
    return assembler


def answer(*chunks):
    """Return the answer that these chunks make."""
    return assembled(chunks).answer()


def calls(*sent):
    """Return id, name and arguments of the tool calls that these parts make."""
    message = answer(*parts(*sent)).message
    return [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls]


def test_nothing_makes_an_empty_answer():
    """
    Without a chunk there is an answer all the same, an empty one.
    """
    assembler = Assembler()

    assert ChatCompletion() == assembler.answer()
    assert ("", 0, False) == (
        assembler.answer().text,
        assembler.chunks,
        assembler.finished,
    )


def test_pieces_of_text_are_joined_as_they_come():
    """
    Text is joined in its order, with every blank and line end; empty pieces add
    nothing.
    """
    said = answer(*(piece(text) for text in ("\n\n", "", "Otters ", " ", "swim", "\n")))

    assert "\n\nOtters  swim\n" == said.text


def test_thoughts_are_joined_apart_from_the_text():
    """
    Thoughts at the top level are one text beside the answer's.
    """
    said = answer(
        chunk(choices=[{"delta": {"content": ""}}], init_thought=True),
        chunk(choices=[{"delta": {"content": ""}}], thought="They "),
        chunk(choices=[{"delta": {"content": "Hi"}}], thought="ask."),
    )

    assert ("They ask.", "Hi") == (said.thoughts, said.text)
    assert {"init_thought": True} == said.extra


def test_reasoning_is_joined_and_is_the_thoughts_too():
    """
    Thoughts inside the deltas are the message's reasoning, and the answer's thoughts.
    """
    said = answer(piece(reasoning_content="They "), piece(reasoning="ask."))

    assert ("They ask.", "They ask.") == (said.thoughts, said.message.reasoning)


def test_the_rest_of_a_message_is_kept():
    """
    Role and refusal are those of the chunks; without a role it is the assistant's.
    """
    said = answer(piece(role="critic", refusal="I can"), piece(refusal="not."))

    assert ("critic", "I cannot.") == (said.message.role, said.message.refusal)
    assert ("assistant", None) == (
        answer(piece()).message.role,
        answer(piece()).message.refusal,
    )


def test_the_top_level_is_put_together():
    """
    Name and model are the first chunk's; creation, data, conversation and unknown keys
    are kept wherever they stand.
    """
    said = answer(
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
        == said
    )
    assert said.wire is None


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            [
                part(0, "a", "dive", ""),
                part(0, None, None, '{"m"'),
                part(0, None, None, ":3}"),
            ],
            [("a", "dive", '{"m":3}')],
            id="one",
        ),
        pytest.param(
            [
                part(0, "a", "dive", "{"),
                part(1, "b", "swim", "["),
                part(0, None, None, "}"),
                part(1, None, None, "]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="interleaved",
        ),
        pytest.param(
            [part(1, "b", "swim", "[]"), part(0, "a", "dive", "{}")],
            [("b", "swim", "[]"), ("a", "dive", "{}")],
            id="in-the-order-of-coming",
        ),
        pytest.param(
            [
                part(None, "a", "dive", "{"),
                part(None, None, None, "}"),
                part(None, "b", "swim", "["),
                part(None, None, None, "]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="without-index",
        ),
        pytest.param(
            [
                part(None, "a", "dive", "{"),
                part(None, "b", "swim", "["),
                part(None, "a", None, "}"),
                part(None, "b", None, "]"),
            ],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="by-id",
        ),
        pytest.param(
            [part(0, "a", "dive", "{"), part(0, "a", None, "}")],
            [("a", "dive", "{}")],
            id="id-repeated",
        ),
        pytest.param(
            [part(0, "a", "dive", "{"), part(None, None, None, "}")],
            [("a", "dive", "{}")],
            id="index-once",
        ),
        pytest.param(
            [part(None, "a", "dive", "{"), part(0, "a", None, "}")],
            [("a", "dive", "{}")],
            id="index-late",
        ),
        pytest.param(
            [part(0, None, "dive", "{"), part(0, "a", None, "}")],
            [("a", "dive", "{}")],
            id="id-late",
        ),
        pytest.param([part(None, None, "dive")], [("", "dive", "")], id="name-alone"),
        pytest.param(
            [part(0, "a", "dive", "{}"), part(0, "b", "swim", "[]")],
            [("a", "dive", "{}"), ("b", "swim", "[]")],
            id="two-calls-of-one-index",
        ),
        pytest.param(
            [part(0, "a", "dive", "{"), part(0, "a", "dive", "}")],
            [("a", "dive", "{}")],
            id="name-repeated",
        ),
    ],
)
def test_parts_of_tool_calls_find_each_other(sent, expected):
    """
    Parts of tool calls belong together by index, without one by id, and without either
    to the call before.
    """
    assert expected == calls(*sent)


def test_a_tool_call_keeps_its_type_and_unknown_keys():
    """
    The type is the server's, a function's by default; unknown keys of all parts are
    kept.
    """
    said = answer(
        *parts(
            part(0, "a", "dive", "", type="custom", result={"ok": 1}),
            part(0, None, None, "{}", status="done"),
            part(1, "b", "swim", "{}"),
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
    ) == said.message.tool_calls


def test_choices_are_sorted_whatever_came_first():
    """
    A stream of two answers may begin with the second; they stand in their order.
    """
    said = answer(
        piece("b1 ", index=1),
        piece("a1 ", index=0),
        piece("b2", index=1, finish="length"),
        piece("a2", index=0, finish="stop"),
    )

    assert ["a1 a2", "b1 b2"] == [choice.message.content for choice in said.choices]
    assert ["stop", "length"] == [choice.finish_reason for choice in said.choices]
    assert ("a1 a2", "stop") == (said.text, said.finish_reason)


def test_the_finish_reason_is_said_once():
    """
    Of finish reasons the first counts, so that a repetition changes nothing.
    """
    said = answer(
        piece("Hi"),
        piece(finish="tool_calls"),
        chunk(choices=[{"finish_reason": "stop", "stop_reason": 0}]),
        chunk(choices=[{"finish_reason": "stop", "stop_reason": "eos", "logprobs": 1}]),
    )

    assert ("tool_calls", 0) == (said.finish_reason, said.choices[0].stop_reason)
    assert {"logprobs": 1} == said.choices[0].extra


@pytest.mark.parametrize(
    "last",
    [
        pytest.param({"choices": []}, id="without-choices"),
        pytest.param({"choices": None}, id="choices-null"),
        pytest.param({"choices": [{"delta": {"content": ""}}]}, id="empty-delta"),
        pytest.param({"choices": [{"finish_reason": "stop"}]}, id="reason-again"),
    ],
)
def test_usage_may_come_last(last):
    """
    Usage is read after the finish reason too, and the last that came counts.
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
        pytest.param(1, [], False, id="nothing"),
        pytest.param(1, [piece("Hi")], False, id="open"),
        pytest.param(1, [piece("Hi", finish="stop")], True, id="finished"),
        pytest.param(1, [piece(finish="length")], True, id="empty-but-finished"),
        pytest.param(
            1,
            [piece(finish="stop"), piece("b", index=1)],
            False,
            id="one-more-than-expected",
        ),
        pytest.param(2, [piece(finish="stop")], False, id="one-of-two"),
        pytest.param(
            2, [piece(finish="stop"), piece("b", index=1)], False, id="second-open"
        ),
        pytest.param(
            2,
            [piece(index=1, finish="stop"), piece(finish="stop")],
            True,
            id="both",
        ),
        pytest.param(1, [chunk(thought="Hm")], False, id="thought-alone"),
        pytest.param(1, [chunk(usage={"total_tokens": 1})], False, id="usage-alone"),
    ],
)
def test_an_answer_is_whole_when_every_choice_is(expected, chunks, finished):
    """
    An answer is finished when every choice that was asked for, or that came, has a
    finish reason.
    """
    assert finished == assembled(chunks, expected).finished


def test_a_snapshot_is_left_alone_by_later_chunks():
    """
    An answer that was taken in the middle stays as it is, and taking it changes nothing
    in what comes after.
    """
    stream = [
        chunk(thought="Hm", metadata=1),
        piece("Hi", tool_calls=[part(0, "a", "dive", "{", result=1)]),
        piece(" you", tool_calls=[part(0, None, None, "}", result=2)], finish="stop"),
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


def test_a_whole_answer_is_one_chunk():
    """
    An answer that came whole for a stream is a chunk, and that chunk makes the answer
    again.
    """
    whole = decode(ChatCompletion, WHOLE)

    single = as_chunk(whole)

    assert ("Hi", "Hm.", "tool_calls") == (
        single.text,
        single.thought,
        single.finish_reason,
    )
    assert WHOLE == single.to_dict()
    assert whole == answer(single)
    assert assembled([single], 2).finished


def test_an_assembled_answer_can_be_written_and_read():
    """
    An answer that was put together is read again from its own ``to_dict``.
    """
    said = answer(as_chunk(decode(ChatCompletion, WHOLE)))

    assert said == decode(ChatCompletion, said.to_dict())
    assert WHOLE == said.to_dict()


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
def test_unknown_keys_of_a_stream_are_kept(delta, read):
    """
    What a message or function of a stream has no field for stands in ``extra``, as it
    does without a stream.
    """
    assert {"annotations": [1]} == read(answer(piece(**delta)).message)
    assert {"annotations": [1]} == read(
        decode(ChatCompletion, {"choices": [{"message": delta}]}).message
    )


def cut(draw, text):
    """Draw places to cut *text* at; return the pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@settings(deadline=None)
@given(
    text=st.text(st.characters()),
    thoughts=st.text(),
    arguments=st.text(),
    data=st.data(),
)
def test_it_does_not_matter_where_a_text_is_cut(text, thoughts, arguments, data):
    """
    Text, thoughts and arguments cut into pieces anywhere make the answer that they make
    in one piece.
    """
    whole = [
        chunk(thought=thoughts),
        piece(text),
        *parts(part(0, "a", "dive", arguments)),
        piece(finish="stop"),
    ]
    pieces = [
        *(chunk(thought=each) for each in cut(data.draw, thoughts)),
        *(piece(each) for each in cut(data.draw, text)),
        *parts(
            part(0, "a", "dive"),
            *(part(0, arguments=each) for each in cut(data.draw, arguments)),
        ),
        piece(finish="stop"),
    ]

    assert answer(*whole) == answer(*pieces)
    assert (text, thoughts) == (answer(*pieces).text, answer(*pieces).thoughts)


@settings(deadline=None)
@given(order=st.permutations([0, 0, 0, 1, 1, 1, 2, 2]))
def test_it_does_not_matter_how_choices_interleave(order):
    """
    Chunks of several choices may come in any mixture.
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


def test_one_answer_is_expected_by_default():
    """
    An answer is finished when its one choice is, unless more were asked for.
    """
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunk = decode(asi1.ChatCompletionChunk, {"choices": [choice]})
    one, two = Assembler(), Assembler(2)
    one.add(chunk)
    two.add(chunk)

    assert (True, False) == (one.finished, two.finished)


def test_unknown_keys_of_a_message_outlive_the_chunk():
    """
    What a message holds that asi1 does not know is in the one chunk made of it.
    """
    message = {"role": "assistant", "content": "a", "mood": "wet"}
    whole = decode(asi1.ChatCompletion, {"choices": [{"index": 0, "message": message}]})

    assert {"mood": "wet"} == as_chunk(whole).choices[0].delta.extra


def test_a_tool_call_without_a_type_is_a_function():
    """
    A tool call whose type the server leaves empty is that of a function.
    """
    delta = {"tool_calls": [{"index": 0, "id": "a", "type": ""}]}
    assembler = Assembler()
    chunk = {"choices": [{"index": 0, "delta": delta}]}
    assembler.add(decode(asi1.ChatCompletionChunk, chunk))

    (choice,) = assembler.answer().choices

    assert "function" == choice.message.tool_calls[0].type

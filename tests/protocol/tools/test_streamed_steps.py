"""The steps of an answer while it is streamed."""

from __future__ import annotations

import json

import attrs
import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._models.chunks import ChatCompletionChunk
from asi1._protocol.converter import decode
from asi1._protocol.stream_answer import Assembler
from asi1._protocol.tools.steps import TextStep, ThoughtStep, ToolArgumentsStep
from asi1._protocol.tools.streamed_steps import StreamedSteps
from asi1._protocol.tools.tool_calls import checked_answer


MARKUP = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'


def chunk_of(*, index=0, **delta):
    choices = [{"index": index, "delta": delta}]
    return decode(ChatCompletionChunk, {"choices": choices})


def piece_of(call, arguments, **head):
    """Return a chunk with a piece of the arguments of tool call number *call*."""
    function = {"arguments": arguments, **head}
    return chunk_of(tool_calls=[{"index": call, "function": function}])


def played(*batches):
    """Return the steps of the chunks in *batches*, and the answer that is assembled
    from these chunks.
    """
    steps, whole, found = StreamedSteps(), Assembler(), []
    for batch in batches:
        for chunk in batch:
            whole.add(chunk)
        found += steps.of(batch, whole.answer)
    answer = checked_answer(whole.answer(), ["add"], {})
    return [*found, *steps.rest(answer.text)], answer


def text_of(steps, kind):
    return "".join(step.text for step in steps if isinstance(step, kind))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Hello.", "Hello."),
        ("a < b <tool", "a < b <tool"),
        ("a <tool_call is a tag", "a <tool_call is a tag"),
        ("`<tool_call>` in code", "`<tool_call>` in code"),
        (f"So: {MARKUP}", "So:"),
        (f"{MARKUP}\nSo.", "So."),
        (f"So: {MARKUP} and {MARKUP} then.", "So: and then."),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_text_steps_are_the_text_of_the_answer_without_markup(text, shown, size):
    """
    However the text is cut into chunks, the texts of the steps, joined, are the
    answer's text without the markup of tool calls.
    """
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    steps, answer = played(*([chunk_of(content=piece)] for piece in pieces))

    assert shown.split() == text_of(steps, TextStep).split() == answer.text.split()
    assert all(step.text for step in steps)


def test_text_without_markup_is_shown_at_once():
    """
    Plain text becomes a step as soon as its chunk arrives.
    """
    steps = StreamedSteps()
    snapshot = pytest.fail

    assert [TextStep(text="Hel")] == list(steps.of([chunk_of(content="Hel")], snapshot))
    assert [TextStep(text="lo")] == list(steps.of([chunk_of(content="lo")], snapshot))
    assert [] == list(steps.rest("Hello"))


def test_only_choice_0_has_steps():
    """
    Chunks of other choices, without choices or without content have no steps.
    """
    call = {"function": {"name": "add", "arguments": "{}"}}
    steps, _ = played(
        [chunk_of(index=1, content="Other"), chunk_of(index=1, tool_calls=[call])],
        [decode(ChatCompletionChunk, {"choices": []}), chunk_of(role="assistant")],
    )

    assert [] == steps


@pytest.mark.parametrize(
    "chunk",
    [
        decode(ChatCompletionChunk, {"thought": ["Hm."], "choices": []}),
        decode(ChatCompletionChunk, {"thought": "Hm."}),
        chunk_of(reasoning_content="Hm."),
        chunk_of(thinking="Hm."),
        chunk_of(content=[{"type": "thinking", "thinking": "Hm."}]),
    ],
)
def test_thoughts_are_steps_wherever_the_server_sends_them(chunk):
    """
    A thought is one step, which comes before the text of its chunk.
    """
    both = attrs.evolve(chunk_of(content="Hi."), thought="Hm.")

    assert [ThoughtStep(text="Hm.")] == played([chunk])[0]
    assert [ThoughtStep(text="Hm."), TextStep(text="Hi.")] == played([both])[0]


def test_tool_call_has_steps_while_its_arguments_grow():
    """
    A tool call is a step when it begins, and again while its arguments grow.
    """
    steps, _ = played(
        [piece_of(0, "", name="add")],
        [piece_of(0, '{"city"')],
        [piece_of(0, ': "Os')],
        [piece_of(1, "", name="add"), piece_of(1, '{"a": ')],
    )

    assert ["", '{"city"', '{"city": "Os', '{"a": '] == [
        step.call.function.arguments for step in steps
    ]
    assert [None, {}, {"city": "Os"}] == [s.arguments_so_far for s in steps[:3]]


@pytest.mark.system
def test_steps_of_long_arguments_take_linear_time():
    """
    The next step of a tool call comes only when its arguments have grown by a share of
    their length. So the texts of all steps together are at most a few times as long as
    the arguments.
    """
    size, snapshots = 20_000, []
    steps, whole = StreamedSteps(), Assembler()

    def snapshot():
        snapshots.append(whole.answer())
        return snapshots[-1]

    pieces = [piece_of(0, "", name="add"), *[piece_of(0, "1")] * size]
    found = []
    for piece in pieces:
        whole.add(piece)
        found += steps.of([piece], snapshot)

    assert 100 < len(found) == len(snapshots) < 400
    assert 40 * size > sum(len(step.call.function.arguments) for step in found)
    assert size * 0.95 < len(found[-1].call.function.arguments)


@pytest.mark.system
@given(
    st.lists(st.tuples(st.integers(0, 3), st.text('"a: 1,', max_size=9)), max_size=12),
    st.data(),
)
def test_each_step_shows_the_beginning_of_a_tool_call(pieces, data):
    """
    However tool calls are mixed and cut, each step is a beginning of one of the
    answer's calls, and the beginnings of one call grow. (The arguments here have no
    braces, since an object after a complete object would replace it.)
    """
    heads = [piece_of(n, "", name=f"f{n}") for n in range(4)]
    chunks = [*heads, *(piece_of(*piece) for piece in pieces)]
    cut = data.draw(st.integers(0, len(chunks)))
    steps, answer = played(chunks[:cut], chunks[cut:])
    whole = {c.function.name: c.function.arguments for c in answer.message.tool_calls}
    sizes = dict.fromkeys(whole, -1)

    for step in steps:
        assert isinstance(step, ToolArgumentsStep)
        name, arguments = step.call.function.name, step.call.function.arguments
        assert whole[name].startswith(arguments)
        assert len(arguments) > sizes[name]
        sizes[name] = len(arguments)
        json.dumps(step.arguments_so_far)

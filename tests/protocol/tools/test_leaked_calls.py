"""
Tool calls in the text of an answer: how they are read and removed while the answer
streams.
"""

from __future__ import annotations

import json
import sys

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._models.completion import FunctionCall
from asi1._protocol.tools.call_markers import MARKERS
from asi1._protocol.tools.leaked_calls import LeakedText, TextHold, read_leaked_calls

from ...support.executed_lines import lines_of


NAMES = ("f", "get_weather")
CALL = "<tool_call>f</tool_call>"


def read(text):
    """Return the text and calls of an answer; the tools of `NAMES` are known."""
    return read_leaked_calls(text, NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "", id="empty"),
        pytest.param(" \n", " \n", id="only-space"),
        pytest.param(" a \n", " a \n", id="no-call"),
        pytest.param(CALL, "", id="only-a-call"),
        pytest.param(f"\n\n{CALL}\n", "", id="only-a-call-and-space"),
        pytest.param(f"a \n\n{CALL}\n", "a", id="text-before"),
        pytest.param(f"{CALL}\n\na\n", "a\n", id="text-after"),
        pytest.param(f"a {CALL} b", "a b", id="spaces"),
        pytest.param(f"a\n\n{CALL}\n\nb", "a\n\nb", id="line-breaks"),
        pytest.param(f"a\n{CALL}\n\n  b", "a\n\n\n  b", id="more-line-breaks-after"),
        pytest.param(f"a{CALL}\nb", "a\nb", id="space-after-only"),
        pytest.param(f"a\n{CALL}b", "a\nb", id="space-before-only"),
        pytest.param(f"a{CALL}b", "ab", id="no-space"),
        pytest.param(f"a\n{CALL}\n{CALL}\nb", "a\nb", id="calls-in-a-row"),
        pytest.param(f"a {CALL} b {CALL} c", "a b c", id="text-between"),
        pytest.param("a <tool_call>{", "a", id="unclosed"),
        pytest.param(f"`{CALL}` {CALL}", f"`{CALL}`", id="code-before"),
        pytest.param(f"{CALL}\n```\n{CALL}\n```", f"```\n{CALL}\n```", id="code-after"),
        pytest.param(
            f"A <tool_call> is {CALL} it", "A <tool_call> is it", id="prose-about-a-tag"
        ),
    ],
)
def test_text_is_returned_without_the_markup_of_tool_calls(text, expected):
    """
    The markup of tool calls is removed from the text, together with whitespace beside
    it that no longer separates anything.
    """
    assert expected == read(text).text


def test_tool_calls_and_first_problem_of_a_text_are_returned():
    """
    All readable tool calls of a text are returned in order, together with the first
    problem of a tool call that cannot be read.
    """
    text = f"a {CALL} b <tool_call>{{}}</tool_call> <tool_call>{{x}}</tool_call> {CALL}"

    found = read(text)

    call = FunctionCall(name="f", arguments="{}")
    assert LeakedText("a b", (call, call), "<tool_call> has no function name") == found


@pytest.mark.system
def test_text_with_too_many_markers_is_not_read_to_its_end():
    """
    From marker 10,001 on, a text counts as unreadable, so that a model that repeats
    itself without end does not occupy the event loop.
    """
    found = read(f"a {CALL * 10_000}")
    more = read(f"a {CALL * 10_001} b")

    assert (10_000, None) == (len(found.calls), found.unreadable)
    assert ("a", 10_000) == (more.text, len(more.calls))
    assert "there are more than 10,000 markers of tool calls" == more.unreadable


def glm(name, arguments):
    """Render a tool call as GLM writes it."""
    pairs = "".join(
        f"<arg_key>{key}</arg_key>\n<arg_value>{tagged(value)}</arg_value>\n"
        for key, value in arguments.items()
    )
    return f"<tool_call>{name}\n{pairs}</tool_call>"


def qwen(name, arguments):
    """Render a tool call as Qwen's coder models write it."""
    pairs = "".join(
        f"<parameter={key}>\n{tagged(value)}\n</parameter>\n"
        for key, value in arguments.items()
    )
    return f"<function={name}>\n{pairs}</function>"


def tagged(value):
    """Return a value as it is written between tags."""
    return value if isinstance(value, str) else json.dumps(value)


FORMS = [
    glm,
    qwen,
    lambda *call: f"<tool_call>\n{qwen(*call)}\n</tool_call>",
    lambda *call: f"<tool_call>\n{as_json(*call)}\n</tool_call>",
    lambda *call: f"<|tool_call|>[{as_json(*call)}]",
    lambda *call: f"[TOOL_CALLS] [{as_json(*call)}]",
    lambda *call: f"<|python_tag|>{as_json(*call, key='parameters')}",
    lambda *call: f"<function={call[0]}>{json.dumps(call[1])}</function>",
]


def as_json(name, arguments, key="arguments"):
    """Render a tool call as a JSON object."""
    return json.dumps({"name": name, key: arguments}, ensure_ascii=False)


# Strings that are not JSON between tags. They contain backticks, brackets and quotes.
words = st.text("x`~\n\\\"{}[]&;<>' ", max_size=6).map(lambda text: f"x{text}x")
values = words | st.integers() | st.booleans() | st.none() | st.lists(words)
rendered = st.tuples(
    st.sampled_from(FORMS),
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(["city", "unit", "n"]), values),
)
prose = st.sampled_from(
    [
        *("Hello. ", "\n\n", " ", "a < b [c] ", "the tool_call ", "é\u2028", "1. "),
        *("`code` ", "`<tool_call>` ", "\n\n```\n<function=f>\n```\n", "<b>", "[TOOL_"),
        *("\n~~~py\n[TOOL_CALLS]\n~~~\n", "``<|python_tag|>` `` ", "~~no~~ "),
    ]
)


@pytest.mark.system
@given(pieces=st.lists(prose | rendered, max_size=8))
def test_tool_calls_written_into_any_text_are_read_back(pieces):
    """
    Tool calls that are written in every form, between prose and markdown code, are read
    back. The prose stays, except for whitespace.
    """
    text, calls, kept = "", [], ""
    for piece in pieces:
        if isinstance(piece, str):
            text, kept = text + piece, kept + piece
        else:
            form, name, arguments = piece
            text += form(name, arguments) + "\n"
            calls.append((name, arguments))

    found = read(text)

    assert calls == [(call.name, json.loads(call.arguments)) for call in found.calls]
    assert kept.split() == found.text.split() or "".join(kept.split()) == "".join(
        found.text.split()
    )
    assert found.unreadable is None


streamed = st.lists(
    st.sampled_from(
        [
            *MARKERS,
            *("`", "``", "```", "~~~", "\n", "\n\n", " ", "> ", "a", "f", "1. "),
            *("<", "[", "<tool", "[TOOL_C", "<|py", "<fun", "</tool_call>", "{}", '"'),
            *(CALL, "</function>", '{"name": "f"}', ">", "text"),
        ]
    ),
    max_size=12,
).map("".join)


def shown(pieces):
    """Return what `TextHold` lets through, and what it holds back at the end."""
    hold = TextHold()
    return "".join(map(hold.feed, pieces)), hold.rest()


@pytest.mark.system
@settings(max_examples=300)
@given(text=streamed, data=st.data())
def test_shown_text_of_a_stream_is_the_same_however_the_text_is_cut(text, data):
    """
    However a text is cut into pieces, the stream shows the same part of the text and
    holds back the same rest.
    """
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    whole = shown([text])

    assert text == "".join(whole)
    assert whole == shown(pieces) == shown(text)
    for cut in range(len(text)):
        assert whole == shown([text[:cut], text[cut:]])


@pytest.mark.system
@settings(max_examples=300)
@given(text=streamed)
def test_shown_text_is_the_beginning_of_the_text_without_markup(text):
    """
    The text that is shown during a stream is the beginning of the whole text without
    markup, except for white space at its end. So only the rest of the whole text is
    still to be shown.
    """
    before, held = shown(text)
    after = read(text).text

    if len(after) >= len(before):
        assert after.startswith(before)
    else:
        assert (after, "") == (before.rstrip(), before[len(after) :].strip())
    assert held or after == before


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("a <b> [c] ~d~", ""),
        ("a <", "<"),
        ("a <<tool", "<tool"),
        ("a [TOOL_C", "[TOOL_C"),
        ("a <|py", "<|py"),
        ("a <fun", "<fun"),
        ("a <tools", ""),
        ("a <tool_call> b", "<tool_call> b"),
        ("a <function=", "<function="),
        ("a `b", ""),
        ("a `b` <tool_call>", "<tool_call>"),
        ("a `<tool_call> b", "<tool_call> b"),
        ("a `<tool_call>` b", ""),
        ("a `<tool_call>\n\n` b", "<tool_call>\n\n` b"),
        ("```\n<tool_call>", ""),
        ("```<tool_call>", "<tool_call>"),
        ("```<tool_call>\n", ""),
        ("```\n```\n[TOOL_CALLS]", "[TOOL_CALLS]"),
    ],
)
def test_streamed_text_is_held_back_from_where_a_tool_call_may_begin(text, held):
    """
    The stream holds back text from a marker, or from the beginning of a marker, unless
    the marker is in code. If only later text decides whether it is in code, the text is
    held back until then.
    """
    assert (text.removesuffix(held), held) == shown([text])
    assert (text.removesuffix(held), held) == shown(text)


def steps_of(function, *args):
    """Return the number of Python and C function calls made by *function*."""
    steps = 0

    def counted(frame, event, arg):
        nonlocal steps
        steps += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        function(*args)
    finally:
        sys.setprofile(before)
    return steps


HOSTILE = {
    "openings": "<tool_call>",
    "brackets": "[",
    "backticks": "`",
    "spans": "` ",
    "nested-json": "<tool_call>[",
    "nested-bare-json": "[TOOL_CALLS][",
    "strings": '<tool_call>["<tool_call>["',
    "open-strings": '<tool_call>{"name": "f", "a": "',
    "open-values": "<tool_call>f<arg_key>k</arg_key><arg_value>",
    "nested-values": f"<arg_key>k</arg_key><arg_value>{glm('f', {'a': 1})}",
    "open-parameters": "<function=f><parameter=a>",
    "calls": CALL,
    "calls-in-spans": f"` {CALL}",
    "fences": "```\n<tool_call>",
    "blank-lines": "` <tool_call>\n\n",
    "runs": "".join(f"{'`' * n} {CALL} " for n in range(1, 40)),
}


@pytest.mark.system
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_work_to_read_a_text_is_linear_in_its_length(unit):
    """
    For a text of twice the length, reading and streaming make at most about twice as
    many function calls, whatever markers the text repeats.
    """
    short, long = (unit * (count // len(unit)) for count in (20_000, 40_000))

    assert 2.2 * steps_of(read, short) + 200 >= steps_of(read, long)
    assert 2.2 * steps_of(shown, short) + 200 >= steps_of(shown, long)


def test_backtick_runs_of_all_lengths_need_linear_work():
    """
    Unclosed runs of backticks of many lengths, each before a tool call, do not cause
    the rest of the paragraph to be read again for each run.
    """
    short, long = (
        "".join(f"{'`' * n} {CALL} " for n in range(1, count)) for count in (100, 200)
    )

    assert 2.2 * steps_of(read, short) >= steps_of(read, long)


def test_many_start_tags_before_a_long_json_text_need_linear_work():
    """
    Many start tags before a long JSON text do not cause the JSON to be read once for
    each tag.
    """
    text = "[1]," * 5000
    once, often = (f"{'[TOOL_CALLS][' * count}{text}" for count in (1, 150))

    assert 2 * lines_of(read, once) + 30_000 >= lines_of(read, often)


def test_piece_without_a_marker_costs_no_more_after_a_long_text():
    """
    Streaming a piece without a marker's first character needs few function calls,
    however long the text before it is, even if that text is held back.
    """
    plain, held = TextHold(), TextHold()
    plain.feed("word `code` \n" * 1000)
    held.feed("<tool_call>" * 1000)

    assert 10 >= steps_of(plain.feed, "and more words")
    assert 10 >= steps_of(held.feed, "and more words")

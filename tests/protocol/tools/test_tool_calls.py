"""Which tool calls of an answer may run, and what the model reads if a call may not."""

from __future__ import annotations

import dataclasses
import enum
import json
import math

import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1._models.completion import ChatCompletion
from asi1._protocol.converter import decode
from asi1._protocol.tools.tool import tools_by_name
from asi1._protocol.tools.tool_calls import (
    Runnable,
    checked_answer,
    error_content,
    error_words,
    own_calls,
    prepared,
    result_content,
)

from ...support.tool_answers import answer_of, call_of


def add(a: int, b: int = 2):
    return a + b


def now():
    return "now"


def tell(text: str):
    return text


def any_of(value=None):
    return value


TOOLS = tools_by_name([add, now, tell, any_of])
MARKUP = '<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>'


class Color(str, enum.Enum):  # noqa: UP042 - its `str` differs from its value
    RED = "red"


@dataclasses.dataclass
class Place:
    lat: float


class OddError(Exception):
    def __str__(self):
        raise RuntimeError


class WordlessError(asi1.ToolError):
    pass


def short(value):
    return ascii(value)[:30]


def verdict(call, finish="tool_calls"):
    answer = answer_of(call, finish=finish)
    (found,) = own_calls(answer)
    return prepared(answer, found, TOOLS)


def calls_of(*calls, seen=(), settled=None, **options):
    """Return id and arguments of each tool call that an answer with *calls* has after
    `checked_answer`.
    """
    known = {call.id: call for call in own_calls(answer_of(*seen))}
    ids = known if settled is None else settled
    answer = checked_answer(answer_of(*calls, **options), TOOLS, known, ids)
    return [(c.id, c.function.arguments) for c in answer.message.tool_calls]


DEEP = '{"a": ' + "[" * 150 + "]" * 150 + "}"
DEEPER = '{"value": ' + "[" * 300 + "]" * 300 + "}"


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("add", '{"a": 1}', 3),
        ("add", ' \n{"a": 1, "b": 4}\t', 5),
        ("add", {"a": 1}, 3),
        ("add", '{"a": 1, "a": 5}', 7),
        ("add", '{"a": 1' + "0" * 30 + "}", 10**30 + 2),
        ("now", "", "now"),
        ("now", " \n", "now"),
        ("now", "{}", "now"),
        ("now", None, "now"),
        ("now", {}, "now"),
        ("any_of", "{}", None),
        ("any_of", '{"value": ' + "[" * 100 + "]" * 100 + "}", ...),
        ("tell", '{"text": "' + "a" * 1_000_000 + '"}', "a" * 1_000_000),
        ("tell", r'{"text": "\ud83d"}', "\ufffd"),
        ("tell", r'{"text": "\ud83d\ude00"}', "\U0001f600"),
        ("tell", '{"text": "```json"}', "```json"),
    ],
    ids=short,
)
def test_tool_call_with_complete_arguments_runs(name, arguments, result):
    """
    A tool call runs if its arguments are complete JSON and fit the tool's parameters.
    Of a repeated key the last value is used, and a lone surrogate becomes U+FFFD.
    """
    found = verdict(call_of(name=name, arguments=arguments))

    assert isinstance(found, Runnable)
    assert name == found.tool.name == found.call.function.name
    if result is not ...:
        assert result == found.run()


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("add", "", "add are not valid JSON"),
        ("add", None, "add are not valid JSON"),
        ("add", 5, "add are not valid JSON"),
        ("add", "null", "found null"),
        ("add", "[]", "found an array with 0 items"),
        ("add", "[1]", "expected an object"),
        ("add", [1], "expected an object"),
        ("add", '"{}"', "expected an object"),
        ("add", "{}", r"$.a: expected an integer"),
        ("add", '{"a": "1"}', r"$.a: expected an integer"),
        ("add", '{"a": true}', r"$.a: expected an integer"),
        ("add", '{"a": 1.5}', r"$.a: expected an integer"),
        ("add", '{"a": 1, "c": 1}', r"$.c"),
        ("add", '{"a": NaN}', "NaN"),
        ("add", '{"a": Infinity}', "Infinity"),
        ("add", '{"a": 1e999}', ""),
        ("add", '{"a": 1}{"a": 1}', "not valid JSON"),
        ("add", '{"a": 1} done', "not valid JSON"),
        ("add", '{"a": 1};', "not valid JSON"),
        ("add", '```json\n{"a": 1}\n```', "not valid JSON"),
        ("add", 'Sure: {"a": 1}', "not valid JSON"),
        ("add", '{"a": 1,}', "not valid JSON"),
        ("add", "{'a': 1}", "not valid JSON"),
        ("add", '{"a": 1', "cut off"),
        ("add", '{"a": ', "cut off"),
        ("add", "{", "cut off"),
        ("add", DEEP, r"$.a: expected an integer"),
        ("any_of", DEEPER, "nested too deeply"),
        ("any_of", '{"value": ' + "[" * 100_000, "cut off"),
        ("now", "null", "found null"),
        ("now", "[]", "expected an object"),
        ("now", "{", "cut off"),
        ("now", '{"a": 1}', "no keys"),
        ("add", '{"' + "k" * 1_000_000 + '": 1}', "kkk"),
        ("add", '{"a": "' + "v" * 1_000_000 + '"}', "vvv"),
        ("", "{}", "there is no tool ''; the tools are: add, now, tell, any_of"),
        (None, "{}", "there is no tool ''"),
        ("Add", '{"a": 1}', "there is no tool 'Add'"),
        (" add", '{"a": 1}', "there is no tool ' add'"),
        ("my add", '{"a": 1}', "there is no tool 'my add'"),
        ("functions.add", '{"a": 1}', "there is no tool 'functions.add'"),
        ("\ud83d", '{"a": 1}', "there is no tool '"),
        ("x" * 1_000_000, '{"a": 1}', "there is no tool 'xxx"),
    ],
    ids=short,
)
def test_tool_call_with_incomplete_or_wrong_arguments_is_refused(
    name, arguments, words
):
    """
    A tool call is not run if its tool is unknown, or if its arguments are not complete
    JSON or do not fit the parameters. The model reads why, in a short text.
    """
    found = verdict(call_of(name=name, arguments=arguments))

    assert isinstance(found, str)
    assert words in found
    assert len(found) < 500
    assert {"error", "status"} == json.loads(error_content(found)).keys()


@pytest.mark.parametrize(
    "finish",
    [
        *("length", "LENGTH", "max_tokens", "MAX_TOKENS", "max_output_tokens"),
        *("content_filter", "Content_Filter", "model_length", "SAFETY", "error"),
        *("MALFORMED_FUNCTION_CALL", "abort", "aborted", "cancelled", "incomplete"),
        *("insufficient_system_resource", "model_context_window_exceeded"),
    ],
)
@pytest.mark.parametrize("call", [call_of(), call_of(name="now", arguments="")])
def test_tool_call_of_a_truncated_answer_is_refused(finish, call):
    """
    A tool call is not run if its answer was cut off, even if its arguments look
    complete.
    """
    found = verdict(call, finish)

    assert isinstance(found, str)
    assert "cut off" in found


@pytest.mark.parametrize(
    "finish", [None, "", "stop", "STOP", "tool_calls", "function_call", "eos", "end"]
)
def test_complete_tool_call_runs_unless_the_finish_reason_means_a_cut(finish):
    """
    Servers end answers with tool calls by various finish reasons. The calls run, unless
    the reason says that the answer may be incomplete.
    """
    assert 3 == verdict(call_of(), finish).run()


def test_tool_call_that_the_server_has_run_is_not_run_again():
    """
    A tool call that already has a result was run by the server. A null is not a result.
    """
    done = [
        call_of("a", result="done"),
        {"id": "b", "tool_name": "add", "args": {"a": 1}, "result": {"x": 1}},
    ]
    own = [call_of("c", result=None), call_of("d")]

    assert ["c", "d"] == [call.id for call in own_calls(answer_of(*done, *own))]
    answer = answer_of(*done)
    assert answer is checked_answer(answer, TOOLS, {})


def test_tool_call_in_the_form_of_agentic_models_runs():
    """
    A tool call with ``tool_name`` and ``args``, but without a result, runs.
    """
    answer = answer_of({"id": "b", "tool_name": "add", "args": {"a": 1}})
    (call,) = own_calls(checked_answer(answer, TOOLS, {}))

    assert 3 == prepared(answer, call, TOOLS).run()


ONE, TWO = '{"a": 1}', '{"a": 2}'


@pytest.mark.parametrize(
    ("calls", "ids"),
    [
        pytest.param([("a", ONE), ("b", ONE)], ["a", "b"], id="own-ids"),
        pytest.param([("", ONE), ("", ONE)], ["call_1", "call_2"], id="empty"),
        pytest.param([(None, ONE), (None, TWO)], ["call_1", "call_2"], id="null"),
        pytest.param([(5, ONE)], ["call_1"], id="number"),
        pytest.param([("a", ONE), ("a", TWO)], ["a", "a_1"], id="other-arguments"),
        pytest.param([("a", ONE), ("a", '{"a":1}')], ["a"], id="repetition"),
        pytest.param([("a", "{"), ("a", "{")], ["a"], id="broken-repetition"),
        pytest.param([("a", "{"), ("a", "[")], ["a", "a_1"], id="both-broken"),
        pytest.param(
            [("a", ONE), ("a", '{"a": true}')], ["a", "a_1"], id="true-is-not-1"
        ),
        pytest.param(
            [("", ONE), ("call_2", ONE)], ["call_3", "call_2"], id="later-id-is-kept"
        ),
        pytest.param(
            [("a", ONE), ("a", TWO), ("a_1", ONE)], ["a", "a_2", "a_1"], id="taken"
        ),
        pytest.param(
            [("a", ONE), ("a", TWO), ("a", ONE), ("a", TWO)], ["a", "a_1"], id="twice"
        ),
    ],
)
def test_each_call_of_an_answer_has_an_id_of_its_own(calls, ids):
    """
    A tool call without an id, or with the id of another call, gets a new id, which no
    call of the answer has. A call that repeats another call, id included, is left out.
    """
    found = calls_of(*(call_of(call, arguments=text) for call, text in calls))

    assert ids == [call for call, _ in found]


@pytest.mark.parametrize(
    ("call", "settled", "ids"),
    [
        pytest.param(call_of("a"), ["a"], ["a"], id="same"),
        pytest.param(
            call_of("a", arguments='{ "a":1 }'), ["a"], ["a"], id="same-arguments"
        ),
        pytest.param(call_of("a", arguments=TWO), ["a"], ["a_1"], id="other-arguments"),
        pytest.param(call_of("a", name="tell"), ["a"], ["a_1"], id="other-tool"),
        pytest.param(call_of("a"), [], ["a_1"], id="same-but-refused-before"),
        pytest.param(call_of("b"), ["a"], ["b"], id="new"),
    ],
)
def test_id_of_an_earlier_answer_is_kept_only_by_the_same_call(call, settled, ids):
    """
    A tool call with the id, tool and arguments of a call that was run keeps the id, so
    that its tool does not run twice. Any other call gets a new id, even one that
    repeats a refused call.
    """
    found = calls_of(call, call, seen=[call_of("a")], settled=settled)

    assert ids == [call for call, _ in found]


@pytest.mark.system
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "a", "b", "a_1", "call_1", "call_2"]),
            st.sampled_from(["{}", ONE, TWO, "{"]),
        ),
        max_size=8,
    )
)
def test_calls_have_different_ids_and_no_call_is_lost(calls):
    """
    Whatever ids a model writes, its tool calls have ids that differ and are not empty.
    Each call that is not a repetition is there, in the order of the answer.
    """
    found = calls_of(
        *(call_of(call, arguments=text) for call, text in calls), finish=None
    )
    kept = [
        (call, text)
        for place, (call, text) in enumerate(calls)
        if not call or (call, text) not in calls[:place]
    ]

    assert [text for _, text in kept] == [text for _, text in found]
    assert len(found) == len({call for call, _ in found} - {""})


def test_answer_whose_calls_have_unique_ids_is_not_changed():
    """
    An answer whose tool calls have ids of their own, or that has no tool calls, stays
    the same.
    """
    for answer in (answer_of(call_of()), answer_of(text="Hello.", finish="stop")):
        assert answer is checked_answer(answer, TOOLS, {})


def test_new_ids_are_in_the_message_that_is_sent_back():
    """
    A later request contains the answer's tool calls with their new ids.
    """
    answer = checked_answer(answer_of(call_of("", custom=1)), TOOLS, {})
    (choice,) = answer.to_dict()["choices"]
    (call,) = choice["message"]["tool_calls"]

    assert ("call_1", 1) == (call["id"], call["custom"])
    assert answer.message.to_dict() == choice["message"]


def test_only_choice_0_calls_tools():
    """
    Only the tool calls of choice 0 run, wherever this choice is in the list. Other
    choices are not changed.
    """
    raw = answer_of(call_of("")).to_dict()
    first, other = raw["choices"][0], {"index": 1, "message": {"content": "Hi"}}
    again = {"index": 0, "message": {"content": "Again"}}
    given = decode(ChatCompletion, {"choices": [other, first, again]})
    answer = checked_answer(given, TOOLS, {})

    assert given.choices[0] is answer.choices[0]
    assert given.choices[2] is answer.choices[2]
    assert ["call_1"] == [call.id for call in answer.message.tool_calls]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"finish": "tool_calls"}, asi1.OutputInvalidError, "'tool_calls', but calls"),
        ({"finish": "TOOL_USE"}, asi1.OutputInvalidError, "'TOOL_USE', but calls no"),
        ({"finish": "function_calling"}, asi1.OutputInvalidError, "but calls no tool"),
        (
            {"finish": "function_call", "function_call": {"name": "add"}},
            asi1.OutputInvalidError,
            "calls no tool",
        ),
        (
            {"finish": "stop", "function_call": {"name": "add"}},
            asi1.OutputInvalidError,
            "'function_call' that cannot be read",
        ),
        (
            {"finish": "stop", "tool_calls": {"0": call_of()}},
            asi1.OutputInvalidError,
            "'tool_calls' that cannot be read",
        ),
        (
            {"finish": "stop", "tool_calls": ["add"]},
            asi1.OutputInvalidError,
            "'tool_calls' that cannot be read",
        ),
        (
            {"finish": "length", "reasoning_content": "Hm."},
            asi1.ThoughtBudgetError,
            "raise max_tokens",
        ),
        (
            {"finish": "MAX_TOKENS", "reasoning_content": "Hm."},
            asi1.ThoughtBudgetError,
            "raise max_tokens",
        ),
        (
            {"finish": "stop", "text": "<tool_call>add"},
            asi1.OutputInvalidError,
            "as markup in its text",
        ),
        (
            {"finish": "length", "text": MARKUP[:-20]},
            asi1.OutputTruncatedError,
            "as markup in its text",
        ),
    ],
)
def test_answer_whose_tool_calls_cannot_be_read_is_an_error(options, error, words):
    """
    An answer that says that it calls tools, but has no readable tool call, raises an
    error. So does an answer that ends while the model has written only thoughts. The
    error has the answer.
    """
    answer = answer_of(**options)

    with pytest.raises(asi1.OutputError, match=words) as caught:
        checked_answer(answer, TOOLS, {})

    assert error is type(caught.value)
    assert answer is caught.value.completion


@pytest.mark.parametrize(
    "options",
    [
        {"finish": "stop", "text": "Hello."},
        {"finish": "length", "text": "Hel"},
        {"finish": "length", "text": ""},
        {"finish": None, "text": "Hello."},
        {"finish": "stop", "refusal": "I must not."},
        {"finish": "stop", "text": "", "function_call": None, "tool_calls": []},
        {"finish": "stop", "text": "As `<tool_call>` shows."},
    ],
)
def test_answer_without_tool_calls_is_returned_unchanged(options):
    """
    An answer that does not try to call a tool is returned as it is.
    """
    answer = answer_of(**options)

    assert answer is checked_answer(answer, TOOLS, {})


@pytest.mark.parametrize(
    ("calls", "text", "left", "ids"),
    [
        pytest.param([], MARKUP, "", ["call_1"], id="alone"),
        pytest.param([], f"Hm.\n{MARKUP}", "Hm.\n", ["call_1"], id="after-text"),
        pytest.param([], MARKUP * 2, "", ["call_1", "call_2"], id="two"),
        pytest.param([call_of("a")], f"Hm.{MARKUP}", "Hm.", ["a"], id="beside-call"),
        pytest.param([call_of("a")], "<tool_call>x", "", ["a"], id="unreadable-beside"),
        pytest.param(
            [call_of("s", result=1)], MARKUP, "", ["s", "call_2"], id="beside-run-call"
        ),
    ],
)
def test_markup_of_tool_calls_becomes_tool_calls_or_is_removed(calls, text, left, ids):
    """
    Markup of tool calls in the text becomes tool calls. If the answer also has tool
    calls outside of its text, the markup is only removed.
    """
    answer = checked_answer(answer_of(*calls, text=text, finish="stop"), TOOLS, {})

    assert left.strip() == answer.text.strip()
    assert ids == [call.id for call in answer.message.tool_calls]


def test_tool_call_in_markup_of_a_truncated_answer_does_not_run():
    """
    A complete tool call in markup does not run if its answer was cut off by the length
    limit.
    """
    answer = checked_answer(answer_of(text=MARKUP, finish="length"), TOOLS, {})
    (call,) = own_calls(answer)

    assert "cut off" in prepared(answer, call, TOOLS)


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("plain", "plain"),
        ("", ""),
        ("\ud83dx", "\ufffdx"),
        (Color.RED, "red"),
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (10**30, "1" + "0" * 30),
        ([1, "a"], '[1,"a"]'),
        ((1, 2), "[1,2]"),
        ({"a": Place(1.5)}, '{"a":{"lat":1.5}}'),
        ({"a": "\ud83d"}, '{"a":"\\ufffd"}'),
        ([None, "NaN", "\ud83d"], '[null,"NaN","\\ufffd"]'),
    ],
)
def test_result_of_a_tool_is_sent_as_text(value, content):
    """
    A result that is a str is sent unchanged, and any other result as JSON. The content
    is always a plain str, even for a value of a subclass of str.
    """
    found = result_content(value)

    assert content == found
    assert str is type(found)


@pytest.mark.parametrize(
    "value",
    [
        *(b"a", object(), {1: "a"}, (n for n in [1]), int),
        *(math.nan, {"a": [-math.inf]}, [10**30, math.nan], Place(math.nan)),
    ],
)
def test_result_that_json_cannot_express_is_a_value_error(value):
    """
    A result that JSON cannot express raises `ValueError`, whose message the model
    reads: null in place of NaN would be a wrong result.
    """
    with pytest.raises(ValueError, match=r"form in JSON|not a str but|not valid JSON"):
        result_content(value)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such city"), "ValueError: no such city"),
        (ValueError(), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (OddError(), "OddError"),
        (asi1.ToolError("Ask for a city."), "Ask for a city."),
        (WordlessError("Subclass."), "Subclass."),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 1988),
        (asi1.ToolError("x" * 10_000), "x" * 10_000),
        (
            ExceptionGroup("all", [ValueError()]),
            "ExceptionGroup: all (1 sub-exception)",
        ),
    ],
)
def test_model_reads_class_and_message_of_an_error(error, words):
    """
    The model reads the class and the message of a tool's exception, but only the
    message of a `ToolError`. Long messages are cut, except those of a `ToolError`.
    """
    assert words == error_words(error)


def test_error_of_a_tool_is_sent_as_a_json_object():
    """
    The content of a failed tool call is a JSON object with the text of the error.
    """
    assert '{"error":"No \ufffd","status":"failed"}' == error_content("No \ud83d")

"""The options of a call are checked, and then sent only if they are set."""

from __future__ import annotations

import json
import math

from collections import UserList, deque

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1 import ArgumentError, ChatOptions, RequestOptions, Timeouts
from asi1._settings.option_checks import (
    as_argument,
    check_options,
    checked_defaults,
    checked_options,
    read_idempotency_key,
)
from asi1._settings.options import BODY_OPTIONS, CALL_OPTIONS, OPENAI_OPTIONS

from ..support.calls import HI, URL, chat, config, sent
from ..support.odd_values import Ambiguous, Unprintable


TOOL = {"type": "function", "function": {"name": "dive", "parameters": {}}}

# Each option that is sent in the body, with some allowed values.
VALUES = {
    "agent_address": ["agent1otter"],
    "agents": [["agent1otter"], ()],
    "enable_thinking": [True, False],
    "frequency_penalty": [-2, 0, 0.5, 2],
    "fun_mode": [True, False],
    "max_tokens": [0, 1, 10**9],
    "n": [1, 3],
    "parallel_tool_calls": [True, False],
    "planner_mode": [True, False],
    "presence_penalty": [-2, 0.0, 2],
    "response_format": [{"type": "json_object"}],
    "seed": [0, -5, 2**70],
    "stop": ["\n", ["a", "b"], ("a",)],
    "study_mode": [True, False],
    "temperature": [0, 0.0, 1, 0.7, 2],
    "thinking_budget": [0, 6000],
    "tool_choice": ["auto", "none", {"type": "function", "function": {"name": "f"}}],
    "tools": [[TOOL], (TOOL, TOOL)],
    "top_p": [0, 0.9, 1],
    "user": ["otter", ""],
    "web_search": [True, False],
}
CASES = [
    pytest.param(name, value, id=f"{name}-{value!r:.30}")
    for name, values in VALUES.items()
    for value in values
]


def test_tables_of_this_file_list_every_option_sent_in_the_body():
    """
    The tables of this file list every option that is sent in the body; any other
    option, such as ``timeout``, changes only how the call is made.
    """
    assert BODY_OPTIONS == set(VALUES)
    assert CALL_OPTIONS == set(RequestOptions.__annotations__)
    known = BODY_OPTIONS | CALL_OPTIONS | OPENAI_OPTIONS
    assert known == set(ChatOptions.__annotations__)


def test_without_options_only_model_and_messages_are_sent():
    """
    The body of a call without options has the model and the messages and nothing else.
    """
    assert {"model": "asi1-mini", "messages": HI} == sent()
    assert "POST" == chat().method
    assert URL == chat().url
    assert chat().stream is False


@pytest.mark.parametrize(("name", "value"), CASES)
def test_option_is_sent_unchanged_under_its_name(name, value):
    """
    An option is sent unchanged under its name and adds no other key to the body, except
    that a streaming call adds ``stream``.
    """
    listed = list(value) if isinstance(value, tuple) else value

    body = sent(**{name: value})

    assert {"model": "asi1-mini", "messages": HI, name: listed} == body
    assert type(listed) is type(body[name])
    assert {**body, "stream": True} == sent(stream=True, **{name: value})


@pytest.mark.parametrize("name", sorted(BODY_OPTIONS | CALL_OPTIONS - {"timeout"}))
def test_option_of_none_is_not_sent(name):
    """
    An option with the value None is treated as not set.
    """
    assert chat() == chat(**{name: None})


def test_all_options_may_be_set_at_once():
    """
    All options may be set at once, and all are sent.
    """
    options = {name: values[-1] for name, values in VALUES.items()}

    assert {"model", "messages", "stream", *options} == set(
        sent(stream=True, **options)
    )


def test_stream_is_sent_as_true_or_not_at_all():
    """
    A streaming call sends ``stream`` as true; a call without streaming does not send
    the key.
    """
    assert "stream" not in sent(stream=False)
    assert sent(stream=True)["stream"] is True
    assert chat(stream=True).stream is True


@pytest.mark.parametrize("value", [1, "true", {}])
def test_stream_that_is_not_a_bool_is_refused(value):
    """
    ``stream`` must be True, False or not given; any other value, such as 1, is refused.
    """
    with pytest.raises(ArgumentError, match="must be True or False") as caught:
        chat(stream=value)

    assert "stream" == caught.value.argument


@pytest.mark.parametrize(
    ("asked", "expected"), [({}, 1), ({"n": None}, 1), ({"n": 3}, 3)]
)
def test_request_expects_as_many_choices_as_n(asked, expected):
    """
    The number of choices that a request expects is ``n``, or 1 without ``n``.
    """
    assert expected == chat(stream=True, **asked).choices


def test_model_of_a_call_replaces_the_clients_model():
    """
    A call's model replaces the client's default model; any model name is accepted.
    """
    assert "asi1-mini" == sent()["model"]
    assert "otter" == sent(config(model="otter"))["model"]
    assert "asi1-ultra" == sent(config(model="otter"), model="asi1-ultra")["model"]


@pytest.mark.parametrize("model", ["", 5, b"asi1"])
def test_model_that_is_not_a_non_empty_str_is_refused(model):
    """
    A model name that is empty or not a str is refused as a wrong argument.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(model=model)

    assert "model" == caught.value.argument


def test_option_of_a_call_replaces_the_clients_default_option():
    """
    An option of a call replaces the client's default. If the call's option is None or
    not set, the client's default is used.
    """
    setup = config(options={"temperature": 0.2, "max_tokens": 9})

    body = sent(setup, temperature=0, max_tokens=None, top_p=1)

    assert {
        "model": "asi1-mini",
        "messages": HI,
        "temperature": 0,
        "max_tokens": 9,
        "top_p": 1,
    } == body


def test_default_options_may_include_options_that_are_not_in_the_body():
    """
    A client's default options may include options that are not sent in the body, such
    as the session id.
    """
    setup = config(options={"session_id": "s1", "timeout": 3, "max_retries": 0})

    assert "s1" == chat(setup).headers["x-session-id"]
    assert "s2" == chat(setup, session_id="s2").headers["x-session-id"]
    assert Timeouts.of(3) == chat(setup).timeouts
    assert 1 == chat(setup).retry.attempts


@pytest.mark.parametrize(
    ("options", "name"),
    [({"session_id": "s1"}, "session_id"), ({"max_retries": 0}, "max_retries")],
)
def test_option_of_none_that_is_not_in_the_body_means_the_default(options, name):
    """
    If a call sets an option that is not sent in the body to None, the client's default
    is used, as for options in the body.
    """
    setup = config(options=options)

    assert chat(setup) == chat(setup, **{name: None})


def test_extra_body_of_the_client_is_sent():
    """
    A client's default options may include an ``extra_body``, which is sent.
    """
    assert 1 == sent(config(options={"extra_body": {"a": 1}}))["a"]


def test_extra_body_replaces_options_of_the_same_name():
    """
    Values of ``extra_body`` are sent unchanged, even null, and replace options of the
    same name.
    """
    body = sent(
        temperature=1,
        max_tokens=5,
        extra_body={"temperature": "hot", "max_tokens": None, "otter": [1]},
    )

    assert {
        "model": "asi1-mini",
        "messages": HI,
        "temperature": "hot",
        "max_tokens": None,
        "otter": [1],
    } == body


WRONG = {
    "agent_address": [5, ["agent1otter"]],
    "agents": ["agent1", [5], {"a": 1}],
    "enable_thinking": [1, "yes"],
    "cache": [0, "no", [False]],
    "extra_body": [[1], "a", 5],
    "frequency_penalty": [-2.1, 2.1, "1", True, math.nan],
    "fun_mode": [1, "on"],
    "max_tokens": [-1, 1.0, "9", True],
    "n": [0, 1.5, True],
    "parallel_tool_calls": [0, "no"],
    "planner_mode": [1],
    "presence_penalty": [-2.1, 2.1, -3, math.inf],
    "response_format": ["json", []],
    "seed": [0.5, "1", False],
    "stop": [5, ["a", 5], {"a": 1}],
    "study_mode": [0, "on"],
    "temperature": [-0.1, 2.1, "0", True, math.nan],
    "thinking_budget": [-1, 1.0],
    "tool_choice": [5, ["auto"], True],
    "tools": [TOOL, ["f"], "f"],
    "top_p": [-0.1, 1.1, False],
    "user": [5, b"otter"],
    "web_search": ["true", 1],
    "timeout": [0, -1, "30", math.nan, True],
    "max_retries": [-1, 1.5, "2", True],
    "idempotency_key": ["", 5, "k" * 256, "a\nb", "\u00f6"],
    "session_id": [5, "", "a\r\nb", "\u00f6"],
    "extra_headers": [{"x y": "a"}, {"x": 5}, "x", {"x": "a\r\nb"}, "", 0, [], False],
    "tags": ["job", {"a": None}, {5: "a"}, {"a": ["b"]}, {"a": math.nan}],
    "extra_query": [{"a": None}, {"a": []}, "a=b", {5: "a"}, "", 0, [], False],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{value!r:.20}")
        for name, values in WRONG.items()
        for value in values
    ],
)
def test_option_of_a_wrong_type_or_range_is_refused_and_named(name, value):
    """
    A value of a wrong type or range is refused before anything is sent, and the error
    names the option.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(**{name: value})

    assert name == caught.value.argument
    assert name in str(caught.value)
    assert 300 > len(str(caught.value))


@pytest.mark.system
@pytest.mark.parametrize("name", sorted(BODY_OPTIONS | CALL_OPTIONS))
@pytest.mark.parametrize("kind", ["array", "deep", "huge", "unprintable"])
def test_value_that_cannot_be_compared_or_printed_is_refused(name, kind):
    """
    A value without a truth value, such as a numpy array, is refused like any other
    wrong value. So is a value whose repr raises an error, for example because the value
    is nested too deeply.
    """
    deep = []
    for _ in range(3000):
        deep = [deep]
    wrong = {
        "array": Ambiguous(),
        "deep": {5: deep} if name == "extra_query" else deep,
        "huge": -(10**5000),
        "unprintable": Unprintable(),
    }

    with pytest.raises(ArgumentError) as caught:
        chat(**{name: wrong[kind]})

    assert name == caught.value.argument
    assert 300 > len(str(caught.value))


@pytest.mark.parametrize(
    "value",
    [pytest.param(10**5000, id="huge"), pytest.param("\ud800", id="lone-surrogate")],
)
def test_query_parameter_that_a_url_cannot_contain_is_refused(value):
    """
    A query parameter that a URL cannot contain, such as a lone surrogate, is refused.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(extra_query={"a": value})

    assert "extra_query" == caught.value.argument


def test_table_of_wrong_values_has_a_value_for_every_option():
    """
    The table of wrong values has a value for each option, so every option is checked.
    """
    assert BODY_OPTIONS | CALL_OPTIONS == set(WRONG)


class NotGiven:
    """Stands for the type of ``NOT_GIVEN`` of OpenAI's client, which is false."""

    def __bool__(self):
        return False


class Omit(NotGiven):
    """Stands for the type of ``omit`` of OpenAI's client."""


@pytest.mark.parametrize(
    "absent", [None, NotGiven(), Omit()], ids=lambda v: repr(v)[:4]
)
@pytest.mark.parametrize(
    "name", [*sorted(BODY_OPTIONS | CALL_OPTIONS), "model", "stream", "logit_bias"]
)
def test_option_that_openais_client_marks_as_not_given_is_not_sent(name, absent):
    """
    An option counts as left out if its value is None, or ``NOT_GIVEN`` or ``omit`` of
    OpenAI's client, even an option that asi1 does not know. Only ``timeout=None``
    counts as given: it means no timeout.
    """
    left_out = {} if name != "timeout" or absent is not None else {"timeout": None}

    assert chat(**left_out) == chat(**{name: absent})


@pytest.mark.parametrize("absent", [NotGiven(), Omit()], ids=["NOT_GIVEN", "omit"])
def test_timeout_of_a_client_may_be_marked_as_not_given(absent):
    """
    A ``timeout`` that OpenAI's client takes as not given is asi1's default timeout.
    """
    assert Timeouts() == Timeouts.of(absent)


def test_options_of_openais_client_are_sent_under_the_apis_names():
    """
    ``max_completion_tokens`` is sent as ``max_tokens``; ``stream_options`` is not sent.
    """
    assert sent(max_tokens=7) == sent(max_completion_tokens=7, max_tokens=7)
    assert sent(max_tokens=7) == sent(max_completion_tokens=7)
    assert sent(stream=True) == sent(
        stream=True, stream_options={"include_usage": True}
    )
    assert {"max_tokens": 7} == checked_defaults({"max_completion_tokens": 7})


@pytest.mark.parametrize(
    ("options", "named", "problem"),
    [
        (
            {"max_tokens": 5, "max_completion_tokens": 6},
            "max_completion_tokens",
            "must equal max_tokens if both are given",
        ),
        ({"max_completion_tokens": -1}, "max_completion_tokens", "must be"),
        ({"stream_options": 1}, "stream_options", "must be a mapping"),
    ],
)
def test_wrong_options_of_openais_client_are_refused(options, named, problem):
    """
    ``max_completion_tokens`` and ``stream_options`` are checked like other options.
    """
    with pytest.raises(ArgumentError, match=f"{named}: {problem}") as caught:
        chat(**options)

    assert named == caught.value.argument


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "; did you mean temperature? An option"),
        ("max_token", "; did you mean max_tokens? An option"),
        ("reasoning_effort", "; see enable_thinking and thinking_budget. An option"),
        ("logit_bias", "; ASI-1 does not support it. An option"),
        ("top_logprobs", "; ASI-1 does not support it. An option"),
        ("store", "; ASI-1 does not support it. An option"),
        ("metadata", "; ASI-1 does not support it. An option"),
        ("functions", "; ASI-1 does not support it. An option"),
        ("verbosity", "; ASI-1 does not support it. An option"),
        ("extra_header", "; did you mean extra_headers? An option"),
        ("zzz", ". An option that asi1 does not know can be sent with extra_body"),
    ],
)
def test_error_for_an_unknown_option_suggests_a_name_or_extra_body(name, hint):
    """
    An unknown option is refused; the error suggests the nearest name, or tells how to
    send the option nevertheless.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(**{name: 1})

    assert name == caught.value.argument
    assert str(caught.value).startswith(f"{name}: unknown option{hint}")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("agents", 5, "must be a list of str, not 5"),
        ("stop", 5, "must be a list of str, or one str, not 5"),
        ("tool_choice", 5, "must be a mapping, or a str such as auto, not 5"),
        ("tools", 5, "must be a list of mappings, not 5"),
        ("idempotency_key", "a\n", "the value of 'idempotency-key' must be a str of"),
        ("session_id", "a\n", "the value of 'x-session-id' must be a str of"),
    ],
)
def test_error_for_a_wrong_option_names_the_allowed_values(name, value, problem):
    """
    The error for a wrong value says which values the option allows.
    """
    with pytest.raises(ArgumentError) as caught:
        checked_defaults({name: value})

    assert str(caught.value).startswith(f"{name}: {problem}")


def test_error_for_an_option_shows_only_the_beginning_of_a_long_value():
    """
    The error for a wrong option shows only the beginning of a long value.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(tools=["x" * 1000])

    assert "'xxx" in str(caught.value)
    assert 200 > len(str(caught.value))


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        pytest.param({"extra_body": {"a": {1}}}, "a", id="set"),
        pytest.param({"tools": [{"f": object()}]}, "tools", id="object"),
        pytest.param({"user": "\ud800"}, "user", id="lone-surrogate"),
        pytest.param({"messages": "\udfff"}, "messages", id="surrogate-in-messages"),
        pytest.param(
            {"extra_body": {"a": math.nan}},
            "a",
            id="nan",
        ),
        pytest.param(
            {"extra_body": {"a": {"b": -math.inf}}},
            "a",
            id="infinity",
        ),
        pytest.param(
            {"extra_body": {"a": {}, "b": {1: 2}}},
            "b",
            id="key-not-a-string",
        ),
    ],
)
def test_option_that_json_cannot_represent_is_refused_and_named(options, argument):
    """
    A value that JSON cannot represent is refused; the error names the field with the
    value.
    """
    with pytest.raises(ArgumentError, match="cannot be written as JSON") as caught:
        chat(**options)

    assert argument == caught.value.argument


def test_too_deeply_nested_option_is_refused_and_named():
    """
    A value that is nested too deeply to be written as JSON is refused; the error names
    the field with the value.
    """
    deep = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(ArgumentError) as caught:
        chat(extra_body={"a": deep})

    assert "a" == caught.value.argument


@pytest.mark.system
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_in_extra_body_is_sent_unchanged(value):
    """
    Any JSON value in ``extra_body`` is sent unchanged.
    """
    assert value == sent(extra_body={"a": value})["a"]


def test_default_options_are_checked_like_options_of_a_call():
    """
    A client's default options are checked like a call's options; an option may be None.
    """
    check_options({"temperature": 0, "timeout": 5, "stop": None})

    with pytest.raises(ArgumentError, match="temperature"):
        check_options({"temperature": 3})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{value!r:.20}")
        for name, values in WRONG.items()
        for value in values
    ],
)
def test_wrong_default_option_is_refused_and_named(name, value):
    """
    A wrong value among a client's default options is refused, also for an option that
    is not sent in the body; the error names the option.
    """
    with pytest.raises(ArgumentError) as caught:
        checked_defaults({"n": 2, name: value})

    assert name == caught.value.argument
    assert str(caught.value).startswith(f"{name}: ")
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("check", [checked_options, checked_defaults])
def test_option_of_none_is_left_out_unless_it_is_the_timeout(check):
    """
    An option that is None is left out, except ``timeout``, where None means that the
    call has no timeout.
    """
    options = {"n": 2, "user": None, "max_retries": None, "timeout": None}

    assert {"n": 2, "timeout": None} == check(options)
    assert {"timeout": 5} == check({"timeout": 5})


def test_valid_default_options_that_are_not_in_the_body_are_unchanged():
    """
    Valid default options that are not sent in the body are returned unchanged.
    """
    options = {
        "extra_headers": {"X-Otter": "a"},
        "extra_query": {"page": 2},
        "extra_body": {"a": 1},
        "idempotency_key": "auto",
        "max_retries": 0,
        "session_id": "s1",
        "timeout": Timeouts(idle=3),
    }

    assert options == checked_defaults(options)


@pytest.mark.parametrize("key", [None, "k", "k" * 255])
def test_idempotency_key_of_up_to_255_characters_is_accepted(key):
    """
    An idempotency key of 1 to 255 characters is accepted; None means that none is sent.
    """
    assert key == read_idempotency_key(key)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_idempotency_key_of_0_or_over_255_characters_is_refused(key):
    """
    The error for an empty or too long idempotency key names the allowed lengths.
    """
    with pytest.raises(ArgumentError, match="must be 1 to 255 characters") as caught:
        read_idempotency_key(key)

    assert "idempotency_key" == caught.value.argument


@pytest.mark.parametrize("name", [5, None, b"n"])
def test_option_whose_name_is_not_a_str_is_refused(name):
    """
    An option whose name is not a str is refused.
    """
    with pytest.raises(ArgumentError, match="must have names that are str") as caught:
        check_options({name: 1})

    assert "options" == caught.value.argument


def test_error_for_an_unknown_option_suggests_only_allowed_options():
    """
    If only some options are allowed, the error for any other option suggests only
    allowed ones.
    """
    with pytest.raises(ArgumentError, match=r"n: unknown option\. An option"):
        check_options({"n": 1}, frozenset({"temperature"}))


def test_as_argument_returns_the_result_of_the_given_function():
    """
    `as_argument` calls the given function with the argument, and returns the result.
    """
    assert Timeouts(idle=3) == as_argument("timeout", Timeouts.of, Timeouts(idle=3))


@pytest.mark.parametrize("make", [deque, UserList, tuple, list])
@pytest.mark.parametrize(
    ("option", "items"),
    [("stop", ["a", "b"]), ("agents", ["agent1"]), ("tools", [{"type": "function"}])],
)
def test_option_of_the_type_sequence_accepts_any_sequence(make, option, items):
    """
    An option of the type ``Sequence`` may be any sequence, and is sent as a list.
    """
    request = chat(**{option: make(items)})

    assert items == json.loads(request.body)[option]


@pytest.mark.parametrize("value", [{"a"}, {"a": 1}.keys(), iter("a"), b"ab", range(2)])
def test_option_with_a_list_of_str_refuses_any_value_but_sequences_of_str(value):
    """
    An option that is a list of str refuses a set, an iterator, bytes, and a sequence
    with items of another type.
    """
    for option in ("stop", "agents"):
        with pytest.raises(ArgumentError, match=f"^{option}: must be a list of str"):
            chat(**{option: value})

"""Requests carry only what was set."""

from __future__ import annotations

import math

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1 import ArgumentError, ChatOptions, RequestOptions, Timeouts
from asi1._settings.option_checks import check_options
from asi1._settings.options import BODY_OPTIONS, CALL_OPTIONS

from ..support.calls import HI, URL, chat, config, sent


TOOL = {"type": "function", "function": {"name": "dive", "parameters": {}}}

# Each option with values that it may have.
VALUES = {
    "agents": [["agent1otter"], ()],
    "enable_thinking": [True, False],
    "frequency_penalty": [-2, 0, 0.5, 2],
    "max_tokens": [0, 1, 10**9],
    "n": [1, 3],
    "parallel_tool_calls": [True, False],
    "planner_mode": [True, False],
    "presence_penalty": [-2, 0.0, 2],
    "response_format": [{"type": "json_object"}],
    "seed": [0, -5, 2**70],
    "stop": ["\n", ["a", "b"], ("a",)],
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


def test_the_table_of_options_is_whole():
    """
    Every option of a body is tried below, and every option is of the body or of the
    call.
    """
    assert BODY_OPTIONS == set(VALUES)
    assert CALL_OPTIONS == set(RequestOptions.__annotations__)
    assert BODY_OPTIONS | CALL_OPTIONS == set(ChatOptions.__annotations__)


def test_without_options_only_model_and_messages_are_sent():
    """
    A call without options sends the model and the messages, and nothing else.
    """
    assert {"model": "asi1-mini", "messages": HI} == sent()
    assert "POST" == chat().method
    assert URL == chat().url
    assert chat().stream is False


@pytest.mark.parametrize(("name", "value"), CASES)
def test_an_option_that_was_set_is_sent(name, value):
    """
    An option stands in the body under its name, as it was given, and brings no other
    key with it; in a stream there is ``stream`` as well.
    """
    listed = list(value) if isinstance(value, tuple) else value

    body = sent(**{name: value})

    assert {"model": "asi1-mini", "messages": HI, name: listed} == body
    assert type(listed) is type(body[name])
    assert {**body, "stream": True} == sent(stream=True, **{name: value})


@pytest.mark.parametrize("name", sorted(BODY_OPTIONS | CALL_OPTIONS - {"timeout"}))
def test_none_is_not_sent(name):
    """
    An option of None is one that was not set.
    """
    assert chat() == chat(**{name: None})


def test_all_options_together():
    """
    All options may be set at once.
    """
    options = {name: values[-1] for name, values in VALUES.items()}

    assert {"model", "messages", "stream", *options} == set(
        sent(stream=True, **options)
    )


def test_stream_is_sent_only_if_it_is_wanted():
    """
    ``stream`` is sent as true or not at all.
    """
    assert "stream" not in sent(stream=False)
    assert sent(stream=True)["stream"] is True
    assert chat(stream=True).stream is True


@pytest.mark.parametrize("value", [None, 1, "true"])
def test_stream_is_true_or_false(value):
    """
    A stream is wanted or not; nothing else is taken for one of the two.
    """
    with pytest.raises(ArgumentError, match="must be True or False") as caught:
        chat(stream=value)

    assert "stream" == caught.value.argument


@pytest.mark.parametrize(
    ("asked", "expected"), [({}, 1), ({"n": None}, 1), ({"n": 3}, 3)]
)
def test_a_request_knows_how_many_choices_it_asks_for(asked, expected):
    """
    The number of choices asked for is that of ``n``, one without it.
    """
    assert expected == chat(stream=True, **asked).choices


def test_the_model_is_the_calls_or_the_clients():
    """
    The call's model wins over the client's; any name is fine.
    """
    assert "asi1-mini" == sent()["model"]
    assert "otter" == sent(config(model="otter"))["model"]
    assert "asi1-ultra" == sent(config(model="otter"), model="asi1-ultra")["model"]


@pytest.mark.parametrize("model", ["", 5, b"asi1"])
def test_a_model_is_a_name(model):
    """
    A model that is no text is a wrong argument.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(model=model)

    assert "model" == caught.value.argument


def test_the_calls_options_win_over_the_clients():
    """
    An option of the call wins over the client's, None gives way to it, and what the
    call does not name comes from the client.
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


def test_the_clients_options_are_for_the_call_too():
    """
    A client's default options may be options of the call, such as its session.
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
def test_none_gives_way_in_the_calls_own_options_too(options, name):
    """
    None is not given, for the options of the call as for those of the body.
    """
    setup = config(options=options)

    assert chat(setup) == chat(setup, **{name: None})


def test_a_clients_extra_body_is_sent():
    """
    A client's default options may hold an ``extra_body``.
    """
    assert 1 == sent(config(options={"extra_body": {"a": 1}}))["a"]


def test_the_extra_body_wins():
    """
    What stands in ``extra_body`` is sent as it is, null too, over all named options.
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
    "agents": ["agent1", [5], {"a": 1}],
    "enable_thinking": [1, "yes"],
    "extra_body": [[1], "a", 5],
    "frequency_penalty": [-2.1, 2.1, "1", True, math.nan],
    "max_tokens": [-1, 1.0, "9", True],
    "n": [0, 1.5, True],
    "parallel_tool_calls": [0, "no"],
    "planner_mode": [1],
    "presence_penalty": [-3, math.inf],
    "response_format": ["json", []],
    "seed": [0.5, "1", False],
    "stop": [5, ["a", 5], {"a": 1}],
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
    "session_id": [5, "a\r\nb", "\u00f6"],
    "extra_headers": [{"x y": "a"}, {"x": 5}, "x", {"x": "a\r\nb"}],
    "extra_query": [{"a": None}, {"a": []}, "a=b", {5: "a"}],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}-{value!r:.20}")
        for name, values in WRONG.items()
        for value in values
    ],
)
def test_a_wrong_value_is_named(name, value):
    """
    A value of a wrong type, or out of range, is refused before anything is sent, and
    the error names the option.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(**{name: value})

    assert name == caught.value.argument
    assert name in str(caught.value)
    assert 300 > len(str(caught.value))


def test_every_option_has_wrong_values():
    """
    Every option there is refuses something.
    """
    assert BODY_OPTIONS | CALL_OPTIONS == set(WRONG)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "did you mean temperature"),
        ("max_token", "did you mean max_tokens"),
        ("max_completion_tokens", "did you mean max_tokens"),
        ("reasoning_effort", "; see enable_thinking and thinking_budget. An option"),
        ("stream_options", "; usage comes with every stream without it. An option"),
        ("extra_header", "did you mean extra_headers"),
        ("zzz", "extra_body"),
    ],
)
def test_an_unknown_option_suggests_a_near_one(name, hint):
    """
    An option that does not exist is refused with the nearest name, or with the way to
    send it all the same.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(**{name: 1})

    assert name == caught.value.argument
    assert str(caught.value).startswith(f"{name}: unknown option")
    assert hint in str(caught.value)
    assert ("did you mean" in hint) == ("did you mean" in str(caught.value))


def test_the_value_is_shown_in_part():
    """
    A long value is shown by its beginning.
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
            id="key-no-text",
        ),
    ],
)
def test_what_is_no_json_is_named(options, argument):
    """
    A value that JSON cannot hold is refused; the error names the field that holds it.
    """
    with pytest.raises(ArgumentError, match="cannot be written as JSON") as caught:
        chat(**options)

    assert argument == caught.value.argument


def test_what_nests_too_deep_is_named():
    """
    A value that nests too deep to be written is refused like any other.
    """
    deep = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(ArgumentError) as caught:
        chat(extra_body={"a": deep})

    assert "a" == caught.value.argument


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_json_value_is_sent_as_it_is(value):
    """
    Whatever JSON value stands in ``extra_body`` arrives as it is.
    """
    assert value == sent(extra_body={"a": value})["a"]


def test_default_options_are_checked_alike():
    """
    A client's default options are checked as a call's are, None being fine.
    """
    check_options({"temperature": 0, "timeout": 5, "stop": None})

    with pytest.raises(ArgumentError, match="temperature"):
        check_options({"temperature": 3})

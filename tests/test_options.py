"""Requests carry only what was set."""

from __future__ import annotations

import json
import math
import types

import httpx
import pytest

from hypothesis import given
from hypothesis import strategies as st

import asi1

from asi1 import ArgumentError, ChatOptions, RequestOptions, RetryPolicy, Timeouts
from asi1._codec import dump_json
from asi1._config import ClientConfig
from asi1._options import BODY_OPTIONS, CALL_OPTIONS, check_options
from asi1._request import chat_request, plain_request
from asi1._secret import Secret


KEY = "sk_otter0123456789"
URL = "https://otter.example/v1/chat/completions"
HI = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "dive", "parameters": {}}}


def config(**changes):
    """Return a client's set-up with these changes."""
    return ClientConfig(
        api_key=Secret(KEY, source="test"),
        base_url="https://otter.example/v1",
        **changes,
    )


def chat(setup=None, *, model=None, stream=False, messages="Hi", **options):
    """Build a chat call as both clients do."""
    return chat_request(
        setup or config(),
        messages=messages,
        model=model,
        stream=stream,
        options=options,
    )


def sent(*args, **kwargs):
    """Return the body that a chat call sends."""
    return json.loads(chat(*args, **kwargs).body)


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
    assert "answer" == chat().wants


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
    assert "chunks" == chat(stream=True).wants


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
    setup = config(options={"temperature": 0.2, "max_tokens": 9, "web_search": None})

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


@pytest.mark.xfail(reason="BUG: a None of the call hides the client's own value")
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


@pytest.mark.xfail(reason="BUG: a client's default extra_body is dropped")
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
        ("temprature", "did you mean temperature?"),
        ("max_token", "did you mean max_tokens?"),
        ("max_completion_tokens", "did you mean max_tokens?"),
        ("extra_header", "did you mean extra_headers?"),
        ("zzz", "use extra_body= for it"),
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
    assert f"{name}: is no option of this call; {hint}" == str(caught.value)


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
            marks=pytest.mark.xfail(reason="BUG: sent as null"),
        ),
        pytest.param(
            {"extra_body": {"a": {"b": -math.inf}}},
            "a",
            id="infinity",
            marks=pytest.mark.xfail(reason="BUG: sent as null"),
        ),
        pytest.param(
            {"extra_body": {"a": {}, "b": {1: 2}}},
            "b",
            id="key-no-text",
            marks=pytest.mark.xfail(reason="BUG: the key becomes a text"),
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


@pytest.mark.xfail(reason="BUG: RecursionError", raises=RecursionError)
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


def test_json_is_written_compactly_and_wholly():
    """
    Integers of any size, texts of any language, models and mappings are written.
    """
    message = asi1.ChatMessage(content="\u00f6", wire={"content": "\u00f6"})

    assert b'{"a":"\xc3\xb6"}' == dump_json({"a": "\u00f6"})
    assert {"n": 2**70} == json.loads(dump_json({"n": 2**70}))
    assert b'[{"content":"\xc3\xb6"}]' == dump_json([message])
    assert {"m": {"content": "\u00f6"}, "n": 2**70} == json.loads(
        dump_json({"m": message, "n": 2**70})
    )
    assert b'{"a":{}}' == dump_json({"a": types.MappingProxyType({})})


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


PLAIN_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "user-agent": f"asi1-python/{asi1.__version__}",
}


def test_headers_are_only_those_needed():
    """
    A call sends four headers; names are in lowercase, and the key is not among them.
    """
    assert PLAIN_HEADERS == chat().headers
    assert {**PLAIN_HEADERS, "accept": "text/event-stream, application/json;q=0.9"} == (
        chat(stream=True).headers
    )


@pytest.mark.parametrize(
    ("setup", "options", "added"),
    [
        pytest.param({"X-Otter": "a"}, {}, {"x-otter": "a"}, id="clients"),
        pytest.param(
            {}, {"extra_headers": {"X-Otter": "b"}}, {"x-otter": "b"}, id="calls"
        ),
        pytest.param(
            {"X-OTTER": "a"},
            {"extra_headers": {"x-Otter": "b"}},
            {"x-otter": "b"},
            id="the-call-wins",
        ),
        pytest.param(
            {"User-Agent": "otter/1"}, {}, {"user-agent": "otter/1"}, id="own-name"
        ),
        pytest.param({}, {"session_id": "s1"}, {"x-session-id": "s1"}, id="session"),
        pytest.param(
            {"x-session-id": "s0"},
            {"session_id": "s1"},
            {"x-session-id": "s1"},
            id="session-over-the-clients",
        ),
        pytest.param(
            {},
            {"session_id": "s1", "extra_headers": {"X-Session-ID": "s2"}},
            {"x-session-id": "s2"},
            id="extra-over-session",
        ),
    ],
)
def test_headers_that_were_set_are_added(setup, options, added):
    """
    Headers of the call win over its session, that over the client's headers, and those
    over ours, whatever the case of their names.
    """
    assert {**PLAIN_HEADERS, **added} == chat(config(headers=setup), **options).headers


@pytest.mark.parametrize(
    ("given_key", "key"),
    [(None, None), ("auto", "auto"), ("k-1", "k-1"), ("k" * 255, "k" * 255)],
)
def test_the_idempotency_key_is_off_unless_asked_for(given_key, key):
    """
    An idempotency key is sent only if the call asks for one; "auto" is drawn later.
    """
    request = chat(idempotency_key=given_key)

    assert key == request.idempotency_key
    assert PLAIN_HEADERS == request.headers


def test_no_request_shows_what_it_carries():
    """
    A request's repr shows neither its headers nor its body, and nothing has the key.
    """
    request = chat(messages="hush", session_id="s1", user="otter")

    assert "hush" not in repr(request)
    assert "s1" not in repr(request)
    assert KEY not in repr((request, request.headers, request.body))


@pytest.mark.parametrize(
    ("query", "extra", "url"),
    [
        pytest.param({}, None, URL, id="none"),
        pytest.param({}, {}, URL, id="empty"),
        pytest.param({"a": "b c&d"}, None, f"{URL}?a=b+c%26d", id="escaped"),
        pytest.param(
            {}, {"f": True, "n": 1, "x": 0.5}, f"{URL}?f=true&n=1&x=0.5", id="kinds"
        ),
        pytest.param({"a": 1, "b": 2}, {"a": 3}, f"{URL}?a=3&b=2", id="the-call-wins"),
        pytest.param({}, {"\u00f6": "\u00f6"}, f"{URL}?%C3%B6=%C3%B6", id="not-ascii"),
        pytest.param(
            {},
            {"a": "\ud800"},
            ArgumentError,
            id="lone-surrogate",
            marks=pytest.mark.xfail(
                reason="BUG: UnicodeEncodeError", raises=UnicodeEncodeError
            ),
        ),
    ],
)
def test_the_query_is_the_clients_and_the_calls(query, extra, url):
    """
    The URL holds the client's query and the call's, the call's winning; flags are
    written as JSON writes them.
    """
    setup = config(query=query)
    if url is ArgumentError:
        with pytest.raises(ArgumentError):
            chat(setup, extra_query=extra)
    else:
        assert url == chat(setup, extra_query=extra).url


@pytest.mark.parametrize(
    ("options", "timeouts"),
    [
        pytest.param({}, Timeouts(total=5), id="clients"),
        pytest.param({"timeout": 3}, Timeouts.of(3), id="number"),
        pytest.param({"timeout": None}, Timeouts.of(None), id="no-limit"),
        pytest.param({"timeout": asi1.DEFAULT}, Timeouts(), id="default"),
        pytest.param({"timeout": Timeouts(idle=1)}, Timeouts(idle=1), id="timeouts"),
        pytest.param(
            {"timeout": httpx.Timeout(2)}, Timeouts.of(httpx.Timeout(2)), id="httpx"
        ),
    ],
)
def test_the_timeout_is_the_calls_or_the_clients(options, timeouts):
    """
    The call's timeout takes the place of the client's, None being no limit.
    """
    assert timeouts == chat(config(timeouts=Timeouts(total=5)), **options).timeouts


def test_max_retries_leaves_the_rest_of_the_policy():
    """
    ``max_retries`` changes the number of tries in the client's policy, and no wait.
    """
    setup = config(retry=RetryPolicy(attempts=9, wait_max=1))

    assert 9 == chat(setup).retry.attempts
    assert RetryPolicy(attempts=3, wait_max=1) == chat(setup, max_retries=2).retry


def test_default_options_are_checked_alike():
    """
    A client's default options are checked as a call's are, None being fine.
    """
    check_options({"temperature": 0, "timeout": 5, "stop": None})

    with pytest.raises(ArgumentError, match="temperature"):
        check_options({"temperature": 3})


def plain(method="GET", path="/models", *, body=None, **options):
    """Build a call of any endpoint."""
    return plain_request(config(), method, path, json=body, options=options)


def test_a_plain_call_sends_what_it_is_given():
    """
    A call of any endpoint has its method, its path below the base URL, and a body only
    if there is one.
    """
    bare, full = plain("get"), plain("Post", "/images", body={"prompt": "otter"})

    assert ("GET", "https://otter.example/v1/models") == (bare.method, bare.url)
    assert bare.body is None
    assert "content-type" not in bare.headers
    assert ("POST", b'{"prompt":"otter"}') == (full.method, full.body)
    assert "application/json" == full.headers["content-type"]
    assert "bytes" == full.wants


@pytest.mark.parametrize(
    ("body", "extra", "written"),
    [
        pytest.param({"a": 1, "b": 1}, {"a": 2}, b'{"a":2,"b":1}', id="over-the-json"),
        pytest.param(None, {"a": 2}, b'{"a":2}', id="alone"),
        pytest.param([1], None, b"[1]", id="list"),
        pytest.param([1], {}, b"[1]", id="list-and-nothing"),
        pytest.param(0, None, b"0", id="scalar"),
    ],
)
def test_a_plain_calls_body_is_any_json(body, extra, written):
    """
    The body is any JSON, with ``extra_body`` added to an object.
    """
    assert written == plain("POST", body=body, extra_body=extra).body


@pytest.mark.parametrize(
    ("method", "path", "argument"),
    [
        ("", "/a", "method"),
        ("GET ", "/a", "method"),
        ("GET\r\nX: 1", "/a", "method"),
        (None, "/a", "method"),
        pytest.param(
            "G\u00c9T", "/a", "method", marks=pytest.mark.xfail(reason="BUG: taken")
        ),
        ("GET", "", "path"),
        ("GET", "models", "path"),
        ("GET", "//evil.example/models", "path"),
        ("GET", "/a//b", "path"),
        ("GET", "https://evil.example/models", "path"),
        ("GET", None, "path"),
        pytest.param(
            "GET",
            "/\ud800",
            "path",
            marks=pytest.mark.xfail(reason="BUG", raises=UnicodeEncodeError),
        ),
    ],
)
def test_a_plain_call_stays_below_the_base_url(method, path, argument):
    """
    A method is a word, a path begins with one slash: no call leaves the base URL.
    """
    with pytest.raises(ArgumentError) as caught:
        plain(method, path)

    assert argument == caught.value.argument


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/a/b-c_d~e.f", "/a/b-c_d~e.f"),
        ("/a b", "/a%20b"),
        ("/a?b=c#d", "/a%3Fb=c%23d"),
        ("/a%20b", "/a%20b"),
        ("/\u00f6\r\n", "/%C3%B6%0D%0A"),
    ],
)
def test_a_path_is_escaped(path, written):
    """
    What a path may not hold is escaped; a query goes in ``extra_query``.
    """
    assert f"https://otter.example/v1{written}" == plain(path=path).url


def test_chat_options_are_no_options_of_a_plain_call():
    """
    Options of the model mean nothing to another endpoint.
    """
    with pytest.raises(ArgumentError) as caught:
        plain(temperature=0)

    assert "temperature" == caught.value.argument


@pytest.mark.xfail(reason="BUG: TypeError of the standard library")
def test_an_extra_body_needs_an_object_to_be_added_to():
    """
    An ``extra_body`` beside a body that is no object is a wrong argument.
    """
    with pytest.raises(ArgumentError):
        plain("POST", body=[1], extra_body={"a": 1})


def test_what_is_no_json_in_a_plain_call_is_its_json():
    """
    A body that JSON cannot hold is refused by the argument's name.
    """
    with pytest.raises(ArgumentError) as caught:
        plain("POST", body=[{1}])

    assert "json" == caught.value.argument

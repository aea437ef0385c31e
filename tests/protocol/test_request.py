"""The request that is built from the settings of a client and the options of a call."""

from __future__ import annotations

import math

import httpx
import pytest

import asi1

from asi1 import ArgumentError, RetryPolicy, Timeouts
from asi1._protocol.request import draft_chat

from ..support.calls import KEY, URL, chat, config, plain


PLAIN_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "user-agent": f"asi1-python/{asi1.__version__}",
}


def test_request_has_four_headers_and_no_api_key():
    """
    The request of a call has four headers with lowercase names. The API key is not
    among them, since the transport adds it.
    """
    assert PLAIN_HEADERS == chat().headers
    assert {**PLAIN_HEADERS, "accept": "text/event-stream, application/json;q=0.9"} == (
        chat(stream=True).headers
    )


@pytest.mark.parametrize(
    ("setup", "options", "added"),
    [
        pytest.param({"X-Otter": "a"}, {}, {"x-otter": "a"}, id="from-the-client"),
        pytest.param(
            {},
            {"extra_headers": {"X-Otter": "b"}},
            {"x-otter": "b"},
            id="from-the-call",
        ),
        pytest.param(
            {"X-OTTER": "a"},
            {"extra_headers": {"x-Otter": "b"}},
            {"x-otter": "b"},
            id="the-call-wins",
        ),
        pytest.param(
            {"User-Agent": "otter/1"},
            {},
            {"user-agent": "otter/1"},
            id="own-user-agent",
        ),
        pytest.param({}, {"session_id": "s1"}, {"x-session-id": "s1"}, id="session-id"),
        pytest.param(
            {"x-session-id": "s0"},
            {"session_id": "s1"},
            {"x-session-id": "s1"},
            id="session-id-wins-over-the-client",
        ),
        pytest.param(
            {},
            {"session_id": "s1", "extra_headers": {"X-Session-ID": "s2"}},
            {"x-session-id": "s2"},
            id="extra-header-wins-over-session-id",
        ),
    ],
)
def test_headers_of_a_call_are_preferred_to_headers_of_the_client(
    setup, options, added
):
    """
    If a header is set more than once, the call's header is sent, else the session id,
    else the client's header, else asi1's own. The case of header names does not matter.
    """
    assert {**PLAIN_HEADERS, **added} == chat(config(headers=setup), **options).headers


@pytest.mark.parametrize(
    ("given_key", "key"),
    [(None, None), ("auto", "auto"), ("k-1", "k-1"), ("k" * 255, "k" * 255)],
)
def test_request_has_an_idempotency_key_only_if_the_call_sets_one(given_key, key):
    """
    A request has an idempotency key only if the call sets one. The value "auto" is
    replaced by a new key when the request is sent.
    """
    request = chat(idempotency_key=given_key)

    assert key == request.idempotency_key
    assert PLAIN_HEADERS == request.headers


def test_request_repr_shows_no_headers_body_or_key():
    """
    A request's repr shows neither headers nor body, and the API key is in no part of
    the request.
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
            {}, {"f": True, "n": 1, "x": 0.5}, f"{URL}?f=true&n=1&x=0.5", id="types"
        ),
        pytest.param({"a": 1, "b": 2}, {"a": 3}, f"{URL}?a=3&b=2", id="the-call-wins"),
        pytest.param({}, {"\u00f6": "\u00f6"}, f"{URL}?%C3%B6=%C3%B6", id="not-ascii"),
        pytest.param(
            {},
            {"a": "\ud800"},
            ArgumentError,
            id="lone-surrogate",
        ),
    ],
)
def test_query_parameters_of_client_and_call_are_merged_into_the_url(query, extra, url):
    """
    The URL has the query parameters of client and call. If both set a parameter, the
    value of the call is used. True and False are written as in JSON.
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
        pytest.param({}, Timeouts(total=5), id="from-the-client"),
        pytest.param({"timeout": 3}, Timeouts.of(3), id="number"),
        pytest.param({"timeout": None}, Timeouts.of(None), id="no-limit"),
        pytest.param({"timeout": asi1.DEFAULT}, Timeouts(), id="default"),
        pytest.param({"timeout": Timeouts(idle=1)}, Timeouts(idle=1), id="timeouts"),
        pytest.param(
            {"timeout": httpx.Timeout(2)}, Timeouts.of(httpx.Timeout(2)), id="httpx"
        ),
    ],
)
def test_timeout_of_a_call_replaces_the_timeout_of_the_client(options, timeouts):
    """
    The timeout of a call replaces the timeout of the client. None means that the call
    has no timeout.
    """
    assert timeouts == chat(config(timeouts=Timeouts(total=5)), **options).timeouts


def test_max_retries_changes_only_the_number_of_attempts():
    """
    ``max_retries`` of a call changes how many attempts the client's retry policy makes.
    The waits of the policy stay the same.
    """
    setup = config(retry=RetryPolicy(attempts=9, wait_max=1))

    assert 9 == chat(setup).retry.attempts
    assert RetryPolicy(attempts=3, wait_max=1) == chat(setup, max_retries=2).retry


def test_call_of_any_endpoint_has_its_method_path_and_body():
    """
    A call to any endpoint has the method, the path below the base URL, and the body
    that the caller gave. Without a body, none is sent.
    """
    bare, full = plain("get"), plain("Post", "/images", body={"prompt": "otter"})

    assert ("GET", "https://otter.example/v1/models") == (bare.method, bare.url)
    assert bare.body is None
    assert "content-type" not in bare.headers
    assert ("POST", b'{"prompt":"otter"}') == (full.method, full.body)
    assert "application/json" == full.headers["content-type"]
    assert full.stream is False


@pytest.mark.parametrize(
    ("body", "extra", "written"),
    [
        pytest.param(
            {"a": 1, "b": 1}, {"a": 2}, b'{"a":2,"b":1}', id="overrides-the-body"
        ),
        pytest.param(None, {"a": 2}, b'{"a":2}', id="without-a-body"),
        pytest.param([1], None, b"[1]", id="list"),
        pytest.param([1], {}, b"[1]", id="list-with-empty-extra"),
        pytest.param(0, None, b"0", id="scalar"),
    ],
)
def test_body_for_any_endpoint_may_be_any_json(body, extra, written):
    """
    The body of a call to any endpoint may be any JSON value. If it is an object,
    ``extra_body`` is merged into it.
    """
    assert written == plain("POST", body=body, extra_body=extra).body


@pytest.mark.parametrize(
    ("method", "path", "argument"),
    [
        ("", "/a", "method"),
        ("GET ", "/a", "method"),
        ("GET\r\nX: 1", "/a", "method"),
        (None, "/a", "method"),
        pytest.param("G\u00c9T", "/a", "method"),
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
        ),
    ],
)
def test_call_of_any_endpoint_with_a_wrong_method_or_path_is_refused(
    method, path, argument
):
    """
    A method must be one word, and a path must begin with exactly one slash. So no call
    can reach a URL outside the base URL.
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
def test_characters_not_allowed_in_a_path_are_escaped(path, written):
    """
    Characters that are not allowed in a path are escaped. Even the question mark is
    escaped, since a query is passed as ``extra_query``.
    """
    assert f"https://otter.example/v1{written}" == plain(path=path).url


def test_call_of_any_endpoint_refuses_chat_options():
    """
    Options for chat have no meaning for other endpoints. So a call to any endpoint
    refuses them.
    """
    with pytest.raises(ArgumentError) as caught:
        plain(temperature=0)

    assert "temperature" == caught.value.argument


def test_extra_body_beside_a_body_that_is_a_list_is_refused():
    """
    If the body is not an object, ``extra_body`` cannot be merged into it, so
    `ArgumentError` is raised.
    """
    with pytest.raises(ArgumentError):
        plain("POST", body=[1], extra_body={"a": 1})


def test_body_for_any_endpoint_that_is_not_json_is_refused():
    """
    A body that cannot be written as JSON raises `ArgumentError`, which names the
    argument ``json``.
    """
    with pytest.raises(ArgumentError) as caught:
        plain("POST", body=[{1}])

    assert "json" == caught.value.argument


def test_token_estimate_leaves_out_the_bytes_of_images():
    """
    The bytes of an image do not count as tokens. Otherwise a client with a token limit
    would wait for millions of tokens that no image uses.
    """
    image = b"\x89PNG\r\n\x1a\n" + b"\0" * 400_000
    shown = chat(messages=[asi1.UserMessage("Hi", images=[image])])

    assert 500_000 < len(shown.body)
    assert 100 > shown.tokens


def test_token_estimate_is_a_quarter_of_the_bytes_plus_max_tokens():
    """
    The estimate of the tokens that a call may use is a quarter of the request body's
    bytes, rounded down, plus ``max_tokens``.
    """
    free, bound = chat(), chat(max_tokens=500)

    assert len(free.body) // 4 == free.tokens
    assert len(bound.body) // 4 + 500 == bound.tokens


@pytest.mark.parametrize(
    ("defaults", "options", "choices"),
    [
        pytest.param({}, {}, 1, id="not-sent"),
        pytest.param({}, {"n": 2}, 2, id="option"),
        pytest.param({}, {"extra_body": {"n": 2}}, 2, id="extra-body"),
        pytest.param({}, {"n": 3, "extra_body": {"n": 2}}, 2, id="extra-body-wins"),
        pytest.param({}, {"n": 3, "extra_body": {"n": None}}, 1, id="sent-as-null"),
        pytest.param({"n": 2}, {}, 2, id="default"),
        pytest.param({"n": 3}, {"n": 2}, 2, id="option-replaces-default"),
        pytest.param({"extra_body": {"n": 2}}, {}, 2, id="extra-body-of-the-defaults"),
        pytest.param({"extra_body": {"n": 2}}, {"n": 3}, 2, id="extra-body-is-sent"),
        pytest.param({"extra_body": {"n": 3}}, {"extra_body": {}}, 1, id="replaced"),
        pytest.param({}, {"extra_body": {"n": 2.0}}, 2, id="float"),
        pytest.param({}, {"extra_body": {"n": "2"}}, 2, id="string"),
        pytest.param({}, {"extra_body": {"n": "two"}}, 1, id="word"),
        pytest.param({}, {"extra_body": {"n": [2]}}, 1, id="list"),
        pytest.param({}, {"extra_body": {"n": -2}}, 1, id="negative"),
    ],
)
def test_number_of_expected_choices_is_the_n_of_the_body_that_is_sent(
    defaults, options, choices
):
    """
    The number of expected choices is ``n`` in the body that is sent. This ``n`` may
    come from an option, from ``extra_body`` or from the client's default options.
    """
    assert choices == chat(config(options=defaults), **options).choices


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param(lambda: chat(max_tokens=500), id="option"),
        pytest.param(lambda: chat(extra_body={"max_tokens": 500}), id="extra-body"),
        pytest.param(
            lambda: plain("POST", body={"max_tokens": 500}), id="any-endpoint"
        ),
    ],
)
def test_token_estimate_includes_max_tokens_of_the_body_that_is_sent(request_of):
    """
    The token estimate includes ``max_tokens`` of the body that is sent, whichever
    option set it.
    """
    request = request_of()

    assert len(request.body) // 4 + 500 == request.tokens


@pytest.mark.parametrize("limit", ["many", [500], None, -500, {}])
def test_max_tokens_that_is_not_a_count_adds_no_tokens_to_the_estimate(limit):
    """
    ``extra_body`` may set ``max_tokens`` to any value. A value that is not a number of
    tokens adds nothing to the token estimate.
    """
    request = chat(extra_body={"max_tokens": limit})

    assert len(request.body) // 4 == request.tokens


def test_request_without_a_body_has_a_token_estimate_of_0():
    """
    If a request has no body, its token estimate is 0, and one choice is expected.
    """
    assert (0, 1) == (plain().tokens, plain().choices)


def test_number_that_json_cannot_express_is_refused_in_extra_body():
    """
    A number that JSON cannot express, such as infinity, is refused wherever it is in
    the body.
    """
    with pytest.raises(ArgumentError) as caught:
        chat(extra_body={"n": math.inf})

    assert "n" == caught.value.argument


def test_repr_of_a_chat_draft_shows_neither_headers_nor_body():
    """The repr of a chat draft shows neither the headers nor the body."""
    settings = config(headers={"X-Otter": "hush"}, model="quiet")
    options = {"temperature": 0.5}

    draft = draft_chat(settings, model=None, stream=False, options=options)

    assert "hush" not in repr(draft)
    assert "quiet" not in repr(draft)

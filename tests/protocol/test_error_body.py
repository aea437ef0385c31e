"""Error bodies saying that a request is too long, and the token counts in them."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._models.response import ResponseInfo
from asi1._protocol.error_body import (
    ContextOverflow,
    ErrorBody,
    context_overflow,
    find_error,
    read_error_body,
)
from asi1._protocol.reply import read_answer, read_error
from asi1._settings.secret import Secret


SECRET = Secret("sk_otter0123456789")

# Messages of servers with similar APIs; each message with its limit and the requested
# number of tokens.
TOO_LONG = [
    (
        (
            "This model's maximum context length is 16384 tokens. However, you"
            " requested 122946 tokens (112946 in the messages, 10000 in the"
            " completion). Please reduce the length of the messages or completion."
        ),
        (16384, 112946),
    ),
    (
        (
            "This model's maximum context length is 8192 tokens. However, your messages"
            " resulted in 8545 tokens."
        ),
        (8192, 8545),
    ),
    (
        (
            "The input (61709 tokens) is longer than the model's context length (40960"
            " tokens)."
        ),
        (40960, 61709),
    ),
    (
        (
            "Input length (160062 tokens) exceeds the maximum allowed length (59862"
            " tokens)."
        ),
        (59862, 160062),
    ),
    ("prompt is too long: 210,000 tokens > 200,000 maximum", (200000, 210000)),
    ("Your input exceeds the context window of this model.", (None, None)),
    ("context_length_exceeded", (None, None)),
]


def error_of_reply(error, status=400):
    """Return the error of a reply with this error body."""
    info = ResponseInfo(status=status)
    return read_error(info, json.dumps(error).encode(), SECRET, wall=0.0)


@pytest.mark.parametrize(("message", "numbers"), TOO_LONG)
@pytest.mark.parametrize("wrapped", [True, False])
def test_message_about_length_makes_a_context_length_error(message, numbers, wrapped):
    """
    A reply with status 400 whose message says that the request is too long becomes a
    `ContextLengthError` with the numbers in the message.
    """
    error = error_of_reply(
        {"error": {"message": message}} if wrapped else {"message": message}
    )

    assert asi1.ContextLengthError is type(error)
    assert numbers == (error.limit, error.requested)
    assert message == error.message


@pytest.mark.parametrize("key", ["code", "type"])
@pytest.mark.parametrize(
    "name",
    [
        "context_length_exceeded",
        "context_window_exceeded",
        "max_context_length_exceeded",
        "model_context_window_exceeded",
    ],
)
def test_code_about_length_makes_a_context_length_error(name, key):
    """
    A code or type that names the context's length makes a `ContextLengthError`,
    whatever the message is.
    """
    error = error_of_reply({"error": {"message": "No.", key: name}})

    assert asi1.ContextLengthError is type(error)
    assert error.limit is error.requested is None


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens must be at most 4096",
        "unknown parameter: context_length",
        "The context window of your browser is closed.",
        "temperature is too long",
        "messages must not be empty",
        "",
    ],
)
def test_400_that_is_not_about_length_makes_a_bad_request_error(message):
    """
    A reply with status 400 for a reason other than its length becomes a
    `BadRequestError`, not a `ContextLengthError`.
    """
    assert asi1.BadRequestError is type(error_of_reply({"error": {"message": message}}))


@pytest.mark.parametrize("status", [401, 413, 422, 429, 500])
def test_only_a_400_makes_a_context_length_error(status):
    """
    A reply with a status other than 400 becomes the error class of this status, even if
    its code says that the request is too long.
    """
    error = error_of_reply({"error": {"code": "context_length_exceeded"}}, status)

    assert not isinstance(error, asi1.ContextLengthError)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        *(
            pytest.param({name: "no"}, ErrorBody("no"), id=name)
            for name in ("message", "msg", "detail")
        ),
        pytest.param({"code": "c"}, ErrorBody(code="c"), id="code"),
        pytest.param({"type": "t"}, ErrorBody(type="t"), id="type"),
        pytest.param({"title": "no"}, ErrorBody("title: no"), id="field-named-title"),
        pytest.param({"stop": 5, "n": [1]}, ErrorBody("stop: 5; n: 1"), id="numbers"),
    ],
)
def test_object_of_errors_is_one_error_or_has_a_list_for_each_field(errors, expected):
    """
    ``errors`` is one error if it is an object with a message, a code or a type; any
    other object names the fields that are invalid.
    """
    assert expected == read_error_body({"errors": errors}, SECRET)


@pytest.mark.parametrize("name", ["code", "status", "status_code", "http_status"])
@pytest.mark.parametrize(("status", "passing"), [(503, True), (400, False)])
def test_status_of_an_error_may_have_any_of_four_names(name, status, passing):
    """
    An error inside a success is passing if the HTTP status in it is, under whichever
    name servers send the status.
    """
    body = read_error_body({"error": {name: status, "message": "Overloaded"}}, SECRET)

    assert passing is body.passing


@pytest.mark.parametrize(("spaces", "passing"), [(490, True), (491, False)])
def test_only_the_start_of_a_message_is_searched_for_the_name_of_an_error(
    spaces, passing
):
    """
    The name of a passing error counts within the first 500 characters of a message.
    """
    message = " " * spaces + "overloaded"

    assert passing is read_error_body({"message": message}, SECRET).passing


@pytest.mark.parametrize(
    ("spaces", "expected"), [(1979, ContextOverflow()), (1980, None)]
)
def test_only_the_start_of_a_message_is_searched_for_words_about_length(
    spaces, expected
):
    """
    Words about the length of a request count within a message's first 2000 characters.
    """
    message = " " * spaces + "The input is too long"

    assert expected == context_overflow(ErrorBody(message))


@pytest.mark.parametrize("key", ["message", "detail"])
@pytest.mark.parametrize(("text", "passing"), [("Overloaded", True), ("no", False)])
def test_body_with_only_a_message_is_an_error_that_may_pass(key, text, passing):
    """
    A success whose body has only a message is an error; it is retryable if the message
    names a passing error.
    """
    body = json.dumps({key: text}).encode()

    with pytest.raises(asi1.APIResponseError) as caught:
        read_answer(ResponseInfo(status=200), body, SECRET)

    assert passing is caught.value.retryable


def test_finish_reason_error_without_an_error_object_is_named_in_the_message():
    """
    A choice that has failed without an error object gets a message that says so.
    """
    error = find_error({"choices": [{"finish_reason": "error"}]})

    assert {"message": "the finish reason of a choice is error"} == error


@pytest.mark.parametrize("key", ["error", "errors", "detail"])
def test_string_under_error_wins_over_the_message_beside_it(key):
    """
    A string under ``error``, ``errors`` or ``detail`` is an error's message, even if
    the body also has a ``message``, which then is often only the status's name.
    """
    body = {"message": "Bad Request", key: "no otters", "code": "c"}

    assert ErrorBody("no otters", code="c") == read_error_body(body, SECRET)


def test_message_in_plain_text_is_one_line():
    """
    Each character of a plain text that cannot be printed, such as a line end, is a
    space in the error's message.
    """
    assert ErrorBody("no otters ") == read_error_body("no\notters\x00", SECRET)

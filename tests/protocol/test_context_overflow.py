"""
Error bodies that say that a request is too long, and the token counts in their
messages.
"""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._models.response import ResponseInfo
from asi1._protocol.context_overflow import ContextOverflow, context_overflow
from asi1._protocol.error_body import ErrorBody
from asi1._protocol.reply import read_error
from asi1._settings.secret import Secret


SECRET = Secret("sk_otter0123456789")

# Errors for requests that are too long, from servers with similar APIs. Beside each
# message are the token limit and the requested tokens, or None where the message does
# not tell.
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
def test_400_whose_message_says_too_long_becomes_a_context_length_error(
    message, numbers, wrapped
):
    """
    A reply with status 400 whose message says that the request is too long becomes a
    `ContextLengthError`. The error has the token counts that are in the message.
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
def test_400_whose_code_says_too_long_becomes_a_context_length_error(name, key):
    """
    A reply with status 400 becomes a `ContextLengthError` if its code or type names the
    context length, such as "context_length_exceeded". The message does not matter.
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
def test_400_for_another_reason_than_length_becomes_a_bad_request_error(message):
    """
    A reply with status 400 for a reason other than its length becomes a
    `BadRequestError`, not a `ContextLengthError`.
    """
    assert asi1.BadRequestError is type(error_of_reply({"error": {"message": message}}))


@pytest.mark.parametrize("status", [401, 413, 422, 429, 500])
def test_reply_without_status_400_never_becomes_a_context_length_error(status):
    """
    A reply with a status other than 400 becomes the error class of this status, even if
    its code says that the request is too long.
    """
    error = error_of_reply({"error": {"code": "context_length_exceeded"}}, status)

    assert not isinstance(error, asi1.ContextLengthError)


@pytest.mark.parametrize(
    ("spaces", "expected"), [(1979, ContextOverflow()), (1980, None)]
)
def test_only_2000_characters_of_a_message_are_searched_for_words_about_length(
    spaces, expected
):
    """
    Only the first 2000 characters of a message are searched for words about the length
    of a request.
    """
    message = " " * spaces + "The input is too long"

    assert expected == context_overflow(ErrorBody(message))

"""Which refusals are for a request's length, and what they tell of it."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._models.response import ResponseInfo
from asi1._protocol.reply import read_error
from asi1._settings.secret import Secret


SECRET = Secret("sk_otter0123456789")

# As servers of this kind of API word it; the numbers are what they say of themselves.
REFUSALS = [
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


def refusal(error, status=400):
    info = ResponseInfo(status=status)
    return read_error(info, json.dumps(error).encode(), SECRET, wall=0.0)


@pytest.mark.parametrize(("message", "told"), REFUSALS)
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_refusal_for_its_length_is_known_by_its_words(message, told, wrapped):
    """
    A 400 whose message says that the request is too long is a `ContextLengthError`,
    with the numbers that it tells.
    """
    error = refusal(
        {"error": {"message": message}} if wrapped else {"message": message}
    )

    assert asi1.ContextLengthError is type(error)
    assert told == (error.limit, error.requested)
    assert message == error.message


def test_a_refusal_for_its_length_is_known_by_its_code():
    """
    The code alone is enough, whatever the message.
    """
    for key in ("code", "type"):
        error = refusal({"error": {"message": "No.", key: "context_length_exceeded"}})

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
def test_other_refusals_are_not_for_their_length(message):
    """
    A 400 for another reason stays a plain `BadRequestError`.
    """
    assert asi1.BadRequestError is type(refusal({"error": {"message": message}}))


@pytest.mark.parametrize("status", [401, 413, 422, 429, 500])
def test_another_status_keeps_its_error(status):
    """
    Only a 400 becomes a `ContextLengthError`.
    """
    error = refusal({"error": {"code": "context_length_exceeded"}}, status)

    assert not isinstance(error, asi1.ContextLengthError)

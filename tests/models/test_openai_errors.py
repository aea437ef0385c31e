"""Errors that users' tests create, with the arguments of OpenAI's errors."""

from __future__ import annotations

import copy
import pickle

from unittest.mock import MagicMock, Mock

import httpx
import pytest

import asi1


REQUEST = httpx.Request("POST", "https://a.example/v1", headers={"x-key": "sk_otter"})
HEADERS = {
    "Retry-After": "7",
    "X-Request-Id": "req_1",
    "Set-Cookie": "a=b",
    "x-ratelimit-remaining-requests": "3",
}
BODY = {"message": "No.", "code": "no", "type": "refused", "param": "model"}


@pytest.mark.parametrize("body", [BODY, {"error": BODY}])
@pytest.mark.parametrize("name", ["RateLimitError", "APIStatusError"])
def test_status_error_reads_its_fields_from_a_given_response(name, body):
    """
    A status error made with an ``httpx.Response``, as OpenAI's errors are, has the
    status, the headers, the request id and the Retry-After of that response, and the
    codes of the body, without the cookies and the request.
    """
    response = httpx.Response(429, request=REQUEST, headers=HEADERS)

    error = getattr(asi1, name)("No.", response=response, body=body)

    assert (429, 7.0, "req_1") == (
        error.status_code,
        error.retry_after,
        error.request_id,
    )
    assert ("no", "refused", "model") == (error.code, error.type, error.param)
    assert (429, "7") == (
        error.response.status_code,
        error.response.headers["Retry-After"],
    )
    assert 3 == error.response.rate_limits.remaining_requests
    assert "set-cookie" not in error.response.headers
    assert "429: No." == str(error)
    assert "sk_otter" not in repr(vars(error))
    assert error == copy.copy(error) == pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_retry_after_of_a_given_response_is_read_only_as_a_number(headers, seconds):
    """
    ``retry_after`` of an error made with a response is a number of seconds or
    milliseconds, at least 0, from the response's headers. A date in these headers is
    not read, since that would need a clock.
    """
    response = Mock(status_code=503, headers=headers)

    error = asi1.InternalServerError("No.", response=response, body=None)

    assert (503, seconds) == (error.status_code, error.retry_after)


def test_given_fields_take_precedence_over_the_response():
    """Fields that are passed to an error are kept, whatever the response says."""
    response = httpx.Response(429, headers=HEADERS)

    error = asi1.RateLimitError("No.", response=response, body=BODY, code="own")

    assert ("own", "refused") == (error.code, error.type)


@pytest.mark.parametrize("response", [Mock(), MagicMock()])
def test_response_that_is_a_mock_without_values_is_ignored(response):
    """A mock in place of a response makes an error without status and headers."""
    error = asi1.APIStatusError("No.", response=response, body=None)

    assert (0, None, {}) == (
        error.status_code,
        error.request_id,
        error.response.headers,
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: asi1.APITimeoutError(request=REQUEST), "Request timed out."),
        (lambda: asi1.APITimeoutError(REQUEST), "Request timed out."),
        (lambda: asi1.APIConnectionError(request=REQUEST), "Connection error."),
        (lambda: asi1.APIConnectionError(message="No.", request=REQUEST), "No."),
        (lambda: asi1.APIError("No.", request=REQUEST), "No."),
        (lambda: asi1.APIError("No.", REQUEST, body=None), "No."),
        (lambda: asi1.APIStatusError("No.", REQUEST), "No."),
        (lambda: asi1.APITimeoutError("No."), "No."),
    ],
)
def test_connection_error_takes_a_request_and_keeps_nothing_of_it(make, text):
    """
    Errors without a reply take a request, as OpenAI's errors do, and have the default
    message of OpenAI's errors. They keep nothing of the request, since the request may
    contain the key.
    """
    error = make()

    assert (text, (text,)) == (error.message, error.args)
    assert "sk_otter" not in repr(vars(error))
    assert error == pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize(
    "kind",
    [
        *("APIError", "APIConnectionError", "APITimeoutError", "APIResponseError"),
        *("APIStatusError", "StreamError", "StreamTruncatedError"),
        *("StreamInterruptedError", "StreamDecodeError", "ServerStreamError"),
    ],
)
def test_every_api_error_has_the_fields_of_openais_error(kind):
    """
    Each error of a call has ``code``, ``type``, ``param`` and ``body``, which are None
    if the server sent none, so that a program can read them of any `asi1.APIError`.
    """
    error = getattr(asi1, kind)("No.")

    assert [None] * 4 == [error.code, error.type, error.param, error.body]
    assert {"error": 1} == getattr(asi1, kind)("No.", body={"error": 1}).body
    assert error == pickle.loads(pickle.dumps(error))

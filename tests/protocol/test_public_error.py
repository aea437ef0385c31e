"""
The status and the code with which a web service reports an error of asi1 to its own
callers.
"""

from __future__ import annotations

import math

import pytest

import asi1

from asi1._protocol.public_error import failure
from asi1._protocol.sse_writer import failed_event

from ..support.browser import seen


SECRET_ID = asi1.ResponseInfo(status=401, request_id="secret-id")


def status_error(status, cls=asi1.APIStatusError, **fields):
    """Return the error of a reply with this status."""
    return cls("no", status_code=status, **fields)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (status_error(400, asi1.BadRequestError), 400, "bad_request"),
        (status_error(413, asi1.RequestTooLargeError), 413, "request_too_large"),
        (status_error(422, asi1.UnprocessableEntityError), 422, "unprocessable_entity"),
        (status_error(429, asi1.RateLimitError), 429, "rate_limit"),
        (status_error(429, asi1.QuotaExceededError), 429, "quota_exceeded"),
        (status_error(401, asi1.AuthenticationError), 502, "configuration"),
        (status_error(402, asi1.PaymentRequiredError), 502, "payment_required"),
        (status_error(403, asi1.PermissionDeniedError), 502, "configuration"),
        (status_error(404, asi1.NotFoundError), 502, "not_found"),
        (status_error(409, asi1.ConflictError), 502, "conflict"),
        (status_error(307), 502, "status"),
        (status_error(408), 504, "status"),
        (status_error(500, asi1.InternalServerError), 502, "internal_server"),
        (status_error(504, asi1.InternalServerError), 504, "internal_server"),
        (asi1.APITimeoutError("no"), 504, "timeout"),
        (asi1.APIConnectionError("no"), 502, "connection"),
        (asi1.APIResponseError("no"), 502, "response"),
        (asi1.StreamTruncatedError("no"), 502, "stream_truncated"),
        (asi1.StreamInterruptedError("no"), 502, "stream_interrupted"),
        (asi1.StreamDecodeError("no"), 502, "stream_decode"),
        (asi1.ServerStreamError("no"), 502, "server_stream"),
        (asi1.ArgumentError("no"), 400, "argument"),
        (asi1.ConversationBusyError("no"), 409, "conversation_busy"),
        (asi1.ClientClosedError("no"), 503, "client_closed"),
        (asi1.StreamClosedError("no"), 503, "stream_closed"),
        (asi1.ConfigurationError("no"), 500, "configuration"),
        (asi1.StreamBusyError("no"), 500, "stream_busy"),
        (ZeroDivisionError("no"), 500, "internal"),
    ],
)
def test_each_error_has_a_status_and_code_for_the_callers_of_a_service(
    error, status, code
):
    """
    An error that the service's caller can correct, or wait out, is reported with a 4xx
    status. Any other error is reported with a 5xx status, as a failure of the service
    or of the API.
    """
    shown = failure(error)

    assert (status, code) == (shown.status, shown.code)
    assert [("failed", shown.to_dict())] == seen(failed_event(error))


@pytest.mark.parametrize(
    ("wait", "shown", "header"),
    [
        *((3.2, 3.2, "4"), (0.0, 0.0, "0"), (None, None, None)),
        *((math.inf, None, None), (-1.0, None, None)),
    ],
)
def test_retry_after_of_the_api_is_passed_on_in_whole_seconds(wait, shown, header):
    """
    The API may ask for a delay before a retry. The service passes this delay on to its
    caller in the header ``retry-after``, in whole seconds, rounded up.
    """
    error = status_error(429, asi1.RateLimitError, retry_after=wait)

    assert shown == failure(error).retry_after
    assert header == failure(error).headers.get("retry-after")


@pytest.mark.parametrize(
    "error",
    [
        asi1.ConfigurationError("the secret path"),
        ZeroDivisionError("the secret path"),
        asi1.AuthenticationError("secret", status_code=401, response=SECRET_ID),
        asi1.PermissionDeniedError("secret", status_code=403, response=SECRET_ID),
        asi1.APIConnectionError("secret.example:443: no connection"),
        asi1.StreamInterruptedError("[fe80::secret]:80: it broke"),
    ],
)
def test_callers_of_a_service_do_not_see_hosts_and_internal_messages(error):
    """
    Callers of a service see neither the hosts to which the service connects, nor
    messages about mistakes in the service.
    """
    assert b"secret" not in failed_event(error)
    assert failure(error).message


def test_callers_of_a_service_see_1000_characters_of_a_message():
    """
    A service's callers see only the first 1000 characters of an error's message.
    """
    for error in (status_error(400, asi1.BadRequestError), asi1.ArgumentError("no")):
        error.message = "x" * 100_000

        assert "x" * 1000 == failure(error).message


def test_failure_of_a_service_is_a_json_object_with_five_keys():
    """
    The failure that a service reports to its callers is a JSON object with five keys. A
    value that the API did not send is null.
    """
    error = status_error(
        429,
        asi1.RateLimitError,
        retry_after=3.5,
        response=asi1.ResponseInfo(headers={"x-request-id": "r1"}, request_id="r1"),
    )

    assert {
        "status": 429,
        "code": "rate_limit",
        "message": "no",
        "retry_after": 3.5,
        "request_id": "r1",
    } == failure(error).to_dict()
    assert {
        "status": 400,
        "code": "argument",
        "message": "no",
        "retry_after": None,
        "request_id": None,
    } == failure(asi1.ArgumentError("no")).to_dict()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (asi1.ConversationBusyError("x"), "the conversation waits for an answer"),
        (asi1.ClientClosedError("x"), "the service is closing"),
        (asi1.StreamClosedError("x"), "the service is closing"),
        (asi1.ConfigurationError("x"), "the service failed"),
        (ZeroDivisionError("x"), "the service failed"),
        (asi1.APIConnectionError("otter.example:443: refused"), "refused"),
        (asi1.APIResponseError("[fe80::1]:80: it broke"), "it broke"),
        (asi1.StreamInterruptedError("otter.example: it: broke"), "it: broke"),
        (asi1.APITimeoutError("otter.example: slow"), "slow"),
        (status_error(400, asi1.BadRequestError), "no"),
    ],
)
def test_failure_of_the_service_has_a_fixed_message_for_its_callers(error, message):
    """
    If the service itself failed, its callers see a fixed message. If the API failed,
    the callers see the error's message without the host.
    """
    assert message == failure(error).message


def test_message_of_a_status_error_keeps_a_word_before_a_colon():
    """
    Only in the message of a connection error is the word before a colon a host. So the
    message of a status error stays unchanged.
    """
    error = asi1.BadRequestError("messages: too long", status_code=400)

    assert "messages: too long" == failure(error).message

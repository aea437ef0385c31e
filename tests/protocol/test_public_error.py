"""What a service tells its callers of an error: a status and a word."""

from __future__ import annotations

import math

import pytest

import asi1

from asi1._protocol.public_error import failure
from asi1._protocol.sse_writer import failed_event

from ..support.browser import seen


def refused(status, cls=asi1.APIStatusError, **fields):
    return cls("no", status_code=status, **fields)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (refused(400, asi1.BadRequestError), 400, "bad_request"),
        (refused(413, asi1.RequestTooLargeError), 413, "request_too_large"),
        (refused(422, asi1.UnprocessableEntityError), 422, "unprocessable_entity"),
        (refused(429, asi1.RateLimitError), 429, "rate_limit"),
        (refused(429, asi1.QuotaExceededError), 429, "quota_exceeded"),
        (refused(401, asi1.AuthenticationError), 502, "authentication"),
        (refused(402, asi1.PaymentRequiredError), 502, "payment_required"),
        (refused(403, asi1.PermissionDeniedError), 502, "permission_denied"),
        (refused(404, asi1.NotFoundError), 502, "not_found"),
        (refused(409, asi1.ConflictError), 502, "conflict"),
        (refused(307), 502, "status"),
        (refused(408), 504, "status"),
        (refused(500, asi1.InternalServerError), 502, "internal_server"),
        (refused(504, asi1.InternalServerError), 504, "internal_server"),
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
def test_each_error_has_a_status_and_a_word(error, status, code):
    """
    Callers are told of what they asked wrongly; all else is a failure in between.
    """
    told = failure(error)

    assert (status, code) == (told.status, told.code)
    assert [("failed", told.to_dict())] == seen(failed_event(error))


@pytest.mark.parametrize(
    ("wait", "told", "header"),
    [(3.2, 3.2, "4"), (0.0, 0.0, "0"), (None, None, None), (math.inf, None, None)],
)
def test_a_wait_is_passed_on(wait, told, header):
    """
    What the server asks to wait is passed on, as a header in whole seconds that are
    never too few.
    """
    error = refused(429, asi1.RateLimitError, retry_after=wait)

    assert told == failure(error).retry_after
    assert header == failure(error).headers.get("retry-after")


@pytest.mark.parametrize(
    "error",
    [
        asi1.ConfigurationError("the secret path"),
        ZeroDivisionError("the secret path"),
        asi1.APIConnectionError("secret.example:443: no connection"),
        asi1.StreamInterruptedError("[fe80::secret]:80: it broke"),
    ],
)
def test_the_services_own_matters_stay_inside(error):
    """
    Neither the hosts that a service speaks with nor its own mistakes are told.
    """
    assert b"secret" not in failed_event(error)
    assert failure(error).message


def test_a_message_has_an_end():
    """
    Of a long message the beginning is told.
    """
    error = refused(400, asi1.BadRequestError)
    error.message = "x" * 100_000

    assert "x" * 1000 == failure(error).message

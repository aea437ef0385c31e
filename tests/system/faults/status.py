"""Expected outcomes for error statuses, and for 2xx replies without an answer."""

from __future__ import annotations

import asi1

from .outcome import NO_EVENT_STREAM, Row, answers, bad_status, fails, same


__all__ = ["STATUS"]

_BAD_REQUEST = bad_status(asi1.BadRequestError, 400)


def _no_answer(status=200):
    return same(fails(asi1.APIResponseError, status=status, after="kept"))


STATUS = {
    "quota_429": bad_status(asi1.QuotaExceededError, 429),
    "rate_limit_429": bad_status(
        asi1.RateLimitError, 429, attempts=3, short={"retry_after": 0.01}
    ),
    "retry_after_ms": bad_status(asi1.RateLimitError, 429, attempts=3),
    "retry_after_date": bad_status(asi1.RateLimitError, 429, attempts=3),
    "retry_after_twice": bad_status(asi1.RateLimitError, 429, attempts=3),
    "retry_after_in_body": bad_status(asi1.RateLimitError, 429, attempts=3),
    "should_not_retry_503": bad_status(asi1.InternalServerError, 503),
    "should_retry_409": bad_status(asi1.ConflictError, 409, attempts=3),
    "html_502": bad_status(asi1.InternalServerError, 502, attempts=3),
    "overloaded_529": bad_status(asi1.InternalServerError, 529, attempts=3),
    # A status above 599 counts as a 5xx: https://www.rfc-editor.org/rfc/rfc9110#section-15-6
    "status_799": bad_status(asi1.InternalServerError, 799, attempts=3),
    "text_500": bad_status(asi1.InternalServerError, 500, attempts=3),
    "empty_400": _BAD_REQUEST,
    "error_string_400": _BAD_REQUEST,
    "message_400": _BAD_REQUEST,
    "detail_422": bad_status(asi1.UnprocessableEntityError, 422),
    "key_echo_401": bad_status(asi1.AuthenticationError, 401),
    "giant_error_500": bad_status(
        asi1.InternalServerError, 500, attempts=3, after="closed"
    ),
    "cut_error_500": bad_status(
        asi1.InternalServerError, 500, attempts=3, after="closed"
    ),
    "stall_error_500": bad_status(
        asi1.InternalServerError,
        500,
        attempts=3,
        after="closed",
        short={"seconds": 0.05},
    ),
    "json_error_200": _no_answer(),
    "errors_200": _no_answer(),
    "choice_error_200": _no_answer(),
    "rate_limit_200": same(fails(asi1.APIResponseError, attempts=3, after="kept")),
    "html_200": _no_answer(),
    "empty_200": Row(
        create=fails(asi1.APIResponseError, after="kept"), stream=NO_EVENT_STREAM
    ),
    "null_200": _no_answer(),
    "array_200": _no_answer(),
    "string_200": _no_answer(),
    "blank_200": _no_answer(),
    "no_content_204": _no_answer(204),
    "accepted_202": _no_answer(202),
    "json_for_stream": answers(),
    "sse_for_json": answers(),
}

"""
Error statuses, and success statuses without the requested answer.

The HTTP framing of these replies is correct, except where a body is cut or never sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from .._plan import Close, Data, Head, Plan
from .._replies import SSE, Failure, json_plan, whole
from .._request import Ask
from .base import answer_parts, data_steps, faults, stall


__all__ = ["FAULTS"]


_HTML = "text/html; charset=utf-8"
_LOGIN = b"<!doctype html><html><title>Sign in</title><h1>Sign in first</h1></html>"
_GATEWAY = (
    b"<html><head><title>502 Bad Gateway</title></head><body><center>"
    b"<h1>502 Bad Gateway</h1></center><hr>" + b"<!-- padding -->" * 200 + b"</html>"
)


def _quota_429(_: Ask) -> Plan:
    """429 because the quota is used up, so that a retry cannot succeed."""
    error = {
        "message": "You have used up your quota; see your plan.",
        "type": "insufficient_quota",
        "param": None,
        "code": "insufficient_quota",
    }
    return json_plan(429, {"error": error})


def _rate_limit_429(context: Ask, *, retry_after: float | str = 1) -> Plan:
    """429 with *retry_after* as Retry-After: a number, a date or invalid text."""
    message = "Too many requests."
    return Failure(status=429, retry_after=retry_after, message=message)(context)


def _retry_after_ms(_: Ask, *, milliseconds: int = 50) -> Plan:
    """429 with the header retry-after-ms, in milliseconds."""
    error = {"error": {"message": "Too many requests."}}
    return json_plan(429, error, {"retry-after-ms": str(milliseconds)})


def _retry_after_date(_: Ask, *, seconds: int = 1) -> Plan:
    """429 with Retry-After as a date, *seconds* after a Date far from the real time."""
    error = {"error": {"message": "Too many requests."}}
    dates = {"date": _date(0), "retry-after": _date(seconds)}
    return json_plan(429, error, dates)


def _date(seconds: int) -> str:
    # 946_684_800 is 1 January 2000.
    return formatdate(946_684_800 + seconds, usegmt=True)


def _retry_after_twice(_: Ask, *, first: float = 0.02, second: float = 0.05) -> Plan:
    """429 with two Retry-After headers, of which the longer wait counts."""
    content = b'{"error": {"message": "Too many requests."}}'
    twice = [("retry-after", f"{seconds:g}") for seconds in (first, second)]
    headers = (("content-type", "application/json"), *twice)
    return Head(429, headers, "length", len(content)), Data(content)


def _retry_after_in_body(
    _: Ask,
    *,
    message: str = "Too many requests. Please try again in 50ms.",
    members: Mapping[str, Any] | None = None,
) -> Plan:
    """429 that names the wait only in the error's *message*, or in its *members*."""
    return json_plan(429, {"error": {"message": message, **(members or {})}})


def _should_not_retry_503(_: Ask) -> Plan:
    """503 with the header x-should-retry: false."""
    error = {"error": {"message": "Down until tomorrow."}}
    return json_plan(503, error, {"x-should-retry": "false"})


def _should_retry_409(_: Ask) -> Plan:
    """409 with the header x-should-retry: true."""
    error = {"error": {"message": "Another request holds the lock."}}
    return json_plan(409, error, {"x-should-retry": "true"})


def _html_502(_: Ask) -> Plan:
    """502 with an HTML page of a proxy, of some KB."""
    return whole(502, _HTML, _GATEWAY)


def _overloaded_529(_: Ask) -> Plan:
    """529, a status that is in no standard."""
    return json_plan(529, {"error": {"type": "overloaded", "message": "Overloaded."}})


def _status_799(_: Ask) -> Plan:
    """799, a status outside of the five classes."""
    return json_plan(799, {"error": {"message": "Unknown status."}})


def _text_500(_: Ask) -> Plan:
    """500 in plain text."""
    return whole(500, "text/plain; charset=utf-8", b"Internal Server Error")


def _empty_400(_: Ask) -> Plan:
    """400 without a body."""
    return (Head(400, (), "length"),)


def _error_string_400(_: Ask) -> Plan:
    """400 whose error is a string, not an object."""
    return json_plan(400, {"error": "messages must not be empty"})


def _message_400(_: Ask) -> Plan:
    """400 whose message is a key of the body itself, not of an error object."""
    return json_plan(400, {"message": "messages must not be empty", "code": 400})


def _detail_422(_: Ask) -> Plan:
    """422 with a list of details, one for each field."""
    detail = {"loc": ["body", "model"], "msg": "Field required", "type": "missing"}
    return json_plan(422, {"detail": [detail]})


def _key_echo_401(context: Ask) -> Plan:
    """401 whose message echoes the API key."""
    key = context.request.headers.get("authorization", "").removeprefix("Bearer ")
    message = f"Incorrect API key provided: {key}."
    error = {"message": message, "type": "invalid_request", "code": "invalid_api_key"}
    return json_plan(401, {"error": error})


def _giant_error_500(_: Ask, *, mib: int = 8) -> Plan:
    """500 whose message is *mib* MiB long."""
    return json_plan(500, {"error": {"message": "m" * (mib * 1024 * 1024)}})


def _cut_error_500(_: Ask) -> Plan:
    """500 whose body ends before its content-length is reached."""
    head = Head(500, (("content-type", "application/json"),), "length", 64)
    return head, Data(b'{"error": {"mess'), Close()


def _stall_error_500(_: Ask, *, seconds: float | None = None) -> Plan:
    """500 whose body never comes."""
    head = Head(500, (("content-type", "application/json"),), "length", 64)
    return head, *stall(seconds)


def _json_error_200(_: Ask) -> Plan:
    """200 whose body is an error."""
    error = {"message": "The model is not available.", "type": "server_error"}
    return json_plan(200, {"error": {**error, "code": "model_unavailable"}})


def _errors_200(_: Ask) -> Plan:
    """200 whose body is a list of errors."""
    error = {"message": "The model is not available.", "code": "model_unavailable"}
    return json_plan(200, {"errors": [error]})


def _choice_error_200(_: Ask) -> Plan:
    """200 whose only choice has an error beside a part of the text."""
    error = {"message": "The model is not available.", "code": "model_unavailable"}
    message = {"role": "assistant", "content": "one two"}
    choice = {"index": 0, "message": message, "error": error, "finish_reason": "error"}
    return json_plan(200, {"id": "id_x", "choices": [choice]})


def _rate_limit_200(_: Ask) -> Plan:
    """200 whose body is the error of a rate limit."""
    return json_plan(200, {"error": {"message": "Too many requests.", "code": 429}})


def _html_200(_: Ask) -> Plan:
    """200 with an HTML login page."""
    return whole(200, _HTML, _LOGIN)


def _empty_200(context: Ask) -> Plan:
    """200 without a body."""
    kind = SSE if context.stream else "application/json"
    return whole(200, kind, b"")


def _null_200(_: Ask) -> Plan:
    """200 whose body is null."""
    return json_plan(200, b"null")


def _array_200(_: Ask) -> Plan:
    """200 whose body is a list."""
    return json_plan(200, b"[]")


def _string_200(_: Ask) -> Plan:
    """200 whose body is a string."""
    return json_plan(200, b'"hello"')


def _blank_200(_: Ask) -> Plan:
    """200 whose body is white space only."""
    return json_plan(200, b" \r\n\r\n ")


def _no_content_204(_: Ask) -> Plan:
    """204 (No Content), which has no body."""
    return (Head(204, (), "none"),)


def _accepted_202(_: Ask) -> Plan:
    """202 with a job's id instead of an answer."""
    return json_plan(202, {"status": "queued", "job_id": "job_1"})


def _json_for_stream(context: Ask) -> Plan:
    """A JSON answer, though a stream was requested."""
    parts = answer_parts(context, stream=False)
    return parts.head, *data_steps(*parts.pieces)


def _sse_for_json(context: Ask) -> Plan:
    """A stream, though a JSON answer was requested."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.pieces)


FAULTS = faults(
    _quota_429,
    _rate_limit_429,
    _retry_after_ms,
    _retry_after_date,
    _retry_after_twice,
    _retry_after_in_body,
    _should_not_retry_503,
    _should_retry_409,
    _html_502,
    _overloaded_529,
    _status_799,
    _text_500,
    _empty_400,
    _error_string_400,
    _message_400,
    _detail_422,
    _key_echo_401,
    _giant_error_500,
    _cut_error_500,
    _stall_error_500,
    _json_error_200,
    _errors_200,
    _choice_error_200,
    _rate_limit_200,
    _html_200,
    _empty_200,
    _null_200,
    _array_200,
    _string_200,
    _blank_200,
    _no_content_204,
    _accepted_202,
    _json_for_stream,
    _sse_for_json,
)

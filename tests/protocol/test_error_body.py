"""Errors in reply bodies and stream events; warnings and notices are not errors."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._models.response import ResponseInfo
from asi1._protocol.error_body import (
    ErrorBody,
    _is_notice,
    find_error,
    read_error_body,
)
from asi1._protocol.reply import answer_value
from asi1._settings.secret import Secret


SECRET = Secret("sk_otter0123456789")


NO = {"message": "no"}
TEXT = {"content": "Hi"}
CALLS = {"content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}
WHOLE = {"message": TEXT, "finish_reason": "stop"}

# Each case has the value of ``errors``, the fields of a choice, whether ``errors`` is
# an error in the body of a reply, and whether it is an error in a stream event.
CASES = [
    (["deprecated"], WHOLE, False, False),
    (["deprecated", "slow"], WHOLE, False, False),
    ([None, "deprecated"], WHOLE, False, False),
    ("deprecated", WHOLE, False, False),
    (["deprecated"], {"message": CALLS, "finish_reason": "tool_calls"}, False, False),
    (["deprecated"], {"message": TEXT, "finish_reason": "length"}, False, False),
    (["deprecated"], {"delta": TEXT}, True, False),
    (["deprecated"], {"delta": {"reasoning_content": "Hm"}}, True, False),
    (["deprecated"], {"delta": {}, "finish_reason": "stop"}, True, False),
    (["no"], {"message": {"content": ""}, "finish_reason": "stop"}, True, False),
    (["no"], {"delta": {"role": "assistant", "content": ""}}, True, True),
    (["no"], {"message": {"role": "assistant", "content": None}}, True, True),
    (["no"], None, True, True),
    ("no", {"delta": TEXT}, True, True),
    ([NO], WHOLE, True, True),
    ([{"code": "c"}], WHOLE, True, True),
    (["deprecated", NO], WHOLE, True, True),
    (NO, WHOLE, True, True),
    ({"model": ["deprecated"]}, WHOLE, True, True),
    ([NO], {"delta": TEXT}, True, True),
    ([NO], None, True, True),
    (["no"], {"message": TEXT, "finish_reason": "error"}, True, True),
]


@pytest.mark.parametrize(("errors", "choice", "in_body", "in_event"), CASES)
@pytest.mark.parametrize("place", ["top", "choice", "message", "delta"])
def test_strings_under_errors_beside_an_answer_are_warnings(
    errors, choice, in_body, in_event, place
):
    """
    Strings under ``errors`` are warnings if a choice has content and a finish reason.
    In a stream event, a list of strings is a warning even if the choice has only one of
    these two. Objects under ``errors`` are always an error.
    """
    choices = [] if choice is None else [{**choice}]
    value = {"id": "a", "choices": choices}
    if place == "top" or not choices:
        value["errors"] = errors
    elif place == "choice":
        choices[0]["errors"] = errors
    elif place in choices[0]:
        choices[0][place] = {**choices[0][place], "errors": errors}
    else:
        return

    assert in_body == (find_error(value) is not None)
    assert in_event == (find_error(value, event=True) is not None)


def test_strings_under_errors_are_the_error_if_the_finish_reason_is_error():
    """
    If the finish reason is "error", strings under ``errors`` are the server's error.
    """
    value = {"choices": [{**WHOLE, "finish_reason": "error"}], "errors": ["no"]}

    assert value is find_error(value)
    assert value is find_error(value, event=True)


def test_value_under_error_is_an_error_even_beside_a_complete_answer():
    """
    A value under ``error``, even a string, is an error, even beside a complete answer,
    and beside warnings under ``errors``.
    """
    for error in ("no", NO, ["no"]):
        value = {"choices": [WHOLE], "errors": ["deprecated"], "error": error}

        assert value is find_error(value)
        assert value is find_error(value, event=True)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"type": "status"}, True),
        ({"type": "status", "code": None, "status": "searching"}, True),
        ({"type": "status", "code": 0}, False),
        ({"type": "status", "status": 500}, False),
        ({"type": "error"}, False),
        ({"type": "RateLimitExceeded"}, False),
        ({"type": "tag:example.org,2026:problem"}, False),
        ({"type": ""}, False),
        ({"type": 1}, False),
        ({}, False),
    ],
)
def test_event_with_a_harmless_type_and_no_code_is_a_notice(members, expected):
    """
    An event is a notice if its ``type`` names no failure, such as "status", and if it
    has neither a code nor an HTTP status.
    """
    assert expected == _is_notice(members)


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
def test_object_under_errors_is_one_error_or_names_invalid_fields(errors, expected):
    """
    An object under ``errors`` is one error if it has a message, a code or a type. Any
    other object has the names of invalid fields as its keys.
    """
    assert expected == read_error_body({"errors": errors}, SECRET)


@pytest.mark.parametrize("name", ["code", "status", "status_code", "http_status"])
@pytest.mark.parametrize(("status", "passing"), [(503, True), (400, False)])
def test_http_status_of_an_error_is_read_from_any_of_four_keys(name, status, passing):
    """
    An error in a reply with a success status may contain an HTTP status of its own,
    under any of four keys. The error is temporary if this status is.
    """
    body = read_error_body({"error": {name: status, "message": "Overloaded"}}, SECRET)

    assert passing is body.passing


@pytest.mark.parametrize(("spaces", "passing"), [(490, True), (491, False)])
def test_only_500_characters_are_searched_for_the_name_of_a_temporary_error(
    spaces, passing
):
    """
    Only the first 500 characters of a message are searched for the name of a temporary
    error.
    """
    message = " " * spaces + "overloaded"

    assert passing is read_error_body({"message": message}, SECRET).passing


@pytest.mark.parametrize("key", ["message", "detail"])
@pytest.mark.parametrize(("text", "passing"), [("Overloaded", True), ("no", False)])
def test_reply_body_with_only_a_message_is_an_error(key, text, passing):
    """
    A reply with a success status whose body has only a message is an error. The error
    is retryable if the message names a temporary error.
    """
    body = json.dumps({key: text}).encode()

    with pytest.raises(asi1.APIResponseError) as caught:
        answer_value(ResponseInfo(status=200), body, SECRET)

    assert passing is caught.value.retryable


def test_finish_reason_error_without_an_error_object_is_named_in_the_message():
    """
    If a choice has the finish reason "error" but there is no error object, the message
    of the error names the finish reason.
    """
    error = find_error({"choices": [{"finish_reason": "error"}]})

    assert {"message": "the finish reason of a choice is error"} == error


@pytest.mark.parametrize("key", ["error", "errors", "detail"])
def test_string_under_error_is_preferred_to_the_message_beside_it(key):
    """
    A string under ``error``, ``errors`` or ``detail`` is the error's message. A
    ``message`` beside it is ignored, since it is often only the name of the status.
    """
    body = {"message": "Bad Request", key: "no otters", "code": "c"}

    assert ErrorBody("no otters", code="c") == read_error_body(body, SECRET)


def test_message_of_a_plain_text_error_body_is_one_line():
    """
    If an error body is plain text, each unprintable character in its message, such as a
    line end, is replaced by a space.
    """
    assert ErrorBody("no otters ") == read_error_body("no\notters\x00", SECRET)

"""Errors in bodies and events: warnings and notices are none."""

from __future__ import annotations

import pytest

from asi1._protocol.error_body import _is_notice, find_error


NO = {"message": "no"}
TEXT = {"content": "Hi"}
CALLS = {"content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}
WHOLE = {"message": TEXT, "finish_reason": "stop"}

# ``errors``, the fields of a choice, and whether it is an error in a body and an event.
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
def test_strings_in_errors_beside_an_answer_are_warnings(
    errors, choice, in_body, in_event, place
):
    """
    A list of strings under ``errors`` is a list of warnings if an answer stands beside
    it: in a body, a content with a finish reason; in an event, one of the two. Objects
    are an error in any case.
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


def test_strings_beside_the_finish_reason_error_are_the_error():
    """
    If the finish reason is "error", strings under ``errors`` are the server's error.
    """
    value = {"choices": [{**WHOLE, "finish_reason": "error"}], "errors": ["no"]}

    assert value is find_error(value)
    assert value is find_error(value, event=True)


def test_error_beside_warnings_is_an_error():
    """
    An ``error`` is an error whatever stands beside it, also if it is a string.
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
def test_notice_has_a_type_and_no_code_of_a_failure(members, expected):
    """
    An event is a notice if it has a type that is not that of a failure, and neither a
    code nor an HTTP status.
    """
    assert expected == _is_notice(members)

"""The API key is removed from the errors that a caller gets, and from their causes."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest

import asi1

from asi1._call.scrub_errors import scrub
from asi1._settings.secret import Secret

from ..support.calls import KEY


@pytest.mark.parametrize(
    ("body", "scrubbed"),
    [
        pytest.param(f"no {KEY} here", "no *** here", id="str"),
        pytest.param(f"no {KEY}".encode(), b"no ***", id="bytes"),
        pytest.param(bytearray(KEY.encode()), b"***", id="bytearray"),
        pytest.param([KEY, 5, None], ["***", 5, None], id="list"),
        pytest.param((KEY, "a"), ("***", "a"), id="tuple"),
        pytest.param({KEY: {"a": [KEY]}}, {"***": {"a": ["***"]}}, id="dict"),
        pytest.param(1.5, 1.5, id="number"),
    ],
)
def test_key_echoed_in_an_error_body_is_replaced_by_stars(body, scrubbed):
    """
    Wherever an error body echoes the API key, the key is replaced by stars; the
    structure of the body does not change.
    """
    error = asi1.APIStatusError("no", status_code=400, body=body)
    scrub(error, Secret(KEY))

    assert scrubbed == error.body
    assert 400 == error.status_code


def raised(error, cause=None, context=None):
    """Raise and catch *error*; return it with the given *cause* and *context*."""
    error.__cause__, error.__context__ = cause, context
    with suppress(type(error)):
        raise error
    error.__context__ = context
    return error


def test_key_is_removed_from_the_chain_of_causes():
    """
    The causes of an error stay in order, and their messages lose only the API key; the
    tracebacks of the causes and the `request` of an httpx error are removed, since both
    contain the key.
    """
    first = raised(RuntimeError(f"first {KEY}", 5))
    request = httpx.Request("GET", "https://x", headers={"authorization": KEY})
    second = httpx.ConnectError(f"second {KEY}", request=request)
    second = raised(second, context=first)
    third = raised(RuntimeError(f"third {KEY}", 5), second, ValueError(KEY))
    error = asi1.APIConnectionError(f"no {KEY}")
    error.__cause__, error.__context__ = third, ValueError(KEY)
    error.__traceback__ = third.__traceback__
    scrub(error, Secret(KEY))

    assert ("no ***", ("no ***",)) == (error.message, error.args)
    assert (None, None) == (error.__context__, error.__traceback__)
    assert [("third ***", 5), ("second ***",), ("first ***", 5)] == [
        each.args for each in (third, second, first)
    ]
    assert [None] * 3 == [each.__traceback__ for each in (third, second, first)]
    assert (third, second, first) == (
        error.__cause__,
        third.__cause__,
        second.__cause__,
    )
    with pytest.raises(RuntimeError, match="not been set"):
        _ = second.request
    assert not hasattr(third, "request")


def test_response_metadata_stays_the_same_object():
    """
    `scrub` does not copy the response metadata of an error, since the metadata never
    contains the API key.
    """
    response = asi1.ResponseInfo(status=500)
    error = asi1.APIStatusError("no", status_code=500, response=response)
    scrub(error, Secret(KEY))

    assert response is error.response

"""The API key is removed from the errors that a caller gets, and from their causes."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import httpx
import pytest

import asi1

from asi1._call.scrub_errors import scrub, without_key
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


def test_clean_values_stay_the_same_objects():
    """
    `scrub` does not copy the response metadata, the body and the partial answer of an
    error if they do not contain the API key.
    """
    response = asi1.ResponseInfo(status=500, headers={"a": "b"})
    partial = asi1.ChatCompletion(id="c", extra={"a": [1, None]})
    error = asi1.StreamTruncatedError("no", partial=partial, response=response)
    scrub(error, Secret(KEY))

    assert response is error.response
    assert partial is error.partial


def answer_with(text):
    """Return an answer that has *text* in each of its parts."""
    call = asi1.ToolCall(
        id=text,
        function=asi1.FunctionCall(name=text, arguments=text, extra={text: [text]}),
        extra={"signature": text},
    )
    message = asi1.ChatMessage(
        content=text,
        reasoning=text,
        tool_calls=(call,),
        refusal=text,
        extra={text: {"a": text}},
    )
    choice = asi1.ChatChoice(
        message=message, finish_reason=text, stop_reason=text, extra={"a": text}
    )
    return asi1.ChatCompletion(
        id=text,
        model=text,
        choices=(choice,),
        usage=asi1.Usage(prompt_tokens=7, extra={"a": text}),
        thoughts=text,
        executable_data=[{"a": (text, {text: text})}],
        conversation_id=text,
        extra={"a": [text]},
        wire={"id": text},
        response=info_with(text),
    )


def info_with(text):
    """Return response metadata that has *text* in each of its parts."""
    return asi1.ResponseInfo(
        status=200,
        request_id=text,
        headers={text: text, "a": text},
        attempts=(asi1.Attempt(number=1, cause=text),),
        rate_limits=asi1.RateLimits(limit_tokens=5, reset_tokens=text),
    )


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(KEY, id="plain"),
        pytest.param("".join(f"\\u{ord(c):04X}" for c in KEY), id="escaped"),
        pytest.param("".join(f"%{ord(c):02x}" for c in KEY), id="url"),
        pytest.param(KEY.encode().hex(), id="hexadecimal"),
        pytest.param(KEY[:-1], id="cut"),
        pytest.param("".join(f"\\u{ord(c):04X}" for c in KEY)[:-2], id="cut-escape"),
    ],
)
def test_everything_that_an_error_holds_is_redacted(written):
    """
    The key is replaced in each part of an error's partial answer and of its response
    metadata, in any form; counts stay.
    """
    error = asi1.StreamTruncatedError(
        f"no {written}", partial=answer_with(written), response=info_with(written)
    )
    scrub(error, Secret(KEY))

    assert answer_with("***") == error.partial
    assert {"id": "***"} == error.partial.wire
    assert info_with("***") == error.response == error.partial.response
    assert "no ***" == error.message


def test_answer_itself_is_not_changed():
    """
    Redaction copies an answer that contains the key: the answer itself stays.
    """
    answer = answer_with(f"the key {KEY}")
    redacted = without_key(answer, Secret(KEY))

    assert f"the key {KEY}" == answer.text == answer.message.tool_calls[0].id
    assert "the key ***" == redacted.text
    assert 7 == redacted.usage.prompt_tokens


def test_key_of_digits_is_redacted_where_a_server_sends_a_number():
    """
    A key of digits is replaced in JSON numbers too.
    """
    error = asi1.APIStatusError("no", status_code=400, body={"key": 1234567890, "n": 1})
    scrub(error, Secret("1234567890"))

    assert {"key": "***", "n": 1} == error.body


def test_values_that_contain_themselves_or_are_too_deep_are_replaced():
    """
    A value that contains itself is replaced where it does so, and a value with the key
    that is nested too deeply is replaced completely.
    """
    circular = [KEY]
    circular.append(circular)
    deep = [KEY]
    for _ in range(10_000):
        deep = [deep]

    assert ["***", "..."] == without_key(circular, Secret(KEY))
    assert "..." == without_key(deep, Secret(KEY))
    assert (["***"],) * 2 == without_key(([KEY],) * 2, Secret(KEY))


class Place(NamedTuple):
    """A tuple that cannot be made from a list."""

    host: str
    port: int


def test_named_tuple_with_the_key_becomes_a_tuple():
    """
    A named tuple, as in the errors of aiohttp, becomes a tuple if it contains the key,
    and else stays the same.
    """
    clean = Place("otter", 5)
    cause = OSError(Place(KEY, 5), clean)
    error = asi1.APIConnectionError("no")
    error.__cause__ = cause
    scrub(error, Secret(KEY))

    assert (("***", 5), clean) == cause.args
    assert clean is cause.args[1]

"""``without_key`` copies the values of an error without the API key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

import asi1

from asi1._call.scrub_errors import scrub
from asi1._call.without_key import without_key
from asi1._settings.secret import Secret

from ..support.calls import KEY


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
        pytest.param("\u200b".join(KEY), id="with-zero-width-spaces"),
        pytest.param(f"{KEY[:9]}\r{KEY[9:]}", id="with-a-carriage-return"),
        pytest.param("\u00ad".join(KEY[:-1]), id="cut-with-soft-hyphens"),
        pytest.param(KEY[:-1], id="cut"),
        pytest.param("".join(f"\\u{ord(c):04X}" for c in KEY)[:-2], id="cut-escape"),
    ],
)
def test_api_key_is_redacted_in_each_part_of_an_error(written):
    """
    The API key, however it is encoded, is replaced in each part of an error's partial
    answer and response metadata; token counts do not change.
    """
    error = asi1.StreamTruncatedError(
        f"no {written}", partial=answer_with(written), response=info_with(written)
    )
    scrub(error, Secret(KEY))

    assert answer_with("***") == error.partial
    assert {"id": "***"} == error.partial.wire
    assert info_with("***") == error.response == error.partial.response
    assert "no ***" == error.message


def test_redaction_of_an_answer_does_not_change_the_original():
    """
    Redaction copies an answer that contains the API key; the original does not change.
    """
    answer = answer_with(f"the key {KEY}")
    redacted = without_key(answer, Secret(KEY))

    assert f"the key {KEY}" == answer.text == answer.message.tool_calls[0].id
    assert "the key ***" == redacted.text
    assert 7 == redacted.usage.prompt_tokens


def test_api_key_of_digits_is_redacted_where_a_server_sends_a_number():
    """
    An API key of digits is replaced even in JSON numbers.
    """
    error = asi1.APIStatusError("no", status_code=400, body={"key": 1234567890, "n": 1})
    scrub(error, Secret("1234567890"))

    assert {"key": "***", "n": 1} == error.body


def test_values_that_contain_themselves_or_are_too_deep_are_replaced():
    """
    If a value contains itself, its inner occurrence is replaced by "...". A value that
    contains the API key and is nested too deeply is replaced completely.
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
    """A named tuple: it is made from separate arguments, not from one iterable."""

    host: str
    port: int


def test_named_tuple_with_the_api_key_becomes_a_tuple():
    """
    A named tuple becomes a tuple if it contains the API key. Otherwise it stays the
    same.
    """
    clean = Place("otter", 5)
    copied = without_key([Place(KEY, 5), clean], Secret(KEY))

    assert [("***", 5), clean] == copied
    assert clean is copied[1]


class Name(str):
    """A subclass of str."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        (Name(f"no {KEY}"), "no ***"),
        (KEY.encode(), b"***"),
        (bytearray(KEY.encode()), b"***"),
        ({KEY: 1, "a": True}, {"***": 1, "a": True}),
    ],
    ids=["subclass-of-str", "bytes", "bytearray", "name-of-a-member"],
)
def test_api_key_is_redacted_in_every_type_of_text(value, redacted):
    """
    The key is replaced in every type of str and bytes and in the names of a dict, both
    alone and as an item of a list.
    """
    assert redacted == without_key(value, Secret(KEY))
    assert [redacted] == without_key([value], Secret(KEY))


@pytest.mark.parametrize(
    "other",
    [object(), 10**5000, True, 1.5, {}, None, asi1.Usage(total_tokens=7)],
    ids=lambda each: type(each).__name__,
)
def test_value_without_text_is_not_copied(other):
    """
    A value without text, or an int too long for Python to convert to a str, is not
    copied when the API key beside it is redacted.
    """
    kept, redacted = without_key([other, KEY], Secret(KEY))

    assert other is kept
    assert "***" == redacted


class Fresh(Mapping):
    """A mapping that creates new values on each read."""

    def __init__(self, depth):
        self.depth = depth

    def __getitem__(self, name):
        if name == "list":
            return ["clean" if self.depth else KEY]
        return Fresh(self.depth - 1) if self.depth else None

    def __iter__(self):
        return iter(["inner", "list"])

    def __len__(self):
        return 2


def test_api_key_is_redacted_in_a_mapping_that_creates_its_values_when_read():
    """
    The API key is found in a mapping that creates its values when they are read,
    although Python may use the id of a freed value again for a later value.
    """
    redacted = without_key(Fresh(9), Secret(KEY))
    while redacted["inner"] is not None:
        redacted = redacted["inner"]

    assert ["***"] == redacted["list"]

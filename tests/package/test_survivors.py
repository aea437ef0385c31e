"""What other tests let pass: found by changing the package and seeing nothing fail."""

from __future__ import annotations

import inspect
import json

import pytest

import asi1

from asi1._call.retry_budget import RetryBudget
from asi1._models.json_text import dump_json, load_json
from asi1._protocol.converter import decode
from asi1._protocol.reply import read_answer, read_error, read_event
from asi1._protocol.request import Request
from asi1._protocol.stream_answer import Assembler, as_chunk
from asi1._settings.config import read_base_url
from asi1._settings.rate_window import Window
from asi1._settings.secret import Secret

from ..support.calls import KEY, chat


SECRET = Secret("sk_otter0123456789")

USED_UP = [
    *("account_limit_exceeded", "billing_error", "billing_hard_limit_reached"),
    *("billing_not_active", "credit_balance_exhausted", "daily_limit_exceeded"),
    *("insufficient_balance", "insufficient_credits", "insufficient_quota"),
    *("monthly_limit_exceeded", "quota_exceeded", "spend_limit_exceeded"),
    "usage_limit_exceeded",
]


@pytest.mark.parametrize(
    "cls",
    [
        *(asi1.Attempt, asi1.LimitOutcome, asi1.Limits, asi1.RateLimit),
        *(asi1.RateLimits, asi1.RawReply, asi1.ResponseInfo, asi1.RetryPolicy),
        *(asi1.Timeouts, Request),
    ],
)
def test_data_is_made_by_names_alone(cls):
    """
    What has many fields takes each by its name: a new one can then stand anywhere.
    """
    kinds = {p.kind for p in inspect.signature(cls).parameters.values()}

    assert {inspect.Parameter.KEYWORD_ONLY} == kinds


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        pytest.param(Assembler, ["expected"], id="assembler"),
        pytest.param(Window, ["limit", "seconds"], id="window"),
        pytest.param(RetryBudget, ["capacity"], id="budget"),
    ],
)
def test_state_is_not_passed_in(cls, names):
    """
    What keeps count takes its bounds, and begins its counts by itself.
    """
    assert names == list(inspect.signature(cls).parameters)


def test_a_key_is_three_stars():
    """
    The text form of a key is three stars and nothing else.
    """
    assert "***" == repr(Secret(KEY)) == str(Secret(KEY))


@pytest.mark.parametrize("word", USED_UP)
@pytest.mark.parametrize("field", ["code", "type"])
def test_each_word_for_used_up_is_known(word, field):
    """
    Each word that servers have for a quota that is used up is one, as code or as type.
    """
    body = json.dumps({"error": {"message": "no", field: word}}).encode()
    error = read_error(asi1.ResponseInfo(status=429), body, SECRET, wall=0.0)

    assert asi1.QuotaExceededError is type(error)


def test_what_a_call_may_cost_is_its_bytes_and_its_bound():
    """
    A call is counted as a quarter of its bytes, rounded down, and its max_tokens.
    """
    free, bound = chat(), chat(max_tokens=500)

    assert len(free.body) // 4 == free.tokens
    assert len(bound.body) // 4 + 500 == bound.tokens


def test_large_numbers_are_written_without_blanks():
    """
    A body with a number of more than 64 bits is as compact as any other.
    """
    assert f'{{"a":{2**70},"b":[1,2]}}'.encode() == dump_json({"a": 2**70, "b": [1, 2]})


def test_one_answer_is_expected_by_default():
    """
    An answer is finished when its one choice is, unless more were asked for.
    """
    choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunk = decode(asi1.ChatCompletionChunk, {"choices": [choice]})
    one, two = Assembler(), Assembler(2)
    one.add(chunk)
    two.add(chunk)

    assert (True, False) == (one.finished, two.finished)


def test_unknown_keys_of_a_message_outlive_the_chunk():
    """
    What a message holds that asi1 does not know is in the one chunk made of it.
    """
    message = {"role": "assistant", "content": "a", "mood": "wet"}
    whole = decode(asi1.ChatCompletion, {"choices": [{"index": 0, "message": message}]})

    assert {"mood": "wet"} == as_chunk(whole).choices[0].delta.extra


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"choices": {}}, id="no-list"),
        pytest.param({"response": 5}, id="response"),
        pytest.param({"wire": 5}, id="wire"),
        pytest.param({"extra": 5}, id="extra"),
    ],
)
def test_what_a_field_cannot_hold_is_extra(odd):
    """
    A value of the wrong type, or under a name that is ours, is found in extra.
    """
    answer = decode(asi1.ChatCompletion, odd)

    assert odd == answer.extra
    assert odd == answer.wire
    assert ((), asi1.ResponseInfo()) == (answer.choices, answer.response)


def test_idle_connections_need_not_be_kept():
    """
    Connections that are idle may be kept for no time at all.
    """
    assert 0 == asi1.Limits(keepalive_expiry=0).keepalive_expiry


def test_only_slashes_are_taken_off_a_path():
    """
    A path keeps its last letter, whichever it is.
    """
    assert "https://otter.example/X" == read_base_url("https://otter.example/X/", {})


@pytest.mark.parametrize(("count", "read"), [(1000, True), (1001, False)])
def test_an_answer_has_at_most_a_thousand_choices(count, read):
    """
    A thousand choices are read, of an answer and of a chunk, and no more.
    """
    answer = {"id": "a", "choices": [{"index": i} for i in range(count)]}
    body = json.dumps(answer).encode()
    info = asi1.ResponseInfo(status=200)
    if read:
        assert count == len(read_answer(info, body, SECRET).choices)
        assert count == len(read_event("message", body, SECRET).choices)
        return

    with pytest.raises(asi1.APIResponseError):
        read_answer(info, body, SECRET)
    with pytest.raises(asi1.StreamDecodeError):
        read_event("message", body, SECRET)


def test_a_tool_call_without_a_type_is_a_function():
    """
    A tool call whose type the server leaves empty is that of a function.
    """
    delta = {"tool_calls": [{"index": 0, "id": "a", "type": ""}]}
    assembler = Assembler()
    chunk = {"choices": [{"index": 0, "delta": delta}]}
    assembler.add(decode(asi1.ChatCompletionChunk, chunk))

    (choice,) = assembler.answer().choices

    assert "function" == choice.message.tool_calls[0].type


@pytest.mark.parametrize(
    "name",
    [
        *("requests_per_minute", "requests_per_day", "tokens_per_minute"),
        "max_concurrency",
    ],
)
@pytest.mark.parametrize("value", [0, True, 1.5, "3"])
def test_each_rate_limit_is_a_count(name, value):
    """
    Each part of a rate limit is a whole number of at least 1, or None.
    """
    with pytest.raises(asi1.ConfigurationError, match=name):
        asi1.RateLimit(**{name: value})
    assert 1 == getattr(asi1.RateLimit(**{name: 1}), name)


def test_the_windows_of_a_rate_limit():
    """
    Requests have a window of a minute and one of a day, tokens one of a minute; each
    is its own, and slows down to a sixteenth at most.
    """
    limit = asi1.RateLimit(
        requests_per_minute=1, requests_per_day=2, tokens_per_minute=3
    )
    minute, day, tokens = limit.windows()
    for _ in range(9):
        minute.refused()

    assert [(1, 60), (2, 86_400), (3, 60)] == [
        (window.limit, window.seconds) for window in (minute, day, tokens)
    ]
    assert Window(1, 60) != Window(1, 60)
    assert (1 / 16, 1) == (minute.pace, tokens.pace)


def test_a_client_keeps_a_thousand_connections_for_half_a_minute():
    """
    Unless told otherwise, a client has up to 1000 connections, idle ones for 30 s.
    """
    assert asi1.Limits(max_connections=1000, keepalive_expiry=30) == asi1.Limits()


@pytest.mark.parametrize("ends", [(b"[", b"]"), (b'{"a":', b"}")])
def test_json_nests_two_hundred_levels_deep(ends):
    """
    Two hundred levels can be read, and not one more.
    """
    opening, closing = ends
    inner = b"{}" if opening != b"[" else b"[]"

    assert load_json(opening * 199 + inner + closing * 199)
    with pytest.raises(ValueError, match="nested too deep"):
        load_json(opening * 200 + inner + closing * 200)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"code": 1, "message": "no", "id": "a"}, True),
        ({"code": 1, "id": "a"}, False),
        ({"message": "no", "id": "a"}, False),
        ({"message": "no"}, True),
        ({"detail": "no"}, True),
        ({"detail": "no", "choices": []}, False),
    ],
)
def test_an_event_is_an_error_by_its_keys(body, error):
    """
    A code with a message is an error; either alone, or a detail, is one only where no
    id and no choices stand beside it.
    """
    if not error:
        assert read_event("message", json.dumps(body).encode(), SECRET) is not None
        return

    with pytest.raises(asi1.ServerStreamError):
        read_event("message", json.dumps(body).encode(), SECRET)

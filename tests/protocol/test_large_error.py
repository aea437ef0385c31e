"""What an error tells of an error body that is too large to keep."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._protocol.reply import read_error
from asi1._settings.secret import Secret

from ..support.talk import in_process


KEY = "key-a1b2c3d4e5f6"
PADDING = "p" * 70_000
USED_UP = {"message": "pay first", "code": "insufficient_quota", "type": "billing"}
LARGE = {
    "code-first": json.dumps({"error": {**USED_UP, "request": PADDING}}),
    "code-last": json.dumps({"request": PADDING, "error": USED_UP}),
    "cut-by-the-server": json.dumps({"error": USED_UP, "request": PADDING})[:-9],
    "more-than-is-read": json.dumps({"error": USED_UP, "request": PADDING * 10}),
    "spaced": "\ufeff \n" + json.dumps({"error": USED_UP}) + " " * 70_000,
}


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
@pytest.mark.parametrize("body", LARGE)
async def test_used_up_quota_in_a_large_body_is_not_retried(fake, body, stream):
    """
    A 429 whose body of more than 64 KiB says that a quota is used up is not retried.
    The error has the server's message and code, and the beginning of the body.
    """
    fake.reply_json(LARGE[body].encode(), status=429)

    async with in_process(fake, max_retries=2) as client:
        with pytest.raises(asi1.QuotaExceededError) as caught:
            await client.chat.completions.create(messages="Hi", stream=stream)

    error = caught.value
    assert 1 == len(fake.requests)
    assert ("pay first", "insufficient_quota") == (error.message, error.code)
    assert error.body.lstrip("\ufeff \n") in LARGE[body]
    assert 65_536 >= len(error.body)


@pytest.mark.virtual_time
async def test_wait_named_in_a_large_error_body_is_respected(fake):
    """
    If a server names the wait before a retry only in the error body, the wait is read
    even from a body of more than 64 KiB.
    """
    told = {"error": {"message": "slow down", "retry_after": 7}, "request": PADDING}
    fake.reply_json(json.dumps(told).encode(), status=429)

    async with in_process(fake, max_retries=0) as client:
        with pytest.raises(asi1.RateLimitError) as caught:
            await client.chat.completions.create(messages="Hi")

    assert 7 == caught.value.retry_after


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 70_000, "[" * 200 + "..."),
        (b"{" + b"x" * 70_000, "{" + "x" * 199 + "..."),
        (b"slow down " * 7_000, ("slow down " * 20) + "..."),
        (b'{"error": "' + b"y" * 70_000, "y" * 4096),
        (b'{"error": "' + b"y" * 50 + b'"}' + b" " * 70_000, "y" * 50),
    ],
    ids=["nested", "not-json", "text", "long-message", "spaces"],
)
def test_message_of_an_error_with_a_large_body_is_shortened(body, message):
    """
    For a body of more than 64 KiB, the error's message is the server's message, cut to
    4,096 characters. If the body is not JSON, the message is the body's first 200
    characters.
    """
    info = asi1.ResponseInfo(status=500)

    assert message == read_error(info, body, Secret(KEY), wall=0.0).message


@pytest.mark.parametrize("size", [8, len(KEY) - 1])
def test_api_key_at_the_end_of_a_cut_message_is_removed(size):
    """
    A message that is cut off within an API key shows no part of the key.
    """
    body = f'{{"error": "{"z" * (4096 - size)}{KEY} and more'.encode()
    message = read_error(
        asi1.ResponseInfo(status=500), body, Secret(KEY), wall=0.0
    ).message

    assert KEY[:size] not in message

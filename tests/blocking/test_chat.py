"""A call of the blocking client."""

from __future__ import annotations

import asyncio

import pytest

import asi1

from ..support.talk import TEXT


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, times=None)
    return fake


def test_create_gives_the_answer(blocking_client):
    """
    `create` blocks until the answer is there.
    """
    answer = blocking_client.chat.completions.create(messages="Hi", temperature=0)

    assert (TEXT, 200) == (answer.text, answer.response.status)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("quota_429", {}),
        ("key_echo_401", {}),
        ("html_502", {"max_retries": 0}),
        ("html_200", {}),
        ("clean_eof_no_done", {}),
        ("fin_mid_chunked", {}),
        ("bad_json_chunk", {}),
        ("error_event", {}),
        ("stall_mid_body", {"timeout": asi1.Timeouts(idle=0.05)}),
        ("reset_before_headers", {"max_retries": 0}),
    ],
)
def test_errors_are_those_of_the_async_client(fake, fault, options):
    """
    Each error is the one that the async client raises, with the same partial answer.
    """
    fake.clear()
    fake.fault(fault, times=None)

    async def read():
        async with (
            asi1.AsyncASI1("sk-test", fake.base_url, **options) as client,
            client.chat.completions.stream(messages="Hi") as stream,
        ):
            await stream.get_final_completion()

    with pytest.raises(asi1.APIError) as awaited:
        asyncio.run(read())
    with (
        pytest.raises(asi1.APIError) as blocking,
        asi1.ASI1("sk-test", fake.base_url, **options) as client,
        client.chat.completions.stream(messages="Hi") as stream,
    ):
        stream.get_final_completion()

    assert type(awaited.value) is type(blocking.value)
    assert str(awaited.value) == str(blocking.value)
    assert text_so_far(awaited.value) == text_so_far(blocking.value)


def text_so_far(error):
    return getattr(error, "partial", asi1.ChatCompletion()).text

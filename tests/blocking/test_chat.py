"""Chat calls of the blocking client."""

from __future__ import annotations

import asyncio

import pytest

import asi1

from ..support.talk import TEXT


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, times=None)
    return fake


def test_create_returns_the_complete_answer(blocking_client):
    """
    `create` blocks until the complete answer has arrived, then returns the answer.
    """
    answer = blocking_client.chat.completions.create(messages="Hi", temperature=0)

    assert (TEXT, 200) == (answer.text, answer.response.status)


@pytest.mark.system
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
        ("stall_mid_body", {"timeout": asi1.Timeouts(idle=0.5)}),
        ("reset_before_headers", {"max_retries": 0}),
    ],
)
def test_blocking_client_raises_the_errors_of_the_async_client(fake, fault, options):
    """
    For each fault of the server the blocking client raises the same error as the async
    client, with the same message and partial answer.
    """
    fake.clear()
    fake.fault(fault, times=None)

    async def read():
        async with (
            asi1.AsyncASI1("sk-test", fake.base_url, **options) as client,
            client.chat.completions.stream(messages="Hi") as stream,
        ):
            await stream.get_final_completion()

    with pytest.raises(asi1.APIError) as of_async:
        asyncio.run(read())
    with (
        pytest.raises(asi1.APIError) as of_blocking,
        asi1.ASI1("sk-test", fake.base_url, **options) as client,
        client.chat.completions.stream(messages="Hi") as stream,
    ):
        stream.get_final_completion()

    assert type(of_async.value) is type(of_blocking.value)
    assert str(of_async.value) == str(of_blocking.value)
    assert partial_text(of_async.value) == partial_text(of_blocking.value)


def partial_text(error):
    return getattr(error, "partial", asi1.ChatCompletion()).text

"""Hooks observe retries and the end of calls, and cannot make a call fail."""

import pytest

import asi1

from asi1 import AsyncASI1, Hooks, RetryPolicy
from asi1.testing import FakeASI1


QUICK = RetryPolicy(wait_first=0)


async def test_on_retry_gets_the_failed_attempt():
    """
    `Hooks.on_retry` is called with the failed attempt, the cause of the failure and the
    wait before the next attempt.
    """
    fake, observed = FakeASI1(), []
    fake.fail(503, message="busy", times=2)
    hooks = Hooks(on_retry=observed.append)

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, retry=QUICK, hooks=hooks
    ) as client:
        answer = await client.chat.completions.create(messages="Hi")

    assert [1, 2] == [attempt.number for attempt in observed]
    assert [(503, 0.0), (503, 0.0)] == [(a.status, a.wait) for a in observed]
    assert tuple(observed) == answer.response.attempts[:2]
    assert "busy" in observed[0].cause


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_on_end_gets_response_metadata_and_error(stream):
    """
    `Hooks.on_end` is called with a call's response metadata, and with the call's error
    if the call failed.
    """
    fake, observed = FakeASI1(), []
    hooks = Hooks(on_end=lambda info, error: observed.append((info, error)))

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, hooks=hooks
    ) as client:
        made = await client.chat.completions.create(messages="Hi", stream=stream)
        answer = await made.get_final_completion() if stream else made
        fake.fail(400, message="no")
        with pytest.raises(asi1.BadRequestError) as caught:
            await client.chat.completions.create(messages="Hi", stream=stream)

    assert [answer.response, caught.value.response] == [info for info, _ in observed]
    assert [None, caught.value] == [error for _, error in observed]


async def test_error_of_a_hook_is_logged_and_the_call_goes_on(caplog):
    """
    An error that a hook raises is logged, and the call goes on.
    """
    fake = FakeASI1()
    fake.fail(503)

    def fail(*_):
        raise RuntimeError("the hook's own")

    hooks = Hooks(on_retry=fail, on_end=fail)

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, retry=QUICK, hooks=hooks
    ) as client:
        answer = await client.chat.completions.create(messages="Hi")

    assert answer.text
    assert ["a hook failed"] * 2 == [record.message for record in caplog.records]

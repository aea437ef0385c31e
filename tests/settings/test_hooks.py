"""Hooks and the log: who watches is told, and changes nothing."""

import pytest

import asi1

from asi1 import AsyncASI1, Hooks, RetryPolicy
from asi1.testing import FakeASI1


QUICK = RetryPolicy(wait_first=0)


async def test_a_retry_is_told_before_its_wait():
    """
    `Hooks.on_retry` gets the try that failed, with its cause and the wait after it.
    """
    fake, told = FakeASI1(), []
    fake.fail(503, message="busy", times=2)
    hooks = Hooks(on_retry=told.append)

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, retry=QUICK, hooks=hooks
    ) as client:
        answer = await client.chat.completions.create(messages="Hi")

    assert [1, 2] == [attempt.number for attempt in told]
    assert [(503, 0.0), (503, 0.0)] == [(a.status, a.wait) for a in told]
    assert tuple(told) == answer.response.attempts[:2]
    assert "busy" in told[0].cause


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_end_of_a_call_is_told(stream):
    """
    `Hooks.on_end` gets the account of a call, and its error if it failed.
    """
    fake, told = FakeASI1(), []
    hooks = Hooks(on_end=lambda info, error: told.append((info, error)))

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, hooks=hooks
    ) as client:
        made = await client.chat.completions.create(messages="Hi", stream=stream)
        answer = await made.get_final_completion() if stream else made
        fake.fail(400, message="no")
        with pytest.raises(asi1.BadRequestError) as caught:
            await client.chat.completions.create(messages="Hi", stream=stream)

    assert [answer.response, caught.value.response] == [info for info, _ in told]
    assert [None, caught.value] == [error for _, error in told]


async def test_a_hook_that_fails_harms_nobody(caplog):
    """
    What a hook raises is logged, and the call goes on.
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

"""Hooks and the log: who watches is told, and changes nothing."""

import logging
import os
import subprocess
import sys

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


async def test_the_log_tells_tries_and_no_secrets(caplog):
    """
    At level DEBUG every try is one line, without prompt, answer, query, headers or key.
    """
    fake = FakeASI1()
    fake.reply("the-answer")
    caplog.set_level(logging.DEBUG, "asi1")

    async with AsyncASI1(
        "sk_log_canary", "http://127.0.0.1", transport=fake.transport
    ) as client:
        await client.chat.completions.create(
            messages="the-prompt",
            extra_query={"q": "the-query"},
            extra_headers={"x-own": "the-header"},
        )

    (line,) = [r.getMessage() for r in caplog.records if r.name == "asi1"]
    assert line.startswith(
        "POST http://127.0.0.1/v1/chat/completions, attempt 1: status 200"
    )
    for secret in ("the-", "sk_log_canary"):
        assert secret not in line


@pytest.mark.parametrize(
    ("level", "lines"), [("debug", 1), ("DEBUG ", 1), ("info", 0), ("", 0), ("x", 0)]
)
def test_the_environment_turns_the_log_on(level, lines):
    """
    ``ASI1_LOG=debug`` writes the tries to standard error; without it nothing is said.
    """
    code = (
        "import asi1; from asi1.testing import FakeASI1\n"
        "with FakeASI1() as fake, asi1.ASI1('sk_canary', fake.base_url) as client:\n"
        "    client.chat.completions.create(messages='Hi')"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ASI1_LOG": level},
        capture_output=True,
        text=True,
        check=True,
    )

    assert lines == done.stderr.count("asi1 POST")
    assert lines == len(done.stderr.splitlines())
    assert "sk_canary" not in done.stderr

"""Attempts under a rate limiter: estimates, outcomes, and the errors of limiters."""

import subprocess
import sys

from contextlib import nullcontext

import anyio
import pytest

import asi1

from asi1 import AsyncASI1, RateLimit
from asi1._call.rate_limiter import LocalLimiter
from asi1.testing import FakeASI1

from ..support.redis_server import most_in_a_window


def client_of(fake, limiter, **settings):
    return AsyncASI1(
        "k",
        "http://127.0.0.1",
        transport=fake.transport,
        rate_limit=limiter,
        **settings,
    )


class Noting:
    """A limiter that permits each call at once, and records estimates and outcomes."""

    def __init__(self):
        self.asked, self.outcomes = [], []

    async def acquire(self, tokens):
        self.asked.append(tokens)

    def release(self, outcome):
        self.outcomes.append(outcome)


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_used_tokens_of_any_minute_stay_within_the_limit(stream):
    """
    If each answer is as long as an earlier answer, the tokens that calls use in any
    minute stay within the limit, even if no call has `max_tokens` and all calls begin
    at once.
    """
    fake, used = FakeASI1(), []
    fake.reply("Hi", delay=7, usage={"total_tokens": 1400}, times=None)
    limiter = LocalLimiter(RateLimit(tokens_per_minute=10_000), anyio.current_time)

    async def ask(client):
        chat = client.chat.completions
        if stream:
            await chat.stream(messages="Hi").get_final_completion()
        else:
            await chat.create(messages="Hi", timeout=None)
        used.append((anyio.current_time(), 1400))

    async with client_of(fake, limiter, timeout=None) as client:
        await ask(client)
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask, client)

    assert 21 == len(used)
    assert 9800 == most_in_a_window(used, 59.9)
    assert used[-1][0] < 4 * 60


@pytest.mark.virtual_time
async def test_waiting_call_begins_when_another_call_gives_tokens_back():
    """
    A call that waits for tokens begins as soon as another call ends with fewer tokens
    than were estimated for it, not a minute later.
    """
    fake = FakeASI1()
    fake.reply("Hi", delay=1, usage={"total_tokens": 55}, times=None)
    limiter = LocalLimiter(RateLimit(tokens_per_minute=10_000), anyio.current_time)

    async with client_of(fake, limiter) as client:
        async with anyio.create_task_group() as group:
            began = anyio.current_time()
            for _ in range(12):
                group.start_soon(
                    lambda: client.chat.completions.create(
                        messages="Hi", max_tokens=4000
                    )
                )
        took = anyio.current_time() - began

    assert 12 == len(fake.requests)
    assert pytest.approx(6, abs=0.1) == took


async def test_estimate_includes_the_longest_answer_unless_max_tokens_is_given():
    """
    For a call without `max_tokens`, `acquire` of a limiter gets the tokens of the
    longest answer so far as the estimate, and `release` gets the same estimate at the
    end.
    """
    fake, limiter = FakeASI1(), Noting()
    fake.reply("Hi", usage={"total_tokens": 900}, times=None)

    async with client_of(fake, limiter) as client:
        for options in ({}, {}, {"max_tokens": 7}):
            await client.chat.completions.create(messages="Hi", **options)

    first, second, third = limiter.asked
    assert (900, True, True) == (second, first < 100, third < 100)
    assert limiter.asked == [outcome.estimated for outcome in limiter.outcomes]


@pytest.mark.parametrize(
    ("play", "used"),
    [
        pytest.param(lambda fake: fake.fail(500), 0, id="status"),
        pytest.param(lambda fake: fake.fail(401), 0, id="refused-key"),
        pytest.param(lambda fake: fake.fail(429), None, id="429"),
        pytest.param(lambda fake: fake.fault("close_before_headers"), None, id="cut"),
    ],
)
async def test_limiter_gets_0_used_tokens_after_an_error_status_except_429(play, used):
    """
    After an error status other than 429, `release` of a limiter gets 0 used tokens.
    After a 429, or if the connection ends without a reply, the used tokens are None,
    which means that they are unknown.
    """
    fake, limiter = FakeASI1(), Noting()
    play(fake)

    async with client_of(fake, limiter, max_retries=0) as client:
        with pytest.raises(asi1.APIError):
            await client.chat.completions.create(messages="Hi")

    assert [used] == [outcome.used for outcome in limiter.outcomes]


async def test_limiter_gets_zero_used_tokens_if_nothing_was_sent():
    """
    `release` of a limiter gets 0 used tokens if no connection was opened.
    """
    limiter = Noting()

    async with AsyncASI1(
        "k", "http://127.0.0.1:1", rate_limit=limiter, max_retries=0
    ) as client:
        with pytest.raises(asi1.APIConnectionError):
            await client.chat.completions.create(messages="Hi")

    assert [0] == [outcome.used for outcome in limiter.outcomes]


@pytest.mark.virtual_time
async def test_refused_attempts_do_not_use_up_the_tokens():
    """
    Attempts that the server answers with 503 or 429 give all their tokens back.
    """
    fake = FakeASI1()
    for status in (503, 429, 503):
        fake.fail(status)
    limiter = LocalLimiter(RateLimit(tokens_per_minute=5000), anyio.current_time)

    async with client_of(fake, limiter, max_retries=5) as client:
        answer = await client.chat.completions.create(messages="Hi", max_tokens=4900)

    assert 4 == len(answer.response.attempts)
    assert answer.response.elapsed < 30


@pytest.mark.parametrize("kind", [RuntimeError, asi1.RateLimitError])
async def test_map_raises_the_error_of_a_limiter_unless_it_is_an_asi1_error(kind, fake):
    """
    If a user-provided limiter raises an exception, `map(return_exceptions=True)` yields
    the answers to earlier prompts, raises the exception, and sends nothing more. If the
    limiter raises an `ASI1Error`, only one prompt fails, and the error is returned.
    """

    class Full(Noting):
        async def acquire(self, tokens):
            await super().acquire(tokens)
            if 2 == len(self.asked):
                raise kind("full", **({"status_code": 429} if own else {}))

    own = issubclass(kind, asi1.ASI1Error)
    fake.reply("Hi", times=None)
    got = []

    async def read(client):
        async with client.chat.completions.map(
            ["a", "b", "c"], concurrency=1, return_exceptions=True
        ) as answers:
            async for answer in answers:
                got.append(type(answer).__name__)  # noqa: PERF401 - the loop may raise

    async with AsyncASI1("k", fake.base_url, rate_limit=Full()) as client:
        with nullcontext() if own else pytest.raises(RuntimeError, match="full"):
            await read(client)

    rest = ["RateLimitError", "ChatCompletion"] if own else []
    assert ["ChatCompletion", *rest] == got
    assert 1 + len(rest) // 2 == len(fake.requests)


FORK = """
import os, anyio
from asi1 import RateLimit
from asi1._call.rate_limiter import LocalLimiter

async def fill():
    await limiter.acquire(1)
    async with anyio.create_task_group() as group:
        group.start_soon(limiter.acquire, 1)
        await anyio.wait_all_tasks_blocked()
        if os.fork() == 0:
            os._exit(child())
        status = os.wait()[1]
        group.cancel_scope.cancel()
    return os.waitstatus_to_exitcode(status)

def child():
    async def use():
        with anyio.move_on_after(20):
            got.append(await limiter.acquire(1))
    import threading
    got = []
    thread = threading.Thread(target=anyio.run, args=[use])
    thread.start()
    thread.join()
    return 7 if got else 1

limiter = LocalLimiter(RateLimit(max_concurrency=1))
print(anyio.run(fill))
"""


@pytest.mark.system
def test_forked_child_does_not_wait_for_the_calls_of_its_parent():
    """
    In a forked child, the calls that ran or waited in the parent do not count towards
    `max_concurrency`.
    """
    command = [sys.executable, "-W", "ignore", "-c", FORK]
    printed = subprocess.check_output(command, text=True, timeout=200)

    assert "7\n" == printed

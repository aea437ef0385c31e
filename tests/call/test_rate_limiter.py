"""Calls that the rate limiter delays."""

import anyio
import pytest

import asi1

from asi1 import AsyncASI1, LimitOutcome, RateLimit, Timeouts, Usage
from asi1._call.rate_limiter import LocalLimiter
from asi1._settings.rate_limit import counted_tokens
from asi1.testing import FakeASI1


def limited(fake, limit, **settings):
    """Return a client whose rate limiter uses the virtual clock of the test."""
    limiter = LocalLimiter(limit, clock=anyio.current_time)
    return AsyncASI1(
        "k",
        "http://127.0.0.1",
        transport=fake.transport,
        rate_limit=limiter,
        **settings,
    )


@pytest.mark.virtual_time
async def test_calls_above_the_limit_are_sent_later_in_order():
    """
    Seven concurrent calls under a limit of three calls a minute are sent in order; no
    call fails, and at most three calls are sent in any minute.
    """
    fake, sent = FakeASI1(), []
    fake.reply(lambda request: request.json["messages"][0]["content"], times=None)

    async def ask(client, number):
        answer = await client.chat.completions.create(messages=str(number))
        sent.append((anyio.current_time() - began, int(answer.text)))

    async with limited(fake, RateLimit.free_plan()) as client:
        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            for number in range(7):
                group.start_soon(ask, client, number)
                await anyio.sleep(0.001)

    minutes = [round(at) // 60 for at, _ in sorted(sent)]
    assert [0, 0, 0, 1, 1, 1, 2] == minutes
    assert [str(n) for n in range(7)] == [
        request.json["messages"][0]["content"] for request in fake.requests
    ]


@pytest.mark.virtual_time
async def test_wait_for_the_limiter_counts_towards_the_total_timeout():
    """
    A call that waits for the rate limiter until its total timeout expires raises a
    timeout error, and is never sent.
    """
    fake = FakeASI1()
    limit = RateLimit(requests_per_minute=1)

    async with limited(fake, limit) as client:
        await client.chat.completions.create(messages="Hi")
        with pytest.raises(asi1.APITimeoutError) as caught:
            await client.chat.completions.create(messages="Hi", timeout=10)

        assert "total" == caught.value.phase
        assert 1 == len(fake.requests)


@pytest.mark.virtual_time
async def test_wait_for_the_limiter_is_not_part_of_the_first_token_timeout():
    """
    The wait for the rate limiter does not count towards the `first_token` timeout,
    which measures the time that the server takes.
    """
    fake = FakeASI1()
    timeouts = Timeouts(first_token=5)

    async with limited(fake, RateLimit(requests_per_minute=1)) as client:
        await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi", timeout=timeouts)

    assert answer.text
    assert answer.response.elapsed >= 59


@pytest.mark.virtual_time
async def test_retry_after_for_one_call_delays_the_calls_after_it():
    """
    A Retry-After in the reply to one call also delays the calls that are made after
    that call.
    """
    fake = FakeASI1()
    fake.fail(429, retry_after=30)
    limit = RateLimit(requests_per_minute=100)

    async with limited(fake, limit, max_retries=0) as client:
        with pytest.raises(asi1.RateLimitError):
            await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi")

    assert answer.response.elapsed >= 30


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_max_concurrency_bounds_the_calls_under_way(stream):
    """
    No more than `max_concurrency` calls are under way at once; a stream counts as under
    way until its end.
    """
    fake, under_way, most = FakeASI1(), 0, 0
    fake.reply("one two three", delay=1, times=None)

    async def ask(client):
        nonlocal under_way, most
        async with client.chat.completions.stream(messages="Hi") as opened:
            under_way += 1
            most = max(most, under_way)
            await opened.get_final_completion()
            under_way -= 1

    async def plain(client):
        await client.chat.completions.create(messages="Hi")

    async with limited(fake, RateLimit(max_concurrency=2)) as client:
        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(ask if stream else plain, client)
        took = anyio.current_time() - began

    assert 2 >= most
    assert 6 == len(fake.requests)
    assert took >= 3


@pytest.mark.virtual_time
async def test_call_cancelled_while_it_waits_uses_no_quota():
    """
    A call that is cancelled while it waits for the rate limiter is not sent, and does
    not count towards the rate limit.
    """
    fake = FakeASI1()

    async with limited(fake, RateLimit(requests_per_minute=1)) as client:
        await client.chat.completions.create(messages="Hi")
        with anyio.move_on_after(5):
            await client.chat.completions.create(messages="gone")
        answer = await client.chat.completions.create(messages="Hi")

    assert answer.text
    assert 2 == len(fake.requests)


@pytest.mark.virtual_time
async def test_estimated_token_count_is_replaced_by_the_reported_usage():
    """
    The rate limiter estimates the token count of a call before the call is sent, and
    afterwards replaces the estimate by the usage that the server reports.
    """
    fake = FakeASI1()
    usage = {"prompt_tokens": 10, "completion_tokens": 80, "total_tokens": 90}
    fake.reply("Hi", usage=usage, times=None)

    async with limited(fake, RateLimit(tokens_per_minute=150)) as client:
        first = await client.chat.completions.create(messages="Hi")
        second = await client.chat.completions.create(messages="Hi", max_tokens=80)

    assert first.response.elapsed < 1
    assert second.response.elapsed >= 59


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "usage",
    [
        {"total_tokens": 10**12},
        {"total_tokens": 2**63},
        {"total_tokens": 1e300},
        {"total_tokens": -(10**12)},
        {"total_tokens": "1000000000000"},
        {"total_tokens": None},
        {"total_tokens": [10**12]},
        {"prompt_tokens": 10**12},
        {"prompt_tokens": 5, "completion_tokens": 10**12},
        {"prompt_tokens": 10**12, "completion_tokens": -(10**12), "total_tokens": 0},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {},
    ],
)
async def test_impossible_token_count_neither_delays_nor_frees_calls(usage, stream):
    """
    If the server reports a token count that cannot be true, the rate limiter keeps its
    estimate: the next calls start when the estimates allow it.
    """
    fake = FakeASI1()
    fake.reply("Hi", usage=usage, times=None)
    elapsed = []

    async with limited(fake, RateLimit(tokens_per_minute=250)) as client:
        for _ in range(3):
            chat = client.chat.completions
            ask = {"messages": "Hi", "max_tokens": 80}
            if stream:
                answer = await chat.stream(**ask).get_final_completion()
            else:
                answer = await chat.create(**ask)
            elapsed.append(answer.response.elapsed)

    assert elapsed[0] < 1
    assert elapsed[1] < 1
    assert elapsed[2] >= 59


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        (None, None),
        (Usage(total_tokens=90), 90),
        (Usage(prompt_tokens=10, completion_tokens=80), 90),
        (Usage(prompt_tokens=-5, completion_tokens=80), 80),
        (Usage(prompt_tokens=1, total_tokens=200_100), 200_100),
        (Usage(total_tokens=200_101), None),
        (Usage(total_tokens=10**400), None),
        (Usage(total_tokens=-1), None),
        (Usage(), None),
    ],
)
def test_count_is_used_if_a_call_of_this_size_can_have_it(usage, used):
    """
    A reported count is used if it is positive and at most the size of the request plus
    the largest context of a model; without a total, its parts are added.
    """
    assert used == counted_tokens(usage, 100)


async def test_user_provided_limiter_gets_each_attempt_and_its_outcome():
    """
    For a user-provided object with the two methods of a `Limiter`, `acquire` is called
    before each attempt, and `release` after the attempt with its outcome.
    """
    calls = []

    class Mine:
        async def acquire(self, tokens):
            calls.append(tokens > 0)

        def release(self, outcome):
            calls.append(outcome)

    fake = FakeASI1()
    fake.fail(429, retry_after=0.01)
    fake.reply("Hi", usage={"total_tokens": 7})

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, rate_limit=Mine()
    ) as client:
        await client.chat.completions.create(messages="Hi")

    estimated = calls[1].estimated
    assert [
        True,
        LimitOutcome(estimated=estimated, refused=True, retry_after=0.01),
        True,
        LimitOutcome(estimated=estimated, used=7),
    ] == calls

"""Calls that wait their turn."""

import anyio
import pytest

import asi1

from asi1 import AsyncASI1, LimitOutcome, RateLimit, Timeouts
from asi1._call.rate_limiter import LocalLimiter
from asi1.testing import FakeASI1


def limited(fake, limit, **settings):
    """A client on virtual time, whose limiter reads the same clock."""
    limiter = LocalLimiter(limit, clock=anyio.current_time)
    return AsyncASI1(
        "k",
        "http://127.0.0.1",
        transport=fake.transport,
        rate_limit=limiter,
        **settings,
    )


@pytest.mark.virtual_time
async def test_calls_above_the_limit_wait_their_turn():
    """
    Seven calls at once at three a minute go out in their order, none fails, and no
    minute sees a fourth.
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
async def test_a_wait_for_a_turn_counts_into_the_total():
    """
    A call that gets no turn within its total timeout fails by it, and was not sent.
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
async def test_the_wait_for_a_turn_is_not_the_servers_silence():
    """
    The wait for a turn does not count into the time for the first token.
    """
    fake = FakeASI1()
    timeouts = Timeouts(first_token=5)

    async with limited(fake, RateLimit(requests_per_minute=1)) as client:
        await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi", timeout=timeouts)

    assert answer.text
    assert answer.response.elapsed >= 59


@pytest.mark.virtual_time
async def test_a_refusal_makes_the_others_wait_too():
    """
    When the server asks one call to wait, calls that come after it wait as well.
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
async def test_calls_at_once_are_bounded(stream):
    """
    No more calls are under way than the limit has places, streams counted to their end.
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
async def test_a_cancelled_wait_gives_its_turn_on():
    """
    A call that is cancelled while it waits takes nothing from those behind it.
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
async def test_tokens_are_limited_by_what_the_server_counts():
    """
    A call's tokens are estimated before it, and counted as the server reports them.
    """
    fake = FakeASI1()
    usage = {"prompt_tokens": 10, "completion_tokens": 80, "total_tokens": 90}
    fake.reply("Hi", usage=usage, times=None)

    async with limited(fake, RateLimit(tokens_per_minute=150)) as client:
        first = await client.chat.completions.create(messages="Hi")
        second = await client.chat.completions.create(messages="Hi", max_tokens=80)

    assert first.response.elapsed < 1
    assert second.response.elapsed >= 59


async def test_a_limiter_of_ones_own_is_asked_and_told():
    """
    Any object with the two methods of a `Limiter` takes the place of ours.
    """
    told = []

    class Mine:
        async def acquire(self, tokens):
            told.append(tokens > 0)

        def release(self, outcome):
            told.append(outcome)

    fake = FakeASI1()
    fake.fail(429, retry_after=0.01)
    fake.reply("Hi", usage={"total_tokens": 7})

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, rate_limit=Mine()
    ) as client:
        await client.chat.completions.create(messages="Hi")

    estimated = told[1].estimated
    assert [
        True,
        LimitOutcome(estimated=estimated, refused=True, retry_after=0.01),
        True,
        LimitOutcome(estimated=estimated, used=7),
    ] == told

"""Hooks observe waits, retries and the end of calls; invalid hooks are refused."""

from functools import partial
from unittest.mock import AsyncMock, Mock

import anyio
import pytest

import asi1

from asi1 import AsyncASI1, Hooks, RateLimit, RetryPolicy, Wait
from asi1._call.rate_limiter import LocalLimiter
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


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_on_wait_gets_the_reached_rate_limit_and_the_length_of_the_wait(stream):
    """
    When a call begins to wait for the client's rate limit, `Hooks.on_wait` gets the
    reached limit and the minimum number of seconds to wait.
    """
    fake, observed = FakeASI1(), []
    limit = RateLimit(requests_per_minute=2)
    limiter = LocalLimiter(limit, clock=anyio.current_time)

    async with AsyncASI1(
        "k",
        "http://127.0.0.1",
        transport=fake.transport,
        rate_limit=limiter,
        hooks=Hooks(on_wait=observed.append),
    ) as client:
        for _ in range(3):
            made = await client.chat.completions.create(messages="Hi", stream=stream)
            if stream:
                await made.get_final_completion()
            await anyio.sleep(10)

    (wait,) = observed
    assert ("requests_per_minute", 2) == (wait.reason, wait.limit)
    assert pytest.approx(40) == wait.seconds


async def refused(_):
    """An async function, which cannot be a hook."""


async def refused_items(_):
    """An async generator, which cannot be a hook."""
    yield


def refused_generator(_):
    """A generator, which cannot be a hook."""
    yield


class AsyncHook:
    """An object whose ``__call__`` is async."""

    async def __call__(self, _):
        """Do nothing."""


@pytest.mark.parametrize("name", ["on_wait", "on_retry", "on_end"])
@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        pytest.param("print", "must be a function", id="str"),
        pytest.param(1, "must be a function", id="int"),
        pytest.param([print], "must be a function", id="list"),
        pytest.param(refused, "must be a plain function", id="async"),
        pytest.param(refused_items, "must be a plain function", id="async-generator"),
        pytest.param(refused_generator, "must be a plain function", id="generator"),
        pytest.param(AsyncHook(), "must be a plain function", id="async-call"),
        pytest.param(AsyncHook().__call__, "must be a plain function", id="method"),
        pytest.param(partial(refused, 1), "must be a plain function", id="partial"),
        pytest.param(AsyncMock(), "must be a plain function", id="async-mock"),
        pytest.param(lambda: None, "must accept", id="no-argument"),
        pytest.param(lambda a, b, c: None, "must accept", id="three-arguments"),
        pytest.param(lambda *, a: None, "must accept", id="keyword-only"),
        pytest.param(lambda *a, b: None, "must accept", id="required-keyword"),
        pytest.param(partial(max, 1, key=1), None, id="partial-of-c"),
        pytest.param(lambda *a: None, None, id="any-arguments"),
        pytest.param(lambda a, b=1, c=2: None, None, id="defaults"),
        pytest.param(Mock(), None, id="mock"),
        pytest.param(print, None, id="print"),
        pytest.param(max, None, id="no-signature"),
        pytest.param(None, None, id="none"),
    ],
)
def test_hook_that_is_async_or_has_wrong_parameters_is_refused(name, hook, problem):
    """
    A hook is refused if it is not a function, is ``async`` or a generator, or does not
    accept its arguments. A callable whose signature is unknown is accepted.
    """
    if problem is None:
        assert hook is getattr(Hooks(**{name: hook}), name)
        return

    with pytest.raises(asi1.ConfigurationError) as caught:
        Hooks(**{name: hook})

    assert str(caught.value).startswith(f"hooks: {name} {problem}")


@pytest.mark.parametrize(
    ("name", "count"),
    [("on_wait", "one argument"), ("on_retry", "one argument"), ("on_end", "2 arg")],
)
def test_error_of_a_refused_hook_names_the_required_number_of_arguments(name, count):
    """
    The error for a hook with the wrong parameters says how many arguments the hook must
    accept.
    """
    with pytest.raises(asi1.ConfigurationError, match=f"must accept {count}"):
        Hooks(**{name: lambda: None})


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (
            Wait(reason="tokens_per_minute", limit=640_000),
            "its own rate limit of 640,000 tokens per minute (tokens_per_minute)",
        ),
        (
            Wait(reason="max_concurrency", limit=4),
            "its own rate limit of 4 calls at once (max_concurrency)",
        ),
        (
            Wait(reason="retry_after", seconds=7.0),
            "a pause that the server asked for (retry_after)",
        ),
    ],
)
def test_str_of_a_wait_names_the_reached_rate_limit(wait, text):
    """
    ``str`` of a `Wait` names the reached limit, in words and as the argument that sets
    it, so that a reader of a log can change the argument. ``seconds`` is 0 by default.
    """
    assert text == str(wait)
    assert 0.0 == Wait(reason="max_concurrency").seconds

"""If a hook fails, the call goes on, and the broken hook is reported once."""

import asyncio
import warnings

import pytest

import asi1

from asi1 import ASI1, AsyncASI1, Hooks, RetryPolicy
from asi1.testing import FakeASI1


QUICK = RetryPolicy(wait_first=0)


def failing(error):
    """Return a hook that raises *error*."""

    def hook(*_):
        raise error

    return hook


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RuntimeError("the hook's own"), id="exception"),
        pytest.param(asi1.APIConnectionError("the hook's own"), id="asi1"),
        pytest.param(StopIteration(), id="stop-iteration"),
        pytest.param(asyncio.CancelledError(), id="cancelled-task"),
    ],
)
async def test_hooks_that_raise_are_reported_once_and_calls_go_on(caplog, error):
    """
    An error that a hook raises does not affect the call. The first error of each hook
    is logged with its traceback, and issued as a `RuntimeWarning`.
    """
    fake = FakeASI1()
    hooks = Hooks(on_retry=failing(error), on_end=failing(error))
    fake.fail(503, times=2)
    kind = type(error).__name__

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, retry=QUICK, hooks=hooks
    ) as client:
        with pytest.warns(RuntimeWarning) as warned:
            first = await client.chat.completions.create(messages="Hi")
        fake.fail(503)
        child = client.with_options(model="asi1")
        second = await child.chat.completions.create(messages="Hi")

    told = [
        f"the hook {name} raised {kind}; this is reported once per client"
        for name in ("on_retry", "on_end")
    ]
    assert first.text
    assert second.text
    assert told == [str(warning.message) for warning in warned]
    assert told == [record.message for record in caplog.records]
    assert [error, error] == [record.exc_info[1] for record in caplog.records]
    assert {"WARNING"} == {record.levelname for record in caplog.records}


async def test_hook_that_raises_does_not_fail_a_call_if_warnings_are_errors(caplog):
    """
    In a program whose filters turn warnings into errors, a hook that raises is logged,
    and the call goes on.
    """
    fake = FakeASI1()
    hooks = Hooks(on_end=failing(ValueError("no")))

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, hooks=hooks
    ) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = await client.chat.completions.create(messages="Hi")

    assert answer.text
    assert 1 == len(caplog.records)


async def test_hook_that_returns_a_coroutine_is_reported(caplog):
    """
    A function without ``async`` that returns a coroutine is reported as a broken hook,
    since the coroutine never runs.
    """
    fake = FakeASI1()

    async def later(*_):
        """Do nothing."""

    hooks = Hooks(on_end=lambda call: later(call))  # noqa: PLW0108 - hides `async`

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, hooks=hooks
    ) as client:
        with pytest.warns(RuntimeWarning, match="on_end returned a coroutine, which"):
            answer = await client.chat.completions.create(messages="Hi")

    assert answer.text
    assert 1 == len(caplog.records)


def test_broken_hook_of_a_blocking_client_is_reported(fake):
    """
    If a hook of a blocking client raises, the call goes on, and the hook is reported.
    """
    hooks = Hooks(on_end=failing(ValueError("no")))

    with ASI1("k", fake.base_url, hooks=hooks) as client:
        with pytest.warns(RuntimeWarning, match="the hook on_end raised ValueError"):
            first = client.chat.completions.create(messages="Hi")
        second = client.chat.completions.create(messages="Hi")

    assert first.text
    assert second.text


async def test_hooks_are_called_in_order_and_child_clients_add_their_own():
    """
    Several `Hooks` are called in their order. Those passed to `with_options` are added
    at the end, for calls of the new client alone.
    """
    fake, seen = FakeASI1(), []
    first, second, third = (
        Hooks(on_end=lambda call, n=n: seen.append((n, call.id))) for n in range(3)
    )

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, hooks=[first, second]
    ) as client:
        await client.with_options(hooks=third).chat.completions.create(messages="Hi")
        await client.chat.completions.create(messages="Hi")

    assert [0, 1, 2, 0, 1] == [n for n, _ in seen]
    assert 2 == len({call_id for _, call_id in seen})

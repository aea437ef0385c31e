"""A function as ``api_key=``: called for each attempt, and again after a status 401."""

from __future__ import annotations

import functools
import threading

import anyio
import anyio.lowlevel
import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.talk import in_process


OLD, NEW = "sk-heron-0123456789", "sk-otter-9876543210"


class Keys:
    """A key function that returns *keys* in order, and then the last key each time."""

    def __init__(self, *keys):
        self.keys, self.asked = list(keys), 0

    def __call__(self):
        self.asked += 1
        return self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]

    async def later(self):
        await anyio.lowlevel.checkpoint()
        return self()


def client_of(fake, key, **options):
    return asi1.AsyncASI1(key, fake.base_url, transport=fake.transport, **options)


def sent_keys(fake):
    return [each.headers["authorization"].split()[1] for each in fake.requests]


async def answer(client, form="create"):
    completions = client.chat.completions
    if form == "create":
        return (await completions.create(messages="Hi")).text
    return (await completions.stream(messages="Hi").get_final_completion()).text


KINDS = {
    "function": lambda keys: keys.__call__,
    "object": lambda keys: keys,
    "async": lambda keys: keys.later,
    "partial": lambda keys: functools.partial(Keys.later, keys),
    "lambda-of-async": lambda keys: functools.partial(lambda get: get(), keys.later),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["create", "stream"])
async def test_key_function_is_called_for_each_request(fake, kind, form):
    """
    A function or coroutine function as ``api_key=`` is called for each request and for
    each retry, but not when the client is made.
    """
    fake.fail(503)
    fake.reply("Fine.", times=None)
    keys = Keys(OLD, NEW, "sk-third-0123")
    retry = asi1.RetryPolicy(wait_first=0)
    async with client_of(fake, KINDS[kind](keys), retry=retry) as client:
        assert 0 == keys.asked
        assert ["Fine.", "Fine."] == [await answer(client, form) for _ in range(2)]

    assert [OLD, NEW, "sk-third-0123"] == sent_keys(fake)


@pytest.mark.parametrize("form", ["create", "stream"])
@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        pytest.param([OLD, NEW], [OLD, NEW], id="another"),
        pytest.param([OLD, NEW, "sk-third-0123"], [OLD, NEW], id="only-once"),
        pytest.param([OLD], [OLD], id="the-same"),
    ],
)
async def test_key_function_is_called_once_more_after_a_401(fake, form, keys, sent):
    """
    After a 401 the API key function is called once more, even if the client makes no
    retries. The request is sent again only if the function returns another key; the
    error shows none of the keys.
    """
    fake.fail(401, message=f"not {OLD}", times=None)
    given = Keys(*keys)
    async with client_of(fake, given, max_retries=0) as client:
        with pytest.raises(asi1.AuthenticationError) as caught:
            await answer(client, form)

    assert "401: not ***" == str(caught.value)
    assert sent == sent_keys(fake)
    assert 2 == given.asked
    assert len(sent) == len(caught.value.response.attempts)
    assert 401 == caught.value.response.status
    assert OLD not in f"{caught.value!r} {caught.value.response}"


async def test_call_succeeds_with_the_new_api_key_after_a_401(fake):
    """
    A call whose first key the server refuses succeeds with the second key, and records
    both attempts.
    """
    fake.fail(401)
    fake.reply("Fine.")
    async with client_of(fake, Keys(OLD, NEW), max_retries=0) as client:
        got = await client.chat.completions.create(messages="Hi")

    assert "Fine." == got.text
    assert [401, 200] == [each.status for each in got.response.attempts]


@pytest.mark.parametrize("form", ["create", "stream"])
async def test_hooks_are_told_of_the_attempt_with_the_new_api_key(fake, form):
    """
    If a call is attempted again with another key after a 401, `on_retry` is called with
    a wait of 0 seconds. The refused attempt records this wait; the last attempt records
    None.
    """
    told, ended = [], []
    hooks = asi1.Hooks(
        on_retry=lambda call: told.append((call.attempts, call.error, call.wait)),
        on_end=lambda call: ended.append((call.attempts, call.error)),
    )
    fake.fail(401)
    fake.reply("Fine.")
    keys = Keys(OLD, NEW)
    async with client_of(fake, keys, max_retries=0, hooks=hooks) as client:
        await answer(client, form)

    ((attempts, error, wait),) = told
    assert [(401, 0.0)] == [(each.status, each.wait) for each in attempts]
    assert attempts == error.response.attempts
    assert isinstance(error, asi1.AuthenticationError)
    assert asi1.Wait(reason="retry", seconds=0.0) == wait
    ((attempts, error),) = ended
    assert [(401, 0.0), (200, None)] == [(each.status, each.wait) for each in attempts]
    assert error is None


async def test_hooks_are_not_told_of_a_retry_if_the_api_key_is_the_same(fake):
    """
    `on_retry` is not called after a 401 if the API key function returns the same key
    again.
    """
    told = []
    fake.fail(401)
    hooks = asi1.Hooks(on_retry=told.append)
    async with client_of(fake, Keys(OLD), max_retries=0, hooks=hooks) as client:
        with pytest.raises(asi1.AuthenticationError) as caught:
            await answer(client)

    assert [] == told
    assert [None] == [each.wait for each in caught.value.response.attempts]


async def test_api_key_of_an_earlier_request_is_redacted_in_an_error(fake):
    """
    If the server's error message contains the API key of an earlier request, the error
    that asi1 raises shows no key.
    """
    fake.reply("Fine.")
    fake.fail(400, message=f"you sent {OLD} before {NEW}")
    async with client_of(fake, Keys(OLD, NEW)) as client:
        await answer(client)
        with pytest.raises(asi1.BadRequestError) as caught:
            await answer(client)

    assert "400: you sent *** before ***" == str(caught.value)


@pytest.mark.parametrize("form", ["create", "stream"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "must be a str, not int"),
        (None, "must be a str, not NoneType"),
        (b"sk", "must be a str, not bytes"),
        (" ", "the API key is empty"),
        ("sk\nx", "invalid character at position 3"),
    ],
)
async def test_key_function_that_returns_no_valid_key_raises_and_sends_nothing(
    fake, value, message, form
):
    """
    If the API key function returns no valid key, the call raises ConfigurationError, is
    not retried, and sends nothing.
    """
    keys = Keys(value)
    async with client_of(fake, keys) as client:
        with pytest.raises(asi1.ConfigurationError, match=message) as caught:
            await answer(client, form)

    assert "the result of the function given as api_key=" in str(caught.value)
    assert (0, 1) == (len(fake.requests), keys.asked)


@pytest.mark.parametrize("form", ["create", "stream"])
async def test_error_of_the_key_function_reaches_the_caller(fake, form):
    """
    The caller gets the error that the API key function raised, unchanged, and nothing
    is sent.
    """

    def fails():
        raise LookupError("no token today")

    async with client_of(fake, fails) as client:
        with pytest.raises(LookupError, match="no token today"):
            await answer(client, form)

    assert not fake.requests


@pytest.mark.virtual_time
async def test_total_timeout_limits_the_wait_for_the_key_function():
    """
    The total timeout of a call includes the wait for the API key function. The error
    says what the call waited for, and that nothing was sent.
    """
    fake = FakeASI1()

    async def slow():
        await anyio.sleep(60)

    async with in_process(fake) as client:
        other = client.with_options(api_key=slow, timeout=20)
        began = anyio.current_time()
        with pytest.raises(asi1.APITimeoutError, match="given as api_key=") as caught:
            await answer(other)

        assert 20 == anyio.current_time() - began
    assert ("total", False) == (caught.value.phase, caught.value.sent)


@pytest.mark.virtual_time
async def test_error_401_is_raised_if_the_total_timeout_passes_before_the_new_api_key():
    """
    If the total timeout passes while the API key function is called again after a 401,
    the call raises the `AuthenticationError` of the 401.
    """
    fake = FakeASI1()
    fake.fail(401, times=None)
    asked = []

    async def slow():
        asked.append(1)
        if len(asked) > 1:
            await anyio.sleep(3600)
        return OLD

    async with in_process(fake) as client:
        other = client.with_options(api_key=slow, timeout=20)
        with pytest.raises(asi1.AuthenticationError):
            await answer(other)

    assert 2 == len(asked)


async def test_blocking_key_function_delays_neither_the_event_loop_nor_a_cancellation(
    fake,
):
    """
    An API key function that blocks runs in another thread, so that other tasks
    continue, and a cancelled call does not wait for the end of the function.
    """
    ended = threading.Event()
    async with client_of(fake, lambda: ended.wait(60) and OLD) as client:
        with anyio.move_on_after(0.05) as scope:
            await answer(client)
        assert scope.cancelled_caught
        assert not ended.is_set()
        ended.set()

    assert not fake.requests


def test_blocking_client_and_its_children_accept_key_functions(fake):
    """
    `ASI1` and its `with_options` accept a function or a coroutine function as
    ``api_key=``.
    """
    fake.reply("Fine.", times=None)
    with asi1.ASI1(Keys(OLD), fake.base_url) as client:
        other = client.with_options(api_key=Keys(NEW).later)
        texts = [
            each.chat.completions.create(messages="Hi").text for each in (client, other)
        ]

    assert ["Fine.", "Fine."] == texts
    assert [OLD, NEW] == sent_keys(fake)


async def test_cached_answer_needs_no_api_key(fake, tmp_path):
    """
    The API key function is not called for a call that the cache answers.
    """
    fake.reply("Fine.", times=None)
    keys = Keys(OLD, NEW)
    cache = asi1.SQLiteCache(str(tmp_path / "answers.db"))
    async with client_of(fake, keys, cache=cache) as client:
        assert ["Fine.", "Fine."] == [await answer(client) for _ in range(2)]

    assert 1 == keys.asked

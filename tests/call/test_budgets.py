"""
Budgets: a call that could exceed a budget is refused, and what calls use is counted.
"""

from __future__ import annotations

import pickle
import threading

from contextlib import suppress
from decimal import Decimal

import anyio
import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.talk import in_process, until


HI = {"messages": "Hi", "max_tokens": 100}
USAGE = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}
FLAT = {"asi1-mini": asi1.Price(input=10, output=10)}  # dollars per million tokens


def account(client):
    """Return what the client's only budget has counted."""
    return client._engine.resources.budgets.accounts[0]


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (asi1.Budget(requests=3), "requests"),
        (asi1.Budget(tokens=3999), "tokens"),
        (asi1.Budget(usd="0.0399"), "usd"),
        (asi1.Budget(usd=1, tokens=10**6, requests=3), "requests"),
    ],
    ids=["requests", "tokens", "usd", "first"],
)
async def test_call_that_could_exceed_the_budget_is_not_sent(budget, limit):
    """
    A call that could exceed one of the budget's limits raises `BudgetExceededError`
    with what was spent so far, and is not sent; the calls before it are sent.
    """
    fake = FakeASI1()
    fake.reply("Hello", usage=USAGE, times=None)
    async with in_process(fake, budget=budget, prices=FLAT) as client:
        for _ in range(3):
            await client.chat.completions.create(**HI)
        with pytest.raises(asi1.BudgetExceededError) as caught:
            await client.chat.completions.create(**HI)

    error = caught.value
    assert (limit, budget) == (error.limit, error.budget)
    assert asi1.Spent(
        requests=3, input_tokens=2700, output_tokens=300, usd=Decimal("0.03")
    ) == (error.spent)
    assert "was not sent, since it could pass the budget of" in error.message
    assert 3 == len(fake.requests)
    assert not isinstance(error, asi1.APIError)
    assert error == pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize("limited", [False, True], ids=["refused", "rate-limited"])
async def test_hooks_see_a_call_that_a_budget_refuses(limited):
    """
    Of a call that a budget refuses, hooks see the start, and the end with the
    `BudgetExceededError`, but no attempt, no wait for the rate limit, and no retry.
    """
    seen = []

    def noting(name):
        return lambda call: seen.append((name, call))

    names = ("on_start", "on_wait", "on_retry", "on_end")
    async with in_process(
        FakeASI1(),
        budget=asi1.Budget(requests=0),
        hooks=asi1.Hooks(**{name: noting(name) for name in names}),
        rate_limit=asi1.RateLimit(requests_per_minute=1) if limited else None,
    ) as client:
        with pytest.raises(asi1.BudgetExceededError) as caught:
            await client.chat.completions.create(**HI)

    assert ["on_start", "on_end"] == [name for name, _ in seen]
    call = seen[-1][1]
    assert (caught.value, ()) == (call.error, call.attempts)


@pytest.mark.system
@pytest.mark.virtual_time
async def test_hundred_calls_at_once_stay_within_the_budget():
    """
    Of a hundred calls at once, only as many are sent as fit into the budget with their
    ``max_tokens``. When all have ended, nothing is reserved, and the budget has counted
    the usage that the server reported.
    """
    fake = FakeASI1()
    fake.reply("Hello", usage={**USAGE, "prompt_tokens": 10}, delay=1, times=None)
    refused = []

    async def ask():
        try:
            await client.chat.completions.create(**HI)
        except asi1.BudgetExceededError as error:
            refused.append(error)

    async with in_process(fake, budget=asi1.Budget(tokens=5000)) as client:
        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(ask)
        count = account(client)

    sent = len(fake.requests)
    assert 100 == sent + len(refused)
    assert 5000 // (100 + 26) <= sent <= 5000 // (100 + 10)
    assert asi1.Spent() == count.held
    assert 110 * sent == count.spent.tokens <= 5000


@pytest.mark.virtual_time
async def test_budget_is_exceeded_at_most_by_the_hidden_prompts_of_the_first_calls():
    """
    The server may count prompt tokens that the client did not send; the client knows
    their number from the first answer on. So a budget is exceeded at most by these
    tokens of the calls that were under way before the first answer.
    """
    fake = FakeASI1()
    fake.reply("Hello", usage=USAGE, delay=1, times=None)
    limit, at_once = 12_000, 20

    async def ask():
        for _ in range(10):
            try:
                await client.chat.completions.create(**HI)
            except asi1.BudgetExceededError:
                return

    async with in_process(fake, budget=asi1.Budget(tokens=limit)) as client:
        async with anyio.create_task_group() as group:
            for _ in range(at_once):
                group.start_soon(ask)
        spent = account(client).spent.tokens

    assert limit < spent <= limit + at_once * USAGE["prompt_tokens"]
    assert len(fake.requests) == at_once


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("fault", "counted", "tokens"),
    [
        ({"status": 500}, 1, 0),
        ("reset_before_headers", 1, 126),
        ("stall_before_headers", 1, 126),
    ],
    ids=["refused", "reset", "left"],
)
async def test_attempt_without_usage_counts_what_it_may_have_used(
    fault, counted, tokens
):
    """
    A request that the server refuses uses no tokens. If a request's reply never came,
    or its stream was closed early, all tokens that were reserved for it count in a
    budget, and `spent` counts the request as ``unpriced``.
    """
    fake = FakeASI1()
    if isinstance(fault, dict):
        fake.fail(**fault)
    else:
        fake.fault(fault)
    async with in_process(
        fake, budget=asi1.Budget(requests=9), max_retries=0
    ) as client:
        with anyio.move_on_after(1):
            with suppress(asi1.APIError):
                await client.chat.completions.create(**HI)
        count, spent = account(client), client.spent

    assert asi1.Spent() == count.held
    assert (counted, tokens) == (count.spent.requests, count.spent.tokens)
    assert asi1.Spent(requests=1, unpriced=int(tokens > 0)) == spent


async def test_request_to_a_model_without_a_price_counts_as_unpriced():
    """
    A request whose tokens are known, but not their price, counts as ``unpriced`` in a
    budget, as in the client's `spent`.
    """
    fake = FakeASI1()
    fake.reply("Hello", usage=USAGE)
    async with in_process(fake, budget=asi1.Budget(requests=1)) as client:
        await client.chat.completions.create(**HI, model="unknown")
        with pytest.raises(asi1.BudgetExceededError) as caught:
            await client.chat.completions.create(**HI)

    assert 1 == caught.value.spent.unpriced
    assert client.spent == caught.value.spent


@pytest.mark.virtual_time
async def test_budget_counts_each_retry_and_may_refuse_a_retry():
    """
    Each attempt counts as a request; a retry that could exceed the budget is not sent,
    and its error says that the first attempt was sent.
    """
    fake = FakeASI1()
    fake.fail(503, times=None)
    async with in_process(
        fake, budget=asi1.Budget(requests=2), max_retries=5
    ) as client:
        with pytest.raises(asi1.BudgetExceededError) as caught:
            await client.chat.completions.create(**HI)

    assert (2, 2) == (len(fake.requests), caught.value.spent.requests)
    assert caught.value.sent
    assert caught.value.message.startswith("the call was sent, but its retry was not,")


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True])
async def test_error_of_a_refused_retry_has_the_servers_error_as_its_cause(stream):
    """
    If a budget refuses a retry, the cause of the `BudgetExceededError` is the error of
    the attempt before the retry. Hooks get that attempt, with its status.
    """
    fake, ended = FakeASI1(), []
    fake.fail(503, times=None)
    async with in_process(
        fake, budget=asi1.Budget(requests=1), hooks=asi1.Hooks(on_end=ended.append)
    ) as client:
        with pytest.raises(asi1.BudgetExceededError) as caught:
            made = await client.chat.completions.create(**HI, stream=stream)
            await made.get_final_completion()

    cause = caught.value.__cause__
    assert isinstance(cause, asi1.InternalServerError)
    assert [503] == [attempt.status for attempt in cause.response.attempts]
    assert cause.response.attempts == ended[0].attempts
    assert (503, caught.value) == (ended[0].response.status, ended[0].error)


def text_of(answer):
    """Return the text of an answer, or the text of a run's last answer."""
    return getattr(answer, "text", None) or answer.completion.text


async def mapped(chat):
    """Return the answer to the only prompt of a `map`."""
    (answer,) = [answer async for answer in chat.map(["Hi"], temperature=0)]
    return answer


CACHED = {
    "create": lambda chat: chat.create(messages="Hi", temperature=0),
    "parse": lambda chat: chat.parse(messages="Hi", response_format=list[int]),
    "map": mapped,
    "stream": lambda chat: chat.stream(messages="Hi").get_final_completion(),
    "run_tools": lambda chat: chat.run_tools(
        "Hi", tools=[len_of], temperature=0
    ).until_done(),
}


def len_of(word: str) -> int:
    """Return the length of *word*."""
    return len(word)


class Store(dict):
    """A cache in memory."""

    async def get(self, key):
        return dict.get(self, key)

    async def set(self, key, value):
        self[key] = value


@pytest.mark.parametrize("way", CACHED)
async def test_cached_answer_is_returned_even_if_the_budget_is_used_up(way):
    """
    An answer from the cache costs nothing, so no budget refuses it, even a budget that
    is used up, or a budget in dollars if the model's price is not known.
    """
    fake = FakeASI1()
    fake.reply("[1]", usage=USAGE, times=None)
    store = Store()
    async with in_process(fake, cache=store, model="unpriced") as client:
        first = await CACHED[way](client.chat.completions)
        await until(lambda: store)  # a stream's answer is cached after its last chunk
        for budget in (asi1.Budget(requests=0), asi1.Budget(usd=0)):
            limited = client.with_options(budget=budget)
            again = await CACHED[way](limited.chat.completions)
            assert text_of(first) == text_of(again)

    assert (1, 1) == (len(fake.requests), client.spent.requests)


@pytest.mark.virtual_time
async def test_calls_of_a_child_client_count_in_its_own_and_its_parents_budget(fake):
    """
    A budget that `with_options` adds begins at zero. The child's calls count in this
    budget and in the parent's. A call that one of these budgets refuses reserves
    nothing in the other. One `Budget` object passed to two clients is counted for each
    client.
    """
    fake.reply("Hello", times=None)
    two = asi1.Budget(requests=2)
    async with in_process(fake, budget=two) as client, in_process(fake, budget=two):
        child = client.with_options(budget=asi1.Budget(requests=1))
        await child.chat.completions.create(**HI)
        with pytest.raises(asi1.BudgetExceededError):
            await child.chat.completions.create(**HI)
        await client.chat.completions.create(**HI)
        with pytest.raises(asi1.BudgetExceededError):
            await client.chat.completions.create(**HI)

    assert 2 == len(fake.requests)


@pytest.mark.virtual_time
@pytest.mark.parametrize("kind", ["model", "image", "raw"])
async def test_budget_in_dollars_refuses_requests_without_a_known_price(
    fake_client, kind
):
    """
    Under a budget in dollars a request whose price is not known raises an error that
    says so, and is not sent. A GET request, which asks no model, is sent.
    """
    client = fake_client.with_options(budget=asi1.Budget(usd=1))
    calls = {
        "model": lambda: client.chat.completions.create(messages="Hi", model="other"),
        "image": lambda: client.images.generate(prompt="a cat"),
        "raw": lambda: client.request("POST", "/embeddings", json={"model": "asi1"}),
    }

    with pytest.raises(asi1.ConfigurationError, match=r"price of .* is not known"):
        await calls[kind]()

    with pytest.raises(asi1.NotFoundError):
        await client.request("GET", "/nothing")


def test_threads_that_share_a_client_stay_within_its_budget(fake):
    """
    Threads with event loops of their own that share a client send exactly as many
    requests as its budget allows, since checking and reserving is one atomic step.
    """
    fake.reply("Hello", times=None)
    client = asi1.AsyncASI1("sk-test", fake.base_url, budget=asi1.Budget(requests=30))
    sent = []

    async def ask():
        for _ in range(15):
            try:
                await client.chat.completions.create(**HI)
            except asi1.BudgetExceededError:
                return
            sent.append(1)

    threads = [threading.Thread(target=anyio.run, args=(ask,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (30, 30) == (len(sent), len(fake.requests))
    assert 30 == client.spent.requests


@pytest.mark.virtual_time
async def test_run_of_tools_ends_when_its_budget_is_used_up(fake, fake_client):
    """
    A run whose next answer could exceed its budget raises `BudgetExceededError`; the
    budget does not count calls outside of the run.
    """
    fake.reply("", tool_calls=[{"name": "now", "arguments": {}}], times=None)

    def now():
        """Return the time."""
        return "noon"

    run = fake_client.chat.completions.run_tools(
        "Hi", tools=[now], budget=asi1.Budget(requests=2)
    )
    with pytest.raises(asi1.BudgetExceededError):
        await run.until_done()

    assert 2 == len(fake.requests)
    assert 2 == fake_client.spent.requests


@pytest.mark.parametrize(
    "wrong",
    [{"usd": -1}, {"usd": "much"}, {"usd": True}, {"tokens": 1.5}, {"requests": -1}],
)
def test_budget_with_a_wrong_value_is_refused(wrong):
    """
    A budget's limit that is not a number of at least 0 raises an error that names the
    limit.
    """
    with pytest.raises(
        asi1.ConfigurationError, match=f"budget: {next(iter(wrong))} must"
    ):
        asi1.Budget(**wrong)

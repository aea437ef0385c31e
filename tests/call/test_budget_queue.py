"""How calls of a `map` or a batch wait for a budget until other calls have ended."""

from __future__ import annotations

import json

from collections import Counter

import anyio
import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.talk import in_process


pytestmark = pytest.mark.virtual_time

USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
LIMITED = {"max_tokens": 3000, "budget": asi1.Budget(tokens=4000)}


def request_line(name, **body):
    """Return one request of a batch; its id and its prompt are *name*."""
    asked = {"messages": [{"role": "user", "content": name}], **body}
    return {
        "custom_id": name,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": asked,
    }


async def by_map(client, names, path):
    """Answer the prompts *names* with a `map`; return the answers."""
    made = client.chat.completions.map(names, ordered=False, **LIMITED)
    return [answer async for answer in made]


async def by_batch(client, names, path):
    """Answer the prompts *names* with a batch; return its rows."""
    lines = [request_line(name, max_tokens=3000) for name in names]
    await client.batch(lines, path, budget=LIMITED["budget"])
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("send", [by_map, by_batch])
async def test_hooks_see_one_start_and_one_end_of_a_call_that_waits_for_the_budget(
    send, tmp_path
):
    """
    A call of a `map` or a batch that waits for the budget calls the hooks `on_start`
    and `on_end` once each, and its timeout does not include the wait.
    """
    fake, seen = FakeASI1(), Counter()
    fake.reply("Hi", usage=USAGE, delay=6, times=None)
    hooks = asi1.Hooks(
        on_start=lambda _: seen.update(["start"]),
        on_end=lambda call: seen.update(["end", type(call.error)]),
    )

    async with in_process(fake, hooks=hooks, timeout=10) as client:
        answers = await send(client, list("abcdefgh"), tmp_path / "out.jsonl")

    assert 8 == len(answers) == len(fake.requests)
    assert Counter({"start": 8, "end": 8, type(None): 8}) == seen


@pytest.mark.system
@pytest.mark.parametrize("send", [by_map, by_batch])
async def test_retry_that_does_not_fit_into_the_budget_waits_for_other_calls(
    send, tmp_path
):
    """
    A retry that does not fit into the budget waits until other calls have ended, as a
    first attempt does. The tokens that its own call has reserved do not delay the
    retry.
    """
    fake = FakeASI1()
    fake.fail(503)
    fake.reply("Hi", usage=USAGE, delay=6, times=None)

    async with in_process(fake, retry=asi1.RetryPolicy(wait_first=1)) as client:
        answers = await send(client, list("abcd"), tmp_path / "out.jsonl")

    assert (4, 5) == (len(answers), len(fake.requests))


async def test_request_that_exceeds_the_budget_cancels_no_other_request_of_a_batch(
    fake, tmp_path
):
    """
    When a request of a batch does not fit into the budget, the requests that are under
    way are still answered and written to the output, even one that has to be retried.
    """
    fake.fail(503)
    fake.reply("Hi", usage=USAGE, times=None)
    lines = [request_line(name, max_tokens=90) for name in "ab"]
    lines.append(request_line("long", max_tokens=9000))
    path = tmp_path / "out.jsonl"

    async with in_process(fake, retry=asi1.RetryPolicy(wait_first=1)) as client:
        with pytest.raises(asi1.BudgetExceededError):
            await client.batch(lines, path, budget=asi1.Budget(tokens=4000))

    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert {"a", "b"} == {row["custom_id"] for row in rows}


async def test_map_closed_while_calls_wait_for_the_budget_frees_its_tokens(
    fake, fake_client
):
    """
    A `map` that is closed early, while some of its calls wait for the budget, cancels
    these calls and frees the tokens that it had reserved.
    """
    fake.reply("Hi", usage=USAGE, delay=6, times=None)
    limited = fake_client.with_options(budget=LIMITED["budget"])

    with anyio.move_on_after(8):
        async with limited.chat.completions.map([*"abc"], max_tokens=3000) as answers:
            async for _ in answers:
                pass

    (account,) = limited._engine.resources.budgets.accounts
    assert (asi1.Spent(), 2) == (account.held, len(fake.requests))


async def test_budget_error_of_a_map_is_raised_after_the_answers_of_earlier_calls():
    """
    A call of a `map` that can never fit into the budget raises its error only after the
    calls under way have ended, so that their answers are not lost.
    """
    fake, got = FakeASI1(), []
    for delay in (1, 5):
        fake.reply("Hi", usage=USAGE, delay=delay)
    prompts = [*"ab", {"messages": "long", "max_tokens": 9000}]

    async with in_process(fake) as client:
        made = client.chat.completions.map(
            prompts,
            concurrency=2,
            ordered=False,
            max_tokens=90,
            budget=asi1.Budget(tokens=4000),
        )
        with pytest.raises(asi1.BudgetExceededError):
            async for answer in made:
                got.append(answer.text)  # noqa: PERF401 - the loop raises

    assert ["Hi", "Hi"] == got

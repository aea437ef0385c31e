"""The prompts of a `map`: async iterables, keys, options of one prompt, the budget."""

from __future__ import annotations

import gc

import anyio
import pytest

import asi1

from asi1._call.prompt_call import PromptCall
from asi1.testing import FakeASI1

from ..support.talk import in_process, until


pytestmark = pytest.mark.virtual_time


def question(request):
    return request.json["messages"][-1]["content"]


@pytest.fixture
def fake(fake):
    fake.reply(question, times=None)
    return fake


async def collect(answers):
    return [answer async for answer in answers]


async def test_answers_to_a_mapping_of_prompts_come_with_its_keys(fake, fake_client):
    """
    If the prompts are a mapping, each answer or error comes with its prompt's key.
    """
    prompts = {"a": "one", 2: [{"role": "user", "content": "two"}], "c": 5}

    made = fake_client.chat.completions.map(prompts, return_exceptions=True)
    got = dict(await collect(made))

    assert ["a", 2, "c"] == [*got]
    assert ("one", "two") == (got["a"].text, got[2].text)
    assert asi1.ArgumentError is type(got["c"])


@pytest.mark.parametrize("ordered", [True, False])
async def test_answers_come_with_the_keys_that_a_key_function_returns(
    fake, fake_client, ordered
):
    """
    With ``key=`` each answer comes with the key that the function returned for its
    prompt. If the function raises an error, the answers to earlier prompts are yielded
    first.
    """
    made = fake_client.chat.completions.map(
        ["a", "bb", 3, "c"], key=len, ordered=ordered, concurrency=9
    )
    got = [(key, answer.text) for key, answer in [await anext(made), await anext(made)]]

    assert [(1, "a"), (2, "bb")] == sorted(got)
    with pytest.raises(TypeError):
        await anext(made)


async def test_options_of_a_prompt_override_the_options_of_the_map(fake, fake_client):
    """
    A prompt may be a dict with messages, a model and options, as `create` accepts them;
    an unknown option raises an error when the prompt's turn comes.
    """
    items = [
        {"messages": "a", "temperature": 0, "model": "big"},
        {"messages": "b", "max_tokens": 7},
        "c",
        {"messages": "d", "stream": True},
    ]

    made = fake_client.chat.completions.map(
        items, temperature=1, max_tokens=9, return_exceptions=True
    )
    *answers, error = await collect(made)

    bodies = {question(request): request.json for request in fake.requests}
    wanted = ("model", "temperature", "max_tokens")
    assert ["a", "b", "c"] == [answer.text for answer in answers]
    assert {
        "a": ("big", 0, 9),
        "b": ("asi1-mini", 1, 7),
        "c": ("asi1-mini", 1, 9),
    } == {text: tuple(map(body.get, wanted)) for text, body in bodies.items()}
    assert (asi1.ArgumentError, "stream") == (type(error), error.argument)


async def test_async_iterable_is_read_while_answers_are_awaited(fake, fake_client):
    """
    While an async iterable of prompts waits for its next prompt, earlier answers are
    yielded. The iterable is read at most *concurrency* prompts ahead, and is closed
    when the iterator of answers is closed.
    """
    taken, closed = [], []

    async def prompts():
        try:
            for number in range(10**9):
                if number == 3:
                    await anyio.sleep(3600)
                taken.append(number)
                yield f"{number}"
        finally:
            closed.append(True)

    async with fake_client.chat.completions.map(prompts(), concurrency=2) as answers:
        got = [(await anext(answers)).text for _ in range(3)]
        assert ["0", "1", "2"] == got
        with anyio.move_on_after(1):
            await anext(answers)
        assert [0, 1, 2] == taken
        assert "3" == (await anext(answers)).text  # the cancelled read lost nothing
        assert len(taken) <= 4 + 2

    assert [True] == closed
    await until(lambda: not fake_client._engine.tasks)


async def test_error_of_an_async_iterable_is_raised_after_all_earlier_answers(
    fake, fake_client
):
    """
    An error that an async iterable of prompts raises is raised after all earlier
    answers, even with ``return_exceptions``.
    """

    async def prompts():
        yield "a"
        raise LookupError

    made = fake_client.chat.completions.map(prompts(), return_exceptions=True)

    assert "a" == (await anext(made)).text
    with pytest.raises(LookupError):
        await anext(made)


@pytest.mark.system
async def test_thousand_calls_at_once_run_side_by_side_and_stop_within_a_second(fake):
    """
    Of a thousand calls at once none waits for another, and all have stopped within a
    second after their reader was cancelled.
    """
    fake = FakeASI1()
    fake.reply(question, delay=10, times=None)
    async with in_process(fake) as client:
        began = anyio.current_time()
        prompts = map(str, range(10**9))
        async with client.chat.completions.map(
            prompts, concurrency=1000, ordered=False
        ) as answers:
            got = {(await anext(answers)).text for _ in range(1000)}
            assert {str(number) for number in range(1000)} == got
            assert 10 == pytest.approx(anyio.current_time() - began, abs=1)
            with anyio.move_on_after(5):
                await anext(answers)
            left = anyio.current_time()
        assert anyio.current_time() - left < 1
        assert not client._engine.tasks


@pytest.mark.system
@pytest.mark.parametrize("ordered", [True, False])
async def test_budget_of_a_map_slows_it_down_and_then_ends_it(ordered):
    """
    In a `map` with a budget, a call that does not fit into the rest of the budget waits
    for the running calls. If no call is running, `BudgetExceededError` is raised after
    all answers. So the budget is used up, though each call reserves a hundred times
    what it uses.
    """
    fake = FakeASI1()
    usage = {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}
    fake.reply(question, usage=usage, delay=1, times=None)
    got = []

    async with in_process(fake) as client:
        made = client.chat.completions.map(
            map(str, range(10**9)),
            concurrency=20,
            ordered=ordered,
            max_tokens=3000,
            budget=asi1.Budget(tokens=10_000),
        )
        with pytest.raises(asi1.BudgetExceededError) as caught:
            async for answer in made:
                got.append(answer.text)  # noqa: PERF401 - the loop raises

    spent = caught.value.spent.tokens
    assert 30 * len(got) == spent
    assert 10_000 - 3_030 < spent <= 10_000
    assert len(set(got)) == len(got) == len(fake.requests)
    assert not ordered or [str(number) for number in range(len(got))] == got


async def test_each_prompt_that_exceeds_the_budget_of_a_map_has_its_own_error(
    fake, fake_client
):
    """
    With ``return_exceptions``, each prompt that does not fit into the budget has an
    error of its own.
    """
    made = fake_client.chat.completions.map(
        [*"abcde"], budget=asi1.Budget(requests=2), return_exceptions=True
    )
    kinds = [type(outcome) for outcome in await collect(made)]

    assert 2 == kinds.count(asi1.ChatCompletion) == len(fake.requests)
    assert 3 == kinds.count(asi1.BudgetExceededError)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"prompts": {"messages": "a"}}, "prompts"),
        ({"prompts": {"a": "b"}, "key": len}, "key"),
        ({"prompts": [], "key": 5}, "key"),
        ({"prompts": [], "ordered": "no"}, "ordered"),
        ({"prompts": [], "return_exceptions": 1}, "return_exceptions"),
        ({"prompts": [], "idempotency_key": "fix"}, "idempotency_key"),
        ({"prompts": [], "progress": 5}, "progress"),
        ({"prompts": [], "progress": {}}, "progress"),
        ({"prompts": [], "progress": anyio.sleep}, "progress"),
    ],
)
def test_wrong_argument_of_a_map_is_refused_at_once(
    blocking_client, arguments, argument
):
    """
    A wrong argument raises an `ArgumentError` that names the argument, before any
    prompt is read. A fixed idempotency key is wrong, since all prompts would share it.
    """
    with pytest.raises(asi1.ArgumentError) as caught:
        blocking_client.chat.completions.map(**arguments)

    assert argument == caught.value.argument


def test_blocking_map_refuses_an_async_iterable(blocking_client):
    """
    The blocking `map` takes no async iterable, which only an event loop can read.
    """

    async def prompts():
        yield "a"

    with pytest.raises(asi1.ArgumentError, match="async_generator"):
        blocking_client.chat.completions.map(prompts())


@pytest.mark.system
async def test_map_frees_each_answer_that_was_read(fake, fake_client):
    """
    A `map` over any number of prompts holds at most *concurrency* calls and the answer
    that was just read, so that its memory does not grow over endless input.
    """
    prompts = map(str, range(10**9))
    async with fake_client.chat.completions.map(
        prompts, concurrency=4, ordered=False
    ) as answers:
        for _ in range(100):
            await anext(answers)
        gc.collect()
        alive = [each for each in gc.get_objects() if isinstance(each, PromptCall)]

    assert len(alive) <= 4 + 1

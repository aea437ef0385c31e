"""The prices of models, and the cost of the usage that the server reports."""

from __future__ import annotations

import decimal
import math
import pickle

from decimal import Decimal

import pytest

import asi1

from asi1.testing import FakeASI1

from ..support.talk import in_process


@pytest.mark.parametrize("name", asi1.PRICES)
def test_published_price_is_dated_and_equals_that_of_the_model_table(name):
    """
    Each published price has a date and a source, is the price that `MODELS` has, and
    has no price for cached tokens, since none is published.
    """
    price, info = asi1.PRICES[name], asi1.MODELS[name]

    assert (Decimal(str(info.input_price)), Decimal(str(info.output_price))) == (
        price.input,
        price.output,
    )
    assert ("2026-10", None) == (price.as_of, price.cached_input)
    assert price.source.startswith("https://docs.asi1.ai/")
    assert price == pickle.loads(pickle.dumps(price))


@pytest.mark.parametrize("name", asi1.PRICES)
@pytest.mark.parametrize("cached", [None, "0.01"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.virtual_time
async def test_cost_is_the_reported_usage_times_the_prices_of_the_model(
    name, cached, stream
):
    """
    The cost of an answer, streamed or not, is exactly its prompt, cached and completion
    tokens times their prices. Cached tokens without a price of their own cost what
    other prompt tokens cost.
    """
    fake = FakeASI1()
    usage = {"prompt_tokens": 1207, "completion_tokens": 333, "total_tokens": 1540}
    details = {"prompt_tokens_details": {"cached_tokens": 1000}}
    fake.reply("Hello", usage={**usage, **details})
    price = asi1.PRICES[name]
    own = asi1.Price(input=price.input, output=price.output, cached_input=cached)

    async with in_process(fake, prices={name: own} if cached else None) as client:
        create = client.chat.completions.create
        answer = await create(messages="Hi", model=name, stream=stream)
        if stream:
            answer = await answer.get_final_completion()

    cheap = Decimal(cached) if cached else price.input
    million = 207 * price.input + 1000 * cheap + 333 * price.output
    assert 1000 == answer.usage.cached_tokens
    assert million / 10**6 == answer.cost == client.spent.usd
    assert answer.cost == pickle.loads(pickle.dumps(answer)).cost
    assert own.cost(answer.usage) == answer.cost


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("asked", "answered", "settings", "cost"),
    [
        ("asi1", "asi1-mini", {}, "0.63"),
        ("asi1", "asi1-2026-10-01", {}, "2.40"),
        ("mine", "theirs", {}, None),
        ("mine", "theirs", {"prices": {"mine": asi1.Price(input=1, output=2)}}, "3"),
        ("mine", "theirs", {"prices": {"theirs": asi1.Price(input=0, output=0)}}, "0"),
        (
            "mine",
            "asi1",
            {"prices": {"mine": asi1.Price(input="1", output=2.5)}},
            "3.5",
        ),
        (
            "mine",
            "theirs",
            {
                "models": {
                    "mine": asi1.ModelInfo(context=9, input_price=1, output_price=4)
                }
            },
            "5",
        ),
        ("mine", "theirs", {"models": {"mine": asi1.ModelInfo(context=9)}}, None),
    ],
)
async def test_cost_uses_the_clients_own_prices_before_the_published_ones(
    asked, answered, settings, cost
):
    """
    The client's own prices come first, then the published ones; in each table, the
    price of the model that answered, then that of the model that was asked for. Without
    any price the cost is None, and the request counts as ``unpriced``.
    """
    fake = FakeASI1()
    usage = {"prompt_tokens": 10**6, "completion_tokens": 10**6}
    choice = {"message": {"content": "Hi"}, "finish_reason": "stop"}
    fake.reply_json({"model": answered, "choices": [choice], "usage": usage})

    async with in_process(fake, **settings) as client:
        answer = await client.chat.completions.create(messages="Hi", model=asked)

    expected = None if cost is None else Decimal(cost)
    assert expected == answer.cost
    assert int(cost is None) == client.spent.unpriced
    assert cost != "0" or str(answer.cost) == "0"


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": -1},
        {"total_tokens": 5},
        {"reasoning_tokens": 5},
        {"prompt_tokens": 10**12 + 1, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": 10**15},
    ],
)
@pytest.mark.virtual_time
async def test_cost_of_an_impossible_or_missing_usage_is_unknown(usage):
    """
    Without usage, with negative or absurd counts, or without any prompt and completion
    tokens, `cost` of an answer and of a `Price` is None, and `spent` counts the request
    as ``unpriced``.
    """
    fake = FakeASI1()
    choice = {"message": {"content": "Hi"}, "finish_reason": "stop"}
    fake.reply_json({"model": "asi1", "choices": [choice], "usage": usage})

    async with in_process(fake) as client:
        answer = await client.chat.completions.create(messages="Hi")

    assert answer.cost is None
    assert usage is None or asi1.PRICES["asi1"].cost(asi1.Usage(**usage)) is None
    assert asi1.Spent(requests=1, unpriced=1) == client.spent


@pytest.mark.parametrize(
    ("extra", "cached"),
    [
        ({}, 0),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, 4),
        ({"prompt_tokens_details": {"cached_tokens": 99}}, 10),
        ({"prompt_tokens_details": {"cached_tokens": -4}}, 0),
        ({"prompt_tokens_details": {"cached_tokens": "4"}}, 0),
        ({"prompt_tokens_details": None, "prompt_cache_hit_tokens": 3}, 3),
        ({"prompt_tokens_details": []}, 0),
    ],
)
def test_cached_tokens_are_at_most_those_of_the_prompt(extra, cached):
    """
    Cached tokens are read from the usage's details, in the forms that servers use. A
    count above the number of prompt tokens is lowered to that number; a negative count,
    or one that is not a number, counts as 0.
    """
    usage = asi1.Usage(prompt_tokens=10, completion_tokens=1, extra=extra)

    assert cached == usage.cached_tokens


def test_cost_is_exact_whatever_the_programs_decimal_context_is():
    """
    A program that rounds its decimals to two digits, or lets an inexact result raise,
    still gets the exact cost.
    """
    usage = asi1.Usage(prompt_tokens=123_457, completion_tokens=76_543)
    answer = asi1.ChatCompletion(model="asi1-ultra", usage=usage)

    with decimal.localcontext(decimal.Context(prec=2, traps=[decimal.Inexact])):
        assert Decimal("0.45866610") == answer.cost


def test_cost_of_several_answers_is_their_exact_sum():
    """
    The cost of a result with several answers is the sum of the costs of these answers,
    or None if the cost of one answer is not known.
    """
    usage = asi1.Usage(prompt_tokens=10**6)
    one, two = (
        asi1.ChatCompletion(model=m, usage=usage) for m in ("asi1", "asi1-mini")
    )
    earlier = asi1.OutputInvalidError("no", completion=one)
    parsed = {"model": "asi1-mini", "usage": usage, "parsed": 1}
    steps = tuple(asi1.AnswerStep(answer=each, round=1) for each in (one, two))

    assert (
        Decimal("0.68")
        == asi1.ParsedCompletion(**parsed, earlier=(earlier,)).total_cost
    )
    assert Decimal("0.50") == earlier.cost
    assert (
        Decimal("0.68") == asi1.ToolRunResult(answer=two, messages=(), steps=steps).cost
    )
    assert asi1.OutputInvalidError("no", earlier=(earlier,)).cost is None


@pytest.mark.parametrize(
    "wrong",
    [
        -1,
        math.nan,
        math.inf,
        "free",
        True,
        None,
        10**10,
        pytest.param(10**5000, id="long"),
        "NaN",
    ],
)
@pytest.mark.parametrize("name", ["input", "output", "cached_input"])
def test_wrong_price_is_refused(name, wrong):
    """
    A price that is not a number of dollars raises an error that names the field; only
    the price of cached tokens may be None.
    """
    if name == "cached_input" and wrong is None:
        assert asi1.Price(input=1, output=1, cached_input=None).cached_input is None
        return
    with pytest.raises(asi1.ConfigurationError, match=f"prices: {name} must be"):
        asi1.Price(**{"input": 1, "output": 1, name: wrong})


@pytest.mark.parametrize("wrong", [5, [], {"asi1": 9}, {5: None}])
def test_prices_argument_of_a_wrong_type_is_refused(wrong):
    """
    ``prices`` must map names to `Price`.
    """
    with pytest.raises(asi1.ConfigurationError, match="prices: must be a mapping"):
        asi1.AsyncASI1("sk-test", prices=wrong)

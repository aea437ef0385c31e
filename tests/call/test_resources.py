"""The retry budget: how many retries a client may make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asi1._call.resources import Resources
from asi1._settings.retry import RetryBudget

from ..support.calls import config


def test_retry_budget_allows_twenty_retries_in_an_outage():
    """
    In an outage, in which each of 200 calls would need two retries, the default retry
    budget allows 20 retries in total.
    """
    budget = RetryBudget()

    assert 20 == sum(budget.spend() for _call in range(200) for _retry in range(2))


def test_call_that_succeeds_refunds_its_retries_to_the_retry_budget():
    """
    A call that succeeds after retries gives the cost of its retries back to the retry
    budget.
    """
    budget = RetryBudget(capacity=2)

    assert [True, True, False] == [budget.spend() for _ in range(3)]
    budget.succeeded(2)
    assert [True, True, False] == [budget.spend() for _ in range(3)]


def test_ten_calls_without_a_retry_earn_one_retry():
    """
    Each call that succeeds without a retry adds a tenth of a retry to the retry budget.
    """
    budget = RetryBudget(capacity=1)
    budget.spend()

    for _ in range(9):
        budget.succeeded(0)
    assert not budget.spend()
    budget.succeeded(0)
    budget.succeeded(0)  # eleventh success, since ten times 0.1 as floats is below 1
    assert budget.spend()


def test_retry_budget_never_exceeds_its_capacity():
    """
    Successful calls never raise the retry budget above its capacity.
    """
    budget = RetryBudget(capacity=3)

    for retries in (0, 5, 0):
        budget.succeeded(retries)

    assert 3 == budget.saved
    assert 3 == sum(budget.spend() for _ in range(9))


@given(st.lists(st.none() | st.integers(0, 3)))
def test_retry_budget_stays_between_zero_and_its_capacity(calls):
    """
    In any order of retries and successes the retry budget stays between zero and its
    capacity, and a retry that is not allowed costs nothing.
    """
    budget = RetryBudget(capacity=5)

    for call in calls:
        before = budget.saved
        if call is None:
            spent = budget.spend()
            assert before - spent == budget.saved
        else:
            budget.succeeded(call)

        assert 0 <= budget.saved <= 5


def test_resources_are_never_equal():
    """Two `Resources` objects are never equal, even with the same arguments."""
    one, other = (
        Resources(config=settings, transport=None) for settings in [config()] * 2
    )

    assert one != other

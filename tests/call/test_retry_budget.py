"""How many retries a client may spend."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asi1._call.retry_budget import RetryBudget


def test_an_outage_meets_no_storm():
    """
    In a total outage, 200 calls of up to three tries each make at most 20 retries.
    """
    budget = RetryBudget()

    assert 20 == sum(budget.spend() for _call in range(200) for _retry in range(2))


def test_a_call_saved_by_retries_gives_back_their_price():
    """
    A call that its retries saved costs nothing in the end.
    """
    budget = RetryBudget(capacity=2)

    assert [True, True, False] == [budget.spend() for _ in range(3)]
    budget.succeeded(2)
    assert [True, True, False] == [budget.spend() for _ in range(3)]


def test_ten_good_calls_earn_a_retry():
    """
    A call that needed no retry adds a tenth of one.
    """
    budget = RetryBudget(capacity=1)
    budget.spend()

    for _ in range(9):
        budget.succeeded(0)
    assert not budget.spend()
    budget.succeeded(0)
    budget.succeeded(0)  # the sum of ten tenths is not quite one
    assert budget.spend()


def test_no_more_is_saved_than_the_budget_holds():
    """
    Good times are not saved up beyond the capacity.
    """
    budget = RetryBudget(capacity=3)

    for retries in (0, 5, 0):
        budget.succeeded(retries)

    assert 3 == budget.saved
    assert 3 == sum(budget.spend() for _ in range(9))


@given(st.lists(st.none() | st.integers(0, 3)))
def test_a_budget_is_never_overdrawn(calls):
    """
    Whatever calls come, what is saved stays between nothing and the capacity, and what
    is refused costs nothing.
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

"""The tokens that calls use beyond their estimate, as learned from earlier calls."""

import pytest

from asi1 import RetryPolicy, Timeouts
from asi1._protocol.answer_tokens import AnswerTokens
from asi1._protocol.request import Request


def request(tokens=10, limit=0):
    return Request(
        method="POST",
        url="http://127.0.0.1",
        headers={},
        body=None,
        stream=False,
        timeouts=Timeouts(),
        retry=RetryPolicy(),
        tokens=tokens,
        limit=limit,
    )


def test_expected_tokens_rise_at_once_and_fall_step_by_step():
    """
    The estimate of a call without ``max_tokens`` includes the longest answer so far.
    Each shorter answer lowers the estimate by a fifth of the difference.
    """
    answers, estimates = AnswerTokens(), []
    for used in (110, 60, 10, 5, 510):
        answers.learn(request(), used)
        estimates.append(answers.estimate(request(20)))

    assert [120, 110, 92, 77, 520] == estimates


def test_call_with_max_tokens_neither_changes_nor_uses_learned_lengths():
    """
    ``max_tokens`` limits the answer of a call. So other answers do not change the
    estimate of this call, and its answer does not change the estimates of other calls.
    """
    answers = AnswerTokens()
    answers.learn(request(limit=5), 1000)
    before = answers.estimate(request())
    answers.learn(request(), 1000)

    assert (10, 10) == (before, answers.estimate(request(limit=5)))


@pytest.mark.parametrize("used", [0, 10])
def test_nothing_is_added_to_estimates_that_no_call_has_exceeded(used):
    """
    As long as no call has used more than its request's estimate, nothing is added to
    the estimates.
    """
    answers = AnswerTokens()
    answers.learn(request(), used)

    assert 10 == answers.estimate(request())

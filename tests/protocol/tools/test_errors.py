"""The errors of tools and of runs with tools."""

from __future__ import annotations

import copy
import pickle

import pytest

import asi1

from asi1._protocol.tools.steps import AnswerStep, ToolRunResult

from ...support.tool_answers import answer_of, call_of


ANSWER = answer_of(call_of("a"))
RESULT = ToolRunResult(
    answer=ANSWER,
    messages=({"role": "user", "content": "Hi"},),
    steps=(AnswerStep(answer=ANSWER, round=1),),
)


def error_of_rounds():
    return asi1.MaxRoundsError("too many", result=RESULT)


@pytest.mark.parametrize("make", [error_of_rounds, lambda: asi1.ToolError("Try b.")])
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
)
def test_errors_of_tools_can_be_copied_and_compared(make, copied):
    """
    The errors of tools can be copied, pickled and compared, like all errors of asi1.
    """
    error = copied(make())

    assert make() == error
    assert make().message == str(error) == error.args[0]
    assert isinstance(error, asi1.ASI1Error)
    assert make().__dict__ == error.__dict__


def test_error_after_too_many_rounds_has_the_result():
    """
    `MaxRoundsError` has the result of the run. If a program creates the error without a
    result, the error has an empty result.
    """
    assert RESULT is error_of_rounds().result
    assert () == asi1.MaxRoundsError("too many").result.steps

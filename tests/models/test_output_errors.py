"""Errors for answers that cannot be converted to the requested type."""

from __future__ import annotations

import pickle

import pytest

import asi1


@pytest.mark.parametrize(
    ("cls", "parent"),
    [
        (asi1.OutputError, asi1.ASI1Error),
        (asi1.OutputTruncatedError, asi1.OutputError),
        (asi1.ThoughtBudgetError, asi1.OutputTruncatedError),
        (asi1.OutputRefusedError, asi1.OutputError),
        (asi1.OutputInvalidError, asi1.OutputError),
    ],
)
def test_output_error_has_text_and_answer(cls, parent):
    """
    Each error for an answer that cannot be converted to the requested type has the
    answer and the answer's text, even after pickling.
    """
    completion = asi1.ChatCompletion(usage=asi1.Usage(total_tokens=9))
    error = cls("no", text="{", completion=completion)

    assert parent is cls.__bases__[0]
    assert ("{", 9) == (error.text, error.completion.usage.total_tokens)
    assert error == pickle.loads(pickle.dumps(error))
    assert not isinstance(error, asi1.APIError)


def test_output_invalid_error_has_the_path_and_the_expected_value():
    """
    An `OutputInvalidError` has the path of the invalid value, and describes the value
    that was expected there. The default path is ``$``, the whole answer.
    """
    error = asi1.OutputInvalidError("no", path="$.a", expected="an integer")

    assert ("$.a", "an integer") == (error.path, error.expected)
    assert ("$", "", "", None) == (
        asi1.OutputInvalidError("no").path,
        asi1.OutputInvalidError("no").expected,
        asi1.OutputInvalidError("no").text,
        asi1.OutputInvalidError("no").completion,
    )

"""Constructor parameters of data classes, and of classes that have counters."""

from __future__ import annotations

import inspect

import pytest

import asi1

from asi1._call.resources import RetryBudget
from asi1._protocol.request import Request
from asi1._protocol.stream_answer import Assembler
from asi1._settings.rate_window import Window


@pytest.mark.parametrize(
    "cls",
    [
        *(asi1.Attempt, asi1.LimitOutcome, asi1.Limits, asi1.RateLimit),
        *(asi1.RateLimits, asi1.RawReply, asi1.ResponseInfo, asi1.RetryPolicy),
        *(asi1.Timeouts, Request),
    ],
)
def test_data_classes_take_keyword_arguments_only(cls):
    """
    The constructor of a class with many fields takes keyword arguments only, so that a
    new field can be added at any position.
    """
    kinds = {p.kind for p in inspect.signature(cls).parameters.values()}

    assert {inspect.Parameter.KEYWORD_ONLY} == kinds


@pytest.mark.parametrize(
    ("cls", "names"),
    [
        pytest.param(Assembler, ["expected"], id="assembler"),
        pytest.param(Window, ["limit", "seconds"], id="window"),
        pytest.param(RetryBudget, ["capacity"], id="budget"),
    ],
)
def test_classes_with_counters_take_limits_only(cls, names):
    """
    The constructor of a class that has counters takes no counts, only limits, so that
    every counter starts at its initial value.
    """
    assert names == list(inspect.signature(cls).parameters)

"""The steps of a run with tools, and its result."""

from __future__ import annotations

import copy
import json
import pickle

import attrs
import pytest

import asi1

from asi1._models.completion import FunctionCall, ToolCall
from asi1._protocol.converter import decode
from asi1._protocol.tools.steps import usage_of

from ...support.tool_answers import answer_of, call_of


CALL = ToolCall(id="a", function=FunctionCall(name="add", arguments='{"a": 1}'))
STEPS = [
    asi1.TextStep(text="So"),
    asi1.ThoughtStep(text="Hm"),
    asi1.ToolArgumentsStep(call=CALL),
    asi1.AnswerStep(answer=answer_of(call_of("a")), round=1),
    asi1.ToolStartedStep(call=CALL),
    asi1.ToolEndedStep(call=CALL, content="1"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_steps_are_frozen_and_can_be_copied(step):
    """
    A step is plain data: it cannot be changed, and its copies and pickles are equal.
    """
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(step, attrs.fields(type(step))[0].name, None)
    assert step == copy.copy(step) == copy.deepcopy(step)
    assert step == pickle.loads(pickle.dumps(step))


def test_error_of_a_step_does_not_count_in_comparisons():
    """
    A step that was saved and loaded equals the original, although only the original has
    the exception of the tool.
    """
    step = asi1.ToolEndedStep(call=CALL, content="{}", failed=True)

    assert step == attrs.evolve(step, error=ValueError("no"))
    assert step != attrs.evolve(step, failed=False)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("", None),
        ("{", {}),
        ('{"city": "Os', {"city": "Os"}),
        ('{"city": "Oslo", "days": 1', {"city": "Oslo", "days": 1}),
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ("[1, 2", [1, 2]),
    ],
)
def test_arguments_so_far_are_the_part_that_has_arrived(arguments, value):
    """
    `arguments_so_far` is the value of the JSON arguments that have arrived so far.
    """
    call = ToolCall(function=FunctionCall(name="add", arguments=arguments))

    assert value == asi1.ToolArgumentsStep(call=call).arguments_so_far


@pytest.mark.parametrize(
    "arguments", ["}", "city=Oslo", "NaN", '{"a": 1}}', "[" * 100_000, '{"a" 1', "\0"]
)
def test_arguments_so_far_of_invalid_json_raise_nothing(arguments):
    """
    If the arguments are not JSON at all, `arguments_so_far` is a value or None, and
    raises nothing.
    """
    call = ToolCall(function=FunctionCall(name="add", arguments=arguments))

    json.dumps(asi1.ToolArgumentsStep(call=call).arguments_so_far, check_circular=False)


def answered(*usages):
    answers = [
        attrs.evolve(
            answer_of(text="Hi."), usage=decode(asi1.Usage, usage) if usage else None
        )
        for usage in usages
    ]
    steps = [asi1.AnswerStep(answer=a, round=n) for n, a in enumerate(answers, 1)]
    return [*STEPS[:3], *steps, *STEPS[4:]]


@pytest.mark.parametrize(
    ("usages", "total"),
    [
        ([], None),
        ([None], None),
        ([None, None], None),
        ([{"total_tokens": 3}], 3),
        ([{"total_tokens": 3}, None, {"total_tokens": 4}], 7),
        ([{"prompt_tokens": 1, "total_tokens": 3}] * 200, 600),
    ],
)
def test_usage_is_the_sum_of_the_answers(usages, total):
    """
    The usage of a run adds up the tokens of the answers that report them.
    """
    usage = usage_of(answered(*usages))

    assert total == (usage and usage.total_tokens)


def test_result_has_text_and_usage_of_its_answers():
    """
    A result has the text of the last answer, and the sum of all answers' usage.
    """
    steps = answered({"total_tokens": 3}, {"total_tokens": 4})
    result = asi1.ToolRunResult(answer=answer_of(text="Bye."), messages=(), steps=steps)

    assert ("Bye.", 7, ()) == (result.text, result.usage.total_tokens, result.pending)
    assert "messages" not in repr(result)

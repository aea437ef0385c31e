"""A parsed completion: an answer with the value that was read from its text."""

from __future__ import annotations

import copy
import pickle

import pytest

import asi1

from asi1._models.parsed import parsed_completion


def usage(prompt, completion, thoughts=None):
    return asi1.Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        reasoning_tokens=thoughts,
    )


def answer(counts, value=1):
    choice = asi1.ChatChoice(message=asi1.ChatMessage(content="1"))
    plain = asi1.ChatCompletion(id="a", choices=(choice,), usage=counts)
    return plain, parsed_completion(plain, value, parsed_from=("fence",))


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def test_parsed_completion_has_all_fields_of_its_answer():
    """
    A parsed completion has every field of the answer that it was made from, and the
    same JSON.
    """
    plain, parsed = answer(usage(1, 2), value=[1])

    assert ("a", "1", [1], ("fence",)) == (
        parsed.id,
        parsed.text,
        parsed.parsed,
        parsed.parsed_from,
    )
    assert plain.to_dict() == parsed.to_dict()
    assert plain.to_json() == parsed.to_json()
    assert isinstance(parsed, asi1.ChatCompletion)


@pytest.mark.parametrize("make", [copy.deepcopy, pickled])
def test_parsed_completion_can_be_copied_and_pickled(make):
    """
    A parsed completion can be copied and pickled, and the copy equals the original.
    """
    _, parsed = answer(usage(1, 2), value={"a": 1})

    assert parsed == make(parsed)


@pytest.mark.parametrize(
    ("earlier", "last", "total"),
    [
        ([], usage(1, 2), usage(1, 2)),
        ([], None, None),
        ([usage(1, 2)], usage(10, 20), usage(11, 22)),
        ([usage(1, 2, 5)], usage(10, 20), usage(11, 22, 5)),
        ([usage(1, 2, 5), None], usage(10, 20, 6), usage(11, 22, 11)),
        ([usage(1, 2)], None, usage(1, 2)),
    ],
)
def test_total_usage_includes_the_earlier_answers_that_did_not_fit(
    earlier, last, total
):
    """
    If earlier answers did not fit the output type, `total_usage` is the sum of the
    token counts of all answers, including the final answer. Answers without token
    counts are left out.
    """
    errors = tuple(
        asi1.OutputInvalidError("no", completion=answer(counts)[0])
        for counts in earlier
    )
    plain, _ = answer(last)

    parsed = parsed_completion(plain, 1, earlier=(*errors, asi1.OutputInvalidError("")))

    assert total == parsed.total_usage


def test_message_of_choice_0_has_the_parsed_value():
    """
    The message of choice 0 has the value as ``parsed``, as in OpenAI's client. The
    ``parsed`` of other choices' messages is None. All messages are sent back without
    ``parsed``.
    """
    choices = [
        asi1.ChatChoice(index=i, message=asi1.ChatMessage(content=f"{i}"))
        for i in (1, 0)
    ]
    plain = asi1.ChatCompletion(choices=choices)

    parsed = parsed_completion(plain, {"a": 1})

    assert [None, {"a": 1}] == [choice.message.parsed for choice in parsed.choices]
    assert {"a": 1} == parsed.message.parsed == pickled(parsed).message.parsed
    assert plain.to_dict() == parsed.to_dict()
    assert plain.message.model_dump(exclude_none=True) == parsed.message.model_dump(
        exclude_none=True
    )

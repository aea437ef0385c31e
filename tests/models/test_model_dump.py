"""`Model.model_dump`, as programs written for OpenAI's client call it."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._models.base import as_sent


CALL = asi1.ToolCall(id="c1", function=asi1.FunctionCall(name="dive", arguments="{}"))
CALL_AS_DICT = {
    "id": "c1",
    "type": "function",
    "function": {"name": "dive", "arguments": "{}"},
}
ANSWER = asi1.ChatCompletion(
    id="a",
    model="m",
    choices=[
        as_sent(
            asi1.ChatChoice(
                message=asi1.ChatMessage(content="Hi", reasoning="Hm."),
                finish_reason="stop",
                wire={"message": {"content": "Hi"}, "stray": 1, "gone": None},
            )
        )
    ],
    usage=asi1.Usage(total_tokens=3),
)


def test_dump_of_an_answer_without_choices_has_an_empty_list():
    """
    The dump of an answer without choices has an empty list of choices, not a tuple.
    """
    assert [] == asi1.ChatCompletion().model_dump()["choices"]
    assert [] == asi1.ChatCompletionChunk().model_dump()["choices"]


def test_dump_has_every_field_and_every_key_that_the_server_sent():
    """
    `model_dump` has each field under its JSON name, with None for a field without a
    value, and each key that the server sent. This also holds for nested objects.
    """
    dump = ANSWER.model_dump(mode="json")
    (choice,) = dump["choices"]

    assert ("a", "m", "chat.completion") == (dump["id"], dump["model"], dump["object"])
    assert dump["created"] is dump["thought"] is None
    assert 3 == dump["usage"]["total_tokens"]
    assert {"role": "assistant", "content": "Hi"}.items() <= choice["message"].items()
    assert choice["message"]["tool_calls"] is choice["message"]["refusal"] is None
    assert "Hm." == choice["message"]["reasoning_content"]
    assert (1, None) == (choice["stray"], choice["gone"])
    assert not {"wire", "extra", "response"} & {*dump, *choice, *choice["message"]}


def test_dump_without_none_has_no_none_at_any_depth():
    """
    `model_dump` with ``exclude_none=True`` contains no None; ``dict()`` of an object
    returns the same.
    """
    dump = ANSWER.model_dump(exclude_none=True)

    assert "null" not in json.dumps(dump)
    assert {"gone", "created"}.isdisjoint({*dump, *dump["choices"][0]})
    assert "stop" == dump["choices"][0]["finish_reason"]
    assert dict(ANSWER) == dump


def test_dump_without_unset_fields_equals_to_dict():
    """
    `model_dump` with ``exclude_unset=True`` returns what `to_dict` returns.
    """
    assert ANSWER.model_dump(exclude_unset=True) == ANSWER.to_dict()


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (
            asi1.ChatMessage(content="Hi", reasoning="Hm.", extra={"mood": "calm"}),
            {"role": "assistant", "content": "Hi"},
        ),
        (
            asi1.ChatMessage(
                tool_calls=(CALL,), wire={"tool_calls": 1, "content": None}
            ),
            {"role": "assistant", "tool_calls": [CALL_AS_DICT]},
        ),
    ],
)
def test_dump_of_a_message_without_none_is_what_a_request_sends_back(message, sent):
    """
    `model_dump` of a message with ``exclude_none=True``, and ``dict()`` of it, have
    only the keys that a later request sends back.
    """
    assert sent == message.model_dump(exclude_none=True) == dict(message)


@pytest.mark.parametrize("indent", [None, 2])
def test_model_dump_json_is_model_dump_as_json_text(indent):
    """
    `model_dump_json` returns what `model_dump` returns, as JSON text in one line or
    indented.
    """
    text = ANSWER.model_dump_json(indent=indent)

    assert ANSWER.model_dump() == json.loads(text)
    assert (indent is None) == ("\n" not in text)
    short = ANSWER.model_dump_json(exclude_none=True, exclude_unset=False)
    assert ANSWER.model_dump(exclude_none=True) == json.loads(short)


def test_include_and_exclude_select_the_keys_of_a_dump():
    """
    *include* and *exclude* are sets of keys of the dumped object itself. Options of
    pydantic that make no difference here are accepted.
    """
    wanted = {"include": {"id", "model"}, "exclude": ["model"], "by_alias": True}

    assert {"id": "a"} == ANSWER.model_dump(**wanted, warnings="none", round_trip=True)
    assert '{"id":"a"}' == ANSWER.model_dump_json(**wanted, exclude_defaults=False)
    assert {"content": "Hi"} == ANSWER.choices[0].message.model_dump(
        exclude_unset=True, exclude={"role", "reasoning_content"}
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"exclude_defaults": True}, "exclude_defaults: asi1 does not support"),
        ({"otters": 1}, "otters: asi1 does not support"),
        ({"exclude": {"choices": {0}}}, "exclude: must be a set of names"),
        ({"include": "id"}, "include: must be a set of names"),
    ],
)
def test_dump_refuses_options_that_it_does_not_support(options, problem):
    """
    An option of pydantic that asi1 does not support raises a `TypeError` that names the
    option.
    """
    with pytest.raises(TypeError, match=problem):
        ANSWER.model_dump(**options)
    with pytest.raises(TypeError, match=problem):
        ANSWER.model_dump_json(**options)

"""
`to_dict` and `to_json` of objects that the server sent, and of objects that asi1 built.
"""

from __future__ import annotations

import json

import pytest

import asi1


CALL = asi1.ToolCall(id="c1", function=asi1.FunctionCall(name="dive", arguments="{}"))
CALL_AS_DICT = {
    "id": "c1",
    "type": "function",
    "function": {"name": "dive", "arguments": "{}"},
}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (asi1.ChatMessage(), {"role": "assistant", "content": ""}),
        (
            asi1.ChatMessage(content="Hi", reasoning="A greeting."),
            {"role": "assistant", "content": "Hi", "reasoning_content": "A greeting."},
        ),
        (
            asi1.ChatMessage(tool_calls=(CALL,)),
            {"role": "assistant", "content": "", "tool_calls": [CALL_AS_DICT]},
        ),
        (
            asi1.ChatMessage(tool_calls=[CALL]),
            {"role": "assistant", "content": "", "tool_calls": [CALL_AS_DICT]},
        ),
        (
            asi1.Usage(),
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        ),
        (
            asi1.ChatCompletion(id="7", thoughts="Hm.", executable_data=[]),
            {"id": "7", "object": "chat.completion", "thought": "Hm."},
        ),
        (asi1.FunctionCall(extra={"strict": True}), {"strict": True}),
    ],
)
def test_to_dict_of_an_object_built_by_asi1_has_json_names_and_no_empty_fields(
    model, fields
):
    """
    ``to_dict`` of an object that asi1 built uses the API's JSON names. It includes
    unknown keys, and leaves out empty fields other than ``content``.
    """
    assert fields == model.to_dict()
    assert fields == json.loads(model.to_json())


def test_to_dict_of_an_object_from_the_server_is_what_the_server_sent():
    """
    ``to_dict`` of an object that the server sent has exactly the server's keys and
    values, even if a field of the object has a converted value.
    """
    usage = asi1.Usage(total_tokens=7, extra={"a": 1}, wire={"total_tokens": "7"})

    assert {"total_tokens": "7"} == usage.to_dict()


@pytest.mark.parametrize(
    "model",
    [
        asi1.ChatCompletion(executable_data={"steps": [1]}),
        asi1.ChatCompletion(extra={"executable_data": {"steps": [1]}}),
        asi1.ChatCompletion(wire={"executable_data": {"steps": [1]}}),
    ],
    ids=["field", "extra", "wire"],
)
def test_changing_the_result_of_to_dict_does_not_change_the_object(model):
    """
    A dict that ``to_dict`` returned shares no list or dict with the object.
    """
    model.to_dict()["executable_data"]["steps"].append(2)

    assert {"steps": [1]} == model.to_dict()["executable_data"]


def test_equality_and_repr_use_the_fields_and_not_the_servers_json():
    """
    Two objects with the same fields are equal, even if the server's JSON for them
    differs. ``repr`` does not show the server's JSON.
    """
    one = asi1.Usage(total_tokens=7, wire={"total_tokens": 7, "cost": None})

    assert one == asi1.Usage(total_tokens=7)
    assert "cost" not in repr(one)


def test_to_json_replaces_a_lone_surrogate():
    """
    ``to_json`` of an object has U+FFFD in place of a lone surrogate, so that the result
    can be encoded as UTF-8.
    """
    text = asi1.FunctionCall(name="\ud800").to_json()

    assert {"name": "\ufffd"} == json.loads(text.encode())


def test_constructors_of_objects_take_keyword_arguments_only():
    """
    An object's fields are given by name, so that a new field can be added anywhere.
    """
    with pytest.raises(TypeError):
        asi1.Model({})

"""The model's messages in the form in which a later request sends them back."""

from __future__ import annotations

import pytest

import asi1

from asi1._models.sent_back import wire_call


PLAIN = {
    "id": "c1",
    "type": "tool",
    "function": {"name": "dive", "arguments": "{}"},
}


@pytest.mark.parametrize(
    ("extra", "sent"),
    [
        ({}, {}),
        ({"signature": "s1", "empty": ""}, {"signature": "s1", "empty": ""}),
        ({"signature": None}, {}),
        ({"index": 3, "tool_name": "dive", "args": {}}, {}),
        ({"id": 7, "function": "dive"}, {}),
    ],
    ids=["nothing", "unknown", "null", "repeated", "field-of-a-wrong-type"],
)
def test_tool_call_of_a_later_request_has_the_unknown_members(extra, sent):
    """
    A tool call is sent back with the members that the server added to it, but without
    nulls, without members that repeat other members, and without members of a wrong
    type.
    """
    call = asi1.ToolCall(
        id="c1",
        type="tool",
        function=asi1.FunctionCall(name="dive", arguments="{}"),
        extra=extra,
    )

    assert sent | PLAIN == wire_call(call)


def test_function_of_a_later_request_has_the_unknown_members():
    """
    The function of a tool call is sent back with the members that the server added.
    """
    extra = {"strict": True, "name": 7, "args": {}}
    function = asi1.FunctionCall(name="dive", arguments="{}", extra=extra)

    sent = wire_call(asi1.ToolCall(id="c1", type="tool", function=function))

    assert PLAIN["function"] | {"strict": True} == sent["function"]


def test_tool_call_that_is_a_dict_is_sent_back_as_it_is():
    """
    A tool call that the caller wrote as a dict is sent back unchanged, as a copy.
    """
    call = {"id": "c1", "index": 3, "function": None}

    assert call == wire_call(call)
    assert call is not wire_call(call)

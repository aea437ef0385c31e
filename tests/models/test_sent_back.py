"""
A message of the model, in the form in which the next request sends it back to the
server.
"""

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
def test_tool_call_is_sent_back_with_its_unknown_keys(extra, sent):
    """
    A tool call is sent back with the keys that the server added to it. Nulls, keys that
    repeat another key, and fields of a wrong type are left out.
    """
    call = asi1.ToolCall(
        id="c1",
        type="tool",
        function=asi1.FunctionCall(name="dive", arguments="{}"),
        extra=extra,
    )

    assert sent | PLAIN == wire_call(call)


def test_function_of_a_tool_call_is_sent_back_with_its_unknown_keys():
    """
    The function of a tool call is sent back with the keys that the server added.
    """
    extra = {"strict": True, "name": 7, "args": {}}
    function = asi1.FunctionCall(name="dive", arguments="{}", extra=extra)

    sent = wire_call(asi1.ToolCall(id="c1", type="tool", function=function))

    assert PLAIN["function"] | {"strict": True} == sent["function"]


def test_tool_call_that_the_caller_wrote_as_a_dict_is_sent_unchanged():
    """
    A tool call that the caller wrote as a dict is sent unchanged, as a copy.
    """
    call = {"id": "c1", "index": 3, "function": None}

    assert call == wire_call(call)
    assert call is not wire_call(call)

"""
How the fragments of a tool call are merged, and which arguments count as repeated.
"""

from __future__ import annotations

import pytest

from asi1._protocol.tools.merged_calls import merged, repeats, updated


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["{}", '{"x": 1}'], '{"x": 1}', id="empty-first"),
        pytest.param(['{"x":1}', '{"y":2}'], '{"x":1,"y":2}', id="in-parts"),
        pytest.param(['{"x":1}', '{"x"'], '{"x"', id="invalid"),
        pytest.param(['{"x":1}', "[2]"], "[2]", id="not-an-object"),
    ],
)
def test_several_json_objects_are_merged_and_otherwise_the_last_text_is_used(
    texts, expected
):
    """
    Several JSON objects in the arguments of one tool call become one object with the
    keys of all. If one of the texts is not a JSON object, the last text is used.
    """
    assert expected == merged(texts)


def test_equal_json_or_an_empty_object_counts_as_repeated_arguments():
    """
    Arguments of a tool call count as a repetition of earlier arguments if they are the
    same JSON, even with other spaces, or an empty object. ``true`` is not the same as
    ``1``.
    """
    assert repeats('{"x": 1}', '{"x":1}')
    assert repeats('{"x": 1}', "{}")
    assert not repeats('{"x": true}', '{"x": 1}')


def test_update_of_a_tool_call_is_new_only_if_it_adds_a_string_or_object():
    """
    An update of a tool call's unknown keys counts as new if it adds a string or an
    object that was not there. A repeated value, another string in place of an earlier
    one, and a number do not count.
    """
    assert ({"a": "x"}, True) == updated(None, {"a": "x"})
    assert ({"a": "y", "n": 1}, False) == updated({"a": "x"}, {"a": "y", "n": 1})
    assert (None, False) == updated(None, {})

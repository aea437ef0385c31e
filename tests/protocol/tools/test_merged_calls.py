"""The values of a tool call's parts are merged and compared."""

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
def test_objects_are_merged_and_of_other_texts_the_last_is_used(texts, expected):
    """
    Several JSON objects become one with the members of all; if one text is not an
    object, the last text is used.
    """
    assert expected == merged(texts)


def test_arguments_repeat_equal_json_but_not_true_for_one():
    """
    Arguments repeat others that are the same JSON with other spaces, or an empty
    object; ``true`` and ``1`` are not the same.
    """
    assert repeats('{"x": 1}', '{"x":1}')
    assert repeats('{"x": 1}', "{}")
    assert not repeats('{"x": true}', '{"x": 1}')


def test_only_a_new_string_or_object_makes_members_new():
    """
    Members that repeat a value, replace a string, or are numbers, add nothing new.
    """
    assert ({"a": "x"}, True) == updated(None, {"a": "x"})
    assert ({"a": "y", "n": 1}, False) == updated({"a": "x"}, {"a": "y", "n": 1})
    assert (None, False) == updated(None, {})

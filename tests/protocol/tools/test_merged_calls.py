"""How the fragments of a tool call are merged, and when one repeats another."""

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
def test_json_objects_are_merged_and_otherwise_the_last_text_is_used(texts, expected):
    """
    Several JSON objects become one with the members of all; if one of the texts is not
    a JSON object, the last text is used.
    """
    assert expected == merged(texts)


def test_equal_json_or_an_empty_object_counts_as_repeated_arguments():
    """
    Arguments count as a repetition of earlier ones if they are the same JSON, also with
    other spaces, or an empty object; ``true`` is not the same as ``1``.
    """
    assert repeats('{"x": 1}', '{"x":1}')
    assert repeats('{"x": 1}', "{}")
    assert not repeats('{"x": true}', '{"x": 1}')


def test_only_a_new_string_or_object_makes_members_new():
    """
    Members count as new if they add a string or an object that was not there; a
    repeated value, another string in place of an earlier one, and a number do not
    count.
    """
    assert ({"a": "x"}, True) == updated(None, {"a": "x"})
    assert ({"a": "y", "n": 1}, False) == updated({"a": "x"}, {"a": "y", "n": 1})
    assert (None, False) == updated(None, {})

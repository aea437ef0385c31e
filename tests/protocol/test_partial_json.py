"""The value of a JSON text of which only the beginning has arrived."""

from __future__ import annotations

import json

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1._protocol.partial_json import PartialValue


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
objects = st.dictionaries(st.text(), values)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("Sure", None),
        ('"text"', None),
        ("{", {}),
        ('{"a', {}),
        ('{"a": "x', {"a": "x"}),
        ('{"a": "x\\u00', {"a": "x"}),
        ('{"a": [1, {"b": tr', {"a": [1, {}]}),
        ("```json\n[1, 2", [1, 2]),
        ('{"a": 1}\n```', {"a": 1}),
        ('As [asked]: {"a": 1', {"a": 1}),
        ("[NaN", None),
    ],
)
def test_value_so_far_is_read_from_an_incomplete_json_text(text, value):
    """
    The value so far has everything that has arrived, even the beginning of a string,
    but no incomplete key or word, such as "tr". Text around the JSON is skipped.
    """
    assert value == PartialValue().update(text, whole=False)


@pytest.mark.system
@settings(max_examples=30)
@given(value=objects, data=st.data())
def test_value_is_complete_when_the_whole_json_text_has_arrived(value, data):
    """
    However a JSON text is split on its way, its value is complete when the whole text
    has arrived.
    """
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    cut = data.draw(st.integers(0, len(text)))
    partial = PartialValue()

    partial.update(text[:cut], whole=False)

    assert value == partial.update(text, whole=True)


def test_long_text_is_parsed_again_only_after_it_has_grown():
    """
    While a JSON text arrives, it is parsed again only after it has grown by 1/32. So
    the work for a whole answer is linear in its length.
    """
    items = [*range(4000)]
    text = json.dumps(items)
    partial, different, before = PartialValue(), 0, None
    for end in range(0, len(text), 4):
        value = partial.update(text[:end], whole=False)
        different += value is not before
        before = value

    assert different < 300
    assert items == partial.update(text, whole=True)


def test_object_with_only_the_given_key_is_replaced_by_its_value():
    """
    If `PartialValue` is created with a key, an object that has only this key is
    replaced by the value of the key.
    """
    assert [1] == PartialValue("value").update('{"value": [1', whole=False)
    assert PartialValue("value").update('{"val', whole=False) is None
    assert [1] == PartialValue("value").update("[1", whole=False)
    other = {"value": 1, "more": 2}
    assert other == PartialValue("value").update(json.dumps(other), whole=True)


def test_json_is_searched_at_only_the_first_few_brackets_of_a_text():
    """
    A text with many brackets that begin no JSON has no value. Each update tries to read
    JSON at only the first few brackets.
    """
    assert PartialValue().update("[x " * 100_000, whole=True) is None

"""Python values as JSON values."""

from __future__ import annotations

import enum

from collections import deque
from types import MappingProxyType

import attrs
import pytest

from asi1._protocol.schema.encode import encoded


class Color(enum.StrEnum):
    RED = "red"


class Name(str):
    __slots__ = ()


@attrs.define
class Renamed:
    _name: Name = attrs.field(alias="fullName")


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (Renamed(Name("a")), {"fullName": "a"}),
        ([Color.RED, (1, 2.5), None, True], ["red", [1, 2.5], None, True]),
        (MappingProxyType({Color.RED: {3}}), {"red": [3]}),
        (deque([frozenset()]), [[]]),
    ],
)
def test_value_becomes_plain_json(value, data):
    """
    Enums, collections, classes with renamed fields, and subclasses of str become plain
    JSON values.
    """
    found = encoded(value)

    assert data == found
    assert repr(data) == repr(found)


def test_models_of_other_libraries_become_plain_json():
    """
    Models of pydantic and Structs of msgspec become the JSON that their library writes.
    """
    msgspec = pytest.importorskip("msgspec")
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", color=(Color, Color.RED))
    struct = msgspec.defstruct("Struct", [("x", int)], rename="upper")

    assert [{"color": "red"}, {"X": 1}] == encoded([model(), struct(1)])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "a value of type object"),
        (b"", "a value of type bytes"),
        ({1: 2}, "a key is not a str but int"),
        ([{"a": {"b": 1j}}], "a value of type complex"),
    ],
)
def test_value_without_a_form_in_json_is_an_error(value, words):
    """
    A value that JSON cannot express raises ``ValueError`` with the value's type.
    """
    with pytest.raises(ValueError, match=words):
        encoded(value)

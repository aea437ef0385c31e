"""Python values converted to JSON values."""

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
def test_value_of_each_kind_becomes_json(value, data):
    """
    Enums, collections, subclasses of str, and classes with renamed fields are converted
    to JSON values of the built-in types.
    """
    found = encoded(value)

    assert data == found
    assert repr(data) == repr(found)


def test_pydantic_models_and_msgspec_structs_become_json():
    """
    A pydantic model and a msgspec Struct are converted to the JSON that their library
    writes.
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
def test_value_that_json_cannot_express_raises_value_error(value, words):
    """
    A value that JSON cannot express raises ``ValueError``, which names the type of the
    value.
    """
    with pytest.raises(ValueError, match=words):
        encoded(value)

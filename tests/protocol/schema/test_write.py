"""The JSON Schemas that asi1 writes for types."""

from __future__ import annotations

import enum

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf

from asi1._protocol.schema.describe import Describer
from asi1._protocol.schema.write import json_schema


@dataclass
class Leaf:
    """A leaf."""

    size: int


@dataclass
class Twig:
    one: Leaf


@dataclass
class Branch:
    one: Leaf
    two: Annotated[Leaf, "The second"]
    three: Leaf | None = None


@dataclass
class Tree:
    name: str
    trees: list[Tree]


@dataclass
class Defaults:
    number: int = 3
    text: Annotated[str, "A text"] = "a"
    flag: Literal["x", "y"] = "x"
    null: str | None = None
    many: list[int] = field(default_factory=list)
    leaf: Leaf = field(default_factory=lambda: Leaf(1))


class Color(enum.Enum):
    RED = "red"
    OTHER = 2


LEAF = {
    "type": "object",
    "description": "A leaf.",
    "properties": {"size": {"type": "integer"}},
    "required": ["size"],
    "additionalProperties": False,
}
TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "trees": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
    },
    "required": ["name", "trees"],
    "additionalProperties": False,
}
NULL = {"type": "null"}
SCHEMAS = [
    (
        Twig,
        {
            "type": "object",
            "properties": {"one": LEAF},
            "required": ["one"],
            "additionalProperties": False,
        },
    ),
    (Tree, {**TREE, "$defs": {"Tree": TREE}}),
    (list[Tree], {"type": "array", "items": {"$ref": "#/$defs/Tree"}}),
    (Any, {}),
    (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    (int | None, {"type": ["integer", "null"]}),
    (None | int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}, NULL]}),
    (
        list[int] | None,
        {"anyOf": [{"type": "array", "items": {"type": "integer"}}, NULL]},
    ),
    (Leaf | None, {"anyOf": [LEAF, NULL]}),
    (Color, {"type": ["string", "integer"], "enum": ["red", 2]}),
    (Color | None, {"type": ["string", "integer", "null"], "enum": ["red", 2, None]}),
    (Literal["a"], {"type": "string", "enum": ["a"]}),
    (Literal["a", None], {"type": ["string", "null"], "enum": ["a", None]}),  # noqa: PYI061
    (
        Annotated[int, Ge(1), Lt(5)],
        {"type": "integer", "minimum": 1, "exclusiveMaximum": 5},
    ),
    (
        Annotated[float, Gt(1), Le(5)],
        {"type": "number", "exclusiveMinimum": 1, "maximum": 5},
    ),
    (Annotated[int, MultipleOf(3)], {"type": "integer", "multipleOf": 3}),
    (Annotated[str, Len(1, 2)], {"type": "string", "minLength": 1, "maxLength": 2}),
    (
        Annotated[list[int], Len(1, 2)],
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
    ),
    (
        tuple[int, int],
        {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    ),
    (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
]


def schema_of(spec):
    """Return the JSON Schema of a type."""
    return json_schema(Describer("response_format", {}).shape(spec))


@pytest.mark.parametrize(("spec", "schema"), SCHEMAS)
def test_each_kind_of_type_has_the_expected_schema(spec, schema):
    """
    Each kind of type has the schema that strict mode allows for it. A class that is
    used once is described inline. A recursive class is in ``$defs`` and at the top.
    """
    found = schema_of(spec)
    if spec == list[Tree]:
        assert {"Tree": TREE} == found.pop("$defs")

    assert schema == found


def test_class_that_is_used_twice_is_defined_once():
    """
    A class that is used more than once is in ``$defs``. A reference that has a
    description stands in an ``anyOf``, since strict mode allows no other key beside a
    reference.
    """
    schema = schema_of(Branch)
    reference = {"$ref": "#/$defs/Leaf"}

    assert {"Leaf": LEAF} == schema["$defs"]
    assert {
        "one": reference,
        "two": {"anyOf": [reference], "description": "The second"},
        "three": {"anyOf": [reference, NULL]},
    } == schema["properties"]


def test_field_with_a_default_allows_null_and_describes_the_default():
    """
    Strict mode requires every key, so a field with a default allows null. Strict mode
    has no ``default``, so a default that is a scalar is in the description.
    """
    properties = schema_of(Defaults)["properties"]

    assert {"type": ["integer", "null"], "description": "Default: 3."} == properties[
        "number"
    ]
    assert 'A text. Default: "a".' == properties["text"]["description"]
    assert ["x", "y", None] == properties["flag"]["enum"]
    assert {"type": ["string", "null"]} == properties["null"]
    assert NULL == properties["many"]["anyOf"][1]
    assert [LEAF, NULL] == properties["leaf"]["anyOf"]
    assert list(properties) == schema_of(Defaults)["required"]


def test_schema_describes_the_order_of_a_tuples_items():
    """
    The schema of a tuple allows each of the tuple's types for every item. A description
    names the order of the types, and the decoder checks the order.
    """
    schema = schema_of(tuple[int, str, int])

    assert [{"type": "integer"}, {"type": "string"}] == schema["items"]["anyOf"]
    assert (3, 3) == (schema["minItems"], schema["maxItems"])
    assert "an integer; a string; an integer" in schema["description"]


def test_two_classes_of_the_same_name_have_two_definitions():
    """
    Two classes of the same name are defined under two names.
    """
    first = dataclass(type("Same", (), {"__annotations__": {"a": int}}))
    second = dataclass(type("Same", (), {"__annotations__": {"b": int}}))
    schema = schema_of(tuple[first, second, list[first], list[second]])

    assert ["Same", "Same_2"] == list(schema["$defs"])
    assert ["b"] == schema["$defs"]["Same_2"]["required"]

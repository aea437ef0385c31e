"""Which JSON Schemas are strict, so that the API can enforce them."""

from __future__ import annotations

import pytest

from asi1._protocol.schema.strict import is_strict, made_strict


NUMBER = {"type": "integer"}


def an_object(**schema):
    """Return a strict schema with the key "a", changed by *schema*."""
    return {
        "type": "object",
        "properties": {"a": NUMBER},
        "required": ["a"],
        "additionalProperties": False,
        **schema,
    }


def with_value(value):
    """Return an object schema whose only key has the schema *value*."""
    return an_object(properties={"a": value})


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (an_object(), True),
        (an_object(required=[]), False),
        (an_object(additionalProperties=True), False),
        (an_object(additionalProperties=NUMBER), False),
        ({"type": "object"}, False),
        (NUMBER, False),
        ({"anyOf": [an_object()]}, False),
        (with_value({}), False),
        (with_value({"description": "any"}), False),
        (with_value({"type": ["string", "null"]}), True),
        (with_value({"anyOf": [NUMBER, {"type": "null"}]}), True),
        (with_value({"anyOf": [NUMBER, {}]}), False),
        (with_value({"enum": [1, "a"]}), True),
        (with_value({"type": "array"}), False),
        (with_value({"type": "array", "items": NUMBER}), True),
        (with_value({"type": "array", "items": {}}), False),
        (
            with_value({"type": "array", "prefixItems": [NUMBER], "items": NUMBER}),
            False,
        ),
        (with_value({"oneOf": [NUMBER]}), False),
        (with_value(an_object(required=[])), False),
        (an_object(**{"$defs": {"A": an_object()}}), True),
        (an_object(**{"$defs": {"A": an_object(required=[])}}), False),
    ],
)
def test_strict_schema_requires_every_key_and_types_every_value(schema, strict):
    """
    A schema is strict if it is an object at the top, each value in it has a type, and
    each object in it requires all of its keys and allows no other keys.
    """
    assert strict is is_strict(schema)


def test_schema_of_another_library_is_made_strict():
    """
    A copy of another library's schema is made strict: each object requires all of its
    keys and allows no others, defaults are removed, and ``oneOf`` becomes ``anyOf``.
    """
    given = {
        "type": "object",
        "properties": {
            "default": {"type": "integer", "default": 3},
            "one": {"oneOf": [NUMBER], "discriminator": {"propertyName": "x"}},
            "all": {"allOf": [{"$ref": "#/$defs/A"}]},
        },
        "$defs": {"A": {"type": "object", "properties": {"a": NUMBER}}},
    }

    made = made_strict(given)

    assert {
        "type": "object",
        "properties": {
            "default": {"type": "integer"},
            "one": {"anyOf": [NUMBER]},
            "all": {"$ref": "#/$defs/A"},
        },
        "required": ["default", "one", "all"],
        "additionalProperties": False,
        "$defs": {"A": an_object()},
    } == made
    assert is_strict(made)
    assert 3 == given["properties"]["default"]["default"]

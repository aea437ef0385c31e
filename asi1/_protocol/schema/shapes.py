"""
A `Shape` is a description of the JSON values that a Python type allows.

A type's annotations are read once, into a tree of shapes. The JSON Schema and the
decoder are both made from this tree, so that the two always agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ..._models.base_types import JSON


__all__ = [
    "Anything",
    "Array",
    "Bounds",
    "Choices",
    "Definition",
    "Field",
    "Foreign",
    "FreeObject",
    "NoDefault",
    "Object",
    "Row",
    "Scalar",
    "Shape",
    "Union",
    "allows_null",
    "exact_type",
]

# The bounds in an annotation's metadata by name, such as `ge` and `max_length`.
Bounds = Mapping[str, Any]


class NoDefault:
    """The value of `Field.default` for a field whose default cannot be shown."""


@frozen(kw_only=True, eq=False)
class Shape:
    """
    The JSON values that a type allows.

    Attributes:
        name: The type as error messages name it, such as "an integer" or "Person".
        description: The annotation's description of the type, for the model.
    """

    name: str = ""
    description: str = ""


@frozen(kw_only=True, eq=False)
class Anything(Shape):
    """Every JSON value."""


@frozen(kw_only=True, eq=False)
class Scalar(Shape):
    """
    A single value, such as a number or a string.

    Attributes:
        schema: The JSON Schema of the type.
        read: Returns the Python value of a JSON value; raises ValueError.
        measure: The kind of bounds that the schema can have: "number", "text", or ""
            for none. A decoder checks all bounds, whatever the schema has.
        rank: Unions try scalars of lower rank first.
        exact: The type whose values all fit the shape and need no conversion, or None.
    """

    schema: Mapping[str, JSON]
    read: Callable[[JSON], object]
    measure: str = ""
    rank: int = 0
    exact: type | None = None
    bounds: Bounds = field(factory=dict)


@frozen(kw_only=True, eq=False)
class Choices(Shape):
    """
    One of several constants: an enum or a ``Literal``.

    Attributes:
        values: The Python values by the type and value that each has in JSON.
    """

    values: Mapping[tuple[type, JSON], object]


@frozen(kw_only=True, eq=False)
class Array(Shape):
    """
    An array of items of one shape.

    Attributes:
        build: Makes the Python value from the list of items.
    """

    item: Shape
    build: Callable[[list[object]], object]
    bounds: Bounds = field(factory=dict)


@frozen(kw_only=True, eq=False)
class Row(Shape):
    """An array of a fixed length, in which each item has a shape of its own."""

    items: tuple[Shape, ...]


@frozen(kw_only=True, eq=False)
class FreeObject(Shape):
    """An object with any keys, whose values have one shape."""

    key: Shape
    item: Shape
    bounds: Bounds = field(factory=dict)


@frozen(kw_only=True, eq=False)
class Union(Shape):
    """A value that fits one of several shapes, none of which is a union itself."""

    members: tuple[Shape, ...]


@frozen(kw_only=True, eq=False)
class Field:
    """
    One field of a class.

    Attributes:
        key: The name in JSON.
        argument: The name of the constructor's argument.
        attribute: The name in the class.
        required: Whether the class needs a value; if not, the field has a default.
        default: The default as JSON, for the description; `NoDefault` if there is none.
    """

    key: str
    argument: str
    attribute: str
    shape: Shape
    required: bool = True
    description: str = ""
    default: JSON | type[NoDefault] = NoDefault


@define(kw_only=True, eq=False)
class Definition:
    """
    A class with fields, which are set later, since the class may contain itself.

    Attributes:
        build: Makes the object from the fields' values, passed as keyword arguments.
        find_invalid: Returns the name of the argument that the class's validator
            refuses.
    """

    name: str
    description: str = ""
    fields: tuple[Field, ...] = ()
    build: Callable[..., object]
    find_invalid: Callable[[dict[str, Any], Exception], str | None]


@frozen(kw_only=True, eq=False)
class Object(Shape):
    """An object with the fields of a class."""

    definition: Definition


@frozen(kw_only=True, eq=False)
class Foreign(Shape):
    """
    A class of pydantic or msgspec, with that library's own schema and validator.

    Attributes:
        schema: The library's JSON Schema.
        read: Returns the library's object for a JSON value; raises `MismatchError`.
    """

    schema: Mapping[str, JSON]
    read: Callable[[JSON], object]


def allows_null(shape: Shape) -> bool:
    """Return whether null is a value of *shape*."""
    if isinstance(shape, Union):
        return any(map(allows_null, shape.members))
    if isinstance(shape, Choices):
        return (type(None), None) in shape.values
    if isinstance(shape, Scalar):
        return shape.schema.get("type") == "null"
    return isinstance(shape, Anything)


def exact_type(shape: Shape) -> type | None:
    """Return the type whose values all fit *shape* and need no conversion, or None."""
    return shape.exact if isinstance(shape, Scalar) and not shape.bounds else None

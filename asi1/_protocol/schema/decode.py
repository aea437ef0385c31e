"""
The cattrs converter that decodes JSON values into Python values, given a `Shape`.

The converter is strict: "3" is not an integer, 1 is not a boolean, and a missing or
additional key is an error. An additional key may be misspelt, and its value would be
lost silently.

A strict schema makes the model write null for each optional field, so null for a field
whose type does not allow null means the field's default.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from cattrs import Converter

from ..._models.base_types import JSON
from .bounds import check_of
from .mismatch import MismatchError, excerpt
from .objects import object_reader
from .scalars import read_number
from .shapes import (
    Anything,
    Array,
    Choices,
    Foreign,
    FreeObject,
    Object,
    Row,
    Scalar,
    Shape,
    Union,
    exact_type,
)
from .unions import union_reader


__all__ = ["decoder_of"]

_Hook = Callable[[Any, Any], Any]


def decoder_of(shape: Shape) -> Callable[[JSON], Any]:
    """
    Return the function that decodes JSON values of *shape*.

    The function raises `MismatchError` for the first value that does not fit.
    """
    hook = _converter().get_structure_hook(shape)

    def decode(data: JSON) -> Any:
        try:
            return hook(data, shape)
        except RecursionError:
            raise MismatchError("less nesting", excerpt(data)) from None

    return decode


class _ShapeConverter(Converter):
    """
    A cattrs converter that takes a `Shape` wherever cattrs takes a type.

    Each decoder has a converter of its own: a shared converter's cache would keep a
    hook for every shape ever used.
    """

    def __init__(self) -> None:
        super().__init__(detailed_validation=False)
        # The hook of each class, in a list that is empty while the hook is being
        # created. The keys are the ids of the classes' definitions.
        self.objects: dict[int, list[_Hook]] = {}


def _converter() -> Converter:
    converter = _ShapeConverter()
    for kind, make in _HOOKS.items():
        converter.register_structure_hook_factory(_is_a(kind), make)
    return converter


def _is_a(kind: type[Shape]) -> Callable[[Any], bool]:
    return lambda shape: isinstance(shape, kind)


def _anything(_: Anything, __: Converter) -> _Hook:
    return lambda value, _: value


def _scalar(shape: Scalar, _: Converter) -> _Hook:
    broken = check_of(shape)

    def read(value: JSON, _: object) -> Any:
        try:
            result = shape.read(value)
        except ValueError as error:
            expected = f"{shape.name}: {error}" if str(error) else shape.name
            raise MismatchError(expected, excerpt(value)) from None
        bound = broken(result) if broken else None
        if bound:
            raise MismatchError(bound, excerpt(value))
        return result

    exact = exact_type(shape)
    if exact is not None:
        return lambda value, _: value if type(value) is exact else read(value, None)
    if shape.read is read_number and broken is None:  # the fast path for floats
        return lambda value, _: (
            value if type(value) is float and isfinite(value) else read(value, None)
        )
    return read


def _choices(shape: Choices, _: Converter) -> _Hook:
    def read(value: JSON, _: object) -> Any:
        if isinstance(value, dict | list) or (type(value), value) not in shape.values:
            raise MismatchError(shape.name, excerpt(value))
        return shape.values[type(value), value]

    return read


def _array(shape: Array, converter: Converter) -> _Hook:
    item, read_item = shape.item, converter.get_structure_hook(shape.item)
    exact, broken, build = exact_type(item), check_of(shape), shape.build

    def read(value: JSON, _: object) -> Any:
        if type(value) is not list:
            raise MismatchError(shape.name, excerpt(value))
        bound = broken(value) if broken else None
        if bound:
            raise MismatchError(bound, excerpt(value))
        items: list[Any] = []
        try:
            for each in value:
                items.append(  # noqa: PERF401 - the handler below counts the items
                    each if type(each) is exact else read_item(each, item)
                )
        except MismatchError as mismatch:
            mismatch.inside(len(items))
            raise
        try:
            return items if build is list else build(items)
        except TypeError as error:  # raised if an item of a set is not hashable
            raise MismatchError("", excerpt(value), str(error)) from error

    return read


def _row(shape: Row, converter: Converter) -> _Hook:
    hooks = [(item, converter.get_structure_hook(item)) for item in shape.items]

    def read(value: JSON, _: object) -> Any:
        if type(value) is not list or len(value) != len(hooks):
            raise MismatchError(shape.name, excerpt(value))
        items: list[Any] = []
        try:
            for each, (item, hook) in zip(value, hooks, strict=True):
                items.append(hook(each, item))
        except MismatchError as mismatch:
            mismatch.inside(len(items))
            raise
        return tuple(items)

    return read


def _free_object(shape: FreeObject, converter: Converter) -> _Hook:
    read_key = converter.get_structure_hook(shape.key)
    read_item = converter.get_structure_hook(shape.item)
    broken = check_of(shape)

    def read(value: JSON, _: object) -> Any:
        if type(value) is not dict:
            raise MismatchError(shape.name, excerpt(value))
        bound = broken(value) if broken else None
        if bound:
            raise MismatchError(bound, excerpt(value))
        items: dict[Any, Any] = {}
        for key, each in value.items():
            try:
                items[read_key(key, shape.key)] = read_item(each, shape.item)
            except MismatchError as mismatch:
                mismatch.inside(key)
                raise
        return items

    return read


def _union(shape: Union, converter: Converter) -> _Hook:
    get_hook = converter.get_structure_hook
    return union_reader([(member, get_hook(member)) for member in shape.members])


def _object(shape: Object, converter: _ShapeConverter) -> _Hook:
    made = converter.objects.get(id(shape.definition))
    if made is None:
        made = converter.objects[id(shape.definition)] = []
        made.append(object_reader(shape.definition, converter.get_structure_hook))
    if made:
        return made[0]

    def read(value: JSON, each: object) -> Any:
        return made[0](value, each)

    return read  # the class contains itself, and its own hook is not complete yet


def _foreign(shape: Foreign, _: Converter) -> _Hook:
    return lambda value, _: shape.read(value)


_HOOKS: dict[type[Shape], Callable[[Any, Any], _Hook]] = {
    Anything: _anything,
    Scalar: _scalar,
    Choices: _choices,
    Array: _array,
    Row: _row,
    FreeObject: _free_object,
    Union: _union,
    Object: _object,
    Foreign: _foreign,
}

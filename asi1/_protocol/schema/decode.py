"""
The cattrs converter that decodes a JSON value into a value of a shape.

It converts nothing that is not certain: "3" is not an integer, 1 is not a boolean, and
a missing or additional key is an error. An additional key may be a misspelt one, whose
value would be lost without a word.

A strict schema makes the model write null for each optional field, so null for a field
whose type does not allow null stands for the default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cattrs import Converter

from ..._models.base_types import JSON
from .bounds import check_of
from .mismatch import MismatchError, excerpt
from .shapes import (
    Anything,
    Array,
    Choices,
    Definition,
    Field,
    Foreign,
    FreeObject,
    Object,
    Row,
    Scalar,
    Shape,
    Union,
    allows_null,
)
from .unions import union_reader


__all__ = ["decoder_of"]

_Hook = Callable[[Any, Any], Any]
_MISSING = object()


def decoder_of(shape: Shape) -> Callable[[JSON], Any]:
    """
    Return the function that decodes JSON values of *shape*.

    The function raises `MismatchError` for the first value that does not fit.
    """
    converter = _converter()

    def decode(data: JSON) -> Any:
        try:
            return converter.structure(data, shape)  # type: ignore[arg-type]
        except RecursionError:
            raise MismatchError("less nesting", excerpt(data)) from None

    return decode


def _converter() -> Converter:
    """Return a converter whose "types" are shapes."""
    # One converter for each decoder, since converters keep what they have decoded.
    converter = Converter(detailed_validation=False)
    for kind, make in _HOOKS.items():
        converter.register_structure_hook_factory(_is_a(kind), make)
    return converter


def _is_a(kind: type[Shape]) -> Callable[[Any], bool]:
    return lambda shape: isinstance(shape, kind)


def _inside(read: _Hook, value: JSON, shape: Shape, step: str | int) -> Any:
    try:
        return read(value, shape)
    except MismatchError as mismatch:
        raise mismatch.inside(step) from mismatch.__cause__


def _later(shape: Shape, converter: Converter) -> _Hook:
    """Return the hook of *shape*, made at its first use: classes may be recursive."""
    hooks: list[_Hook] = []

    def read(value: JSON, _: object) -> Any:
        if not hooks:
            hooks.append(converter.get_structure_hook(shape))
        return hooks[0](value, shape)

    return read


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
        bound = broken(result)
        if bound:
            raise MismatchError(bound, excerpt(value))
        return result

    return read


def _choices(shape: Choices, _: Converter) -> _Hook:
    def read(value: JSON, _: object) -> Any:
        if isinstance(value, dict | list) or (type(value), value) not in shape.values:
            raise MismatchError(shape.name, excerpt(value))
        return shape.values[type(value), value]

    return read


def _array(shape: Array, converter: Converter) -> _Hook:
    item, read_item = shape.item, _later(shape.item, converter)
    broken = check_of(shape)

    def read(value: JSON, _: object) -> Any:
        if type(value) is not list:
            raise MismatchError(shape.name, excerpt(value))
        bound = broken(value)
        if bound:
            raise MismatchError(bound, excerpt(value))
        items = [_inside(read_item, each, item, at) for at, each in enumerate(value)]
        return _built(lambda: shape.build(items), value)

    return read


def _row(shape: Row, converter: Converter) -> _Hook:
    places = [(item, _later(item, converter)) for item in shape.items]

    def read(value: JSON, _: object) -> Any:
        if type(value) is not list or len(value) != len(places):
            raise MismatchError(shape.name, excerpt(value))
        pairs = enumerate(zip(value, places, strict=True))
        return tuple(
            _inside(hook, each, item, at) for at, (each, (item, hook)) in pairs
        )

    return read


def _free_object(shape: FreeObject, converter: Converter) -> _Hook:
    read_key, read_item = _later(shape.key, converter), _later(shape.item, converter)
    broken = check_of(shape)

    def read(value: JSON, _: object) -> Any:
        if type(value) is not dict:
            raise MismatchError(shape.name, excerpt(value))
        bound = broken(value)
        if bound:
            raise MismatchError(bound, excerpt(value))
        return {
            _inside(read_key, key, shape.key, key): _inside(
                read_item, each, shape.item, key
            )
            for key, each in value.items()
        }

    return read


def _union(shape: Union, converter: Converter) -> _Hook:
    hooks = [(member, _later(member, converter)) for member in shape.members]
    return union_reader(hooks)


def _object(shape: Object, converter: Converter) -> _Hook:
    definition = shape.definition
    hooks: dict[str, tuple[Field, _Hook, bool]] = {}

    def read(value: JSON, _: object) -> Any:
        if type(value) is not dict:
            raise MismatchError(f"an object ({definition.name})", excerpt(value))
        # The fields of a recursive class are known only after the class was described.
        if len(hooks) < len(definition.fields):
            for field in definition.fields:
                null_is_default = not field.required and not allows_null(field.shape)
                hook = _later(field.shape, converter)
                hooks[field.key] = field, hook, null_is_default
        unknown = next((key for key in value if key not in hooks), None)
        if unknown is not None:
            words = f"only the keys {', '.join(hooks)}" if hooks else "no keys"
            raise MismatchError(words, excerpt(value[unknown])).inside(unknown)
        values: dict[str, Any] = {}
        for key, (field, hook, null_is_default) in hooks.items():
            each = value.get(key, _MISSING)
            if each is _MISSING and field.required:
                raise MismatchError(field.shape.name, "no such key").inside(key)
            if each is not _MISSING and not (each is None and null_is_default):
                values[field.argument] = _inside(hook, each, field.shape, key)
        return _built(lambda: definition.build(values), value, definition, values)

    return read


def _built(
    build: Callable[[], object],
    value: JSON,
    definition: Definition | None = None,
    values: dict[str, Any] | None = None,
) -> object:
    """Return the result of *build*; its error becomes a mismatch with its words."""
    try:
        return build()
    except MismatchError:
        raise
    except Exception as error:
        message = str(error.args[0]) if error.args else ""
        words = message or type(error).__name__
        field = None
        if definition is not None and values is not None:
            argument = definition.find_invalid(values, error)
            found = (f for f in definition.fields if f.argument == argument)
            field = next(found, None)
        if field is None:
            raise MismatchError("", excerpt(value), words) from error
        mismatch = MismatchError("", excerpt(value.get(field.key)), words)
        raise mismatch.inside(field.key) from error


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

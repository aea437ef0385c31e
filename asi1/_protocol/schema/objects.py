"""Decodes a JSON object into a value of a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from attrs import frozen

from ..._models.base_types import JSON
from .mismatch import MismatchError, excerpt
from .shapes import Definition, Shape, allows_null


__all__ = ["object_reader"]

_Hook = Callable[[Any, Any], Any]


@frozen
class _Slot:
    """A field of a class, with the cattrs hook that decodes its values."""

    argument: str
    shape: Shape
    hook: _Hook
    required: bool
    null_is_default: bool


def object_reader(definition: Definition, get_hook: Callable[[Shape], _Hook]) -> _Hook:
    """
    Return the cattrs hook that decodes JSON objects into instances of a class.

    Args:
        definition: The class. Its fields are read at the first use of the hook, since
            those of a recursive class are known only after it was described.
        get_hook: Returns the hook of a shape.
    """
    ready: list[dict[str, _Slot]] = []
    build = definition.build

    def read(value: JSON, _: object) -> Any:
        if not ready:
            ready.append(_slots(definition, get_hook))
        slots = ready[0]
        if type(value) is not dict or not value.keys() <= slots.keys():
            raise _misfit(definition.name, value, slots)
        values: dict[str, Any] = {}
        key = ""
        try:
            for key, slot in slots.items():
                if key in value:
                    each = value[key]
                    if each is not None or not slot.null_is_default:
                        values[slot.argument] = slot.hook(each, slot.shape)
                elif slot.required:
                    _missing(slot)
        except MismatchError as mismatch:
            mismatch.inside(key)
            raise
        try:
            return build(values)
        except Exception as error:
            raise _refused(definition, value, values, error) from error

    return read


def _slots(
    definition: Definition, get_hook: Callable[[Shape], _Hook]
) -> dict[str, _Slot]:
    return {
        field.key: _Slot(
            argument=field.argument,
            shape=field.shape,
            hook=get_hook(field.shape),
            required=field.required,
            null_is_default=not field.required and not allows_null(field.shape),
        )
        for field in definition.fields
    }


def _missing(slot: _Slot) -> NoReturn:
    raise MismatchError(slot.shape.name, "no such key")


def _misfit(name: str, value: JSON, slots: Mapping[str, _Slot]) -> MismatchError:
    """Return the mismatch of a value that is not an object, or has an unknown key."""
    if type(value) is not dict:
        return MismatchError(f"an object ({name})", excerpt(value))
    key = next(key for key in value if key not in slots)
    words = f"only the keys {', '.join(slots)}" if slots else "no keys"
    return MismatchError(words, excerpt(value[key])).inside(key)


def _refused(
    definition: Definition,
    value: Mapping[str, JSON],
    values: dict[str, Any],
    error: Exception,
) -> MismatchError:
    """Return the mismatch for *error*, which the class's own validator raised."""
    words = (str(error.args[0]) if error.args else "") or type(error).__name__
    argument = definition.find_invalid(values, error)
    for field in definition.fields:
        if field.argument == argument:
            found = excerpt(value.get(field.key))
            return MismatchError("", found, words).inside(field.key)
    return MismatchError("", excerpt(value), words)

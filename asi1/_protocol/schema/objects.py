"""
Decodes a JSON object into a value of a class.

Most objects have a value for every field. A function whose source is generated for the
class decodes these: it takes half the time of a loop over the fields, which decodes
every other object.
"""

from __future__ import annotations

import keyword

from collections.abc import Callable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, NoReturn

from attrs import frozen

from ..._models.base_types import JSON
from .mismatch import MismatchError, excerpt
from .shapes import Definition, Shape, allows_null, exact_type


__all__ = ["object_reader"]

_Hook = Callable[[Any, Any], Any]

# The source of `_generated_reader`. Of each field there are a value, such as v0, the
# type of values that stay unchanged, the hook and the shape.
_SOURCE = """
def read(value, shape):
    if type(value) is not dict or len(value) != {count}:
        return loop(value, shape)
    try:
        {values} = values_of(value)
    except KeyError:
        return loop(value, shape)
    if {nulls}:
        return loop(value, shape)
    try:
        {decode}
    except MismatchError as mismatch:
        mismatch.inside(keys[place])
        raise
    try:
        return build({arguments})
    except Exception as error:
        raise refused(value, dict({arguments}), error) from error
"""


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
    ready: list[_Hook] = []

    def read(value: JSON, shape: object) -> Any:
        if not ready:
            slots = _slots(definition, get_hook)
            loop = _loop_reader(definition, slots)
            ready.append(_generated_reader(definition, slots, loop))
        return ready[0](value, shape)

    return read


def _loop_reader(definition: Definition, slots: Mapping[str, _Slot]) -> _Hook:
    """Return the hook that decodes any JSON object, with a loop over the fields."""
    build = definition.build

    def read(value: JSON, _: object) -> Any:
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
            return build(**values)
        except Exception as error:
            raise _refused(definition, value, values, error) from error

    return read


def _generated_reader(
    definition: Definition, slots_by_key: Mapping[str, _Slot], loop: _Hook
) -> _Hook:
    """
    Return the hook that decodes an object with all fields, and passes others to *loop*.

    It decides that before it decodes a field, so that no validator is called twice.
    """
    slots = list(slots_by_key.values())
    names = [slot.argument for slot in slots]
    if len(slots) < 2 or not all(map(_is_name, names)):
        return loop
    arguments = ", ".join(f"{name}=v{place}" for place, name in enumerate(names))
    nulls = [f"v{at} is None" for at, each in enumerate(slots) if each.null_is_default]
    source = _SOURCE.format(
        count=len(slots),
        values=", ".join(f"v{place}" for place in range(len(slots))),
        nulls=" or ".join(nulls) or "False",
        decode="\n        ".join(map(_line, range(len(slots)), slots)),
        arguments=arguments,
    )
    known: dict[str, Any] = {
        "MismatchError": MismatchError,
        "build": definition.build,
        "keys": list(slots_by_key),
        "loop": loop,
        "refused": partial(_refused, definition),
        "values_of": itemgetter(*slots_by_key),
    }
    for place, slot in enumerate(slots):
        exact = exact_type(slot.shape)
        parts = {"exact": exact, "hook": slot.hook, "shape": slot.shape}
        known |= {f"{name}{place}": part for name, part in parts.items()}
    exec(source, known)  # noqa: S102 - of the class, only names are in the source
    hook: _Hook = known["read"]
    return hook


def _is_name(argument: str) -> bool:
    """Return whether source can contain *argument* as the name of an argument."""
    # Python changes some names in source that are not ASCII, such as "\ufb01" to "fi".
    reserved = keyword.iskeyword(argument) or argument == "__debug__"
    return argument.isascii() and argument.isidentifier() and not reserved


def _line(place: int, slot: _Slot) -> str:
    """Return the line of source that decodes the field with the number *place*."""
    line = f"place = {place}; v{place} = hook{place}(v{place}, shape{place})"
    if exact_type(slot.shape) is None:
        return line
    return f"if type(v{place}) is not exact{place}: {line}"


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

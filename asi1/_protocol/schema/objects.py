"""
Decodes a JSON object into a value of a class.

Most objects have a value for every field. A function whose source is generated for the
class decodes them, in half the time of a loop over the fields. The loop decodes all
other objects. The generated function also checks lists of strings and of whole numbers.
"""

from __future__ import annotations

import inspect
import keyword

from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite
from typing import Any, NoReturn

from attrs import frozen

from ..._models.base_types import JSON
from .mismatch import MismatchError, excerpt
from .scalars import read_number
from .shapes import Array, Definition, Scalar, Shape, allows_null, exact_type


__all__ = ["object_reader"]

_Hook = Callable[[Any, Any], Any]

# The source of the function that `_generated_reader` makes. Its names end with the
# number of a field: v0 is the value of the first field, key0 its key. exact0 and items0
# are the types of values and of list items that need no decoding.
_SOURCE = """
def read(value, shape):
    if type(value) is not dict or len(value) != {count}:
        return loop(value, shape)
    try:
        {found}
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
        raise refused(value, dict({named}), error) from error
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
        definition: The class, with all its fields.
        get_hook: Returns the hook of a shape.
    """
    slots = _slots(definition, get_hook)
    return _generated_reader(definition, slots, _loop_reader(definition, slots))


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

    The hook checks for missing fields before it decodes any, so that no validator runs
    twice.
    """
    slots = list(slots_by_key.values())
    names = [slot.argument for slot in slots]
    if not slots or not all(map(_is_name, names)):
        return loop
    named = ", ".join(f"{name}=v{place}" for place, name in enumerate(names))
    values = ", ".join(f"v{place}" for place in range(len(slots)))
    in_order = _takes_in_order(definition.build, names)
    nulls = [f"v{at} is None" for at, each in enumerate(slots) if each.null_is_default]
    source = _SOURCE.format(
        count=len(slots),
        found="; ".join(f"v{at} = value[key{at}]" for at in range(len(slots))),
        nulls=" or ".join(nulls) or "False",
        decode="\n        ".join(map(_line, range(len(slots)), slots)),
        # Python passes arguments by position faster than by name.
        arguments=values if in_order else named,
        named=named,
    )
    known: dict[str, Any] = {
        "MismatchError": MismatchError,
        "build": definition.build,
        "isfinite": isfinite,
        "keys": list(slots_by_key),
        "loop": loop,
        "refused": partial(_refused, definition),
    }
    for place, (key, slot) in enumerate(slots_by_key.items()):
        exact, items = exact_type(slot.shape), _exact_items(slot.shape)
        parts: dict[str, Any] = {"key": key, "exact": exact, "items": items}
        parts |= {"hook": slot.hook, "shape": slot.shape}
        known |= {f"{name}{place}": part for name, part in parts.items()}
    exec(source, known)  # noqa: S102 - of the class, only names are in the source
    hook: _Hook = known["read"]
    return hook


def _is_name(argument: str) -> bool:
    """Return whether generated source can use *argument* as an argument's name."""
    # Python changes some names in source that are not ASCII, such as "\ufb01" to "fi".
    reserved = keyword.iskeyword(argument) or argument == "__debug__"
    return argument.isascii() and argument.isidentifier() and not reserved


def _takes_in_order(build: Callable[..., object], names: list[str]) -> bool:
    """Return whether *build* takes arguments by position in the order of *names*."""
    # A class's own `__new__` may have another signature than its `__init__`.
    if getattr(build, "__new__", None) is not object.__new__:
        return False
    parameters = inspect.signature(build, follow_wrapped=False).parameters.values()
    first = [*parameters][: len(names)]
    by_position = all(each.kind is each.POSITIONAL_OR_KEYWORD for each in first)
    return by_position and [each.name for each in first] == names


def _line(place: int, slot: _Slot) -> str:
    """Return the line of source that decodes the field with the number *place*."""
    value = f"v{place}"
    line = f"place = {place}; {value} = hook{place}({value}, shape{place})"
    if exact_type(slot.shape) is not None:
        return f"if type({value}) is not exact{place}: {line}"
    if _is_float(slot.shape):
        return f"if type({value}) is not float or not isfinite({value}): {line}"
    if _exact_items(slot.shape) is not None:
        return f"""if type({value}) is not list: {line}
        for item in {value}:
            if type(item) is not items{place}: {line}; break
        else: {value} = {value}.copy()"""
    return line


def _exact_items(shape: Shape) -> type | None:
    """Return the type of items whose lists all fit *shape*, or None."""
    if isinstance(shape, Array) and shape.build is list and not shape.bounds:
        return exact_type(shape.item)
    return None


def _is_float(shape: Shape) -> bool:
    """Return whether every finite float fits *shape* and stays unchanged."""
    return isinstance(shape, Scalar) and shape.read is read_number and not shape.bounds


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

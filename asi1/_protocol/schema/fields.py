"""The fields of attrs classes, dataclasses, TypedDicts and NamedTuples."""

from __future__ import annotations

import dataclasses
import typing

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, get_origin

import attrs
import cattrs

from attrs import frozen

from ..._models.base_types import JSON
from .annotations import resolved_hints
from .shapes import NoDefault


__all__ = [
    "RawField",
    "builder_of",
    "fields_of",
    "finder_of",
    "has_fields",
    "shown_default",
]


@frozen(kw_only=True)
class RawField:
    """A field of a class before its annotation is read."""

    attribute: str
    argument: str
    key: str
    annotation: Any
    required: bool = True
    description: str = ""
    default: JSON | type[NoDefault] = NoDefault


def has_fields(cls: type) -> bool:
    """Return whether *cls* is an attrs class, dataclass, TypedDict or NamedTuple."""
    return (
        attrs.has(cls)
        or dataclasses.is_dataclass(cls)
        or typing.is_typeddict(cls)
        or _is_typed_dict(cls)
        or _is_named_tuple(cls)
    )


def fields_of(cls: Any, names: Mapping[str, Any]) -> tuple[RawField, ...]:
    """
    Return the fields that the constructor of *cls* takes.

    Args:
        cls: The class; or a generic class with its type arguments.
        names: Names that annotations may use, beyond those of the class's module.
    """
    origin: Any = get_origin(cls) or cls
    hints = resolved_hints(origin, names)
    renames = _registered_renames(origin)
    if attrs.has(origin):
        found = _attrs_fields(origin, hints)
    elif dataclasses.is_dataclass(origin):
        found = _dataclass_fields(origin, hints)
    elif _is_named_tuple(origin):
        found = _named_tuple_fields(origin, hints)
    else:
        found = _typed_dict_fields(origin, hints)
    return tuple(
        attrs.evolve(each, key=renames.get(each.attribute, each.key)) for each in found
    )


def _attrs_fields(cls: Any, hints: Mapping[str, Any]) -> Iterator[RawField]:
    for each in attrs.fields(cls):
        if each.init:
            yield RawField(
                attribute=each.name,
                argument=each.alias,
                key=each.alias,
                annotation=hints.get(each.name, each.type),
                required=each.default is attrs.NOTHING,
                description=_described(each.metadata),
                default=shown_default(each.default),
            )


def _dataclass_fields(cls: Any, hints: Mapping[str, Any]) -> Iterator[RawField]:
    # `dataclasses.fields` leaves out InitVars, but the constructor takes them.
    for name, each in cls.__dataclass_fields__.items():
        annotation = hints.get(name, each.type)
        if not each.init or get_origin(annotation) is typing.ClassVar:
            continue
        missing = dataclasses.MISSING
        yield RawField(
            attribute=name,
            argument=name,
            key=name,
            annotation=annotation,
            required=each.default is missing and each.default_factory is missing,
            description=_described(each.metadata),
            default=shown_default(each.default),
        )


def _named_tuple_fields(cls: Any, hints: Mapping[str, Any]) -> Iterator[RawField]:
    for name in cls._fields:
        default = cls._field_defaults.get(name, NoDefault)
        yield RawField(
            attribute=name,
            argument=name,
            key=name,
            annotation=hints.get(name, Any),
            required=default is NoDefault,
            default=shown_default(default),
        )


def _typed_dict_fields(cls: Any, hints: Mapping[str, Any]) -> Iterator[RawField]:
    for name, annotation in hints.items():
        # With postponed annotations, Python 3.11 lists all keys of a TypedDict as
        # required. ``NotRequired`` or ``Required`` in the annotation, which is read
        # later, corrects that.
        yield RawField(
            attribute=name,
            argument=name,
            key=name,
            annotation=annotation,
            required=name in cls.__required_keys__,
        )


def _described(metadata: Mapping[Any, Any]) -> str:
    text = metadata.get("description", "")
    return text if isinstance(text, str) else ""


def shown_default(default: object) -> JSON | type[NoDefault]:
    """Return *default*, for a description, if it is a JSON scalar; else `NoDefault`."""
    if isinstance(default, Enum) and default is not attrs.NOTHING:
        default = default.value
    return default if type(default) in {bool, int, float, str} else NoDefault


def _registered_renames(cls: type) -> dict[str, str]:
    """Return the fields' names in JSON, if cattrs' global converter renames them."""
    try:
        hook = cattrs.global_converter.get_structure_hook(cls, cache_result=False)
    except Exception:  # noqa: BLE001 - cattrs has no hook for this class
        return {}
    overrides: Mapping[str, Any] = getattr(hook, "overrides", {})
    return {
        name: each.rename
        for name, each in overrides.items()
        if getattr(each, "rename", None)
    }


def builder_of(cls: Any) -> Callable[..., object]:
    """Return the function that makes a value of *cls* from its fields' values."""
    origin: Any = get_origin(cls) or cls
    is_dict = typing.is_typeddict(origin) or _is_typed_dict(origin)
    build: Callable[..., object] = dict if is_dict else origin
    return build


def finder_of(cls: Any) -> Callable[[dict[str, Any], Exception], str | None]:
    """
    Return a function that finds which argument a failed constructor did not accept.

    Only attrs has a validator for each field; the function runs these again.
    """
    origin = get_origin(cls) or cls
    checked = [
        each
        for each in (attrs.fields(origin) if attrs.has(origin) else ())
        if each.init and each.validator is not None
    ]

    def find(values: dict[str, Any], error: Exception) -> str | None:
        for each in checked:
            if each.alias not in values:
                continue
            try:
                each.validator(None, each, values[each.alias])
            except Exception as again:  # noqa: BLE001 - validators raise anything
                if type(again) is type(error) and str(again) == str(error):
                    return str(each.alias)
        return None

    return find


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _is_typed_dict(cls: type) -> bool:
    """Return whether *cls* is a TypedDict, also one of typing_extensions."""
    return issubclass(cls, dict) and hasattr(cls, "__required_keys__")

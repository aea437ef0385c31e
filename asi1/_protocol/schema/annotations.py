"""
Reads annotations: resolves names and type parameters, and unwraps ``Annotated``.

Metadata in ``Annotated`` is recognised by the names of its attributes, so that the
library that defines it does not have to be imported.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    NotRequired,
    Required,
    TypeVar,
    get_args,
    get_origin,
)

from attrs import define, field


__all__ = [
    "BOUNDS",
    "Notes",
    "UnresolvedError",
    "parameters_of",
    "resolved_hints",
    "unwrap",
    "without_result",
]

BOUNDS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")
_QUALIFIERS = {Final, Required, NotRequired, ClassVar}


class UnresolvedError(ValueError):
    """A type that an annotation names cannot be found; the message has its name."""


@define
class Notes:
    """
    The metadata, qualifiers and aliases around the type in an annotation.

    Attributes:
        rename: The name in JSON from ``cattrs.override(rename=...)``; None without it.
        required: Whether ``Required`` or ``NotRequired`` is present; None if neither.
        aliases: The type aliases that were replaced by their values.
    """

    description: str = ""
    bounds: dict[str, Any] = field(factory=dict)
    rename: str | None = None
    required: bool | None = None
    aliases: tuple[object, ...] = ()


def unwrap(annotation: Any, parameters: Mapping[Any, Any]) -> tuple[Any, Notes]:
    """
    Return the type inside *annotation*, and `Notes` about everything around the type.

    Args:
        annotation: A type, maybe inside ``Annotated``, aliases and qualifiers, at any
            depth.
        parameters: The type for each type variable.
    """
    notes = Notes()
    while True:
        inner = _unwrapped_once(annotation, parameters, notes)
        if inner is annotation:
            return annotation, notes
        annotation = inner


def _unwrapped_once(
    annotation: Any, parameters: Mapping[Any, Any], notes: Notes
) -> Any:
    """Return *annotation* without its outermost wrapper; if it has none, unchanged."""
    origin = get_origin(annotation)
    outer = origin or annotation
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        _add(notes, metadata)
        return inner
    if origin in _QUALIFIERS or getattr(outer, "__name__", "") == "ReadOnly":
        if origin in {Required, NotRequired}:
            notes.required = origin is Required
        return get_args(annotation)[0]
    if hasattr(outer, "__value__"):  # an alias from a ``type`` statement
        notes.aliases += (outer,)
        return _alias_value(annotation, parameters)
    if hasattr(annotation, "__supertype__"):
        return annotation.__supertype__
    if isinstance(annotation, dataclasses.InitVar):
        return annotation.type
    if isinstance(annotation, TypeVar):
        return _parameter(annotation, parameters)
    substituted = _substituted(annotation, parameters)
    return annotation if substituted == annotation else substituted


def _alias_value(annotation: Any, parameters: Mapping[Any, Any]) -> Any:
    origin = get_origin(annotation)
    if origin is None:
        return annotation.__value__
    given = zip(origin.__type_params__, get_args(annotation), strict=False)
    inner = {name: _substituted(value, parameters) for name, value in given}
    return _substituted(origin.__value__, inner)


def _parameter(variable: TypeVar, parameters: Mapping[Any, Any]) -> Any:
    """Return the type for *variable*, or else its constraints, its bound or `Any`."""
    if variable in parameters and parameters[variable] is not variable:
        return parameters[variable]
    if variable.__constraints__:
        return typing.Union[variable.__constraints__]  # noqa: UP007 - a tuple of types
    return Any if variable.__bound__ is None else variable.__bound__


def _substituted(annotation: Any, parameters: Mapping[Any, Any]) -> Any:
    """Return *annotation* with types from *parameters* for its type variables."""
    if isinstance(annotation, TypeVar):
        return parameters.get(annotation, annotation)
    names = getattr(annotation, "__parameters__", ())
    if not parameters or not names or _is_class(annotation):
        return annotation
    return annotation[tuple(parameters.get(name, name) for name in names)]


def _is_class(annotation: Any) -> bool:
    # A parametrised type, such as list[T], is not a class.
    return isinstance(annotation, type) and get_origin(annotation) is None


def parameters_of(annotation: Any, attribute: str) -> dict[Any, Any]:
    """Return the type for each type variable of the class that declares *attribute*."""
    found = _owner_parameters(annotation, attribute)
    return {} if found is None else found


def _owner_parameters(annotation: Any, attribute: str) -> dict[Any, Any] | None:
    """Return the same as `parameters_of`; None if no class declares *attribute*."""
    cls = get_origin(annotation) or annotation
    names = getattr(cls, "__parameters__", ())
    own: dict[Any, Any] = dict(zip(names, get_args(annotation), strict=False))
    if attribute in _own_annotations(cls):
        return own
    # A base class may use the same type variable for another type, so each base is
    # searched with its own types.
    for base in getattr(cls, "__orig_bases__", cls.__bases__):
        found = _owner_parameters(_substituted(base, own), attribute)
        if found is not None:
            return found
    return None


def _own_annotations(cls: Any) -> Mapping[str, Any]:
    try:
        return inspect.get_annotations(cls)
    except (NameError, TypeError):  # Python 3.14 evaluates annotations only here
        return {}


def _add(notes: Notes, metadata: list[Any]) -> None:
    """Add *metadata* to *notes*; keep what an outer ``Annotated`` has set."""
    inner: dict[str, Any] = {}
    description = ""
    for item in _flattened(metadata):
        if isinstance(item, str):
            description = item
            continue
        text = getattr(item, "description", None) or getattr(item, "documentation", "")
        description = text if isinstance(text, str) and text else description
        for name in BOUNDS:
            bound = getattr(item, name, None)
            if bound is not None and not isinstance(item, type):
                inner[name] = bound
        if type(item).__name__ == "AttributeOverride" and notes.rename is None:
            notes.rename = item.rename
    notes.description = notes.description or description
    notes.bounds = inner | notes.bounds


def _flattened(metadata: list[Any]) -> Iterator[Any]:
    """Return the items of metadata, and those inside each pydantic ``Field``."""
    for item in metadata:
        yield item
        inner = getattr(item, "metadata", None)
        if isinstance(inner, list):
            yield from inner


def without_result(function: Callable[..., Any]) -> Any:
    """Return an object with all annotations of *function* except that of its result."""
    try:
        annotations = dict(getattr(function, "__annotations__", {}))
    except NameError:  # in Python 3.14, reading `__annotations__` evaluates them
        return function
    annotations.pop("return", None)
    return SimpleNamespace(
        __annotations__=annotations,
        __globals__=getattr(function, "__globals__", {}),
        __type_params__=getattr(function, "__type_params__", ()),
    )


def resolved_hints(
    thing: type | Callable[..., Any], names: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Return the annotations of a class or function, with strings replaced by types.

    Args:
        thing: The class or function.
        names: Further names that strings may use, such as local classes.

    Raises:
        UnresolvedError: A string names a type that cannot be found.
    """
    try:
        return _hints(thing, names)
    except NameError as error:
        found = re.search(r"'(.+?)'", str(error))
        name = found[1] if found else str(error)
        raise UnresolvedError(
            f"the annotation {name!r} names no type that can be found; define the type"
            " in the module, outside of functions and of `if TYPE_CHECKING:`"
        ) from None
    except (SyntaxError, TypeError, AttributeError) as error:
        raise UnresolvedError(f"an annotation is not a type: {error}") from None


def _hints(
    thing: type | Callable[..., Any], names: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except NameError:
        # *names* are used only after a failure, since they would hide the module's
        # classes of the same names.
        return typing.get_type_hints(thing, localns=dict(names), include_extras=True)

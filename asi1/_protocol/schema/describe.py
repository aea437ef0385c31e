"""Builds the `Shape` of a type: the JSON values that the type allows."""

from __future__ import annotations

import collections
import types
import typing

from collections.abc import (
    Collection,
    Hashable,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import (
    Set as AbstractSet,
)
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import attrs

from ..._models.errors import ArgumentError
from . import fields, foreign
from .annotations import UnresolvedError, parameters_of, unwrap
from .bounds import with_bounds
from .choices import choices_of
from .docstrings import read_docs
from .scalars import NULL, TEXT, scalar_of
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
)
from .type_names import type_name


__all__ = ["Describer"]

_ARRAYS: dict[object, Any] = {
    **dict.fromkeys((list, Sequence, MutableSequence, Collection, Iterable), list),
    **dict.fromkeys((set, AbstractSet, MutableSet), set),
    frozenset: frozenset,
    collections.deque: collections.deque,
}
_MAPPINGS: set[object] = {dict, Mapping, MutableMapping}
_ANYTHING: set[object] = {Any, object}
_UNIONS: set[object] = {typing.Union, types.UnionType}
_ADVICE = (
    "use an attrs class, a dataclass, a TypedDict, a NamedTuple, an Enum, or a type"
    " that JSON has"
)
_INSTEAD: dict[object, str] = {
    bytes: "use str, with the bytes in base64",
    complex: "use a tuple of two floats",
}


class Describer:
    """
    Builds the shapes of types. Each class has only one `Definition`, so that a class
    can contain itself.

    Args:
        argument: The name of the argument that has the type, for error messages.
        names: Names that annotations may use, beyond those of a class's own module.
    """

    def __init__(self, argument: str, names: Mapping[str, Any]) -> None:
        self._argument = argument
        self._names = dict(names)
        self._definitions: dict[object, Definition] = {}
        self._foreign: dict[object, Foreign] = {}
        self._aliases: list[object] = []

    def shape(
        self,
        annotation: Any,
        path: str = "",
        parameters: Mapping[Any, Any] | None = None,
    ) -> Shape:
        """
        Return the `Shape` of the type *annotation*.

        Args:
            annotation: The type.
            path: The place of the type in the argument, such as "Person.kids[]".
            parameters: The type for each type variable.

        Raises:
            ArgumentError: JSON cannot express the type; the message names its path.
        """
        parameters = parameters or {}
        inner, notes = unwrap(annotation, parameters)
        path = path or type_name(inner)
        for alias in notes.aliases:
            if alias in self._aliases:
                self._refuse(path, "a recursive alias", "use a class that has itself")
        self._aliases += notes.aliases
        try:
            shape = self._bare(inner, path, parameters)
            shape = with_bounds(shape, notes.bounds)
        except UnresolvedError as error:
            raise self._error(path, str(error)) from None
        except ValueError as error:
            if isinstance(error, ArgumentError):
                raise
            raise self._error(path, str(error)) from None
        finally:
            del self._aliases[len(self._aliases) - len(notes.aliases) :]
        if notes.description:
            return attrs.evolve(shape, description=notes.description)
        return shape

    def _bare(self, cls: Any, path: str, parameters: Mapping[Any, Any]) -> Shape:
        """Return the `Shape` of *cls*, which has no wrappers that `unwrap` removes."""
        whole = self._without_parts(cls, path)
        if whole is not None:
            return whole
        origin, args = get_origin(cls) or cls, get_args(cls)
        if origin in _UNIONS:
            return self._union(args, path, parameters)
        if origin is Literal:
            return choices_of(args)
        if origin is tuple:
            return self._tuple(cls, path, parameters)
        if origin in _ARRAYS:
            item = self.shape(args[0] if args else Any, f"{path}[]", parameters)
            return Array(name="an array", item=item, build=_ARRAYS[origin])
        if origin in _MAPPINGS:
            return self._mapping(args or (str, Any), path, parameters)
        if isinstance(origin, type):
            return self._class(cls, path)
        return self._refuse(path, type_name(cls), _ADVICE)

    def _without_parts(self, cls: Any, path: str) -> Shape | None:
        """Return the `Shape` if *cls* is None, Any or a `Foreign` type, else None."""
        if not isinstance(cls, Hashable):
            self._refuse(path, f"a {type(cls).__name__}", _ADVICE)
        if isinstance(cls, str | typing.ForwardRef):
            self._refuse(path, "a string in place of a type", "give the type itself")
        if cls is None:
            return NULL
        if cls in _ANYTHING:
            return Anything(name="any value")
        if cls not in self._foreign:
            special = foreign.shape_of(cls)
            if special is None:
                return None
            self._foreign[cls] = special
        return self._foreign[cls]

    def _class(self, cls: Any, path: str) -> Shape:
        origin = get_origin(cls) or cls
        if issubclass(origin, Enum):
            return choices_of(tuple(origin))
        scalar = scalar_of(origin)
        if scalar is not None:
            return scalar
        if fields.has_fields(origin):
            return self._object(cls, path)
        return self._refuse(path, type_name(cls), _INSTEAD.get(origin, _ADVICE))

    def _union(
        self, args: tuple[Any, ...], path: str, parameters: Mapping[Any, Any]
    ) -> Shape:
        members: list[Shape] = []
        for arg in args:
            shape = self.shape(arg, path, parameters)
            members += shape.members if isinstance(shape, Union) else [shape]
        return Union(name=" or ".join(m.name for m in members), members=tuple(members))

    def _tuple(self, cls: Any, path: str, parameters: Mapping[Any, Any]) -> Shape:
        args = get_args(cls)
        if args == () and cls in {tuple, typing.Tuple}:  # noqa: UP006
            args = (Any, ...)
        if len(args) == 2 and args[1] is Ellipsis:
            item = self.shape(args[0], f"{path}[]", parameters)
            return Array(name="an array", item=item, build=tuple)
        items = tuple(
            self.shape(arg, f"{path}[{place}]", parameters)
            for place, arg in enumerate(args)
        )
        return Row(name=f"an array of {len(items)} items", items=items)

    def _mapping(
        self, args: tuple[Any, ...], path: str, parameters: Mapping[Any, Any]
    ) -> Shape:
        key = self.shape(args[0], f"{path}.keys()", parameters)
        if isinstance(key, Anything):
            key = TEXT
        kinds = set(key.values) if isinstance(key, Choices) else set()
        is_text = isinstance(key, Scalar) and key.schema["type"] == "string"
        if not is_text and {str} != {kind for kind, _ in kinds}:
            self._refuse(path, f"a dict with {key.name} as key", "use keys of type str")
        item = self.shape(args[1], f"{path}.values()", parameters)
        return FreeObject(name="an object", key=key, item=item)

    def _object(self, cls: Any, path: str) -> Shape:
        name = type_name(cls)
        if cls in self._definitions:
            return Object(name=name, definition=self._definitions[cls])
        origin = get_origin(cls) or cls
        definition = self._definitions[cls] = Definition(
            name=name,
            description=read_docs(origin).text,
            build=fields.builder_of(cls),
            find_invalid=fields.finder_of(cls),
        )
        self._names.setdefault(origin.__name__, origin)
        words: dict[str, str] = {}
        for base in reversed(origin.__mro__):
            words |= read_docs(base).names
        definition.fields = tuple(
            self.field(
                raw,
                f"{path}.{raw.attribute}",
                parameters_of(cls, raw.attribute),
                words,
            )
            for raw in fields.fields_of(cls, self._names)
        )
        if len({each.key for each in definition.fields}) < len(definition.fields):
            self._refuse(path, "two fields of the same name", "rename one of them")
        return Object(name=name, definition=definition)

    def field(
        self,
        raw: fields.RawField,
        path: str,
        parameters: Mapping[Any, Any],
        words: Mapping[str, str],
    ) -> Field:
        _, notes = unwrap(raw.annotation, parameters)
        shape = self.shape(raw.annotation, path, parameters)
        required = raw.required if notes.required is None else notes.required
        written = words.get(raw.attribute) or words.get(raw.key, "")
        return Field(
            key=notes.rename or raw.key,
            argument=raw.argument,
            attribute=raw.attribute,
            shape=shape,
            required=required,
            description=shape.description or raw.description or written,
            default=raw.default,
        )

    def _refuse(self, path: str, what: str, advice: str) -> typing.NoReturn:
        raise self._error(path, f"{what} has no form in JSON Schema; {advice}")

    def _error(self, path: str, reason: str) -> ArgumentError:
        message = f"{self._argument}: {path}: {reason}"
        return ArgumentError(message, argument=self._argument)

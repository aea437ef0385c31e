"""
Decodes a union: finds the member that a JSON value belongs to.

An object belongs to the class whose tag it has: a field with constants that no other
class of the union has. Without tags, it belongs to the only class whose keys it has.
Otherwise the members of the union are tried one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._models.base_types import JSON
from ..._models.json_text import json_text
from .mismatch import MismatchError, excerpt
from .scalars import NULL
from .shapes import Anything, Choices, Object, Scalar, Shape


__all__ = ["union_reader"]

_Hook = Callable[[Any, Any], Any]
_Member = tuple[Shape, _Hook]
_Constant = tuple[type, JSON]


def union_reader(members: Sequence[_Member]) -> _Hook:
    """
    Return the cattrs hook that decodes the values of a union type.

    Args:
        members: The shapes of the union, each with its own hook.
    """
    others = [member for member in members if member[0] is not NULL]
    if len(others) == 1 < len(members):
        return _optional(*others[0])
    ordered = sorted(members, key=lambda member: _rank(member[0]))
    classes = [(each, hook) for each, hook in members if isinstance(each, Object)]
    rest = [member for member in ordered if not isinstance(member[0], Object)]
    by_class = _Classes(classes)

    def read(value: JSON, _: object) -> Any:
        if not isinstance(value, dict) or not classes:
            return _tried(ordered, value)
        try:
            found = by_class.find(value)
            if found is None:
                return _tried(classes, value)
            return found[1](value, found[0])
        except MismatchError as mismatch:
            if not rest:
                raise
            return _tried(rest, value, mismatch)

    return read


def _optional(shape: Shape, hook: _Hook) -> _Hook:
    def read(value: JSON, _: object) -> Any:
        if value is None:
            return None
        try:
            return hook(value, shape)
        except MismatchError as mismatch:
            if mismatch.expected and not mismatch.steps:
                mismatch.expected = f"null or {mismatch.expected}"
            raise

    return read


def _rank(shape: Shape) -> int:
    """Return the rank of *shape*: a union tries shapes of lower rank first."""
    if isinstance(shape, Scalar):
        return shape.rank
    return 0 if isinstance(shape, Choices) else 9 if isinstance(shape, Anything) else 5


def _tried(
    members: Sequence[_Member],
    value: JSON,
    first: MismatchError | None = None,
) -> Any:
    """Decode with the first member that fits; otherwise raise the deepest mismatch."""
    best, expected = first, [first.expected] if first else []
    for member, hook in members:
        try:
            return hook(value, member)
        except MismatchError as mismatch:
            expected.append(mismatch.expected)
            if best is None or len(mismatch.steps) > len(best.steps):
                best = mismatch
    if best is not None and (best.steps or best.words):
        raise best
    raise MismatchError(" or ".join(dict.fromkeys(expected)), excerpt(value))


class _Classes:
    """The classes of a union, and how their objects are told apart."""

    def __init__(self, members: Sequence[tuple[Object, _Hook]]) -> None:
        self._members = members
        self._tags: tuple[str, dict[_Constant, _Member]] | None = None
        self._ready = False

    def find(self, value: Mapping[str, JSON]) -> _Member | None:
        """
        Return the class that the JSON object *value* belongs to; None if uncertain.

        Raises:
            MismatchError: The value has a tag that none of the classes has.
        """
        # Tags are read at the first use: a recursive class has no fields until it is
        # described.
        if not self._ready:
            self._tags, self._ready = _tags_of(self._members), True
        if self._tags is not None and self._tags[0] in value:
            key, table = self._tags
            tag = value[key]
            if not isinstance(tag, dict | list) and (type(tag), tag) in table:
                return table[type(tag), tag]
            names = ", ".join(json_text(constant) for _, constant in table)
            raise MismatchError(f"one of {names}", excerpt(tag)).inside(key)
        fitting = [member for member in self._members if _has_keys(member[0], value)]
        return fitting[0] if len(fitting) == 1 else None


def _tags_of(
    members: Sequence[tuple[Object, _Hook]],
) -> tuple[str, dict[_Constant, _Member]] | None:
    """
    Return a key whose constants differ in all classes, and the class of each constant;
    None if there is no such key.
    """
    tables = [_constants(shape) for shape, _ in members]
    for key in tables[0]:
        if not all(key in table for table in tables):
            continue
        found: dict[_Constant, _Member] = {}
        for table, member in zip(tables, members, strict=True):
            found |= dict.fromkeys(table[key], member)
        if len(found) == sum(len(table[key]) for table in tables):
            return key, found
    return None


def _constants(shape: Object) -> dict[str, Mapping[_Constant, object]]:
    return {
        field.key: field.shape.values
        for field in shape.definition.fields
        if isinstance(field.shape, Choices)
    }


def _has_keys(shape: Object, value: Mapping[str, JSON]) -> bool:
    fields = shape.definition.fields
    required = {field.key for field in fields if field.required}
    return required <= value.keys() <= {field.key for field in fields}

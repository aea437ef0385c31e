"""Builds the `Shape` of enums and literals."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ..._models.base_types import JSON
from ..._models.json_text import json_text
from .shapes import Choices


__all__ = ["choices_of"]


def choices_of(members: tuple[Any, ...]) -> Choices:
    """
    Return the `Choices` of enum members and other constants.

    Raises:
        ValueError: JSON cannot express one of *members*.
    """
    values: dict[tuple[type, Any], object] = {}
    for member in members:
        plain = member.value if isinstance(member, Enum) else member
        values[_constant(plain)] = member
    if not values:
        raise ValueError("an enum without members has no value")
    names = ", ".join(json_text(value) for _, value in values)
    return Choices(name=f"one of {names}", values=values)


def _constant(value: object) -> tuple[type, JSON]:
    """Return the Python type and the JSON value of a constant."""
    if value is None:
        return type(None), None
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind, kind(value)
    raise ValueError(
        f"the constant {value!r} has no form in JSON; use str or int values"
    )

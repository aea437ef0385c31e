"""Turns bounds in ``Annotated``, such as `Ge`, into JSON Schema keywords and checks."""

from __future__ import annotations

import operator
import re

from collections.abc import Callable, Iterator, Sized
from decimal import Decimal
from typing import Any, NoReturn

import attrs

from ..._models.base_types import JSON
from .shapes import Array, Bounds, FreeObject, Scalar, Shape, Union


__all__ = ["check_of", "keywords_of", "with_bounds"]

_SIZES = ("min_length", "max_length")
_ORDERS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "ge": (operator.ge, "at least"),
    "gt": (operator.gt, "more than"),
    "le": (operator.le, "at most"),
    "lt": (operator.lt, "less than"),
}
_ORDER_WORDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
_UNITS = {"text": "character", "array": "item", "object": "key"}
_SIZE_WORDS = {
    "text": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}


def with_bounds(shape: Shape, bounds: Bounds) -> Shape:
    """
    Return *shape* with *bounds*; a union passes each bound to those of its shapes that
    the bound fits.

    Raises:
        ValueError: A bound does not fit the shape; the message names the bound.
    """
    if not bounds:
        return shape
    if isinstance(shape, Union):
        members = tuple(_where_fitting(each, bounds) for each in shape.members)
        if members == shape.members:
            _refuse(shape, next(iter(bounds)))
        return attrs.evolve(shape, members=members)
    if not isinstance(shape, Scalar | Array | FreeObject):
        _refuse(shape, next(iter(bounds)))
    fitting = _fitting(shape)
    for name, bound in bounds.items():
        if name not in fitting:
            _refuse(shape, name)
        if name == "pattern":
            _check_pattern(bound)
    return attrs.evolve(shape, bounds={**shape.bounds, **bounds})


def _refuse(shape: Shape, name: str) -> NoReturn:
    raise ValueError(f"the bound {name!r} does not fit {shape.name}")


def _check_pattern(pattern: str | re.Pattern[str]) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} is not valid: {error}") from None


def _where_fitting(shape: Shape, bounds: Bounds) -> Shape:
    fitting = _fitting(shape)
    return with_bounds(shape, {k: v for k, v in bounds.items() if k in fitting})


def _fitting(shape: Shape) -> tuple[str, ...]:
    if isinstance(shape, Array | FreeObject):
        return _SIZES
    if not isinstance(shape, Scalar):
        return ()
    if shape.measure == "number":
        return (*_ORDERS, "multiple_of")
    if shape.measure == "text":
        return (*_SIZES, "pattern")
    return {"null": (), "boolean": ()}.get(shape.schema["type"], tuple(_ORDERS))


def keywords_of(shape: Scalar | Array | FreeObject) -> dict[str, JSON]:
    """Return the JSON Schema keywords, such as "minimum", for the bounds of *shape*."""
    found: dict[str, JSON] = {}
    kind = _kind(shape)
    for name, bound in shape.bounds.items():
        if name in _SIZES:
            found[_SIZE_WORDS[kind][_SIZES.index(name)]] = bound
        elif name == "pattern":
            found["pattern"] = getattr(bound, "pattern", bound)
        elif kind == "number":
            plain = float(bound) if isinstance(bound, Decimal) else bound
            found[_ORDER_WORDS[name]] = plain
    return found


def _kind(shape: Shape) -> str:
    if isinstance(shape, Array):
        return "array"
    return shape.measure if isinstance(shape, Scalar) else "object"


def check_of(
    shape: Scalar | Array | FreeObject,
) -> Callable[[Any], str | None] | None:
    """
    Return a function that returns the first bound that a value breaks, or None.

    If *shape* has no bounds, return None in place of a function.
    """
    if not shape.bounds:
        return None
    checks = list(_checks(shape))

    def check(value: Any) -> str | None:
        return next((words for holds, words in checks if not holds(value)), None)

    return check


def _checks(
    shape: Scalar | Array | FreeObject,
) -> Iterator[tuple[Callable[[Any], bool], str]]:
    for name, bound in shape.bounds.items():
        if name in _ORDERS:
            holds, words = _ORDERS[name]
            yield _ordered(holds, bound), f"{shape.name}, {words} {bound}"
        elif name == "multiple_of":
            yield _multiple(bound), f"{shape.name}, a multiple of {bound}"
        elif name == "pattern":
            pattern = re.compile(bound)
            text = f"a string with the pattern {pattern.pattern}"
            yield _found(pattern), text
        else:
            unit = _UNITS[_kind(shape)] + ("" if bound == 1 else "s")
            least = name == "min_length"
            words = f"at {'least' if least else 'most'} {bound} {unit}"
            yield _sized(bound, least=least), f"{shape.name} with {words}"


def _ordered(holds: Callable[[Any, Any], bool], bound: Any) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        try:
            return bool(holds(value, bound))
        except TypeError:  # only *value* or only *bound* has a time zone
            return False

    return check


def _multiple(bound: Any) -> Callable[[Any], bool]:
    # Decimals are used, since 0.3 % 0.1 is not 0 for floats.
    step = Decimal(str(bound))

    def check(value: Any) -> bool:
        try:
            return Decimal(str(value)) % step == 0
        except ArithmeticError:  # the quotient has too many digits for a Decimal
            return False

    return check


def _found(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: pattern.search(value) is not None


def _sized(bound: int, *, least: bool) -> Callable[[Sized], bool]:
    if least:
        return lambda value: len(value) >= bound
    return lambda value: len(value) <= bound

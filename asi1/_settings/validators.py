"""
The checks of the values of single settings and options.

A check returns None for a valid value, else the problem as text for an error message,
such as "must be True or False".
"""

from __future__ import annotations

import math
import sys

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard, TypeVar
from urllib.parse import urlencode

from .._models.errors import ArgumentError, ConfigurationError


__all__ = [
    "Check",
    "argument",
    "flag",
    "instance_of",
    "is_number",
    "list_of",
    "mapping",
    "not_given",
    "number",
    "or_none",
    "query",
    "seconds",
    "setting",
    "shown",
    "string",
    "string_or",
    "table_of",
    "tags",
    "whole_number",
    "wrong",
]

_T = TypeVar("_T")
Check: TypeAlias = Callable[[Any], str | None]

# Strings of at least this many characters may be keys, so `shown` does not show them.
_MAYBE_SECRET = 8


# The types of the values that mean "argument not given" in OpenAI's client.
_NOT_GIVEN = frozenset({"NotGiven", "Omit"})


def not_given(value: object) -> bool:
    """
    Whether *value* is None, or ``NOT_GIVEN`` or ``omit`` of OpenAI's client.

    Programs written for that client pass these values for arguments that they leave
    out. asi1 recognises them by the name of their type, so it need not import the
    client.
    """
    return value is None or type(value).__name__ in _NOT_GIVEN


def wrong(argument: str, problem: str, value: object) -> ArgumentError:
    """Return the error for *argument*, with at most 80 characters of the value."""
    return ArgumentError(
        f"{argument}: {problem}, not {_start(value)}", argument=argument
    )


def shown(value: object) -> str:
    """
    Return the text for *value* in an error message about a wrong setting.

    A setting of a wrong type may be a key that was passed as the wrong argument, so
    only numbers, flags, None and strings of less than 8 characters are shown; of other
    values, the message shows the type.
    """
    if value is None or isinstance(value, bool | int | float):
        return _start(value)
    if isinstance(value, str) and len(value) < _MAYBE_SECRET:
        return _start(value)
    return _type_name(value)


def _start(value: object) -> str:
    try:
        return f"{value!r:.80}"
    except Exception:  # noqa: BLE001 - e.g. nested too deeply, or an int of 5000 digits
        return _type_name(value)


def _type_name(value: object) -> str:
    return type(value).__name__


def setting(check: Check, part_of: str | None = None) -> Any:
    """
    Return an attrs validator that raises *check*'s problem as `ConfigurationError`.

    Args:
        check: The check of the field's value.
        part_of: The client's argument to which the field belongs; None if the field is
            an argument itself.
    """

    def validate(_: object, attribute: Any, value: object) -> None:
        problem = check(value)
        if problem:
            name = attribute.name
            place = f"{name}:" if part_of is None else f"{part_of}: {name}"
            raise ConfigurationError(f"{place} {problem}, not {shown(value)}")

    return validate


def argument(check: Check) -> Any:
    """Return an attrs validator that raises *check*'s problem as `ArgumentError`."""

    def validate(_: object, attribute: Any, value: object) -> None:
        if problem := check(value):
            raise wrong(attribute.name, problem, value)

    return validate


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether *value* is a finite number; a bool is not a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max


def number(low: float, high: float | None = None) -> Check:
    """Return the check for a finite number, at least *low*, at most *high* if given."""
    bounds = f"of at least {low:g}" if high is None else f"from {low:g} to {high:g}"
    most = sys.float_info.max if high is None else high

    def check(value: Any) -> str | None:
        real = isinstance(value, int | float) and not isinstance(value, bool)
        fits = real and low <= value <= most
        return None if fits else f"must be a number {bounds}"

    return check


def whole_number(low: int | None = None) -> Check:
    """Return the check for an int of at least *low*; if *low* is None, for any int."""
    bound = "" if low is None else f" of at least {low}"

    def check(value: Any) -> str | None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole and (low is None or value >= low)
        return None if fits else f"must be a whole number{bound}"

    return check


def flag(value: Any) -> str | None:
    """Check that *value* is True or False."""
    return None if isinstance(value, bool) else "must be True or False"


def seconds(value: Any) -> str | None:
    """Check that *value* is a finite number above 0, such as a timeout."""
    fits = is_number(value) and value > 0
    return None if fits else "must be a number of seconds above 0"


def string(value: Any) -> str | None:
    """Check that *value* is a str."""
    return None if isinstance(value, str) else "must be a str"


def mapping(value: Any) -> str | None:
    """Check that *value* is a mapping."""
    return None if isinstance(value, Mapping) else "must be a mapping"


def query(value: Any) -> str | None:
    """Check that *value* has parameters that the query of a URL can contain."""
    if not isinstance(value, Mapping) or not all(
        isinstance(k, str) and isinstance(v, str | int | float)
        for k, v in value.items()
    ):
        return "must be a mapping of names to strings, numbers or bools"
    try:
        urlencode(value)
    except UnicodeEncodeError:
        return "contains a lone surrogate"
    except ValueError:  # Python 3.11 refuses to write an int of more than 4300 digits
        return "contains a number that is too long"
    return None


def table_of(argument: str, value: object, kind: type[_T]) -> dict[str, _T]:
    """
    Return *value*, of the setting *argument*, as a dict from names to objects of
    *kind*.

    Raises:
        ConfigurationError: *value* is not a mapping of names to *kind*.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{argument}: must be a mapping, not {shown(value)}")
    for name, each in value.items():
        if not isinstance(name, str) or not isinstance(each, kind):
            misfit = each if isinstance(name, str) else name
            raise ConfigurationError(
                f"{argument}: must be a mapping of names to {kind.__name__}, and"
                f" contains {shown(misfit)}"
            )
    return dict(value)


def tags(value: Any) -> str | None:
    """Check that *value* maps names to short facts, such as ``{"job": "nightly"}``."""
    fits = isinstance(value, Mapping) and all(
        isinstance(name, str) and isinstance(tag, str | int | float)
        for name, tag in value.items()
    )
    if not fits:
        return "must map str to str, int, float or bool"
    # JSON cannot express NaN and infinity, and most hooks write the tags as JSON.
    finite = all(isinstance(tag, str) or abs(tag) < math.inf for tag in value.values())
    return None if finite else "must have finite numbers"


def instance_of(kind: type) -> Check:
    """Return the check that a value is an instance of *kind*."""

    def check(value: Any) -> str | None:
        return None if isinstance(value, kind) else f"must be a {kind.__name__}"

    return check


def list_of(kind: Any, items: str) -> Check:
    """Return the check for a list of *kind*; *items*: what the error calls these."""

    def check(value: Any) -> str | None:
        # A str or bytes is a sequence too, but never meant as a list of its characters.
        listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        fits = listed and all(isinstance(item, kind) for item in value)
        return None if fits else f"must be a list of {items}"

    return check


def string_or(check: Check, string_is: str) -> Check:
    """
    Return the check that accepts a str, and every value that *check* accepts.

    *string_is*: what error messages call the str.
    """

    def either(value: Any) -> str | None:
        problem = None if isinstance(value, str) else check(value)
        return problem and f"{problem}, or {string_is}"

    return either


def or_none(check: Check) -> Check:
    """Return the check that accepts None, and every value that *check* accepts."""

    def either(value: Any) -> str | None:
        problem = None if value is None else check(value)
        return problem and f"{problem}, or None"

    return either

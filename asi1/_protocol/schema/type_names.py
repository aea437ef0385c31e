"""The names of Python types, for error messages and for schemas."""

from __future__ import annotations

import types
import typing

from collections.abc import Hashable
from typing import Annotated, Any, Literal, get_args, get_origin

from .annotations import unwrap


__all__ = ["type_name"]

_UNIONS: set[object] = {typing.Union, types.UnionType}


def type_name(cls: Any) -> str:
    """Return the name of a type without its modules."""
    cls = unwrap(cls, {})[0] if get_origin(cls) is Annotated else cls
    args = get_args(cls)
    origin = get_origin(cls) or cls
    if not isinstance(origin, Hashable):  # e.g. the parameter list of a ``Callable``
        return repr(cls)
    if origin in _UNIONS:
        return " | ".join(map(type_name, args))
    name = getattr(origin, "__name__", None) or str(origin).removeprefix("typing.")
    if origin is Literal or not args:
        return name
    return f"{name}[{', '.join(map(type_name, args))}]"

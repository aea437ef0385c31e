"""
Lets a user's pydantic model have a field whose type is a class of asi1.

Loaded when pydantic asks for it, so asi1 does not need pydantic.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import core_schema

from .base_types import JSON


__all__ = ["field_schema"]


def field_schema(cls: type) -> JSON:
    """Return the pydantic core schema of a field whose type is *cls*."""
    return core_schema.is_instance_schema(
        cls,
        serialization=core_schema.plain_serializer_function_ser_schema(
            _dumped, info_arg=True, return_schema=core_schema.dict_schema()
        ),
    )


def _dumped(model: Any, how: Any) -> JSON:
    return model.model_dump(
        exclude_none=how.exclude_none, exclude_unset=how.exclude_unset
    )

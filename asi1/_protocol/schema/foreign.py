"""
Classes of pydantic and msgspec, which have schemas and validators of their own.

This module imports neither library: a program that has a class of a library has
imported the library.
"""

from __future__ import annotations

import re
import sys

from collections.abc import Callable, Mapping
from typing import Any, get_origin

from ..._models.base_types import JSON
from ..._models.json_text import dump_json
from .mismatch import MismatchError, excerpt
from .shapes import Foreign
from .strict import made_strict


__all__ = ["shape_of"]

_MSGSPEC_PATH = re.compile(r" - at (?:key in )?`\$(?P<path>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def shape_of(thing: Any) -> Foreign | None:
    """
    Return the shape of a class of pydantic or msgspec, or of a ``TypeAdapter``.

    Raises:
        ValueError: The library has no JSON Schema for the class.
    """
    try:
        return _shape_of(thing)
    except Exception as error:  # pydantic or msgspec raised it
        reason, _, _ = str(error).partition("\n")
        raise ValueError(f"has no form in JSON Schema: {reason}") from error


def _shape_of(thing: Any) -> Foreign | None:
    cls = get_origin(thing) or thing
    if not isinstance(cls, type):
        is_adapter = hasattr(cls, "validate_json") and hasattr(cls, "json_schema")
        return _of_adapter(thing, "value") if is_adapter else None
    name = getattr(thing, "__name__", cls.__name__)
    if hasattr(cls, "__struct_fields__") and "msgspec" in sys.modules:
        return _of_struct(thing, name)
    if "pydantic" not in sys.modules:
        return None
    if hasattr(thing, "model_json_schema") and hasattr(thing, "model_validate_json"):
        schema, validate = thing.model_json_schema(), thing.model_validate_json
        return _foreign(name, schema, _pydantic_reader(validate))
    if hasattr(cls, "__pydantic_validator__"):  # *cls* is a pydantic dataclass
        return _of_adapter(sys.modules["pydantic"].TypeAdapter(thing), name)
    return None


def _of_adapter(adapter: Any, name: str) -> Foreign:
    return _foreign(
        name, adapter.json_schema(), _pydantic_reader(adapter.validate_json)
    )


def _of_struct(cls: Any, name: str) -> Foreign:
    msgspec = sys.modules["msgspec"]

    def read(value: JSON) -> object:
        try:
            return msgspec.json.decode(dump_json(value), type=cls)
        except msgspec.ValidationError as error:
            raise _of_msgspec(str(error), value) from error
        except Exception as error:
            raise _refused(value, error) from error

    return _foreign(name, msgspec.json.schema(cls), read)


def _foreign(
    name: str, schema: Mapping[str, JSON], read: Callable[[JSON], object]
) -> Foreign:
    return Foreign(name=name, schema=made_strict(schema), read=read)


def _pydantic_reader(validate: Callable[[bytes], object]) -> Callable[[JSON], object]:
    def read(value: JSON) -> object:
        # pydantic gets JSON text, since in strict mode it refuses a Python str for a
        # date.
        try:
            return validate(dump_json(value))
        except Exception as error:
            errors = getattr(error, "errors", None)
            if errors is None:
                raise _refused(value, error) from error
            first = errors(include_url=False)[0]
            raise _at(value, first["loc"], first["msg"]) from error

    return read


def _refused(value: JSON, error: Exception) -> MismatchError:
    """Return the mismatch for a validator's unexpected error, such as a KeyError."""
    return MismatchError("", excerpt(value), str(error) or type(error).__name__)


def _of_msgspec(text: str, value: JSON) -> MismatchError:
    found = _MSGSPEC_PATH.search(text)
    steps = _STEP.findall(found["path"]) if found else []
    loc = [key or int(index) for key, index in steps]
    return _at(value, loc, text[: found.start()] if found else text)


def _at(value: JSON, loc: Any, words: str) -> MismatchError:
    """Return the mismatch at *loc*, a path whose keys may be missing in *value*."""
    steps: list[str | int] = []
    for step in loc:
        try:
            value = value[step]
        except (LookupError, TypeError):
            continue  # pydantic's *loc* also names union members and missing keys
        steps.append(step)
    mismatch = MismatchError("", excerpt(value), words)
    for step in reversed(steps):
        mismatch.inside(step)
    return mismatch

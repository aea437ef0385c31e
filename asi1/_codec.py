"""
Floor 2. The one cattrs converter, and JSON in and out.

It reads strictly at first; where a value has another type than its field, that value
moves to ``extra`` and the field takes its default: a changed server costs a field,
never an answer. Null is read as missing. Nothing is lost: ``wire`` keeps it all.
"""

import json
import re

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_origin

import attrs
import orjson

from cattrs import BaseConverter, Converter
from cattrs.gen import make_dict_structure_fn, override

from ._model import Model
from ._shapes import SHAPES
from ._types import JSON


__all__ = ["decode", "dump_json", "load_json"]

_M = TypeVar("_M", bound=Model)

# orjson turns integers of more than 64 bits into floats; these 19 digits may be one.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_OURS = ("extra", "wire", "response")


def load_json(data: bytes) -> JSON:
    """
    Read JSON text; of repeated keys the last counts.

    Lone surrogates are let through, since models do write them.

    Raises:
        ValueError: It is no JSON, nests too deep, or holds NaN, Infinity, or a number
            that Python refuses to read.
    """
    if not _LONG_NUMBER.search(data):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
    try:
        return json.loads(data, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _no_number(name: str) -> JSON:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is out of range")
    return number


def dump_json(value: JSON) -> bytes:
    """
    Write *value* as JSON text.

    Raises:
        ValueError: It holds something that JSON cannot, such as a set, NaN, or a text
            with a lone surrogate; the message says what.
    """
    try:
        return orjson.dumps(value, default=_default)
    except orjson.JSONEncodeError as error:
        # Integers of more than 64 bits are JSON, though orjson does not write them.
        try:
            text = json.dumps(
                value, default=_default, ensure_ascii=False, allow_nan=False
            )
            return text.encode()
        except UnicodeEncodeError:
            raise ValueError("a text holds half a surrogate pair") from None
        except (TypeError, ValueError):
            raise ValueError(str(error)) from None


def _default(value: object) -> JSON:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def decode(cls: type[_M], raw: Mapping[str, JSON]) -> _M:
    """Read one object of the server as *cls*; no object is too odd."""
    return _converter.structure(raw, cls)


def _strict(*types: type) -> Callable[[object, Any], object]:
    def read(value: object, _: object) -> object:
        if type(value) not in types:
            raise TypeError
        return value

    return read


def _integer(value: object, _: object) -> int:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise TypeError


def _tuple_reader(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    item = cls.__args__[0]

    def read(value: object, _: object) -> tuple[object, ...]:
        if type(value) is not list:
            raise TypeError
        return tuple(converter.structure(v, item) for v in value if v is not None)

    return read


def _model_reader(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    names = {a.metadata.get("wire", a.name): a for a in attrs.fields(cls)}
    names = {wire: a for wire, a in names.items() if a.name not in _OURS}
    build = _builder(cls, converter, names)
    shape = SHAPES[cls]

    def fits(key: str, value: JSON) -> bool:
        try:
            converter.structure(value, names[key].type)
        except (TypeError, ValueError):
            return False
        return True

    def read(raw: Any, _: object) -> object:
        if type(raw) is not dict:
            raise TypeError
        known: dict[str, JSON] = {}
        extra: dict[str, JSON] = {}
        for key, value in shape(raw).items():
            if key not in names:
                extra[key] = value
            elif value is not None:
                known[key] = value
        ours = {"extra": extra, "wire": raw}
        try:
            return build(known | ours, cls)
        except (TypeError, ValueError):
            for key in [key for key, value in known.items() if not fits(key, value)]:
                extra[key] = known.pop(key)
            return build(known | ours, cls)

    return read


def _builder(
    cls: Any, converter: BaseConverter, names: Mapping[str, Any]
) -> Callable[[Any, Any], Any]:
    overrides: dict[str, Any] = {
        a.name: override(rename=wire) for wire, a in names.items()
    } | {name: override(struct_hook=_as_is) for name in _OURS}
    return make_dict_structure_fn(
        cls, converter, _cattrs_detailed_validation=False, **overrides
    )


def _as_is(value: Any, _: object) -> Any:
    return value


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook_func(
        lambda kind: kind == str | int | None, _strict(str, int)
    )
    converter.register_structure_hook_factory(_is_tuple, _tuple_reader)
    converter.register_structure_hook_factory(_is_model, _model_reader)
    return converter


_converter = _make_converter()

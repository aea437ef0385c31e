"""
The one cattrs converter: objects of the server into models.

It reads strictly at first; where a value has another type than its field, that value
moves to ``extra`` and the field takes its default: a changed server costs a field,
never an answer. Null is read as missing. Nothing is lost: ``wire`` keeps it all.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_origin

import attrs

from cattrs import BaseConverter, Converter
from cattrs.gen import make_dict_structure_fn, override

from .._models.base import Model
from .._models.base_types import JSON
from .normalise import SHAPES


__all__ = ["decode"]

_M = TypeVar("_M", bound=Model)

_OURS = ("extra", "wire", "response")


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
    kind = cls.__args__[0]

    def one(value: object) -> object:
        # An odd item costs no other.
        try:
            return None if value is None else converter.structure(value, kind)
        except (TypeError, ValueError):
            return None

    def read(value: object, _: object) -> tuple[object, ...]:
        if type(value) is not list:
            raise TypeError
        items = [i for i in map(one, value) if i is not None]
        if not items and any(i is not None for i in value):
            raise TypeError
        return tuple(items)

    return read


def _model_reader(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    names = {a.metadata.get("wire", a.name): a for a in attrs.fields(cls) if a.init}
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

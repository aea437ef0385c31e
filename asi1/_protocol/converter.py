"""
The cattrs converter, which decodes the server's JSON objects into models.

A value of another type than its field goes to ``extra``, and the field gets its
default: if the server changes a type, callers lose one field, never the answer. Null is
read as a missing key. ``wire`` always contains the complete JSON object.
"""

import operator

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from types import UnionType
from typing import Any, NoReturn, TypeVar, cast, get_args, get_origin

import attrs

from cattrs import BaseConverter, Converter

from .._models.base import Model, as_sent
from .._models.base_types import JSON
from .._models.completion import ToolCall, message_key
from .normalise import NORMALISERS


__all__ = ["decode", "decode_in_steps"]

_M = TypeVar("_M", bound=Model)

# The field of a choice that holds its message, in an answer and in a chunk.
_PARTS = {"ChatCompletion": "message", "ChatCompletionChunk": "delta"}
# Number of tool calls that are decoded in one step.
_CALLS_PER_STEP = 256

# Model fields that asi1 adds; the server's JSON has no keys for these fields.
_OWN_FIELDS = ("extra", "wire", "response")


def decode(cls: type[_M], raw: Mapping[str, JSON]) -> _M:
    """Decode a JSON object into an instance of *cls*; every JSON object is accepted."""
    return _converter.structure(raw, cls)


def decode_in_steps(
    cls: type[_M], raw: Mapping[str, JSON]
) -> Generator[None, None, _M]:
    """
    Decode as `decode` does, a few tool calls in each step.

    Yields:
        None after each step, so that the caller can let other tasks run.
    """
    part = _PARTS[cls.__name__]
    wires = raw.get("choices")
    if not isinstance(wires, list):
        return decode(cls, raw)
    short = [_without_calls(wire, part) for wire in wires]
    if all(map(operator.is_, short, wires)):  # no message has several tool calls
        decoded = decode(cls, raw)
        yield
        return decoded
    whole: Any = decode(cls, {**raw, "choices": short})
    yield
    choices = []
    for choice, wire in zip(whole.choices, filter(_is_dict, wires), strict=False):
        key, changed = message_key(wire, part), {"wire": wire}
        message, sent = getattr(choice, part), wire.get(key)
        if _has_several_calls(sent):
            calls = yield from _calls_in_steps(sent["tool_calls"], type(message))
            message = attrs.evolve(message, tool_calls=calls, wire=sent)
            if not calls and any(call is not None for call in sent["tool_calls"]):
                extra = {**message.extra, "tool_calls": sent["tool_calls"]}
                message = attrs.evolve(message, extra=extra)
            as_sent(message)
            # If the server sent "message" in place of "delta", or the reverse, the
            # message is kept in `extra` too: there it must be complete.
            if key in choice.extra:
                changed["extra"] = {**choice.extra, key: sent}
        choices.append(as_sent(attrs.evolve(choice, **changed, **{part: message})))
    evolved = attrs.evolve(whole, choices=tuple(choices), wire=raw)
    return cast("_M", as_sent(evolved))


def _without_calls(choice: JSON, part: str) -> JSON:
    """Return *choice*; if its message has several tool calls, without these calls."""
    if not isinstance(choice, dict):
        return choice
    key = message_key(choice, part)
    message: Any = choice.get(key)
    if not _has_several_calls(message):
        return choice
    return {**choice, key: {k: v for k, v in message.items() if k != "tool_calls"}}


def _has_several_calls(message: JSON) -> bool:
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    return isinstance(calls, list) and len(calls) > 1


def _calls_in_steps(
    values: list[JSON], cls: type[Model]
) -> Generator[None, None, tuple[ToolCall, ...]]:
    """Decode the tool calls of a message of the class *cls*, in steps."""
    calls: list[ToolCall] = []
    read = _tuple_reader(attrs.fields_dict(cls)["tool_calls"].type, _converter)
    for at in range(0, len(values), _CALLS_PER_STEP):
        with suppress(TypeError):  # raised if none of these values is a tool call
            calls += read(values[at : at + _CALLS_PER_STEP], None)
        yield
    return tuple(calls)


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


# The fields of models call the next two functions only for values that need decoding.
def _refuse(_: object, __: object) -> NoReturn:
    raise TypeError


def _integer(value: object, _: object) -> int:
    if type(value) is float and value.is_integer():
        return int(value)
    raise TypeError


def _tuple_reader(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    item_type = cls.__args__[0]
    decode_item = converter.get_structure_hook(item_type)

    def read_item(value: object) -> object:
        # A list item of the wrong type is dropped, so that callers get the other items.
        try:
            return None if value is None else decode_item(value, item_type)
        except (TypeError, ValueError):
            return None

    def read(value: object, _: object) -> tuple[object, ...]:
        if type(value) is not list:
            raise TypeError
        items = [i for i in map(read_item, value) if i is not None]
        if not items and any(i is not None for i in value):
            raise TypeError
        return tuple(items)

    return read


def _model_reader(cls: Any, converter: BaseConverter) -> Callable[[Any, Any], Any]:
    fields = {
        a.metadata.get("wire", a.name): _field_reader(a, converter)
        for a in attrs.fields(cls)
        if a.init and a.name not in _OWN_FIELDS
    }
    normalise = NORMALISERS[cls.__name__]

    def read(raw: Any, _: object) -> object:
        if type(raw) is not dict:
            raise TypeError
        known: dict[str, object] = {}
        extra: dict[str, JSON] = {}
        for key, value in normalise(raw).items():
            if key not in fields:
                extra[key] = value
            elif value is not None:
                name, plain, decode_value, kind = fields[key]
                try:
                    known[name] = (
                        value if type(value) in plain else decode_value(value, kind)
                    )
                except (TypeError, ValueError):
                    extra[key] = value
        return as_sent(cls(**known, extra=extra, wire=raw))

    return read


def _field_reader(
    attribute: Any, converter: BaseConverter
) -> tuple[str, frozenset[type], Callable[[Any, Any], Any], Any]:
    """
    Return how to decode a field whose JSON value is not null: its name, the types of
    the values that need no decoding, the function that decodes others, and the field's
    type, which is that function's second argument.
    """
    kind = attribute.type
    kinds = {*get_args(kind)} if isinstance(kind, UnionType) else {kind}
    kinds.discard(type(None))
    if len(kinds) == 1:
        (kind,) = kinds
    plain = frozenset(kinds & {str, int})
    return attribute.name, plain, converter.get_structure_hook(kind), kind


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Model)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(str, _refuse)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook_func(lambda cls: cls == str | int | None, _refuse)
    converter.register_structure_hook_factory(_is_tuple, _tuple_reader)
    converter.register_structure_hook_factory(_is_model, _model_reader)
    return converter


_converter = _make_converter()

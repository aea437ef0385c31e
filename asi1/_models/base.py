"""
The base class of all objects decoded from JSON; they keep all that the server sent.

``wire`` contains the server's JSON object, so that `Model.to_dict` returns exactly what
the server sent, and a null differs from a missing key. A copy changed by
``attrs.evolve`` keeps ``wire`` but loses the mark that `as_sent` sets, so `to_dict` of
the copy returns the changed fields. This module has no ``from __future__ import
annotations``, since cattrs reads annotations at run time.
"""

import copy

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from attrs import field, frozen

from .._fork_lock import run_apart_once
from .base_types import JSON, ClassHint, default_of, fields_repr, public, use_defaults


__all__ = ["Model", "as_sent", "set_thoughts", "setters", "value_of"]

_M = TypeVar("_M", bound="Model")

# Fields that asi1 adds to those of the server; the JSON form of an object lacks them.
_NOT_IN_JSON = {"extra", "wire", "response", "parsed", "parsed_from", "earlier"}


@public
@frozen(kw_only=True)
class Model:
    """
    Base class of all objects that are decoded from JSON.

    Attributes:
        extra: Keys and values of the server's object for which this class has no field,
            or whose value does not have the field's type.
        wire: The object as the server sent it, but without lone surrogates; None if
            asi1 built the object itself, such as a streamed answer. A changed copy
            keeps it: ``attrs.evolve(message, content="...", wire=None)`` removes it.
    """

    extra: Mapping[str, JSON] = field(factory=dict)
    wire: Mapping[str, JSON] | None = field(default=None, repr=False, eq=False)
    # True if the fields have the values in ``wire``; set by `as_sent` only. It is not
    # an argument of ``__init__``, so `attrs.evolve` does not copy it to a changed copy.
    _as_sent: bool = field(init=False, eq=False, repr=False)

    def to_dict(self) -> dict[str, JSON]:
        """
        Return a copy of the object as a dict of JSON values.

        The dict contains every key and value that the server sent. If ``wire`` is None,
        the dict contains the fields under their JSON names, but no empty fields except
        ``content``. The same holds for a copy that ``attrs.evolve`` changed, but its
        dict also contains the server's nulls.
        """
        if self.wire is not None:
            if self._as_sent:
                return copy.deepcopy(dict(self.wire))
            return dict(_changed_items(self, self.wire))
        fields = {
            key: _json_value(getattr(self, a.name))
            for key, a in _json_fields(type(self)).items()
        }
        filled = {
            key: value
            for key, value in fields.items()
            if value not in (None, [], "") or key == "content"
        }
        return filled | copy.deepcopy(dict(self.extra))

    def to_json(self, *, indent: int | None = None) -> str:
        """
        Return `to_dict` as JSON text; lone surrogates become U+FFFD.

        Args:
            indent: The indentation, in spaces; None for one line.
        """
        return _dump()[1](self.to_dict(), indent)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        exclude_none: bool = False,
        exclude_unset: bool = False,
        **options: JSON,
    ) -> dict[str, JSON]:
        """
        Return the object as a dict of JSON values, as OpenAI's client does.

        The dict has every key that the server sent, and every field under its JSON
        name; fields without a value are None.

        Args:
            mode: Without effect; accepted for programs written for OpenAI's client.
            include: The keys that the dict has; all if left out.
            exclude: Keys that the dict does not have.
            exclude_none: Leaves out all values that are None. The dict of a message can
                then be sent back in a later request.
            exclude_unset: Returns the same as `to_dict`.
            **options: Other options of pydantic. Those that could change nothing here,
                such as ``by_alias``, are accepted.

        Raises:
            TypeError: asi1 does not support one of *options*, or *include* or
                *exclude* is not a set of names.
        """
        del mode  # all values are JSON values in either mode
        keep = _dump()[2](include, exclude, options)
        if exclude_unset:
            return keep(self.to_dict())
        dump = _dump()[0](self, left_out=_NOT_IN_JSON, exclude_none=exclude_none)
        return keep(dump)

    def model_dump_json(
        self,
        *,
        indent: int | None = None,
        include: Collection[str] | None = None,
        exclude: Collection[str] | None = None,
        exclude_none: bool = False,
        exclude_unset: bool = False,
        **options: JSON,
    ) -> str:
        """Return `model_dump` as JSON text; *indent* in spaces, None for one line."""
        dump = self.model_dump(
            include=include,
            exclude=exclude,
            exclude_none=exclude_none,
            exclude_unset=exclude_unset,
            **options,
        )
        return _dump()[1](dump, indent)

    __repr__ = fields_repr  # inherited by subclasses with ``repr=False``

    def __iter__(self) -> Iterator[tuple[str, JSON]]:
        """Yield the items of `model_dump` that are not None, for ``dict(...)``."""
        return iter(self.model_dump(exclude_none=True).items())

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: object) -> JSON:
        """Return pydantic's schema of a field whose type is this class."""
        return _field_schema()(cls)

    if not TYPE_CHECKING:
        model_construct, model_fields, model_validate, model_validate_json = map(
            ClassHint,
            (
                "model_construct",
                "model_fields",
                "model_validate",
                "model_validate_json",
            ),
        )

        def __getattr__(self, name: str) -> Any:
            # Python calls this for an attribute that the class does not have, and while
            # an object is copied or unpickled, for fields not set yet.
            if name == "_as_sent":  # a chunk of the fast path is as the server sent it
                return getattr(self, "_pending", None) is not None
            private = name.startswith("_") and name != "_request_id"
            if private or name in ("extra", "response", "wire"):
                raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
            return _missing_attribute()(self, name)


_mark = Model._as_sent.__set__  # type: ignore[attr-defined]  # noqa: SLF001


def as_sent(model: _M, source: Model | None = None) -> _M:
    """
    Mark *model* as unchanged, so that `to_dict` returns its ``wire``; return *model*.

    Args:
        model: A new object.
        source: The object from which *model* was made; *model* is marked only if
            *source* is.
    """
    if source is None or source._as_sent:  # noqa: SLF001
        _mark(model, True)
    return model


def setters(cls: type[Model]) -> dict[str, Callable[[Any, Any], None]]:
    """Return functions that set the fields of *cls*, whose objects are frozen."""
    return {a.name: getattr(cls, a.name).__set__ for a in attrs.fields(cls)}


def value_of(model: Model, name: str) -> Any:
    """Return the field *name* of *model*; None if the field is lazy and not set yet."""
    try:
        return getattr(type(model), name).__get__(model)
    except AttributeError:
        return None


def _json_fields(cls: type[Model]) -> dict[str, "attrs.Attribute[Any]"]:
    """Return the fields that are in the JSON form of an object, by their keys there."""
    return {
        a.metadata.get("wire", a.name): a
        for a in attrs.fields(cls)
        if a.init and a.name not in _NOT_IN_JSON
    }


def _changed_items(
    model: Model, wire: Mapping[str, JSON]
) -> Iterator[tuple[str, JSON]]:
    """Yield the JSON items of a changed copy: first those whose key is in *wire*."""
    fields = _json_fields(type(model))
    for key in dict.fromkeys((*wire, *fields, *model.extra)):
        sent = wire.get(key)
        if key in fields:
            value = getattr(model, fields[key].name)
            plain = value == default_of(fields[key])
            if not plain or (not _is_empty(sent) and key not in model.extra):
                if key == "content" or not plain or not _is_empty(value):
                    yield key, _json_value(value)
                continue
        if key in model.extra:
            yield key, copy.deepcopy(model.extra[key])
        elif key in wire and _is_empty(sent):
            yield key, copy.deepcopy(sent)
        # Any other key of *wire* is an alternative name of a field, and is left out.


def _is_empty(value: JSON) -> bool:
    return value is None or value in ("", [], ())


def _json_value(value: JSON) -> JSON:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return copy.deepcopy(value)


@run_apart_once
def _dump() -> tuple[
    Callable[..., dict[str, JSON]],
    Callable[[JSON, int | None], str],
    Callable[..., Callable[[dict[str, JSON]], dict[str, JSON]]],
]:
    from .model_dump import dumped, dumped_text, keeper  # noqa: PLC0415 - rarely needed

    return dumped, dumped_text, keeper


@run_apart_once
def _field_schema() -> Callable[[type], JSON]:
    from .pydantic_field import field_schema  # noqa: PLC0415 - pydantic is optional

    return field_schema


@run_apart_once
def _missing_attribute() -> Callable[[object, str], JSON]:
    from .openai_names import missing_attribute  # noqa: PLC0415 - rarely needed

    return missing_attribute


def set_thoughts(whole: Any, part: str, thoughts: str) -> None:
    """
    Set *thoughts* as ``reasoning_content`` of the message of choice 0.

    Args:
        whole: A new answer or chunk that has its thoughts beside the choices.
        part: The field of a choice that holds the message: "message" or "delta".
        thoughts: The thoughts; "" for none.
    """
    if type(whole.choices) is not tuple:
        use_defaults(whole)
    for place, choice in enumerate(whole.choices):
        if type(choice) is dict:
            raise TypeError("choices: must be objects such as ChatChoice, not dicts")
        message = getattr(choice, part, None)
        if message is None or choice.index != 0:
            continue
        if message._thoughts != thoughts:  # noqa: SLF001
            # An answer made by `attrs.evolve` shares its message with the original, so
            # the message is copied. A decoded answer has a message of its own.
            if message._thoughts or not (whole.wire or {}).get("thought"):  # noqa: SLF001
                message, choice = copy.copy(message), copy.copy(choice)  # noqa: PLW2901
                object.__setattr__(choice, part, message)
                before, after = whole.choices[:place], whole.choices[place + 1 :]
                object.__setattr__(whole, "choices", (*before, choice, *after))
            object.__setattr__(message, "_thoughts", thoughts)
        return

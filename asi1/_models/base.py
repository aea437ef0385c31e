"""
The base class of all decoded objects, which store everything that the server sent.

``wire`` contains the server's JSON object, so that `Model.to_dict` returns exactly what
the server sent, and a null differs from a missing key. This module has no
``from __future__ import annotations``, since cattrs reads annotations at run time.
"""

import copy

from collections.abc import Callable, Mapping

import attrs

from attrs import field, frozen

from .._fork_lock import run_apart_once
from .base_types import JSON, public


__all__ = ["Model"]

# Fields that asi1 adds, so that `to_dict` leaves them out. ``wire`` needs no entry: it
# is None whenever `to_dict` reads the fields.
_NOT_IN_JSON = {"extra", "response", "parsed", "parsed_from", "earlier"}


@public
@frozen(kw_only=True)
class Model:
    """
    Base class of all decoded objects.

    Attributes:
        extra: Keys and values of the server's object for which this class has no field,
            or whose value does not have the field's type.
        wire: The object as the server sent it, but without lone surrogates; None if
            asi1 built the object itself, such as a streamed answer.
    """

    extra: Mapping[str, JSON] = field(factory=dict)
    wire: Mapping[str, JSON] | None = field(default=None, repr=False, eq=False)

    def to_dict(self) -> dict[str, JSON]:
        """
        Return a copy of the object as a dict of JSON values.

        The dict contains every key and value that the server sent. If ``wire`` is None,
        it contains the fields under their JSON names, without empty fields other than
        ``content``.
        """
        if self.wire is not None:
            return copy.deepcopy(dict(self.wire))
        fields = {
            a.metadata.get("wire", a.name): _json_value(getattr(self, a.name))
            for a in attrs.fields(type(self))
            if a.name not in _NOT_IN_JSON
        }
        filled = {
            key: value
            for key, value in fields.items()
            if value not in (None, [], "") or key == "content"
        }
        return filled | copy.deepcopy(dict(self.extra))

    def to_json(self) -> str:
        """Return `to_dict` as JSON text; lone surrogates become U+FFFD."""
        return _json_text()(self.to_dict())


def _json_value(value: JSON) -> JSON:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return copy.deepcopy(value)


@run_apart_once
def _json_text() -> Callable[[JSON], str]:
    from .json_text import json_text  # noqa: PLC0415 - a new client loads no orjson

    return json_text

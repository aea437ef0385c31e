"""
What all decoded objects share: nothing that the server sent is lost.

The object as it came is kept in ``wire``, so that `Model.to_dict` gives back exactly
what was sent, null and missing told apart. No ``from __future__ import annotations``
here: the decoder reads these annotations at run time.
"""

import copy

from collections.abc import Callable, Mapping

import attrs

from attrs import field, frozen

from .._fork_lock import loader
from .base_types import JSON, public


__all__ = ["Model"]

# Fields of ours that are no part of the wire form.
_OURS = {"extra", "wire", "response"}


@public
@frozen(kw_only=True)
class Model:
    """
    What all decoded objects share.

    Attributes:
        extra: The keys of the server's object that have no field here, and those whose
            value has another type than the field's.
        wire: The object as the server sent it; None where asi1 put it together itself,
            as it does with streamed answers.
    """

    extra: Mapping[str, JSON] = field(factory=dict)
    wire: Mapping[str, JSON] | None = field(default=None, repr=False, eq=False)

    def to_dict(self) -> dict[str, JSON]:
        """
        Return the object as JSON values, a copy that is yours to change.

        Holds every key and value that the server sent. For an object without ``wire``
        the fields are written under their wire names, those without a value left out.
        """
        if self.wire is not None:
            return copy.deepcopy(dict(self.wire))
        named = {
            a.metadata.get("wire", a.name): _plain(getattr(self, a.name))
            for a in attrs.fields(type(self))
            if a.name not in _OURS
        }
        kept = {
            key: value
            for key, value in named.items()
            if value not in (None, [], "") or key == "content"
        }
        return kept | copy.deepcopy(dict(self.extra))

    def to_json(self) -> str:
        """Return `to_dict` as JSON text; lone surrogates are escaped."""
        return _json_text()(self.to_dict())


def _plain(value: JSON) -> JSON:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return copy.deepcopy(value)


@loader
def _json_text() -> Callable[[JSON], str]:
    from .json_text import json_text  # noqa: PLC0415 - a client is made without orjson

    return json_text

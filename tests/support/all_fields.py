"""All values of a model, so that two models can be compared down to types and order."""

from __future__ import annotations

import attrs

import asi1


__all__ = ["all_fields"]


def all_fields(value):
    """
    Return all values of a model and of the models in it, with types and order of keys.
    """
    if isinstance(value, asi1.Model):
        fields = [a.name for a in attrs.fields(type(value)) if a.init]
        return type(value), {name: all_fields(getattr(value, name)) for name in fields}
    if isinstance(value, tuple):
        return [all_fields(item) for item in value]
    return repr(value)

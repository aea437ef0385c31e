"""Errors are public, and plain data: they pickle, copy and compare."""

from __future__ import annotations

import copy
import pickle
import types
import typing

from collections.abc import Mapping, Sequence

import attrs
import pytest

import asi1


def family(cls):
    """Return an error class of ours and all that inherit from it, listed or not."""
    below = {error for child in cls.__subclasses__() for error in family(child)}
    return {cls, *below} if cls.__module__.startswith("asi1") else below


for _name in asi1.__all__:
    getattr(asi1, _name)  # loads every module, so that no error class is missing

ERRORS = sorted(family(asi1.ASI1Error), key=lambda cls: cls.__name__)


def test_every_error_is_public():
    """
    Each error class is listed in ``asi1.__all__`` and calls itself a name of ``asi1``.
    """
    assert asi1.RateLimitError in ERRORS
    assert [] == [e.__name__ for e in ERRORS if e.__name__ not in asi1.__all__]
    assert {"asi1"} == {e.__module__ for e in ERRORS}


def sample(kind, name="", depth=0):
    """Return a value of an annotated type that is no default and is its own equal."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return sample(next(a for a in args if a is not type(None)), name, depth)
    if origin is typing.Literal:
        return args[-1]
    if origin is tuple and depth < 2:
        return (sample(args[0], name, depth + 1),)
    if origin and issubclass(origin, Mapping):
        return {"key": sample(args[1], name, depth + 1)}
    if origin and issubclass(origin, Sequence):
        return ()
    if attrs.has(kind):
        return build(kind, depth + 1)
    plain = {str: f"a {name}", int: 7, float: 1.5, bool: True, bytes: b"\x00\xff"}
    return plain.get(kind, {"key": [None, 1, "two"]})


def build(cls, depth=0):
    """Return an instance of an attrs class with every argument given."""
    hints = typing.get_type_hints(cls.__init__)
    values = {
        field.alias: sample(hints[field.alias], field.name, depth)
        for field in attrs.fields(cls)
        if field.init
    }
    first = [values.pop("message")] if issubclass(cls, Exception) else []
    return cls(*first, **values)


def pickled(error):
    """Return what comes back from a pickle of each protocol, one through the other."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        error = pickle.loads(pickle.dumps(error, protocol))
    return error


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_errors_survive_a_copy(cls, copied):
    """
    An error that was pickled or copied equals the first, in every field and as text.
    """
    error = build(cls)

    twin = copied(error)

    assert cls is type(twin)
    assert error == twin
    assert hash(error) == hash(twin)
    assert (str(error), repr(error), error.args) == (str(twin), repr(twin), twin.args)
    for field in attrs.fields(cls):
        assert getattr(error, field.name) == getattr(twin, field.name)


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_errors_name_no_private_module(cls, protocol):
    """
    A pickled error names public classes only, so that another version of asi1 reads it.
    """
    data = pickle.dumps(build(cls), protocol)

    assert b"asi1" in data
    assert b"asi1._" not in data
    assert b"asi1\n_" not in data


@pytest.mark.parametrize("cls", ERRORS)
def test_errors_differ_by_any_field(cls):
    """
    Two errors are equal only if their class and all their fields are.
    """
    for field in attrs.fields(cls):
        other = build(cls)
        object.__setattr__(other, field.name, object())

        assert build(cls) != other, field.name
    assert all(build(cls) != build(c) for c in ERRORS if c is not cls)

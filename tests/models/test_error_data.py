"""Errors are public, and can be pickled, copied and compared."""

from __future__ import annotations

import copy
import pickle
import types
import typing

from collections.abc import Mapping, Sequence

import attrs
import pytest

import asi1


def error_classes(cls):
    """
    Return the classes that asi1 defines, public or not, among *cls* and its subclasses.
    """
    below = {error for child in cls.__subclasses__() for error in error_classes(child)}
    return {cls, *below} if cls.__module__.startswith("asi1") else below


for _name in asi1.__all__:
    getattr(asi1, _name)  # loads the module, so that its error classes exist

# A program that does not use `asi1.testing` never meets the errors of that package.
ERRORS = sorted(
    (e for e in error_classes(asi1.ASI1Error) if e.__module__ != "asi1.testing"),
    key=lambda cls: cls.__name__,
)


def test_every_error_class_is_a_public_name_of_asi1():
    """
    Each error class outside of `asi1.testing` is in ``asi1.__all__``, and its
    ``__module__`` is ``asi1``.
    """
    assert asi1.RateLimitError in ERRORS
    assert [] == [e.__name__ for e in ERRORS if e.__name__ not in asi1.__all__]
    assert {"asi1"} == {e.__module__ for e in ERRORS}


def sample(kind, name="", depth=0):
    """Return a value of type *kind* that no error field has by default."""
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
    """Return an instance of an attrs class, created with a value for every argument."""
    hints = typing.get_type_hints(cls.__init__)
    values = {
        field.alias: sample(hints[field.alias], field.name, depth)
        for field in attrs.fields(cls)
        if field.init
    }
    first = [values.pop("message")] if issubclass(cls, Exception) else []
    return cls(*first, **values)


def pickled(error):
    """
    Return *error* after pickling and unpickling it with every pickle protocol in turn.
    """
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        error = pickle.loads(pickle.dumps(error, protocol))
    return error


@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickled])
def test_copied_or_unpickled_error_equals_the_original(cls, copying):
    """
    An error that was pickled and unpickled, or copied, equals the original in class,
    fields, text and hash.
    """
    error = build(cls)

    copied_error = copying(error)

    assert cls is type(copied_error)
    assert error == copied_error
    assert hash(error) == hash(copied_error)
    assert (str(error), repr(error), error.args) == (
        str(copied_error),
        repr(copied_error),
        copied_error.args,
    )
    for field in attrs.fields(cls):
        assert getattr(error, field.name) == getattr(copied_error, field.name)


@pytest.mark.system
@pytest.mark.parametrize("cls", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_error_names_public_classes_only(cls, protocol):
    """
    A pickled error names public classes only, so that another version of asi1 can read
    it.
    """
    data = pickle.dumps(build(cls), protocol)

    assert b"asi1" in data
    assert b"asi1._" not in data
    assert b"asi1\n_" not in data


@pytest.mark.system
@pytest.mark.parametrize("cls", ERRORS)
def test_errors_that_differ_in_one_field_are_not_equal(cls):
    """
    Two errors are equal only if they have the same class and all their fields are
    equal.
    """
    for field in attrs.fields(cls):
        other = build(cls)
        object.__setattr__(other, field.name, object())

        assert build(cls) != other, field.name
    assert all(build(cls) != build(c) for c in ERRORS if c is not cls)

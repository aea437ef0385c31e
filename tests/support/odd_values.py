"""Objects that make careless checks raise: one in ``bool``, the other in ``repr``."""

from __future__ import annotations


class Ambiguous:
    """
    Like a numpy array: ``bool`` of the object, or of ``==`` with it, raises an error.
    """

    __hash__ = None

    def __bool__(self):
        raise ValueError("the truth value of an array is ambiguous")

    def __eq__(self, other):
        return self


class Unprintable:
    """An object whose repr raises an error."""

    def __repr__(self):
        raise RuntimeError("no repr")

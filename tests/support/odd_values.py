"""Values with which a check can fail although it expects any object."""

from __future__ import annotations


class Ambiguous:
    """Like a numpy array: has no truth value, and equals every object."""

    __hash__ = None

    def __bool__(self):
        raise ValueError("the truth value of an array is ambiguous")

    def __eq__(self, other):
        return self


class Unprintable:
    """An object whose repr fails."""

    def __repr__(self):
        raise RuntimeError("no repr")

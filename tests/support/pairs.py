"""Parametrize a test with some combinations of its parameters instead of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest


__all__ = ["LOOPS", "in_pairs"]

LOOPS = ("asyncio", "trio")


def in_pairs(
    name: str, values: Iterable[object], other: str, others: Sequence[object]
) -> pytest.MarkDecorator:
    """
    Return a mark that runs a test with each pair of a value of *name* and one of
    *other*, on the two event loops in turn.

    Each value of *name*, and each of the two values *others*, then runs on both event
    loops, in half as many tests as there are combinations.
    """
    return pytest.mark.parametrize(
        (name, other, "anyio_backend"),
        [
            pytest.param(value, each, LOOPS[(row + place) % 2], id=_id(value, each))
            for row, value in enumerate(values)
            for place, each in enumerate(others)
        ],
        indirect=["anyio_backend"],
    )


def _id(value: object, other: object) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    return "-".join(map(str, (*parts, other)))

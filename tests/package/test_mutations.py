"""The changes that `tests.support.mutants` makes, and those that it need not make."""

from __future__ import annotations

import ast

from pathlib import Path

import pytest

from ..support.mutants import EQUIVALENT, TESTS, source_of
from ..support.mutations import mutants_of, mutated


def changed(source):
    """Return what each change makes of a source."""
    return [ast.unparse(mutated(source, m)) for m in mutants_of("m", source)]


@pytest.mark.parametrize(
    ("source", "others"),
    [
        pytest.param("a < b", ["a <= b", "a >= b", "pass"], id="comparison"),
        pytest.param("a = b is None", ["a = b is not None"], id="identity"),
        pytest.param("a = b + c", ["a = b - c"], id="arithmetic"),
        pytest.param("a = b and c", ["a = b or c"], id="both"),
        pytest.param("a = not b", ["a = b"], id="negation"),
        pytest.param("a = 5", ["a = 6"], id="number"),
        pytest.param("a = True", ["a = False"], id="flag"),
        pytest.param("a = 'b'", ["a = 'XXb'"], id="text"),
        pytest.param("a = b'b'", ["a = b'XXb'"], id="bytes"),
        pytest.param("a = b(c=d)", ["a = b()"], id="keyword"),
        pytest.param("a.b = c", ["pass"], id="attribute"),
        pytest.param("a = b if c else d", ["a = b if not c else d"], id="condition"),
        pytest.param("a += b", ["a -= b", "pass"], id="growth"),
    ],
)
def test_each_kind_of_change_is_made(source, others):
    """
    What can be wrong in a line is made wrong, one thing at a time.
    """
    assert sorted(others) == sorted(changed(source))


@pytest.mark.parametrize(
    "source",
    [
        "import a",
        "'a docstring'",
        "__all__ = ['a']",
        "def a(b: 'c' = d) -> 5: 'e'",
        "T: TypeAlias = b | 5",
    ],
)
def test_what_is_for_people_is_left_alone(source):
    """
    Imports, docstrings, lists of names and types are not changed.
    """
    assert [] == changed(source)


def test_messages_are_left_alone():
    """
    Of a raise, the statement can go, the words of its message stay.
    """
    assert ["pass"] == changed("raise A('b', f'c {d}')")


def test_what_is_taken_for_equivalent_exists():
    """
    The table of changes that need not be noticed names none that cannot be made, and
    gives a reason for each.
    """
    made = {(m, c.change) for m in TESTS for c in mutants_of(m, source_of(m))}

    assert set() == set(EQUIVALENT) - made
    assert all(EQUIVALENT.values())


def test_every_test_file_of_the_table_exists():
    """
    The table of modules and their tests is true.
    """
    files = {
        Path(__file__).parents[1] / f"{name}.py"
        for names in TESTS.values()
        for name in names
    }

    assert [] == [file.name for file in files if not file.exists()]

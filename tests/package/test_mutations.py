"""The code that the mutation run changes, and the code that it does not change."""

from __future__ import annotations

import ast

from pathlib import Path

import pytest

from ..support.mutant_tests import EQUIVALENT, LAYERS, TESTS
from ..support.mutants import path_of, source_of
from ..support.mutations import mutants_of, mutated


def sources_of_mutants(source):
    """
    Return one changed source for each change that the mutation run makes to *source*.
    """
    return [ast.unparse(mutated(source, m)) for m in mutants_of("m", source)]


@pytest.mark.parametrize(
    ("source", "mutated_sources"),
    [
        pytest.param("a < b", ["a <= b", "a >= b", "pass"], id="comparison"),
        pytest.param("a = b is None", ["a = b is not None"], id="identity"),
        pytest.param("a = b + c", ["a = b - c"], id="arithmetic"),
        pytest.param("a = b and c", ["a = b or c"], id="and"),
        pytest.param("a = not b", ["a = b"], id="negation"),
        pytest.param("a = 5", ["a = 6"], id="number"),
        pytest.param("a = True", ["a = False"], id="flag"),
        pytest.param("a = 'b'", ["a = 'XXb'"], id="string"),
        pytest.param("a = b'b'", ["a = b'XXb'"], id="bytes"),
        pytest.param("a = b(c=d)", ["a = b()"], id="keyword"),
        pytest.param("a.b = c", ["pass"], id="attribute"),
        pytest.param("a = b if c else d", ["a = b if not c else d"], id="condition"),
        pytest.param("a += b", ["a -= b", "pass"], id="augmented-assignment"),
    ],
)
def test_mutation_run_changes_each_operator_constant_and_condition(
    source, mutated_sources
):
    """
    The mutation run changes each operator, constant, condition and statement of a line,
    one at a time.
    """
    assert sorted(mutated_sources) == sorted(sources_of_mutants(source))


@pytest.mark.parametrize(
    "source",
    [
        "import a",
        "'a docstring'",
        "__all__ = ['a']",
        "def a(b: 'c' = d) -> 5: 'e'",
        "T: TypeAlias = b | 5",
        "if TYPE_CHECKING: from a import b",
    ],
)
def test_mutation_run_does_not_change_imports_docstrings_and_types(source):
    """
    The mutation run does not change imports, docstrings, ``__all__`` and types.
    """
    assert [] == sources_of_mutants(source)


def test_mutation_run_does_not_change_error_messages():
    """
    The mutation run may remove a raise statement, but does not change the text of an
    error message.
    """
    assert ["pass"] == sources_of_mutants("raise A('b', f'c {d}')")


@pytest.mark.system
def test_every_mutation_that_no_test_can_notice_has_a_reason():
    """
    Some mutations change nothing that a test could notice. The table of these mutations
    names only mutations that the run makes, and gives a reason for each.
    """
    made = {(m, c.change) for m in TESTS for c in mutants_of(m, source_of(m))}

    assert set() == set(EQUIVALENT) - made
    assert all(EQUIVALENT.values())


def test_every_test_file_in_the_table_of_mutated_modules_exists():
    """
    The table that lists the tests of each mutated module names test files that exist.
    """
    files = {
        Path(__file__).parents[1] / f"{name}.py"
        for names in TESTS.values()
        for name in names
    }

    assert [] == [file.name for file in files if not file.exists()]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_module_that_can_be_mutated_has_tests_in_the_table(layer):
    """
    If the mutation run can change a module of `_models`, `_settings`, `_protocol` or
    `_call`, the module has a test file of its own name, or the table lists its tests.
    """
    folder = path_of(layer).with_suffix("")
    modules = {
        ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        for path in folder.rglob("*.py")
    }

    assert [] == [
        module
        for module in sorted(modules - set(TESTS))
        if mutants_of(module, source_of(module))
    ]

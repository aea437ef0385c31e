"""The name and the description that a tool takes from its function."""

from __future__ import annotations

import functools

import pytest

import asi1

from asi1._protocol.tools.callables import description_of, name_of, without_partials


def add(a, b):
    """Add two numbers."""
    return a + b


class Adder:
    """Adds numbers."""

    def __call__(self, a, b):
        return a + b


@pytest.mark.parametrize(
    ("function", "name", "description"),
    [
        (add, "add", "Add two numbers."),
        (functools.partial(add, b=1), "add", "Add two numbers."),
        (Adder(), "Adder", "Adds numbers."),
        (lambda: 1, None, ""),
    ],
    ids=["function", "partial", "object", "lambda"],
)
def test_name_and_description_of_a_tool_come_from_its_function(
    function, name, description
):
    """
    A function, the function of a partial, or the class of an object gives the name and
    the description of the tool. A lambda has no name that the API accepts.
    """
    assert description == description_of(function)
    assert "other" == name_of(function, "other")
    if name is None:
        with pytest.raises(asi1.ArgumentError, match="1 to 64 ASCII letters"):
            name_of(function, None)
    else:
        assert name == name_of(function, None)


def test_keyword_arguments_of_nested_partials_are_found():
    """The keyword arguments that nested partials set are found, since the model cannot
    give these arguments.
    """
    nested = functools.partial(functools.partial(add, a=1), b=2)

    assert (add, {"a", "b"}) == without_partials(nested)

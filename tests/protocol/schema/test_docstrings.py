"""Descriptions of classes, fields and parameters from docstrings."""

from __future__ import annotations

import dataclasses

from typing import NamedTuple

import pytest

from asi1._protocol.schema.docstrings import Docs, read_docs


def google(a, b, *more):
    """
    Do it.

    It takes
    two lines.

    Args:
        a: The first,
            of two.
        b (int): The second: last.
        *more: The rest.

    Returns:
        Nothing.
    """


def numpy(a, b, c):
    """
    Do it.

    Parameters
    ----------
    a : int
        The first,
        of two.
    b, c
        The others.

    Returns
    -------
    None
    """


def sphinx(a, b):
    """
    Do it.

    :param a: The first,
        of two.
    :param int b: The second.
    :returns: Nothing.
    """


class Google:
    """
    A thing.

    Attributes:
        a: The first, of two.
    """


class Numpy:
    """
    A thing.

    Attributes
    ----------
    a : int
        The first, of two.
    """


class Sphinx:
    """
    A thing.

    :ivar a: The first, of two.
    """


class Inherits(Google):
    pass


@dataclasses.dataclass
class Generated:
    a: int


class GeneratedTuple(NamedTuple):
    a: int


class Odd:
    """
    Args:

    :param
    """


FIRST = "The first, of two."


@pytest.mark.parametrize(
    ("thing", "text", "names"),
    [
        (
            google,
            "Do it.\n\nIt takes two lines.",
            {"a": FIRST, "b": "The second: last.", "more": "The rest."},
        ),
        (numpy, "Do it.", {"a": FIRST, "b": "The others.", "c": "The others."}),
        (sphinx, "Do it.", {"a": FIRST, "b": "The second."}),
        (Google, "A thing.", {"a": FIRST}),
        (Numpy, "A thing.", {"a": FIRST}),
        (Sphinx, "A thing.", {"a": FIRST}),
        (Inherits, "", {}),
        (Generated, "", {}),
        (GeneratedTuple, "", {}),
        (lambda: None, "", {}),
    ],
)
def test_docstring_of_each_style_gives_text_and_descriptions(thing, text, names):
    """
    The text and the descriptions of parameters or attributes are read from docstrings
    in Google's, NumPy's and Sphinx's styles. A generated docstring is ignored.
    """
    assert Docs(text, names) == read_docs(thing)


def test_docstring_with_malformed_sections_raises_no_error():
    """
    Reading a docstring with malformed or empty sections does not raise an error.
    """
    assert isinstance(read_docs(Odd), Docs)

"""Descriptions of classes, fields and parameters from docstrings."""

from __future__ import annotations

import dataclasses

from typing import NamedTuple

import pytest

from asi1._protocol.schema.docstrings import Docs, read_docs


def google_sample(a, b, *more):
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


def numpy_sample(a, b, c):
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


def sphinx_sample(a, b):
    """
    Do it.

    :param a: The first,
        of two.
    :param int b: The second.
    :returns: Nothing.
    """


class GoogleSample:
    """
    A thing.

    Attributes:
        a: The first, of two.
    """


class NumpySample:
    """
    A thing.

    Attributes
    ----------
    a : int
        The first, of two.
    """


class SphinxSample:
    """
    A thing.

    :ivar a: The first, of two.
    """


class Inherits(GoogleSample):
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
            google_sample,
            "Do it.\n\nIt takes two lines.",
            {"a": FIRST, "b": "The second: last.", "more": "The rest."},
        ),
        (numpy_sample, "Do it.", {"a": FIRST, "b": "The others.", "c": "The others."}),
        (sphinx_sample, "Do it.", {"a": FIRST, "b": "The second."}),
        (GoogleSample, "A thing.", {"a": FIRST}),
        (NumpySample, "A thing.", {"a": FIRST}),
        (SphinxSample, "A thing.", {"a": FIRST}),
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

"""Which member of a union type a JSON value is decoded as."""

from __future__ import annotations

import datetime as dt

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import pytest

from asi1._protocol.schema.mismatch import MismatchError
from asi1._protocol.schema.output_type import output_type


@dataclass
class Text:
    type: Literal["text", "markdown"]
    text: str


@dataclass
class Image:
    type: Literal["image"]
    url: str


@dataclass
class Old:
    type: Literal["file"]
    name: str


@dataclass
class New:
    type: Literal["file", "link"]
    url: str


@dataclass
class Sum:
    parts: list[Text | Image | Sum]


@dataclass
class Named:
    name: str
    age: int = 0


@dataclass
class Titled:
    name: str
    title: str = ""


@dataclass
class Wide:
    name: str
    age: float | None = None
    note: str | None = None


def decode(spec, value):
    """Decode the JSON value *value* as the type *spec*."""
    return output_type(spec).decode(value)


@pytest.mark.parametrize(
    ("spec", "data", "value"),
    [
        (Text | Image, {"type": "image", "url": "u"}, Image("image", "u")),
        (Text | Image, {"type": "markdown", "text": "t"}, Text("markdown", "t")),
        (Old | New, {"type": "file", "name": "a"}, Old("file", "a")),
        (Old | New, {"type": "file", "url": "a"}, New("file", "a")),
        (Named | Titled, {"name": "a", "title": "b"}, Titled("a", "b")),
        (Named | Titled, {"name": "a", "age": 3}, Named("a", 3)),
        (Named | Titled, {"name": "a"}, Named("a")),
        (Titled | Named, {"name": "a"}, Titled("a")),
        (Named | Wide, {"name": "a", "age": 1.5}, Wide("a", 1.5)),
        (Named | dict[str, int], {"size": 1}, {"size": 1}),
        (Named | dict[str, str], {"name": "a", "age": "3"}, {"name": "a", "age": "3"}),
        (list[int] | dict[str, int], {}, {}),
        (set[str] | tuple[int, int], [1, 2], (1, 2)),
        (str | int, 1, 1),
        (float | int, 1, 1),
        (int | float, 1.5, 1.5),
        (bool | int, True, True),
        (int | bool, 1, 1),
        (str | Decimal, "1.50", Decimal("1.50")),
        (Decimal | float, 1.5, 1.5),
        (str | dt.datetime | dt.date, "2026-01-01", dt.date(2026, 1, 1)),
        (str | dt.date, "2026-13-01", "2026-13-01"),
        (str | Literal["a"], "a", "a"),  # noqa: PYI051
        (int | None, None, None),
    ],
)
def test_value_is_decoded_as_the_member_of_a_union_that_fits_best(spec, data, value):
    """
    A value is decoded as the member of a union whose tag, keys or type fits best. The
    order of the union's members does not matter.
    """
    found = decode(spec, data)

    assert value == found
    assert type(value) is type(found)


@pytest.mark.parametrize(
    ("spec", "data", "words"),
    [
        (
            Text | Image,
            {"type": "x"},
            r'\$\.type: expected one of "text", "markdown", "im',
        ),
        (Text | Image, {"type": []}, r"\$\.type: .*found an array"),
        (Text | Image, {"type": "image", "url": 1}, r"\$\.url: expected a string"),
        (Text | Image, {"text": "t"}, r"\$\.type: .*found no such key"),
        (
            Sum,
            {"parts": [{"parts": [{"type": "text"}]}]},
            r"\$\.parts\[0\]\.parts\[0\]\.t",
        ),
        (Named | Titled, {"name": "a", "age": "b"}, r"\$\.age: expected an integer"),
        (list[int] | list[list[int]], [[1, "a"]], r"\$\[0\]\[1\]: expected an integer"),
        (int | None, "1", r'\$: expected null or an integer, found the string "1"'),
        (Named | None, 3, r"\$: expected null or an object \(Named\)"),
    ],
)
def test_error_names_the_deepest_path_if_no_member_of_a_union_fits(spec, data, words):
    """
    If no member of a union fits, the error names the deepest path at which a member
    does not fit. If this is the top level, the error says what each member expects.
    """
    with pytest.raises(MismatchError, match=words):
        decode(spec, data)

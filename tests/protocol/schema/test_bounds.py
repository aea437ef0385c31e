"""
Bounds in annotations, such as a minimum, are checked, whatever library defines their
metadata.
"""

from __future__ import annotations

import datetime as dt
import re

from decimal import Decimal
from typing import Annotated, Any

import attrs
import pytest

from asi1._protocol.schema.mismatch import MismatchError
from asi1._protocol.schema.output_type import output_type


@attrs.frozen
class Bound:
    """Metadata of a library that asi1 does not know."""

    ge: Any = None
    gt: Any = None
    le: Any = None
    lt: Any = None
    multiple_of: Any = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | re.Pattern[str] | None = None
    description: str | None = None


@attrs.frozen
class FieldInfo:
    """Metadata that has other metadata in a list, as pydantic's ``Field`` does."""

    metadata: list[Any]
    description: str = "Described"


NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("kind", "bound", "good", "bad", "words"),
    [
        (int, Bound(ge=1), 1, 0, "an integer, at least 1"),
        (int, Bound(gt=1), 2, 1, "an integer, more than 1"),
        (float, Bound(le=1.5), 1.5, 1.6, "a number, at most 1.5"),
        (float, Bound(lt=1.5), 1.4, 1.5, "a number, less than 1.5"),
        (int, Bound(multiple_of=3), 9, 10, "an integer, a multiple of 3"),
        (float, Bound(multiple_of=0.1), 0.3, 0.35, "a number, a multiple of 0.1"),
        (float, Bound(multiple_of=0.1), 0.7, 1e300, "a multiple of 0.1"),
        (int, Bound(ge=Decimal("0.5")), 1, 0, "at least 0.5"),
        (str, Bound(min_length=1), "a", "", "a string with at least 1 character"),
        (str, Bound(max_length=2), "äb", "abc", "a string with at most 2 characters"),
        (str, Bound(pattern="^a.$"), "ab", "abc", r"with the pattern \^a\.\$"),
        (str, Bound(pattern=re.compile("b")), "abc", "ac", "with the pattern b"),
        (list[int], Bound(min_length=2), [1, 1], [1], "an array with at least 2 items"),
        (set[int], Bound(max_length=1), [1], [1, 2], "an array with at most 1 item"),
        (dict[str, int], Bound(max_length=0), {}, {"a": 1}, "with at most 0 keys"),
        (dt.datetime, Bound(lt=NOON), "2026-01-01T11:00Z", "2026-01-01T12:00Z", "less"),
        (dt.datetime, Bound(lt=NOON), "2026-01-01T11:00Z", "2026-01-01T11:00", "less"),
        (int | str, Bound(ge=3), "a", 2, "an integer, at least 3 or a string"),
        (
            int | None,
            FieldInfo([Bound(ge=3)]),
            None,
            2,
            "null or an integer, at least 3",
        ),
        (Annotated[int, Bound(ge=3)], Bound(le=5), 4, 2, "at least 3"),
        (Annotated[int, Bound(ge=3)], Bound(ge=5), 5, 4, "at least 5"),
    ],
)
def test_value_that_breaks_a_bound_raises_an_error_that_names_the_bound(
    kind, bound, good, bad, words
):
    """
    A value that breaks a bound raises a `MismatchError` that names the bound. An outer
    ``Annotated`` replaces the same bound of an inner ``Annotated``.
    """
    decode = output_type(Annotated[kind, bound]).decode

    decode(good)
    with pytest.raises(MismatchError, match=words):
        decode(bad)


def test_description_in_annotated_metadata_is_in_the_schema():
    """
    If metadata in ``Annotated`` has an attribute ``description``, the schema of the
    type has this description.
    """
    for metadata, text in ((FieldInfo([]), "Described"), (Bound(description="B"), "B")):
        made = output_type(Annotated[int, metadata])
        schema = made.response_format["json_schema"]["schema"]

        assert text == schema["properties"]["value"]["description"]

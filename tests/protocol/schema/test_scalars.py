"""Scalar values, such as numbers and dates, are read from JSON exactly."""

from __future__ import annotations

import datetime as dt
import math

from decimal import Decimal

import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1._protocol.schema.scalars import duration_text, scalar_of


@pytest.mark.parametrize(
    ("cls", "data", "value"),
    [
        (int, 3.0, 3),
        (int, 2**70, 2**70),
        (float, 3, 3.0),
        (Decimal, 3, Decimal(3)),
        (Decimal, 0.1, Decimal("0.1")),
        (Decimal, "-1e-3", Decimal("-0.001")),
        (
            dt.datetime,
            "2026-01-02 03:04Z",
            dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC),
        ),
        (
            dt.datetime,
            "2026-01-02t03:04:05.5z",
            dt.datetime(2026, 1, 2, 3, 4, 5, 500_000, dt.UTC),
        ),
        (dt.time, "03:04z", dt.time(3, 4, tzinfo=dt.UTC)),
        (dt.timedelta, "P2W", dt.timedelta(weeks=2)),
        (dt.timedelta, "PT1H2M3.000004S", dt.timedelta(0, 3723, 4)),
        (dt.timedelta, "P1DT1S", dt.timedelta(1, 1)),
    ],
)
def test_scalar_is_read_in_any_form_that_json_or_iso_8601_allows(cls, data, value):
    """
    A whole number is read as an integer even if JSON writes it as 3.0. Dates and times
    may have any form of ISO 8601 that names all of their parts.
    """
    found = scalar_of(cls).read(data)

    assert value == found
    assert type(value) is type(found)


@pytest.mark.parametrize(
    ("cls", "data"),
    [
        (int, 3.5),
        (int, 2.0**60),
        (int, math.inf),
        (float, math.nan),
        (bool, 1),
        (str, b"a"),
        (Decimal, "1_000"),
        (Decimal, " 1"),
        (Decimal, "1e99999999"),
        (Decimal, math.inf),
        (dt.date, "2026-1-2"),
        (dt.date, "2026-W01-1"),
        (dt.date, "٢٠٢٦-01-02"),
        (dt.datetime, "2026-01-02T03"),
        (dt.datetime, "2026-01-02x03:04"),
        (dt.time, "24:00"),
        (dt.time, "03:04:05.1234567"),
        (dt.timedelta, "1 day"),
        (dt.timedelta, "P1Y"),
        (dt.timedelta, "P1DT"),
    ],
)
def test_scalar_of_another_type_or_notation_raises_value_error(cls, data):
    """
    A value of another type, in another notation, or with more digits than the type can
    hold raises ``ValueError``.
    """
    with pytest.raises(ValueError):  # noqa: PT011 - the message may be empty
        scalar_of(cls).read(data)


@given(st.timedeltas(dt.timedelta(days=-(10**8)), dt.timedelta(days=10**8)))
def test_duration_is_written_as_a_string_and_read_back_unchanged(value):
    """
    Every duration becomes a string that is read as the same duration.
    """
    assert value == scalar_of(dt.timedelta).read(duration_text(value))


def test_list_and_subclass_of_int_are_not_scalars():
    """
    A collection, such as list, is not a scalar type. Neither is a subclass of a scalar
    type.
    """
    assert scalar_of(list) is None
    assert scalar_of(type("Number", (int,), {})) is None

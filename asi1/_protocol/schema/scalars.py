"""Scalar types such as date: their JSON Schemas, and functions that read values."""

from __future__ import annotations

import datetime as dt
import math
import re

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from ..._models.base_types import JSON
from .shapes import Scalar


__all__ = ["NULL", "TEXT", "duration_text", "read_number", "scalar_of"]

# Floats up to this size express each whole number exactly.
_EXACT = 2**53
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(
    r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)
_DURATION = re.compile(
    r"(?P<sign>-)?P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+)(?:\.(?P<fraction>\d{1,6}))?S)?)?",
    re.ASCII,
)
_DECIMAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,4})?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_FAR_OFF = "it is out of range"


def _exactly(*types: type) -> Callable[[JSON], Any]:
    def read(value: JSON) -> object:
        if type(value) not in types:
            raise ValueError
        return value

    return read


def _integer(value: JSON) -> int:
    if type(value) is int:
        return value
    # JSON does not tell 3.0 from 3, and the schema type "integer" allows both.
    if type(value) is float and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    raise ValueError


def read_number(value: JSON) -> float:
    """Return *value*, a finite number, as a float; raise ValueError if it is not."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ValueError(_FAR_OFF) from None
    raise ValueError


def _decimal(value: JSON) -> Decimal:
    if type(value) is str and _DECIMAL.fullmatch(value):
        return Decimal(value)
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return Decimal(repr(value))
    raise ValueError


def _date(value: JSON) -> dt.date:
    return dt.date.fromisoformat(_matching(_DATE, value))


def _time(value: JSON) -> dt.time:
    return dt.time.fromisoformat(_matching(_TIME, value).upper())


def _datetime(value: JSON) -> dt.datetime:
    if type(value) is not str or len(value) < 16 or value[10] not in "Tt ":
        raise ValueError
    date, time = _date(value[:10]), _time(value[11:])
    return dt.datetime.combine(date, time)


def _duration(value: JSON) -> dt.timedelta:
    found = _DURATION.fullmatch(_matching(_DURATION, value))
    parts = found.groupdict() if found else {}
    sign = -1 if parts.pop("sign") else 1
    microseconds = int((parts.pop("fraction") or "0").ljust(6, "0"))
    amounts = {unit: int(amount or 0) for unit, amount in parts.items()}
    try:
        return sign * dt.timedelta(**amounts, microseconds=microseconds)
    except OverflowError:
        raise ValueError(_FAR_OFF) from None


def _matching(pattern: re.Pattern[str], value: JSON) -> str:
    if type(value) is not str or not pattern.fullmatch(value):
        raise ValueError
    return value


def duration_text(value: dt.timedelta) -> str:
    """Return *value* in the form of ISO 8601, such as "P1DT2.5S"."""
    sign, value = ("-", -value) if value < dt.timedelta() else ("", value)
    seconds = f"{value.seconds}.{value.microseconds:06}".rstrip("0").rstrip(".")
    return f"{sign}P{value.days}DT{seconds}S"


def _uuid(cls: Callable[[str], object], value: JSON) -> object:
    return cls(_matching(_UUID, value))


def _text_shape(
    name: str, read: Callable[[JSON], object], rank: int = 3, **schema: JSON
) -> Scalar:
    return Scalar(name=name, schema={"type": "string", **schema}, read=read, rank=rank)


NULL = Scalar(name="null", schema={"type": "null"}, read=_exactly(type(None)))
TEXT = Scalar(
    name="a string",
    schema={"type": "string"},
    read=_exactly(str),
    exact=str,
    measure="text",
    rank=6,
)

_SCALARS: dict[type, Scalar] = {
    type(None): NULL,
    bool: Scalar(
        name="a boolean", schema={"type": "boolean"}, read=_exactly(bool), exact=bool
    ),
    int: Scalar(
        name="an integer",
        schema={"type": "integer"},
        read=_integer,
        exact=int,
        measure="number",
        rank=1,
    ),
    float: Scalar(
        name="a number",
        schema={"type": "number"},
        read=read_number,
        measure="number",
        rank=2,
    ),
    str: TEXT,
    Decimal: _text_shape("a decimal number in a string", _decimal, 4),
    dt.date: _text_shape("a date such as 2026-12-31", _date, format="date"),
    dt.datetime: _text_shape(
        "a date and time such as 2026-12-31T23:59:00Z", _datetime, format="date-time"
    ),
    dt.time: _text_shape("a time such as 23:59:00", _time, format="time"),
    dt.timedelta: _text_shape(
        "a duration such as P1DT12H", _duration, format="duration"
    ),
}


def scalar_of(cls: type) -> Scalar | None:
    """Return the shape of *cls*; None if *cls* is not a scalar type."""
    # `uuid` is not imported, since it draws random numbers, which no module here does.
    if (cls.__module__, cls.__qualname__) == ("uuid", "UUID"):
        return _text_shape("a UUID", partial(_uuid, cls), format="uuid")
    return _SCALARS.get(cls)

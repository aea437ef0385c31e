"""The faults that begin before the server has read the request's body."""

from __future__ import annotations

from .._plan import Close, Data, Head, Plan
from .._request import Ask, Reading
from .base import answer_parts, data_steps, faults, stall


__all__ = ["FAULTS"]

_ERROR = b'{"error": {"message": "The request is too large."}}'
_REFUSAL: Plan = (
    Head(
        413,
        (("content-type", "application/json"), ("connection", "close")),
        "length",
        len(_ERROR),
    ),
    Data(_ERROR),
)


def _early_refusal(_: Ask) -> Plan:
    """The server sends a 413 and closes the connection, without reading the body."""
    return *_REFUSAL, Close()


def _early_refusal_open(_: Ask, *, seconds: float | None = None) -> Plan:
    """The server sends a 413, and neither reads the body nor closes the connection."""
    return *_REFUSAL, *stall(seconds)


def _slow_request_reader(
    context: Ask,
    *,
    size: int = 16384,  # noqa: ARG001 - options of `_slow_reading`
    seconds: float = 0.05,  # noqa: ARG001
) -> Plan:
    """The server reads the body in parts, *seconds* before each, and answers: legal."""
    parts = answer_parts(context)
    return parts.head, *data_steps(*parts.pieces)


def _no_reading(**_: object) -> Reading:
    return Reading()


def _slow_reading(*, size: int, seconds: float) -> Reading:
    return Reading(body=True, size=size, seconds=seconds)


FAULTS = (
    *faults(_early_refusal, _early_refusal_open, reading=_no_reading),
    *faults(_slow_request_reader, reading=_slow_reading),
)

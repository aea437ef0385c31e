"""
The steps of which a reply of the fake consists: only data, without I/O.

A plan is a tuple of steps. `_server` carries it out on a real socket, `_transport` in
process. Both send the same bytes, which `_render` makes from the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Literal, TypeAlias, get_args

from attrs import field, frozen

from .._settings.validators import instance_of, or_none, whole_number
from ._checks import one_of, pairs, status_code, valid, wait_time


__all__ = [
    "Close",
    "Data",
    "End",
    "Framing",
    "Head",
    "Listen",
    "Pairs",
    "Pause",
    "Plan",
    "Raw",
    "Repeat",
    "Reset",
    "Stall",
    "Step",
    "flat",
]


Framing: TypeAlias = Literal["chunked", "length", "close", "none"]
Pairs: TypeAlias = tuple[tuple[str, str], ...]
_BYTES = valid(instance_of(bytes))


@frozen
class Head:
    """
    Send the status line and the headers of a response.

    Args:
        status: The HTTP status code.
        headers: Names and values, in order; the header for *framing* is added.
        framing: How the end of the body is marked: ``chunked``, ``length`` (a
            content-length of *length*), ``close`` (the end of the connection) or
            ``none`` (no body, and no header about it).
        length: The content-length in bytes; used only if *framing* is ``length``.
    """

    status: int = field(default=200, validator=valid(status_code, int))
    headers: Pairs = field(default=(), validator=valid(pairs, tuple))
    framing: Framing = field(
        default="chunked", validator=valid(one_of(*get_args(Framing)), str)
    )
    length: int = field(default=0, validator=valid(whole_number(0), int))


@frozen
class Data:
    """
    Send part of the body in one write; with ``chunked`` framing, as one HTTP chunk.

    Args:
        data: The part of the body; if empty, nothing is sent.
    """

    data: bytes = field(validator=_BYTES)


@frozen
class Raw:
    """
    Send bytes unchanged, without framing.

    Args:
        data: The bytes.
    """

    data: bytes = field(validator=_BYTES)


@frozen
class Pause:
    """
    Send nothing for *seconds*, or until the client disconnects.

    Args:
        seconds: How long to send nothing.
    """

    seconds: float = field(validator=valid(wait_time, int, float))


@frozen
class Stall:
    """
    Send nothing until the client disconnects, the fake stops or *seconds* have passed.

    Args:
        seconds: The longest silence; None for no limit.
    """

    seconds: float | None = field(
        default=None, validator=valid(or_none(wait_time), int, float)
    )


@frozen
class Listen:
    """Wait until the client sends more bytes: all or part of its next request."""


@frozen
class Reset:
    """Reset the connection, so that the client's reads from the connection fail."""


@frozen
class Close:
    """Close the connection normally, even if the body is not complete."""


@frozen
class End:
    """
    End the body correctly; a plan without an `End` gets one after its last step.

    Write `End` before steps for the idle connection after the reply. In process, where
    each request has its own connection, such steps are not carried out.
    """


def _steps(value: object) -> str | None:
    fits = isinstance(value, tuple) and all(isinstance(step, Step) for step in value)
    return None if fits and value else "must be a tuple of steps"


@frozen
class Repeat:
    """
    Carry out *steps* repeatedly: *times* times, or until the client disconnects.

    Args:
        steps: The steps, at least one.
        times: How often to carry out the steps; None to repeat until the client
            disconnects.
    """

    steps: tuple[Step, ...] = field(validator=valid(_steps, tuple))
    times: int | None = field(
        default=None, validator=valid(or_none(whole_number(0)), int)
    )


Step: TypeAlias = (
    Head | Data | Raw | Pause | Stall | Listen | Reset | Close | End | Repeat
)
Plan: TypeAlias = tuple[Step, ...]


def flat(plan: Plan) -> Iterator[Step]:
    """
    Replace each `Repeat` in a plan by the steps that it repeats.

    Yields:
        The steps in order; without end if a `Repeat` has no limit.
    """
    for step in plan:
        if isinstance(step, Repeat):
            for _ in count() if step.times is None else range(step.times):
                yield from flat(step.steps)
        else:
            yield step

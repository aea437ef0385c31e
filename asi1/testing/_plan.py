"""
The steps of which a reply of the fake consists: only data, without I/O.

A plan is a tuple of steps. `_server` carries it out on a real socket, `_transport` in
process. Both send the same bytes, which `_render` makes from the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import ge, in_, optional


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

    status: int = 200
    headers: Pairs = ()
    framing: Framing = field(
        default="chunked", validator=in_(("chunked", "length", "close", "none"))
    )
    length: int = field(default=0, validator=ge(0))


@frozen
class Data:
    """
    Send part of the body in one write; with ``chunked`` framing, as one HTTP chunk.

    Args:
        data: The part of the body; if empty, nothing is sent.
    """

    data: bytes


@frozen
class Raw:
    """
    Send bytes unchanged, without framing.

    Args:
        data: The bytes.
    """

    data: bytes


@frozen
class Pause:
    """
    Send nothing for *seconds*, or until the client disconnects.

    Args:
        seconds: How long to send nothing.
    """

    seconds: float = field(validator=ge(0))


@frozen
class Stall:
    """
    Send nothing until the client disconnects, the fake stops or *seconds* have passed.

    Args:
        seconds: The longest silence; None for no limit.
    """

    seconds: float | None = field(default=None, validator=optional(ge(0)))


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


@frozen
class Repeat:
    """
    Carry out *steps* repeatedly: *times* times, or until the client disconnects.

    Args:
        steps: The steps, at least one.
        times: How often to carry out the steps; None to repeat until the client
            disconnects.
    """

    steps: tuple[Step, ...]
    times: int | None = None


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

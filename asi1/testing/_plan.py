"""
What a reply does, step by step: pure data, no sockets, no clock.

A plan is a tuple of steps. Two players know how to act them out: `_server` on a real
socket, `_transport` in process. Both send the very bytes that `_render` makes of a step.
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
    The status line and the headers.

    Args:
        status: The HTTP status code.
        headers: Names and values, in order; the framing's own header is added to them.
        framing: How the body's end is told: ``chunked``, ``length`` (a content-length
            of *length*), ``close`` (by the end of the connection) or ``none`` (no
            body, and no word about one).
        length: The content-length in bytes; read only if *framing* is ``length``.
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
    A piece of the body: one write, and one chunk if the framing is ``chunked``.

    Args:
        data: The piece; an empty one sends nothing.
    """

    data: bytes


@frozen
class Raw:
    """
    Bytes put on the connection as they are, outside any framing.

    Args:
        data: The bytes.
    """

    data: bytes


@frozen
class Pause:
    """
    Nothing for some time; it ends early if the client leaves.

    Args:
        seconds: How long.
    """

    seconds: float = field(validator=ge(0))


@frozen
class Stall:
    """
    Nothing until the client leaves, the fake stops or the time is over.

    Args:
        seconds: The longest time; None is for ever.
    """

    seconds: float | None = field(default=None, validator=optional(ge(0)))


@frozen
class Listen:
    """Nothing until the client sends more bytes: its next request, in part or whole."""


@frozen
class Reset:
    """The connection is broken at once: the client's system reports a reset."""


@frozen
class Close:
    """The connection is closed in order, whether or not the body is complete."""


@frozen
class End:
    """
    The body's proper end; implied after the last step.

    Write it where steps follow that belong to the idle connection. Such steps are not
    played in process, where each request has a connection of its own.
    """


@frozen
class Repeat:
    """
    Some steps again and again.

    Args:
        steps: The steps, at least one.
        times: How often; None is until the client leaves.
    """

    steps: tuple[Step, ...]
    times: int | None = None


Step: TypeAlias = (
    Head | Data | Raw | Pause | Stall | Listen | Reset | Close | End | Repeat
)
Plan: TypeAlias = tuple[Step, ...]


def flat(plan: Plan) -> Iterator[Step]:
    """
    Write out the repetitions of a plan.

    Yields:
        The steps in order, none of them a `Repeat`; without end if a repetition is.
    """
    for step in plan:
        if isinstance(step, Repeat):
            for _ in count() if step.times is None else range(step.times):
                yield from flat(step.steps)
        else:
            yield step

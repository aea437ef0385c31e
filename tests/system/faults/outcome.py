"""How a call may end: the cells of the matrix of faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

import asi1

from ...support.talk import TEXT


__all__ = [
    "After",
    "Outcome",
    "Row",
    "answers",
    "breaks",
    "ends",
    "fails",
    "laced",
    "refused",
    "same",
    "timed_out",
]

# What becomes of the connection. "breaks": it is kept, and the server breaks it as the
# next request comes. "any": the reply was given up before its end, which may have been
# there already.
After = Literal["kept", "closed", "breaks", "any"]


@frozen(kw_only=True)
class Outcome:
    """
    How one call ends.

    Attributes:
        error: The exact class; None for an answer.
        status: Of the last reply; None if there was none.
        phase: Of a timeout, the limit that passed.
        text: What was handed over: the text of the chunks, or the answer's.
        partial: The text of the error's partial answer; None if it has none.
        tries: How many requests were made.
        sent: Whether each try says that the request may have been worked on.
        heals: Whether another try could end otherwise.
        after: What becomes of the connection.
    """

    error: type[asi1.APIError] | None = None
    status: int | None = 200
    phase: str | None = None
    text: str = ""
    partial: str | None = None
    tries: int = 1
    sent: bool = True
    heals: bool = False
    after: After = field(default="any", eq=False)


@frozen(kw_only=True)
class Row:
    """
    What one fault leads to.

    Attributes:
        create: How `create` ends.
        stream: How `stream` ends.
        short: Options that make the fault short enough for a test on sockets.
        note: What a reader of the table should know; "" for nothing.
    """

    create: Outcome
    stream: Outcome
    short: Mapping[str, Any] = field(factory=dict)
    note: str = ""


def same(outcome: Outcome, **more: Any) -> Row:
    """Both forms end alike."""
    return Row(create=outcome, stream=outcome, **more)


def ends(text: str = TEXT, *, after: After = "kept") -> Outcome:
    """An answer."""
    return Outcome(text=text, after=after)


def answers(text: str = TEXT, *, after: After = "kept", **more: Any) -> Row:
    """Both forms give the answer."""
    return same(ends(text, after=after), **more)


def fails(
    error: type[asi1.APIError],
    *,
    tries: int = 1,
    status: int | None = 200,
    after: After = "closed",
) -> Outcome:
    """An error with nothing handed over before it."""
    return Outcome(
        error=error, tries=tries, heals=tries > 1, status=status, after=after
    )


def timed_out(phase: str, *, status: int | None = 200) -> Outcome:
    """A silence in which nothing was handed over; the model may be at work."""
    return Outcome(
        error=asi1.APITimeoutError, phase=phase, status=status, after="closed"
    )


def breaks(
    error: type[asi1.APIError],
    said: str,
    *,
    create: Outcome | None = None,
    after: After = "any",
    **more: Any,
) -> Row:
    """
    A stream that breaks after *said*.

    Args:
        error: The class.
        said: The text that came.
        create: How `create` ends. Without one it gets a stream as well, of which it
            hands out nothing.
        after: What becomes of the connection.
        **more: Of the row.
    """
    plain = Outcome(error=error, partial=said, after=after)
    return Row(
        create=create or plain,
        stream=Outcome(error=error, text=said, partial=said, after=after),
        **more,
    )


def laced(said: str, create: Outcome, **more: Any) -> Row:
    """An odd chunk that says *said* in a stream, or makes *create* of a JSON body."""
    head, tail = TEXT[:13], TEXT[13:]
    return Row(create=create, stream=ends(head + said + tail), **more)


def refused(
    error: type[asi1.APIStatusError],
    status: int,
    *,
    tries: int = 1,
    after: After = "kept",
    **more: Any,
) -> Row:
    """Both forms end with the error of a status."""
    return same(fails(error, tries=tries, status=status, after=after), **more)

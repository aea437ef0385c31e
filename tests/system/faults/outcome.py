"""Classes and functions that describe how a call ends under a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

import asi1

from ...support.talk import TEXT


__all__ = [
    "NO_EVENT_STREAM",
    "After",
    "Outcome",
    "Row",
    "answers",
    "bad_status",
    "breaks",
    "ends",
    "fails",
    "odd_chunk",
    "same",
    "timed_out",
]

# What becomes of a call's connection after the call. "kept": the next call reuses the
# connection. "closed": the connection is closed. "breaks": the connection stays open,
# and the server breaks it when the next request arrives. "any": either "kept" or
# "closed", because the client stopped reading before the end of the reply, which may or
# may not have arrived.
After = Literal["kept", "closed", "breaks", "any"]


@frozen(kw_only=True)
class Outcome:
    """
    How one call ends.

    Attributes:
        error: The exact class of the error; None if the call returned an answer.
        status: The HTTP status of the last reply; None if there was no reply.
        phase: The phase of an APITimeoutError; None for every other outcome.
        text: The text that the caller received, in chunks or in the answer.
        partial: The text of the error's partial answer; None without such an answer.
        attempts: How many requests the call sent.
        sent: Whether each attempt is recorded as one that the server may have received.
        heals: Whether the retry policy expects that another attempt may succeed.
        after: What becomes of the connection after the call.
    """

    error: type[asi1.APIError] | None = None
    status: int | None = 200
    phase: str | None = None
    text: str = ""
    partial: str | None = None
    attempts: int = 1
    sent: bool = True
    heals: bool = False
    after: After = field(default="any", eq=False)


# A stream that ends cleanly before its first event is retried.
NO_EVENT_STREAM = Outcome(
    error=asi1.StreamTruncatedError, partial="", attempts=3, heals=True, after="kept"
)


@frozen(kw_only=True)
class Row:
    """
    How `create` and `stream` end under one fault of the fake server.

    Attributes:
        create: How a call of `create` ends.
        stream: How a call of `stream` ends.
        short: Options of the fault that make it short enough for a test on sockets.
        note: A remark for the table in docs/faults.md; "" for none.
    """

    create: Outcome
    stream: Outcome
    short: Mapping[str, Any] = field(factory=dict)
    note: str = ""


def same(outcome: Outcome, **more: Any) -> Row:
    """Return a matrix row in which `create` and `stream` have the same outcome."""
    return Row(create=outcome, stream=outcome, **more)


def ends(text: str = TEXT, *, after: After = "kept") -> Outcome:
    """Return the outcome of a call that returns an answer with *text*."""
    return Outcome(text=text, after=after)


def answers(text: str = TEXT, *, after: After = "kept", **more: Any) -> Row:
    """Return a row in which both `create` and `stream` return an answer with *text*."""
    return same(ends(text, after=after), **more)


def fails(
    error: type[asi1.APIError],
    *,
    attempts: int = 1,
    status: int | None = 200,
    after: After = "closed",
) -> Outcome:
    """Return the outcome of a call that raises *error* before it received any text."""
    return Outcome(
        error=error, attempts=attempts, heals=attempts > 1, status=status, after=after
    )


def timed_out(phase: str, *, status: int | None = 200) -> Outcome:
    """
    Return the outcome of a call that times out before it received any text; such a call
    is not retried, because the model may still be working on the answer.
    """
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
    Return the row of a fault that breaks a stream after the text *said* has arrived.

    Args:
        error: The class of the error.
        said: The text that arrived before the error.
        create: How `create` ends. None: `create` reads the same stream and raises the
            same error, but its caller receives no text.
        after: What becomes of the connection after the call.
        **more: Further attributes of the row.
    """
    plain = Outcome(error=error, partial=said, after=after)
    return Row(
        create=create or plain,
        stream=Outcome(error=error, text=said, partial=said, after=after),
        **more,
    )


def odd_chunk(said: str, create: Outcome, **more: Any) -> Row:
    """
    Return the row of a fault that inserts one unusual chunk into a valid answer.

    In a stream the unusual chunk adds *said* to the text; `create`, which receives the
    same content in a JSON body, ends with the outcome *create*.
    """
    head, tail = TEXT[:13], TEXT[13:]
    return Row(create=create, stream=ends(head + said + tail), **more)


def bad_status(
    error: type[asi1.APIStatusError],
    status: int,
    *,
    attempts: int = 1,
    after: After = "kept",
    **more: Any,
) -> Row:
    """Return a row in which `create` and `stream` raise *error* for *status*."""
    return same(fails(error, attempts=attempts, status=status, after=after), **more)

"""
What came in: the record of a request, and how its reply ended.

A record is frozen but for one thing, the end of its reply, which is not known when
the record is made. Records are shared between threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from threading import Event
from typing import Any, Literal, TypeAlias, cast

import orjson

from attrs import define, field, frozen


__all__ = ["Ask", "Ending", "Outcome", "RecordedRequest", "joined"]


Outcome: TypeAlias = Literal["open", "sent", "left", "stopped"]


@define
class Ending:
    """How and when a reply ended; written by the player, read by anybody."""

    outcome: Outcome = "open"
    over: Event = field(factory=Event)

    def end(self, outcome: Outcome) -> None:
        """Set the outcome, once: the first end is the true one."""
        if not self.over.is_set():
            self.outcome = outcome
            self.over.set()


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Make a dict of headers: names in lowercase, values of one name joined."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


@frozen
class RecordedRequest:
    """
    One request that reached the fake, in the order of arrival.

    Attributes:
        method: The method, in capitals.
        path: The path, as it was sent, without the query.
        query: What followed the question mark; empty if there was none.
        headers: Values by name; names in lowercase, values of one name joined by
            ``", "``.
        body: The body, without any chunked framing.
        connection: Number of the connection it came on, from 1, so that reuse can be
            seen; 0 for a request in process.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict[str, str])
    body: bytes = b""
    connection: int = 0
    _ending: Ending = field(factory=Ending, eq=False, repr=False, alias="ending")

    @property
    def json(self) -> Any:
        """
        The body as a JSON value.

        Raises:
            ValueError: The body is no JSON.
        """
        return orjson.loads(self.body)

    @property
    def outcome(self) -> Outcome:
        """
        How the reply ended.

        ``open`` as long as it is being sent; then ``sent`` if all of its plan was
        carried out, deliberate faults included, ``left`` if the client went away
        before, ``stopped`` if the fake was stopped before. If the fake closes the
        connection, it has done so as soon as this is no more ``open``.
        """
        return self._ending.outcome

    @property
    def completed(self) -> bool:
        """Whether all of the reply's plan was carried out."""
        return self.outcome == "sent"

    def wait(self, timeout: float = 5.0) -> Outcome:
        """
        Block this thread until the reply has ended.

        Not for a request in process, whose reply needs this thread to go on.

        Args:
            timeout: The longest time to wait, in seconds.

        Returns:
            The outcome; ``open`` if the time was over first.
        """
        self._ending.over.wait(timeout)
        return self.outcome


@frozen
class Ask:
    """
    What a plan may depend on: the request, and the dice of its turn.

    Attributes:
        request: The request to answer.
        dice: The only source of chance for ids, times and places to cut.
    """

    request: RecordedRequest
    dice: Random

    @property
    def fields(self) -> Mapping[str, Any]:
        """The members of the body; none if it is no JSON object."""
        try:
            value = self.request.json
        except ValueError:
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def stream(self) -> bool:
        """Whether the answer is wanted as a stream."""
        return self.fields.get("stream") is True

    @property
    def model(self) -> str:
        """The model asked for, or ``asi1-mini``."""
        return str(self.fields.get("model") or "asi1-mini")

"""
The requests that the fake server has received, and how its reply to each ended.

A record does not change, except that the outcome of its reply is set when the reply
ends. Several threads may use the same record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from threading import Event
from typing import Any, Literal, TypeAlias, cast

from attrs import define, field, frozen

from .._models.json_text import load_json
from ._shapes import Generation


__all__ = [
    "Ask",
    "Ending",
    "Outcome",
    "Reading",
    "RecordedRequest",
    "join_headers",
]


Outcome: TypeAlias = Literal["open", "sent", "left", "stopped"]


@define
class Ending:
    """The outcome of a reply, for which other threads can wait."""

    outcome: Outcome = "open"
    over: Event = field(factory=Event)

    def end(self, outcome: Outcome) -> None:
        """Set the outcome; only the first call has an effect."""
        if not self.over.is_set():
            self.outcome = outcome
            self.over.set()


def join_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers as a dict: lowercase names, each with all its values joined."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


@frozen
class RecordedRequest:
    """
    One request that the fake server has received.

    Attributes:
        method: The method, in capitals.
        path: The path as it was sent, without the query.
        query: The text after the question mark; empty if there was none.
        headers: Values by name; names in lowercase, values of the same name joined by
            ``", "``.
        body: The body, after any chunked framing is removed.
        connection: The number of the request's connection, from 1: requests with the
            same number shared a connection. 0 for a request in process.
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
        The body of the request, parsed as JSON.

        Raises:
            ValueError: The body is not valid JSON.
        """
        return load_json(self.body)

    @property
    def outcome(self) -> Outcome:
        """
        How the reply to this request ended.

        ``open`` while the reply is being sent; then ``sent`` if the whole plan was
        carried out, faults included, ``left`` if the client disconnected before that,
        ``stopped`` if the fake was stopped before that. If the fake closes the
        connection, it does so before it sets the outcome.
        """
        return self._ending.outcome

    @property
    def completed(self) -> bool:
        """Whether the fake carried out all steps of its reply to this request."""
        return self.outcome == "sent"

    def wait(self, timeout: float = 5.0) -> Outcome:
        """
        Block the calling thread until the reply to this request has ended.

        Do not call `wait` for a request in process, whose reply needs the same thread.

        Args:
            timeout: The longest time to wait, in seconds.

        Returns:
            The outcome; ``open`` if the reply has not ended within *timeout*.
        """
        self._ending.over.wait(timeout)
        return self.outcome


@frozen
class Reading:
    """
    How the fake server reads the body of a request that it answers with a fault.

    Attributes:
        body: Whether the body is read; if not, the reply begins after the request's
            headers.
        size: The largest part of the body that is read at once, in bytes.
        seconds: The pause before each part.
    """

    body: bool = False
    size: int = 65536
    seconds: float = 0.0

    def duration(self, length: int) -> float:
        """Return how many seconds the server takes to read a body of *length* bytes."""
        return length // self.size * self.seconds if self.body else 0.0


@frozen
class Ask:
    """
    The data from which a reply is made: the request, a random generator, and the
    format of the answer.

    Attributes:
        request: The request to answer.
        rng: The random generator of this reply; makes ids and times.
        generation: The year of the API whose format an answer has by default.
    """

    request: RecordedRequest
    rng: Random
    generation: Generation = "2025"

    @property
    def fields(self) -> Mapping[str, Any]:
        """The request's body as a dict; empty if the body is not a JSON object."""
        try:
            value = self.request.json
        except ValueError:
            return {}
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def stream(self) -> bool:
        """Whether the request asks for a stream."""
        return self.fields.get("stream") is True

    @property
    def model(self) -> str:
        """The requested model; ``asi1-mini`` if the request names none."""
        return str(self.fields.get("model") or "asi1-mini")

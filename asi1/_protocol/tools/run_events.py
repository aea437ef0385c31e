"""
What happens in a run with tools, as events that can be saved and loaded again.

The events alone tell the state of a run, so a saved run is the list of its events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, TypeAlias

from attrs import frozen

from ..._models.base_types import JSON
from ..._models.completion import ChatCompletion
from ..._models.errors import ArgumentError
from ..._models.json_text import json_text, load_json
from ..._settings.validators import wrong
from ..context.tokens import Wire
from ..converter import decode


__all__ = [
    "Answered",
    "Begun",
    "Decided",
    "Decision",
    "Ended",
    "Event",
    "Started",
    "event_text",
    "load_events",
    "saved_events",
]

_KIND = "asi1.tool_run"
_VERSION = 1
# True to run the call; False, or the reason as a str, to refuse it.
Decision: TypeAlias = bool | str


@frozen
class Begun:
    """The run has begun, with these messages and this model; None for the client's."""

    messages: tuple[Wire, ...]
    model: str | None


@frozen
class Answered:
    """The model has answered."""

    answer: ChatCompletion


@frozen
class Decided:
    """The user has decided which calls may run, by their ids."""

    decisions: Mapping[str, Decision]


@frozen
class Started:
    """The tool of the call with this id is about to run."""

    id: str


@frozen
class Ended:
    """The call with this id has its result, which may be an error."""

    id: str
    content: str
    failed: bool


Event: TypeAlias = Begun | Answered | Decided | Started | Ended


def event_text(event: Event) -> str:
    """Return *event* as JSON text, on one line."""
    return json_text(_value_of(event))


def _value_of(event: Event) -> dict[str, JSON]:
    match event:
        case Begun(messages, model):
            head: dict[str, JSON] = {"kind": _KIND, "version": _VERSION}
            return head | {"messages": list(messages), "model": model}
        case Answered(answer):
            return {"answer": answer.to_dict()}
        case Decided(decisions):
            return {"decided": dict(decisions)}
        case Started(call):
            return {"started": call}
        case Ended(call, content, failed):
            return {"ended": {"id": call, "content": content, "failed": failed}}


def saved_events(events: Iterable[Event]) -> str:
    """Return *events* as one JSON text, with one line for each."""
    return "[\n" + ",\n".join(map(event_text, events)) + "\n]"


def load_events(saved: Any) -> list[Event]:
    """
    Load the events of a run.

    Args:
        saved: The str that `saved_events` returned; or the lines that a journal was
            given, as one str or as an iterable of str. A last line that was only
            written in part is left out: what it tells had not happened yet.

    Raises:
        ArgumentError: *saved* is not a saved run, or has a later version.
    """
    try:
        values = _values(saved)
        if not values:
            raise ValueError("it is empty")  # noqa: TRY301 - made an `ArgumentError`
        return [_event(value, first=not place) for place, value in enumerate(values)]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, ArgumentError):
            raise
        message = f"saved: is not a run saved by asi1 ({error})"
        raise ArgumentError(message, argument="saved") from None


def _values(saved: Any) -> list[JSON]:
    if isinstance(saved, bytes | bytearray):
        saved = bytes(saved).decode()
    if isinstance(saved, str):
        if saved.lstrip().startswith("["):
            return list(load_json(saved.encode()))
        saved = saved.splitlines()
    elif isinstance(saved, Mapping) or not isinstance(saved, Iterable):
        raise wrong("saved", "must be the str that to_json() returned", saved)
    lines = [line.encode() if isinstance(line, str) else bytes(line) for line in saved]
    # A read that is cancelled while the journal keeps an event gives the journal the
    # same line again.
    lines = [line for line, _ in groupby(lines) if line.strip()]
    values = [load_json(line) for line in lines[:-1]]
    try:
        values += [load_json(line) for line in lines[-1:]]
    except ValueError:
        if not values:
            raise
    return values


def _event(value: JSON, *, first: bool) -> Event:
    if first:
        if value.get("kind") != _KIND:
            raise ValueError(f"its kind is not {_KIND!r}")
        if value["version"] != _VERSION:
            raise ValueError(f"its version is {value['version']}, not {_VERSION}")
        return Begun(tuple(map(dict, value["messages"])), value["model"])
    ((name, told),) = value.items()
    match name:
        case "answer":
            return Answered(decode(ChatCompletion, dict(told)))
        case "decided":
            return Decided(dict(told))
        case "started":
            return Started(str(told))
        case "ended":
            return Ended(str(told["id"]), str(told["content"]), told["failed"] is True)
    raise ValueError(f"{name!r:.80} is not an event")

"""
Saves a tool run as the list of its events, and loads it again.

Each event is one line of JSON, so the lines of a journal are a saved run too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Any

from ..._models.base_types import JSON
from ..._models.completion import ChatCompletion
from ..._models.errors import ArgumentError
from ..._models.json_text import json_text, load_slowly, too_deep
from ..._settings.validators import flag, whole_number, wrong
from ..converter import decode
from .run_events import Answered, Begun, Decided, Ended, Event, Paused, Started
from .tool_calls import own_calls


__all__ = ["event_text", "load_events", "saved_events"]

_KIND = "asi1.tool_run"
_VERSION = 1


def event_text(event: Event) -> str:
    """Return *event* as JSON text, on one line."""
    return json_text(_value_of(event))


def _value_of(event: Event) -> dict[str, JSON]:
    match event:
        case Begun():
            return _head(event)
        case Answered(answer):
            return {"answer": answer.to_dict()}
        case Paused(ids):
            return {"paused": list(ids)}
        case Decided(decisions):
            return {"decided": dict(decisions)}
        case Started(call):
            return {"started": call}
        case Ended(call, content, failed):
            return {"ended": {"id": call, "content": content, "failed": failed}}


def _head(begun: Begun) -> dict[str, JSON]:
    return {
        "kind": _KIND,
        "version": _VERSION,
        "messages": list(begun.messages),
        "model": begun.model,
        "max_rounds": begun.max_rounds,
        "turn": begun.turn,
    }


def saved_events(events: Iterable[Event]) -> str:
    """Return *events* as one JSON text, with one line for each."""
    return "[\n" + ",\n".join(map(event_text, events)) + "\n]"


def load_events(saved: Any) -> list[Event]:
    """
    Load the events of a run.

    Args:
        saved: The str that `saved_events` returned; or the lines that a journal was
            given, as one str or as an iterable of str; or any of these as bytes. A last
            line that was only written in part is left out: its event had not happened
            yet. A line that was written twice counts once.

    Raises:
        ArgumentError: *saved* is not a saved run, or has a later version.
    """
    try:
        first, *later = _values(saved)
        events = [_begun(first), *map(_event, later)]
        _check_order(events)
    except ArgumentError:
        raise
    except KeyError as error:
        raise _wrong(f"the key {error} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _wrong(str(error)) from None
    return events


def _wrong(reason: str) -> ArgumentError:
    message = f"saved: is not a run saved by asi1 ({reason})"
    return ArgumentError(message, argument="saved")


def _values(saved: Any) -> list[Any]:
    """Return the JSON value of each event; skip one that repeats the event before."""
    if isinstance(saved, str):
        saved = saved.encode()
    if isinstance(saved, bytes | bytearray):
        text = bytes(saved)
        # `str.splitlines` also splits at characters that JSON does not escape.
        lines = text.splitlines(keepends=True)
        values = _array(text) if text.lstrip()[:1] == b"[" else _lines(lines)
    elif isinstance(saved, Iterable) and not _is_other(saved):
        values = _lines(map(_bytes, saved))
    else:
        raise wrong("saved", "must be the str that to_json() returned", saved)
    if not values:
        raise ValueError("it is empty")
    # A journal that was cancelled after it had written a line gets this line again.
    return values[:1] + [new for old, new in pairwise(values) if new != old]


def _is_other(saved: Any) -> bool:
    """
    Return whether *saved* is not lines but another iterable, such as a run, which
    iterating would start.
    """
    return isinstance(saved, Mapping) or hasattr(saved, "to_json")


def _array(text: bytes) -> list[Any]:
    values: list[Any] = load_slowly(text)
    return values


def _bytes(line: Any) -> bytes:
    if not isinstance(line, str | bytes | bytearray):
        raise TypeError(f"a line is not a str but {type(line).__name__}")
    return line.encode() if isinstance(line, str) else bytes(line)


def _lines(lines: Iterable[bytes]) -> list[Any]:
    kept = [line for line in lines if line.strip()]
    values = []
    for number, line in enumerate(kept, 1):
        try:
            values.append(load_slowly(line))
        except ValueError:
            # A last line that also lacks its line break was written only in part.
            if 1 < number == len(kept) and not line.endswith((b"\n", b"\r")):
                break
            raise ValueError(f"line {number} is not valid JSON") from None
    return values


def _begun(value: Any) -> Event:
    if value.get("kind") != _KIND:
        raise ValueError(f"its kind is not {_KIND!r}")
    if value["version"] != _VERSION:
        raise ValueError(f"its version is {value['version']!r:.20}, not {_VERSION}")
    messages, model = value["messages"], value["model"]
    if not all(isinstance(message, dict) for message in messages):
        raise ValueError("a message is not an object")
    if not isinstance(model, str):
        raise TypeError("the model is not a str")
    max_rounds, turn = value["max_rounds"], value["turn"]
    if whole_number(1)(max_rounds) or flag(turn):
        raise ValueError("max_rounds or turn has a wrong type")
    return Begun(tuple(messages), model, max_rounds, turn)


def _event(value: Any) -> Event:
    if len(value) != 1:
        raise ValueError("an event does not have one key")
    ((name, told),) = value.items()
    match name:
        case "answer":
            if too_deep(told):
                raise ValueError("nested too deeply")
            return Answered(decode(ChatCompletion, told))
        case "paused":
            if not isinstance(told, list):
                raise TypeError("the ids of paused calls are not a list")
            return Paused(tuple(map(str, told)))
        case "decided":
            if not all(isinstance(each, bool | str) for each in told.values()):
                raise ValueError("a decision is neither a bool nor a str")
            return Decided(told)
        case "started":
            return Started(str(told))
        case "ended":
            return Ended(str(told["id"]), str(told["content"]), told["failed"] is True)
    raise ValueError(f"{name!r:.80} is not an event")


def _check_order(events: Iterable[Event]) -> None:
    """Raise ValueError for events that cannot follow each other in one run."""
    known: set[str] = set()
    last: set[str] | None = None
    done: set[str] = set()
    for event in events:
        match event:
            case Answered(answer):
                if last is not None and not (last and last <= done):
                    raise ValueError("an answer does not follow the results before it")
                last = {call.id for call in own_calls(answer)}
                known |= last
            case Paused(ids):
                _check_known(ids, known)
            case Decided(decisions):
                _check_known(decisions, known)
            case Started(call):
                _check_known([call], known)
            case Ended(call):
                _check_known([call], known)
                done.add(call)


def _check_known(calls: Iterable[str], known: Collection[str]) -> None:
    unknown = [call for call in calls if call not in known]
    if unknown:
        raise ValueError(f"no answer has a call with the id {unknown[0]!r:.80}")

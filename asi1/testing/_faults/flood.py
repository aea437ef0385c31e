"""
Floods: streams whose few bytes cost a client much time; HTTP and SSE allow most of
them.

Each flood is one write, and comes after some words of an answer, which then goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from .._plan import Plan
from .._replies import event
from .._request import Ask
from .base import faults, with_events


__all__ = ["FAULTS"]


def _flood_tool_calls(context: Ask, *, count: int = 4_000) -> Plan:
    """One chunk has *count* parts of tool calls, each with another index."""
    calls = [{"index": number} for number in range(count)]
    return with_events(context, _delta({"tool_calls": calls}))


def _flood_tool_call_events(context: Ask, *, count: int = 4_000) -> Plan:
    """*count* chunks have one part of a tool call each, each with another index."""
    calls = ({"tool_calls": [{"index": number}]} for number in range(count))
    return with_events(context, b"".join(map(_delta, calls)))


def _flood_choices(context: Ask, *, count: int = 1000) -> Plan:
    """One chunk has *count* choices."""
    choices = [{"index": n, "finish_reason": "stop"} for n in range(1, count + 1)]
    return with_events(context, event({"choices": choices[:-1]}))


def _flood_chunks(context: Ask, *, count: int = 20_000) -> Plan:
    """*count* chunks without choices."""
    return with_events(context, b'data: {"id":""}\n\n' * count)


def _flood_empty_data(context: Ask, *, count: int = 20_000) -> Plan:
    """*count* events with empty data."""
    return with_events(context, b"data:\n\n" * count)


def _flood_ids(context: Ask, *, count: int = 20_000) -> Plan:
    """*count* events with an id, and without data."""
    return with_events(context, b"id: 7\n\n" * count)


def _flood_comments(context: Ask, *, count: int = 20_000) -> Plan:
    """*count* comments."""
    return with_events(context, b":\n\n" * count)


def _flood_lines(context: Ask, *, count: int = 10_000) -> Plan:
    """The JSON of one chunk is spread over *count* data lines."""
    lines = b"data:\n" * (count - 2)
    chunk = b'data: {"id":\n%bdata: ""}\n\n' % lines
    return with_events(context, chunk)


def _flood_members(context: Ask, *, count: int = 10_000) -> Plan:
    """One chunk has *count* unknown members."""
    return with_events(context, event({f"x{n}": n for n in range(count)} | {"id": ""}))


def _delta(delta: Mapping[str, object]) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": delta}]}
    return b"data: %b\n\n" % orjson.dumps(chunk)


FAULTS = faults(
    _flood_tool_calls,
    _flood_tool_call_events,
    _flood_choices,
    _flood_chunks,
    _flood_empty_data,
    _flood_ids,
    _flood_comments,
    _flood_lines,
    _flood_members,
)

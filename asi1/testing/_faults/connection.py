"""
The faults of the connection, which is reset, closed, silent or slow.

A fault in the body comes after *after_chunks* words of the answer. Each fault works
with streams and with JSON bodies.
"""

from __future__ import annotations

from .._plan import (
    Close,
    Data,
    End,
    Head,
    Listen,
    Pause,
    Plan,
    Raw,
    Repeat,
    Reset,
    Step,
)
from .._render import Renderer
from .._request import Ask
from .base import answer_parts, data_steps, faults, partial_answer, stall


__all__ = ["FAULTS"]


def _reset_before_headers(_: Ask) -> Plan:
    """The server resets the connection before the first byte of the reply."""
    return (Reset(),)


def _close_before_headers(_: Ask) -> Plan:
    """The server closes the connection before the first byte of the reply."""
    return (Close(),)


def _reset_mid_headers(context: Ask) -> Plan:
    """The server resets the connection in the middle of the headers."""
    return _half_head(context), Reset()


def _fin_mid_headers(context: Ask) -> Plan:
    """The server closes the connection in the middle of the headers."""
    return _half_head(context), Close()


def _reset_after_headers(context: Ask) -> Plan:
    """The server resets the connection between the headers and the body."""
    return answer_parts(context).head, Reset()


def _close_after_headers(context: Ask) -> Plan:
    """The server closes the connection between the headers and a chunked body."""
    return answer_parts(context).head, Close()


def _reset_mid_body(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The server resets the connection after some words."""
    return *partial_answer(context, after_chunks), Reset()


def _fin_mid_chunked(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The server closes the connection between two chunks of a chunked body."""
    return *partial_answer(context, after_chunks), Close()


def _fin_mid_chunk(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The server closes the connection in the middle of an HTTP chunk."""
    return *partial_answer(context, after_chunks), Raw(b"40\r\ndata: {"), Close()


def _fin_mid_length(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The server closes the connection before the content-length is reached."""
    return *partial_answer(context, after_chunks, "length"), Close()


def _truncated_no_length(context: Ask, *, after_chunks: int = 3) -> Plan:
    """A body without length or chunks is cut: the HTTP framing cannot show it."""
    return *partial_answer(context, after_chunks, "close"), Close()


def _stall_before_headers(_: Ask, *, seconds: float | None = None) -> Plan:
    """The server sends nothing at all; if *seconds* is given, it then disconnects."""
    return stall(seconds)


def _stall_mid_headers(context: Ask, *, seconds: float | None = None) -> Plan:
    """The server sends nothing after half of the headers."""
    return _half_head(context), *stall(seconds)


def _stall_after_headers(context: Ask, *, seconds: float | None = None) -> Plan:
    """The server sends nothing after the headers."""
    return answer_parts(context).head, *stall(seconds)


def _stall_mid_body(
    context: Ask, *, after_chunks: int = 3, seconds: float | None = None
) -> Plan:
    """The server sends nothing after some words."""
    return *partial_answer(context, after_chunks), *stall(seconds)


def _stall(
    context: Ask, *, after_chunks: int = 3, seconds: float | None = None
) -> Plan:
    """The same as stall_mid_body."""
    return _stall_mid_body(context, after_chunks=after_chunks, seconds=seconds)


def _hiccup(context: Ask, *, after_chunks: int = 3, seconds: float = 0.2) -> Plan:
    """The server pauses for *seconds* after some words, then sends the rest: legal."""
    parts = answer_parts(context)
    at = len(parts.opening) + after_chunks
    first, rest = parts.pieces[:at], parts.pieces[at:]
    return parts.head, *data_steps(*first), Pause(seconds), *data_steps(*rest)


def _slow_drip(context: Ask, *, seconds: float = 0.2) -> Plan:
    """The server sends the body byte by byte, and waits *seconds* before each."""
    parts = answer_parts(context)
    steps: list[Step] = [parts.head]
    for byte in b"".join(parts.pieces):
        steps += [Pause(seconds), Data(bytes((byte,)))]
    return tuple(steps)


def _slow_headers(context: Ask, *, seconds: float = 0.2) -> Plan:
    """The headers come byte by byte, *seconds* before each; then the whole body."""
    parts = answer_parts(context, "close")
    steps: list[Step] = []
    for byte in Renderer().render(parts.head):
        steps += [Pause(seconds), Raw(bytes((byte,)))]
    return *steps, *(Raw(piece) for piece in parts.pieces)


def _keepalive_then_close_idle(context: Ask, *, seconds: float = 0.05) -> Plan:
    """A correct answer; then the server closes the idle connection after *seconds*."""
    return *_good_answer(context), End(), Pause(seconds), Close()


def _keepalive_then_rst_on_reuse(context: Ask) -> Plan:
    """A correct answer; then the server resets the connection on the next request."""
    return *_good_answer(context), End(), Listen(), Reset()


def _keepalive_then_close_on_reuse(context: Ask) -> Plan:
    """A correct answer; then the server closes the connection on the next request."""
    return *_good_answer(context), End(), Listen(), Close()


def _idle_408(context: Ask, *, seconds: float = 0.05) -> Plan:
    """A correct answer; then a 408 without a request, and the connection closes."""
    status_408 = Renderer().render(Head(408, (("connection", "close"),), "length"))
    return *_good_answer(context), End(), Pause(seconds), Raw(status_408), Close()


def _informational_flood(_: Ask, *, seconds: float = 0.05) -> Plan:
    """The server sends one 103 (Early Hints) after another, and never a reply."""
    return (Repeat((Raw(_HINT), Pause(seconds))),)


def _early_hints(context: Ask) -> Plan:
    """A 103 (Early Hints) comes before a correct answer: legal."""
    return Raw(_HINT), *_good_answer(context)


_HINT = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n"


def _half_head(context: Ask) -> Raw:
    return Raw(Renderer().render(answer_parts(context).head)[:40])


def _good_answer(context: Ask) -> Plan:
    parts = answer_parts(context)
    return parts.head, *data_steps(*parts.pieces)


FAULTS = faults(
    _reset_before_headers,
    _close_before_headers,
    _reset_mid_headers,
    _fin_mid_headers,
    _reset_after_headers,
    _close_after_headers,
    _reset_mid_body,
    _fin_mid_chunked,
    _fin_mid_chunk,
    _fin_mid_length,
    _truncated_no_length,
    _stall_before_headers,
    _stall_mid_headers,
    _stall_after_headers,
    _stall_mid_body,
    _stall,
    _hiccup,
    _slow_drip,
    _slow_headers,
    _keepalive_then_close_idle,
    _keepalive_then_rst_on_reuse,
    _keepalive_then_close_on_reuse,
    _idle_408,
    _informational_flood,
    _early_hints,
)

"""
Faults of the connection: broken, cut, silent or slow. Pure.

Where a fault strikes in the body, some words of the answer come first: *after_chunks*
of them. Each fault works on streams and on JSON bodies.
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
from .base import begun, faults, jammed, spoken, talk


__all__ = ["FAULTS"]


def _reset_before_headers(_: Ask) -> Plan:
    """The connection is reset before the first byte of the reply."""
    return (Reset(),)


def _close_before_headers(_: Ask) -> Plan:
    """The connection is closed before the first byte of the reply."""
    return (Close(),)


def _reset_mid_headers(ask: Ask) -> Plan:
    """The connection is reset in the middle of the head."""
    return _half_head(ask), Reset()


def _fin_mid_headers(ask: Ask) -> Plan:
    """The connection is closed in the middle of the head."""
    return _half_head(ask), Close()


def _reset_after_headers(ask: Ask) -> Plan:
    """The connection is reset between the head and the body."""
    return talk(ask).head, Reset()


def _close_after_headers(ask: Ask) -> Plan:
    """The connection is closed between the head and a chunked body."""
    return talk(ask).head, Close()


def _reset_mid_body(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The connection is reset after some words."""
    return *begun(ask, after_chunks), Reset()


def _fin_mid_chunked(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The connection is closed between two chunks of a chunked body."""
    return *begun(ask, after_chunks), Close()


def _fin_mid_chunk(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The connection is closed inside a chunk that had announced its length."""
    return *begun(ask, after_chunks), Raw(b"40\r\ndata: {"), Close()


def _fin_mid_length(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The connection is closed before the content-length is reached."""
    return *begun(ask, after_chunks, "length"), Close()


def _truncated_no_length(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """A body that only the connection's end ends is cut: no framing can tell."""
    return *begun(ask, after_chunks, "close"), Close()


def _stall_before_headers(_: Ask, *, seconds: float | None = None) -> Plan:
    """Nothing comes at all, for *seconds* or until the client leaves."""
    return jammed(seconds)


def _stall_mid_headers(ask: Ask, *, seconds: float | None = None) -> Plan:
    """Nothing comes after half of the head."""
    return _half_head(ask), *jammed(seconds)


def _stall_after_headers(ask: Ask, *, seconds: float | None = None) -> Plan:
    """Nothing comes after the head."""
    return talk(ask).head, *jammed(seconds)


def _stall_mid_body(
    ask: Ask, *, after_chunks: int = 3, seconds: float | None = None
) -> Plan:
    """Nothing comes after some words."""
    return *begun(ask, after_chunks), *jammed(seconds)


def _stall(ask: Ask, *, after_chunks: int = 3, seconds: float | None = None) -> Plan:
    """The same as stall_mid_body."""
    return _stall_mid_body(ask, after_chunks=after_chunks, seconds=seconds)


def _hiccup(ask: Ask, *, after_chunks: int = 3, seconds: float = 0.2) -> Plan:
    """Nothing comes for a while after some words, then all the rest: legal."""
    parts = talk(ask)
    at = len(parts.opening) + after_chunks
    first, rest = parts.pieces[:at], parts.pieces[at:]
    return parts.head, *spoken(*first), Pause(seconds), *spoken(*rest)


def _slow_drip(ask: Ask, *, seconds: float = 0.2) -> Plan:
    """The body comes byte by byte, with *seconds* before each."""
    parts = talk(ask)
    steps: list[Step] = [parts.head]
    for byte in b"".join(parts.pieces):
        steps += [Pause(seconds), Data(bytes((byte,)))]
    return tuple(steps)


def _slow_headers(ask: Ask, *, seconds: float = 0.2) -> Plan:
    """The head comes byte by byte, with *seconds* before each; then the whole body."""
    parts = talk(ask, "close")
    steps: list[Step] = []
    for byte in Renderer().render(parts.head):
        steps += [Pause(seconds), Raw(bytes((byte,)))]
    return *steps, *(Raw(piece) for piece in parts.pieces)


def _keepalive_then_close_idle(ask: Ask, *, seconds: float = 0.05) -> Plan:
    """A good answer; then the idle connection is closed after *seconds*."""
    return *_good(ask), End(), Pause(seconds), Close()


def _keepalive_then_rst_on_reuse(ask: Ask) -> Plan:
    """A good answer; then the connection is reset as the next request comes on it."""
    return *_good(ask), End(), Listen(), Reset()


def _keepalive_then_close_on_reuse(ask: Ask) -> Plan:
    """A good answer; then the connection is closed as the next request comes on it."""
    return *_good(ask), End(), Listen(), Close()


def _idle_408(ask: Ask, *, seconds: float = 0.05) -> Plan:
    """A good answer; then a 408 that nobody asked for, and the connection closes."""
    late = Renderer().render(Head(408, (("connection", "close"),), "length"))
    return *_good(ask), End(), Pause(seconds), Raw(late), Close()


def _informational_flood(_: Ask, *, seconds: float = 0.05) -> Plan:
    """One 103 (Early Hints) after another, and never a reply."""
    return (Repeat((Raw(_HINT), Pause(seconds))),)


def _early_hints(ask: Ask) -> Plan:
    """A 103 (Early Hints) before a good answer: legal, and no fault at all."""
    return Raw(_HINT), *_good(ask)


_HINT = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n"


def _half_head(ask: Ask) -> Raw:
    return Raw(Renderer().render(talk(ask).head)[:40])


def _good(ask: Ask) -> Plan:
    parts = talk(ask)
    return parts.head, *spoken(*parts.pieces)


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

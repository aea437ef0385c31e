"""
Faults of streams: how they end, and events that are no chunk. Pure.

Those about a stream's end also work on JSON bodies where that has a meaning; all others
send a stream, whatever was asked for.
"""

from __future__ import annotations

from attrs import evolve

from .._plan import Data, Head, Pause, Plan, Repeat, Reset
from .._replies import DONE, SSE, Answer, event, sse_head
from .._request import Ask
from .base import begun, faults, jammed, laced, spoken, talk


__all__ = ["FAULTS"]


_TOOL_USE = Answer(
    text="",
    tool_calls=(
        {"name": "list_files", "arguments": '{"path": "a", "recursive": true}'},
    ),
)
_ERROR = {"message": "The model broke down.", "type": "server_error", "code": "broken"}


def _clean_eof_no_done(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The body ends in order after some words: no finish reason, no [DONE]."""
    return begun(ask, after_chunks)


def _clean_eof_finish_no_done(ask: Ask) -> Plan:
    """The stream ends in order after the finish reason, without [DONE]: complete."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.opening, *parts.words, *parts.finish)


def _eof_mid_event(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The body ends in order in the middle of an event."""
    parts = talk(ask)
    half = parts.words[-1][: len(parts.words[-1]) // 2]
    return *begun(ask, after_chunks), Data(half)


def _tool_args_truncated(ask: Ask) -> Plan:
    """A stream ends in order in the middle of a tool call's arguments."""
    events = _TOOL_USE.events(_TOOL_USE.content(ask))
    return sse_head(), *spoken(*events[:-4])


def _done_early(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """[DONE] comes after some words, without a finish reason."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.opening, *parts.words[:after_chunks], DONE)


def _done_only(_: Ask) -> Plan:
    """[DONE] is all there is."""
    return sse_head(), Data(DONE)


def _done_twice(ask: Ask) -> Plan:
    """[DONE] comes twice."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.pieces, DONE)


def _done_no_blank_line(ask: Ask) -> Plan:
    """The stream ends right after [DONE], without a line end."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.pieces[:-1], DONE.rstrip())


def _done_with_suffix(ask: Ask) -> Plan:
    """An event [DONE]x comes in the middle, which is not the end."""
    return laced(ask, b"data: [DONE]x\n\n")


def _after_done_hangs(ask: Ask, *, seconds: float | None = None) -> Plan:
    """Nothing comes after [DONE], not even the end of the body."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.pieces), *jammed(seconds)


def _after_done_more(ask: Ask) -> Plan:
    """More words come after [DONE]."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.pieces, *parts.words)


def _after_done_reset(ask: Ask) -> Plan:
    """The connection is reset after [DONE]."""
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*parts.pieces), Reset()


def _finish_then_reset(ask: Ask) -> Plan:
    """The connection is reset after the finish reason, before usage and [DONE]."""
    parts = talk(ask, stream=True)
    said = spoken(*parts.opening, *parts.words, *parts.finish)
    return parts.head, *said, Reset()


def _finish_then_stall(ask: Ask, *, seconds: float | None = None) -> Plan:
    """Nothing comes after the finish reason."""
    parts = talk(ask, stream=True)
    said = spoken(*parts.opening, *parts.words, *parts.finish)
    return parts.head, *said, *jammed(seconds)


def _error_event(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event whose data is an error object."""
    return _broken_off(ask, after_chunks, event({"error": _ERROR}))


def _error_event_string(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event whose error is a text."""
    return _broken_off(ask, after_chunks, event({"error": _ERROR["message"]}))


def _error_event_named(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event named error, with a code and a message."""
    told = event({"code": 502, "message": _ERROR["message"]})
    return _broken_off(ask, after_chunks, b"event: error\n" + told)


def _error_event_text(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event named error whose data is plain text."""
    told = b"event: error\ndata: upstream went away\n\n"
    return _broken_off(ask, after_chunks, told)


def _error_then_done(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """An error event, then [DONE] as if all were well."""
    return _broken_off(ask, after_chunks, event({"error": _ERROR}), DONE)


def _error_after_finish(ask: Ask) -> Plan:
    """An error event follows the finish reason."""
    parts = talk(ask, stream=True)
    said = (*parts.opening, *parts.words, *parts.finish)
    return parts.head, *spoken(*said, event({"error": _ERROR}))


def _bad_json_chunk(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """One chunk is cut in the middle of its JSON, then the stream goes on."""
    half = b'data: {"id":"id_x","choices":[{"index":0,"del\n\n'
    return laced(ask, half, after_chunks=after_chunks)


def _heartbeats_legal(ask: Ask) -> Plan:
    """Comments, a ping and empty events, as the standard allows: no fault at all."""
    beats = (
        b"event: ping\n\n",
        b"retry: 3000\n\n",
        b"id: 7\n\n: still here\n\n\n",
        b"data:\n\n",
        b": the model is thinking\n\n",
    )
    return laced(ask, *beats)


def _heartbeat_forever(
    ask: Ask, *, after_chunks: int = 0, seconds: float = 0.2
) -> Plan:
    """After some words only comments come, one each *seconds*."""
    parts = talk(ask, stream=True)
    opening = parts.opening if after_chunks else ()
    said = spoken(*opening, *parts.words[:after_chunks])
    return parts.head, *said, Repeat((Data(b": alive\n\n"), Pause(seconds)))


def _empty_data_forever(_: Ask, *, seconds: float = 0.2) -> Plan:
    """Only events with empty data come, one each *seconds*."""
    return sse_head(), Repeat((Data(b"data:\n\n"), Pause(seconds)))


def _no_content_type(ask: Ask) -> Plan:
    """A good stream without a content-type."""
    parts = talk(ask, stream=True)
    return Head(200), *spoken(*parts.pieces)


def _content_type(ask: Ask, *, value: str = "text/plain") -> Plan:
    """A good stream with any content-type."""
    parts = talk(ask, stream=True)
    return sse_head(content_type=value), *spoken(*parts.pieces)


def _upper_content_type(ask: Ask) -> Plan:
    """A good stream with its content-type in capitals: no fault at all."""
    return _content_type(ask, value=f"{SSE.upper()}; Charset=UTF-8")


def _latin1_content_type(ask: Ask) -> Plan:
    """A stream in UTF-8, as all are, whose content-type says latin-1."""
    answer = Answer(text="caf\u00e9 \u2026 na\u00efve \u4f60\u597d", chunk_words=1)
    events = answer.events(answer.content(ask))
    return sse_head(content_type=f"{SSE}; charset=latin-1"), *spoken(*events)


def _giant_event(ask: Ask, *, mib: int = 20) -> Plan:
    """One chunk has a text of *mib* MiB; legal."""
    content = evolve(_TOOL_USE, text="g" * (mib * 1024 * 1024), tool_calls=())
    return sse_head(), *spoken(*content.events(content.content(ask)))


def _broken_off(ask: Ask, after_chunks: int, *events: bytes) -> Plan:
    parts = talk(ask, stream=True)
    words = parts.words[:after_chunks]
    return parts.head, *spoken(*parts.opening, *words, *events)


FAULTS = faults(
    _clean_eof_no_done,
    _clean_eof_finish_no_done,
    _eof_mid_event,
    _tool_args_truncated,
    _done_early,
    _done_only,
    _done_twice,
    _done_no_blank_line,
    _done_with_suffix,
    _after_done_hangs,
    _after_done_more,
    _after_done_reset,
    _finish_then_reset,
    _finish_then_stall,
    _error_event,
    _error_event_string,
    _error_event_named,
    _error_event_text,
    _error_then_done,
    _error_after_finish,
    _bad_json_chunk,
    _heartbeats_legal,
    _heartbeat_forever,
    _empty_data_forever,
    _no_content_type,
    _content_type,
    _upper_content_type,
    _latin1_content_type,
    _giant_event,
)

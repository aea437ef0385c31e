"""
The faults of streams: in how a stream ends, in its events, or in its content-type.

`clean_eof_no_done` and `eof_mid_event` also cut JSON bodies; every other fault here
sends a stream, even if the request asks for JSON.
"""

from __future__ import annotations

from attrs import evolve

from .._answer import Answer
from .._plan import Data, Head, Pause, Plan, Repeat, Reset
from .._replies import DONE, SSE, event, sse_head
from .._request import Ask
from .base import answer_parts, data_steps, faults, partial_answer, stall, with_events


__all__ = ["FAULTS"]


_TOOL_USE = Answer(
    text="",
    tool_calls=(
        {"name": "list_files", "arguments": '{"path": "a", "recursive": true}'},
    ),
)
_ERROR = {"message": "The model broke down.", "type": "server_error", "code": "broken"}


def _clean_eof_no_done(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The body ends normally after some words, without finish reason and [DONE]."""
    return partial_answer(context, after_chunks)


def _clean_eof_finish_no_done(context: Ask) -> Plan:
    """The stream ends normally after the finish reason, without [DONE]: complete."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.opening, *parts.words, *parts.finish)


def _eof_mid_event(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The body ends normally, but in the middle of an event."""
    parts = answer_parts(context)
    half = parts.words[-1][: len(parts.words[-1]) // 2]
    return *partial_answer(context, after_chunks), Data(half)


def _tool_args_truncated(context: Ask) -> Plan:
    """The stream ends normally, but in the middle of a tool call's arguments."""
    events = _TOOL_USE.events(_TOOL_USE.content(context))
    return sse_head(), *data_steps(*events[:-4])


def _done_early(context: Ask, *, after_chunks: int = 3) -> Plan:
    """[DONE] comes after some words, without a finish reason."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.opening, *parts.words[:after_chunks], DONE)


def _done_only(_: Ask) -> Plan:
    """[DONE] is the only event."""
    return sse_head(), Data(DONE)


def _done_twice(context: Ask) -> Plan:
    """[DONE] comes twice."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.pieces, DONE)


def _done_no_blank_line(context: Ask) -> Plan:
    """The stream ends directly after [DONE], without a line end."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.pieces[:-1], DONE.rstrip())


def _done_with_suffix(context: Ask) -> Plan:
    """An event in the middle has the data [DONE]x, which does not end the stream."""
    return with_events(context, b"data: [DONE]x\n\n")


def _after_done_hangs(context: Ask, *, seconds: float | None = None) -> Plan:
    """The server sends nothing after [DONE], not even the end of the body."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.pieces), *stall(seconds)


def _after_done_more(context: Ask) -> Plan:
    """More words come after [DONE]."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.pieces, *parts.words)


def _after_done_reset(context: Ask) -> Plan:
    """The server resets the connection after [DONE]."""
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*parts.pieces), Reset()


def _finish_then_reset(context: Ask) -> Plan:
    """The server resets the connection after the finish reason, before the usage."""
    parts = answer_parts(context, stream=True)
    sent = data_steps(*parts.opening, *parts.words, *parts.finish)
    return parts.head, *sent, Reset()


def _finish_then_stall(context: Ask, *, seconds: float | None = None) -> Plan:
    """The server sends nothing after the finish reason."""
    parts = answer_parts(context, stream=True)
    sent = data_steps(*parts.opening, *parts.words, *parts.finish)
    return parts.head, *sent, *stall(seconds)


def _error_event(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event whose data is an error object."""
    return _ending_with(context, after_chunks, event({"error": _ERROR}))


def _error_event_string(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event whose error is a string."""
    return _ending_with(context, after_chunks, event({"error": _ERROR["message"]}))


def _error_event_named(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event of type error, with a code and a message."""
    error = event({"code": 502, "message": _ERROR["message"]})
    return _ending_with(context, after_chunks, b"event: error\n" + error)


def _error_event_text(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event of type error, whose data is plain text."""
    error = b"event: error\ndata: upstream went away\n\n"
    return _ending_with(context, after_chunks, error)


def _errors_event(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an event whose data has a list of errors."""
    return _ending_with(context, after_chunks, event({"errors": [_ERROR]}), DONE)


def _choice_error(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with a choice that has an error, and error as finish reason."""
    choice = {"index": 0, "delta": {}, "error": _ERROR, "finish_reason": "error"}
    return _ending_with(context, after_chunks, event({"choices": [choice]}), DONE)


def _delta_error(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with a delta that has an error, and stop as finish reason."""
    choice = {"index": 0, "delta": {"error": _ERROR}, "finish_reason": "stop"}
    return _ending_with(context, after_chunks, event({"choices": [choice]}), DONE)


def _overloaded_event(_: Ask) -> Plan:
    """The first event says that the server is overloaded."""
    error = {"type": "overloaded_error", "message": "Overloaded."}
    return sse_head(), Data(event({"type": "error", "error": error}))


def _error_then_done(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The stream ends with an error event and then [DONE]."""
    return _ending_with(context, after_chunks, event({"error": _ERROR}), DONE)


def _error_after_finish(context: Ask) -> Plan:
    """An error event follows the finish reason."""
    parts = answer_parts(context, stream=True)
    sent = (*parts.opening, *parts.words, *parts.finish)
    return parts.head, *data_steps(*sent, event({"error": _ERROR}))


def _bad_json_chunk(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The JSON of one chunk is cut; then the stream continues."""
    half = b'data: {"id":"id_x","choices":[{"index":0,"del\n\n'
    return with_events(context, half, after_chunks=after_chunks)


def _heartbeats_legal(context: Ask) -> Plan:
    """Comments, a ping and empty events, which the SSE standard allows."""
    beats = (
        b"event: ping\n\n",
        b"retry: 3000\n\n",
        b"id: 7\n\n: still here\n\n\n",
        b"data:\n\n",
        b": the model is thinking\n\n",
    )
    return with_events(context, *beats)


def _heartbeats_text(context: Ask) -> Plan:
    """Pings with data, as plain text and as JSON, among the words."""
    beats = (
        b"event: ping\ndata: ping\n\n",
        b"event: heartbeat\ndata: 1740000000\n\n",
        event({"type": "ping"}),
    )
    return with_events(context, *beats)


def _ping_forever(_: Ask, *, seconds: float = 0.2) -> Plan:
    """The server sends only pings that are JSON objects, *seconds* apart."""
    return sse_head(), Repeat((Data(event({"type": "ping"})), Pause(seconds)))


def _empty_deltas_forever(context: Ask, *, seconds: float = 0.2) -> Plan:
    """After some words the server sends only empty deltas, *seconds* apart."""
    parts = answer_parts(context, stream=True)
    sent = data_steps(*parts.opening, *parts.words[:3])
    return parts.head, *sent, Repeat((Data(parts.opening[0]), Pause(seconds)))


def _heartbeat_forever(
    context: Ask, *, after_chunks: int = 0, seconds: float = 0.2
) -> Plan:
    """After some words the server sends only comments, *seconds* apart."""
    parts = answer_parts(context, stream=True)
    opening = parts.opening if after_chunks else ()
    sent = data_steps(*opening, *parts.words[:after_chunks])
    return parts.head, *sent, Repeat((Data(b": alive\n\n"), Pause(seconds)))


def _empty_data_forever(_: Ask, *, seconds: float = 0.2) -> Plan:
    """The server sends only events with empty data, *seconds* apart."""
    return sse_head(), Repeat((Data(b"data:\n\n"), Pause(seconds)))


def _no_content_type(context: Ask) -> Plan:
    """A correct stream without a content-type."""
    parts = answer_parts(context, stream=True)
    return Head(200), *data_steps(*parts.pieces)


def _content_type(context: Ask, *, value: str = "text/plain") -> Plan:
    """A correct stream with *value* as its content-type."""
    parts = answer_parts(context, stream=True)
    return sse_head(content_type=value), *data_steps(*parts.pieces)


def _upper_content_type(context: Ask) -> Plan:
    """A correct stream with its content-type in capitals: legal."""
    return _content_type(context, value=f"{SSE.upper()}; Charset=UTF-8")


def _latin1_content_type(context: Ask) -> Plan:
    """A stream in UTF-8 whose content-type says latin-1; SSE is always UTF-8."""
    answer = Answer(text="caf\u00e9 \u2026 na\u00efve \u4f60\u597d", chunk_words=1)
    events = answer.events(answer.content(context))
    return sse_head(content_type=f"{SSE}; charset=latin-1"), *data_steps(*events)


def _giant_event(context: Ask, *, mib: int = 20) -> Plan:
    """The text of one chunk is *mib* MiB long: legal."""
    answer = evolve(_TOOL_USE, text="g" * (mib * 1024 * 1024), tool_calls=())
    return sse_head(), *data_steps(*answer.events(answer.content(context)))


def _ending_with(context: Ask, after_chunks: int, *events: bytes) -> Plan:
    parts = answer_parts(context, stream=True)
    words = parts.words[:after_chunks]
    return parts.head, *data_steps(*parts.opening, *words, *events)


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
    _errors_event,
    _choice_error,
    _delta_error,
    _overloaded_event,
    _error_then_done,
    _error_after_finish,
    _bad_json_chunk,
    _heartbeats_legal,
    _heartbeats_text,
    _heartbeat_forever,
    _ping_forever,
    _empty_deltas_forever,
    _empty_data_forever,
    _no_content_type,
    _content_type,
    _upper_content_type,
    _latin1_content_type,
    _giant_event,
)

"""
Expected outcomes for streams with an unusual end, or with events that are not chunks.
"""

from __future__ import annotations

from attrs import evolve

import asi1

from .outcome import Outcome, Row, answers, breaks, fails, same, timed_out


__all__ = ["STREAMS"]

_SAID = "one two three"

_CUT = breaks(
    asi1.StreamTruncatedError,
    _SAID,
    create=fails(asi1.APIResponseError, after="kept"),
    after="kept",
)
_REPORTED = breaks(asi1.ServerStreamError, _SAID)
_OVERLOADED = Outcome(error=asi1.ServerStreamError, partial="", attempts=3, heals=True)
_NOT_A_CHUNK = breaks(asi1.StreamDecodeError, _SAID)
# Comments and empty events do not count as data, so the call times out. For `create`
# the response headers end the phase "first_token", so the phase of its timeout is
# "idle".
_NO_DATA = Row(create=timed_out("idle"), stream=timed_out("first_token"))

STREAMS = {
    "clean_eof_no_done": _CUT,
    "clean_eof_finish_no_done": answers(),
    "eof_mid_event": _CUT,
    "tool_args_truncated": breaks(asi1.StreamTruncatedError, "", after="kept"),
    "done_early": answers(_SAID),
    "done_only": same(fails(asi1.APIResponseError, after="any")),
    "done_twice": answers(),
    "done_no_blank_line": answers(),
    "done_with_suffix": _NOT_A_CHUNK,
    "after_done_hangs": answers(after="closed"),
    "after_done_more": answers(),
    "after_done_reset": answers(after="closed"),
    "finish_then_reset": answers(after="closed"),
    "finish_then_stall": answers(after="closed", short={"seconds": 0.05}),
    "error_event": _REPORTED,
    "error_event_string": _REPORTED,
    "error_event_named": _REPORTED,
    "error_event_text": _REPORTED,
    "errors_event": _REPORTED,
    "choice_error": _REPORTED,
    "delta_error": _REPORTED,
    "overloaded_event": same(_OVERLOADED),
    "error_then_done": _REPORTED,
    "error_after_finish": answers(),
    "bad_json_chunk": _NOT_A_CHUNK,
    "heartbeats_legal": answers(),
    "heartbeats_text": answers(),
    "heartbeat_forever": _NO_DATA,
    "ping_forever": _NO_DATA,
    "empty_deltas_forever": Row(
        create=evolve(timed_out("idle"), partial=_SAID),
        stream=evolve(timed_out("idle"), text=_SAID, partial=_SAID),
    ),
    "empty_data_forever": _NO_DATA,
    "no_content_type": answers(),
    "content_type": answers(),
    "upper_content_type": answers(),
    "latin1_content_type": answers("caf\u00e9 \u2026 na\u00efve \u4f60\u597d"),
    "flood_choices": answers(short={"count": 100}),
    "flood_chunks": answers(short={"count": 2000}),
    "flood_comments": answers(short={"count": 2000}),
    "flood_empty_data": answers(short={"count": 2000}),
    "flood_ids": answers(short={"count": 2000}),
    "flood_lines": answers(short={"count": 2000}),
    "flood_members": answers(short={"count": 2000}),
    "flood_tool_call_events": answers(short={"count": 500}),
    "flood_tool_calls": answers(short={"count": 2000}),
    "giant_event": breaks(
        asi1.StreamDecodeError,
        "",
        after="closed",
        note="longer than the default `max_event_bytes`",
    ),
}

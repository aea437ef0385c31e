"""Expected outcomes if the connection breaks, closes early, is silent or slow."""

from __future__ import annotations

from attrs import evolve

import asi1

from .outcome import Row, answers, bad_status, breaks, fails, same, timed_out


__all__ = ["CONNECTION"]

_SAID = "one two three"

# A call whose connection is lost before the response head is retried, although the
# server may have processed the request.
_NO_REPLY = same(fails(asi1.APIConnectionError, attempts=3, status=None))
# If the connection is lost after the response head but before the first chunk, a stream
# is retried. A call without streaming is not, because its head shows that the model had
# finished the answer.
_ONCE = fails(asi1.APIConnectionError)
_NO_BODY = Row(create=_ONCE, stream=fails(asi1.APIConnectionError, attempts=3))
_INTERRUPTED = breaks(asi1.StreamInterruptedError, _SAID, create=_ONCE, after="closed")
_SILENT_HALFWAY = Row(
    create=timed_out("idle"),
    stream=evolve(timed_out("idle"), text=_SAID, partial=_SAID),
)
_REFUSED = bad_status(asi1.RequestTooLargeError, 413, after="closed")
_LOST_LATER = answers(after="breaks", note="that request needs one more attempt")

CONNECTION = {
    "reset_before_headers": _NO_REPLY,
    "close_before_headers": _NO_REPLY,
    "reset_mid_headers": _NO_REPLY,
    "fin_mid_headers": _NO_REPLY,
    "reset_after_headers": _NO_BODY,
    "close_after_headers": _NO_BODY,
    "reset_mid_body": _INTERRUPTED,
    "fin_mid_chunked": _INTERRUPTED,
    "fin_mid_chunk": _INTERRUPTED,
    "fin_mid_length": _INTERRUPTED,
    # Without Content-Length or chunked encoding, only the missing end of the answer
    # shows that the body was cut.
    "truncated_no_length": breaks(
        asi1.StreamTruncatedError,
        _SAID,
        create=fails(asi1.APIResponseError),
        after="closed",
    ),
    "stall_before_headers": same(timed_out("first_token", status=None)),
    "stall_mid_headers": same(timed_out("first_token", status=None)),
    "stall_after_headers": Row(
        create=timed_out("idle"), stream=timed_out("first_token")
    ),
    "stall_mid_body": _SILENT_HALFWAY,
    "stall": _SILENT_HALFWAY,
    "hiccup": answers(short={"seconds": 0.05}),
    "slow_drip": answers(
        note="no default timeout passes; a number as `timeout` limits the whole call",
        short={"seconds": 0},
    ),
    "slow_headers": answers(after="closed", short={"seconds": 0}),
    "keepalive_then_close_idle": answers(after="closed"),
    "keepalive_then_rst_on_reuse": _LOST_LATER,
    "keepalive_then_close_on_reuse": _LOST_LATER,
    "idle_408": answers(after="closed"),
    "informational_flood": same(timed_out("first_token", status=None)),
    "early_hints": answers(),
    # The whole small request is sent before the server refuses it, so the write
    # succeeds.
    "early_refusal": _REFUSED,
    "early_refusal_open": _REFUSED,
    "slow_request_reader": answers(),
}

"""
Expected outcomes for broken or unusual response heads, HTTP framing, redirects and
content encodings.
"""

from __future__ import annotations

import asi1

from .outcome import answers, bad_status, breaks, fails, same


__all__ = ["FRAMING"]

_SAID = "one two three"

# A reply that is not HTTP is not retried, because the server would not speak HTTP at
# the next attempt either.
_NOT_HTTP = same(fails(asi1.APIConnectionError, status=None))
_NO_ANSWER = fails(asi1.APIResponseError, after="any")
_TOO_LARGE = breaks(asi1.StreamDecodeError, "", after="closed")
_REDIRECTED = bad_status(asi1.APIStatusError, 307)

FRAMING = {
    "not_http": same(
        fails(asi1.APIConnectionError, status=None),
        note="3 attempts with your own `transport` or `http_client`",
    ),
    "bad_status_line": _NOT_HTTP,
    "obs_header_injection": _NOT_HTTP,
    "giant_headers": _NOT_HTTP,
    "many_headers": _NOT_HTTP,
    "two_lengths": _NOT_HTTP,
    "bad_length": _NOT_HTTP,
    "length_too_short": breaks(
        asi1.StreamTruncatedError,
        "one two three four",
        create=fails(asi1.APIResponseError),
        after="closed",
    ),
    "bad_chunk_size": breaks(
        asi1.StreamInterruptedError,
        _SAID,
        create=fails(asi1.APIConnectionError),
        after="closed",
    ),
    "http_10": answers(after="closed"),
    "switching_protocols_101": _NOT_HTTP,
    "redirect": _REDIRECTED,
    "redirect_loop": _REDIRECTED,
    "redirect_empty_location": _REDIRECTED,
    "redirect_no_location": _REDIRECTED,
    "infinite_body": _TOO_LARGE,
    "gzip_stream": answers(),
    "gzip_cut": breaks(
        asi1.StreamTruncatedError,
        "one two three four",
        create=fails(asi1.APIResponseError, after="kept"),
        after="kept",
    ),
    "gzip_bad_crc": same(_NO_ANSWER),
    "double_gzip": same(_NO_ANSWER),
    "gzip_bomb": breaks(asi1.StreamDecodeError, "", create=_NO_ANSWER),
    "unknown_encoding": same(_NO_ANSWER),
}

"""Expected outcomes for unusual or invalid bytes, line ends and JSON values."""

from __future__ import annotations

from attrs import evolve

import asi1

from .outcome import NO_EVENT_STREAM, Row, answers, breaks, ends, fails, odd_chunk, same


__all__ = ["TEXTS"]

_NO_ANSWER = fails(asi1.APIResponseError, after="kept")
_NOT_A_CHUNK = breaks(asi1.StreamDecodeError, "one two three", create=_NO_ANSWER)
# A stream ignores a chunk without choices, but `create` raises an error if the JSON
# body has no choices.
_NOTHING = odd_chunk("", _NO_ANSWER)

TEXTS = {
    "bom": answers(),
    # Each invalid sequence of UTF-8 becomes U+FFFD, as the SSE standard requires.
    "invalid_utf8": answers("one two threea\ufffdb four five six seven eight"),
    "cut_utf8": answers("one two three\ufffd\ufffd\ufffd four five six seven eight"),
    "cr_line_ends": answers(),
    "crlf_line_ends": answers(),
    "no_space_after_colon": answers(),
    "multi_line_data": answers(),
    "bare_json_lines": same(_NO_ANSWER),
    "no_blank_lines": Row(
        create=evolve(NO_EVENT_STREAM, attempts=1, heals=False), stream=NO_EVENT_STREAM
    ),
    "deep_nesting": _NOT_A_CHUNK,
    "huge_integer": _NOT_A_CHUNK,
    "nan_json": _NOT_A_CHUNK,
    "scalar_chunk": _NOT_A_CHUNK,
    "null_chunk": _NOT_A_CHUNK,
    "list_chunk": _NOT_A_CHUNK,
    "null_choices": _NOTHING,
    "missing_choices": _NOTHING,
    "empty_choices": _NOTHING,
    "string_choices": _NOT_A_CHUNK,
    "null_choice": _NOTHING,
    "null_delta": odd_chunk("", ends("")),
    "null_content": odd_chunk("", ends("")),
    "number_content": odd_chunk("", ends(""), note="the number is kept in `extra`"),
    "list_content": odd_chunk("part", ends("part")),
    "string_index": odd_chunk(" x", ends(" x")),
    "duplicate_keys": odd_chunk(" last", ends(" last")),
    "lone_surrogate": odd_chunk(" \ufffd", ends(" \ufffd")),
    "half_characters": answers("one two three \U0001f986 four five six seven eight"),
    "nul_text": odd_chunk(" a\0b", ends(" a\0b")),
}

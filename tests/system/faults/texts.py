"""Odd bytes, odd lines, odd JSON values."""

from __future__ import annotations

import asi1

from .outcome import answers, breaks, ends, fails, laced, same


__all__ = ["TEXTS"]

_NO_ANSWER = fails(asi1.APIResponseError, after="kept")
_NO_CHUNK = breaks(asi1.StreamDecodeError, "one two three", create=_NO_ANSWER)
# Such a chunk says nothing, and such a body is no answer.
_NOTHING = laced("", _NO_ANSWER)

TEXTS = {
    "bom": answers(),
    # Each piece of what is no UTF-8 becomes U+FFFD, as the standard has it.
    "invalid_utf8": answers("one two threea\ufffdb four five six seven eight"),
    "cut_utf8": answers("one two three\ufffd\ufffd\ufffd four five six seven eight"),
    "cr_line_ends": answers(),
    "crlf_line_ends": answers(),
    "no_space_after_colon": answers(),
    "multi_line_data": answers(),
    "bare_json_lines": same(_NO_ANSWER),
    "no_blank_lines": breaks(asi1.StreamTruncatedError, "", after="kept"),
    "deep_nesting": _NO_CHUNK,
    "huge_integer": _NO_CHUNK,
    "nan_json": _NO_CHUNK,
    "scalar_chunk": _NO_CHUNK,
    "null_chunk": _NO_CHUNK,
    "list_chunk": _NO_CHUNK,
    "null_choices": _NOTHING,
    "missing_choices": _NOTHING,
    "empty_choices": _NOTHING,
    "string_choices": _NO_CHUNK,
    "null_choice": _NOTHING,
    "null_delta": laced("", ends("")),
    "null_content": laced("", ends("")),
    "number_content": laced("", ends(""), note="the number is kept in `extra`"),
    "list_content": laced("part", ends("part")),
    "string_index": laced(" x", ends(" x")),
    "duplicate_keys": laced(" last", ends(" last")),
    "lone_surrogate": laced(" \ud83e", ends(" \ud83e")),
    "nul_text": laced(" a\0b", ends(" a\0b")),
}

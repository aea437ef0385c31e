"""
The faults in the text of a reply: in its bytes, its line ends and its JSON values.

A JSON value is sent as one chunk of a stream or as the entire JSON body, as requested.
Wrong bytes and line ends are sent in a stream, even for a JSON request.
"""

from __future__ import annotations

import re

from .._plan import Plan
from .._request import Ask
from .base import answer_parts, data_steps, faults, odd_reply, with_events


__all__ = ["FAULTS"]


def _bom(context: Ask) -> Plan:
    """A byte order mark comes before the first event."""
    parts = answer_parts(context, stream=True)
    first, *rest = parts.pieces
    return parts.head, *data_steps(b"\xef\xbb\xbf" + first, *rest)


def _invalid_utf8(context: Ask) -> Plan:
    """A word contains a byte that is not valid UTF-8."""
    return with_events(context, _word_event(b"a\xffb"))


def _cut_utf8(context: Ask) -> Plan:
    """The bytes of one character are split between two chunks: both invalid UTF-8."""
    return with_events(context, _word_event(b"\xf0\x9f"), _word_event(b"\xa6\xa6"))


def _cr_line_ends(context: Ask) -> Plan:
    """Lines end in CR: legal."""
    return _with_replaced(context, rb"\n", b"\r")


def _crlf_line_ends(context: Ask) -> Plan:
    """Lines end in CR LF: legal."""
    return _with_replaced(context, rb"\n", b"\r\n")


def _no_space_after_colon(context: Ask) -> Plan:
    """Lines have no space after the colon: legal."""
    return _with_replaced(context, rb"data: ", b"data:")


def _multi_line_data(context: Ask) -> Plan:
    """The JSON of each chunk is split into two data lines: legal."""
    return _with_replaced(context, rb',"choices"', b',\ndata: "choices"')


def _bare_json_lines(context: Ask) -> Plan:
    """The chunks are lines of JSON, without "data: " before them."""
    return _with_replaced(context, rb"data: ", b"")


def _no_blank_lines(context: Ask) -> Plan:
    """The events have no blank line between them, so that they are a single event."""
    return _with_replaced(context, rb"\n\n", b"\n")


def _deep_nesting(context: Ask, *, depth: int = 200_000) -> Plan:
    """JSON with *depth* nested lists."""
    return odd_reply(context, b'{"choices":' + b"[" * depth + b"]" * depth + b"}")


def _huge_integer(context: Ask, *, digits: int = 5_000) -> Plan:
    """An integer with *digits* digits."""
    return odd_reply(context, b'{"choices":[],"created":' + b"9" * digits + b"}")


def _nan_json(context: Ask) -> Plan:
    """NaN, which is not valid JSON."""
    return odd_reply(context, b'{"choices":[],"usage":{"total_tokens":NaN}}')


def _scalar_chunk(context: Ask) -> Plan:
    """A number instead of an object."""
    return odd_reply(context, b"42")


def _null_chunk(context: Ask) -> Plan:
    """Null instead of an object."""
    return odd_reply(context, b"null")


def _list_chunk(context: Ask) -> Plan:
    """A list instead of an object."""
    return odd_reply(context, b"[]")


def _null_choices(context: Ask) -> Plan:
    """The key choices is null."""
    return odd_reply(context, b'{"id":"id_x","model":"asi1-mini","choices":null}')


def _missing_choices(context: Ask) -> Plan:
    """The key choices is missing."""
    return odd_reply(context, b'{"id":"id_x","model":"asi1-mini"}')


def _empty_choices(context: Ask) -> Plan:
    """The key choices is an empty list."""
    return odd_reply(context, b'{"id":"id_x","model":"asi1-mini","choices":[]}')


def _string_choices(context: Ask) -> Plan:
    """The key choices is a string."""
    return odd_reply(context, b'{"id":"id_x","model":"asi1-mini","choices":"x"}')


def _null_choice(context: Ask) -> Plan:
    """The only choice is null."""
    return odd_reply(context, b'{"id":"id_x","model":"asi1-mini","choices":[null]}')


def _null_delta(context: Ask) -> Plan:
    """The delta and the message are null."""
    return odd_reply(context, _choice(b'{"index":0,"delta":null,"message":null}'))


def _null_content(context: Ask) -> Plan:
    """The content is null."""
    return odd_reply(context, _choice(_choice_with(b"null")))


def _number_content(context: Ask) -> Plan:
    """The content is a number."""
    return odd_reply(context, _choice(_choice_with(b"7")))


def _list_content(context: Ask) -> Plan:
    """The content is a list of parts."""
    return odd_reply(context, _choice(_choice_with(b'[{"type":"text","text":"part"}]')))


def _string_index(context: Ask) -> Plan:
    """The index of a choice is a string."""
    return odd_reply(context, _choice(b'{"index":"0","delta":{"content":" x"}}'))


def _duplicate_keys(context: Ask) -> Plan:
    """The key content is there twice; the last value counts."""
    return odd_reply(context, _choice(_choice_with(b'" first","content":" last"')))


def _lone_surrogate(context: Ask) -> Plan:
    """The text contains an escaped lone surrogate."""
    return odd_reply(context, _choice(_choice_with(b'" \\ud83e"')))


def _half_characters(context: Ask) -> Plan:
    """The halves of a character, each an escaped surrogate, come in two chunks."""
    return with_events(context, _word_event(b" \\ud83e"), _word_event(b"\\udd86"))


def _nul_text(context: Ask) -> Plan:
    """The text contains an escaped NUL."""
    return odd_reply(context, _choice(_choice_with(b'" a\\u0000b"')))


def _choice(choice: bytes) -> bytes:
    return b'{"id":"id_x","model":"asi1-mini","choices":[%b]}' % choice


def _choice_with(content: bytes) -> bytes:
    # The choice has both keys: clients read "delta" in streams, "message" in JSON.
    role = b'{"role":"assistant","content":%b}' % content
    return b'{"index":0,"delta":{"content":%b},"message":%b}' % (content, role)


def _word_event(text: bytes) -> bytes:
    return b"data: %b\n\n" % _choice(b'{"index":0,"delta":{"content":"%b"}}' % text)


def _with_replaced(context: Ask, old: bytes, new: bytes) -> Plan:
    parts = answer_parts(context, stream=True)
    return parts.head, *data_steps(*(re.sub(old, new, piece) for piece in parts.pieces))


FAULTS = faults(
    _bom,
    _invalid_utf8,
    _cut_utf8,
    _cr_line_ends,
    _crlf_line_ends,
    _no_space_after_colon,
    _multi_line_data,
    _bare_json_lines,
    _no_blank_lines,
    _deep_nesting,
    _huge_integer,
    _nan_json,
    _scalar_chunk,
    _null_chunk,
    _list_chunk,
    _null_choices,
    _missing_choices,
    _empty_choices,
    _string_choices,
    _null_choice,
    _null_delta,
    _null_content,
    _number_content,
    _list_content,
    _string_index,
    _duplicate_keys,
    _lone_surrogate,
    _half_characters,
    _nul_text,
)

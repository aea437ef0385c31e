"""
Faults of the text: odd bytes, odd lines, odd JSON values. Pure.

An odd value stands in one chunk of a stream, or is the whole of a JSON body; odd bytes
and lines are for streams, and are sent whatever was asked for.
"""

from __future__ import annotations

import re

from .._plan import Plan
from .._request import Ask
from .base import faults, laced, odd, spoken, talk


__all__ = ["FAULTS"]


def _bom(ask: Ask) -> Plan:
    """A byte order mark stands before the first event."""
    parts = talk(ask, stream=True)
    first, *rest = parts.pieces
    return parts.head, *spoken(b"\xef\xbb\xbf" + first, *rest)


def _invalid_utf8(ask: Ask) -> Plan:
    """A word has a byte that is no UTF-8."""
    return laced(ask, _said(b"a\xffb"))


def _cut_utf8(ask: Ask) -> Plan:
    """A character of four bytes is spread over two words, so both are no UTF-8."""
    return laced(ask, _said(b"\xf0\x9f"), _said(b"\xa6\xa6"))


def _cr_line_ends(ask: Ask) -> Plan:
    """Lines end in CR: legal."""
    return _relined(ask, rb"\n", b"\r")


def _crlf_line_ends(ask: Ask) -> Plan:
    """Lines end in CR LF: legal."""
    return _relined(ask, rb"\n", b"\r\n")


def _no_space_after_colon(ask: Ask) -> Plan:
    """No space stands after the colon: legal."""
    return _relined(ask, rb"data: ", b"data:")


def _multi_line_data(ask: Ask) -> Plan:
    """A chunk's JSON is spread over several data lines: legal."""
    return _relined(ask, rb',"choices"', b',\ndata: "choices"')


def _bare_json_lines(ask: Ask) -> Plan:
    """The chunks come as lines of JSON, without data: before them."""
    return _relined(ask, rb"data: ", b"")


def _no_blank_lines(ask: Ask) -> Plan:
    """No blank line stands between the events, so that they are a single one."""
    return _relined(ask, rb"\n\n", b"\n")


def _deep_nesting(ask: Ask, *, depth: int = 200_000) -> Plan:
    """JSON nested *depth* lists deep."""
    return odd(ask, b'{"choices":' + b"[" * depth + b"]" * depth + b"}")


def _huge_integer(ask: Ask, *, digits: int = 5_000) -> Plan:
    """An integer with *digits* digits."""
    return odd(ask, b'{"choices":[],"created":' + b"9" * digits + b"}")


def _nan_json(ask: Ask) -> Plan:
    """NaN, which JSON does not have."""
    return odd(ask, b'{"choices":[],"usage":{"total_tokens":NaN}}')


def _scalar_chunk(ask: Ask) -> Plan:
    """A number where an object belongs."""
    return odd(ask, b"42")


def _null_chunk(ask: Ask) -> Plan:
    """Null where an object belongs."""
    return odd(ask, b"null")


def _list_chunk(ask: Ask) -> Plan:
    """A list where an object belongs."""
    return odd(ask, b"[]")


def _null_choices(ask: Ask) -> Plan:
    """Choices are null."""
    return odd(ask, b'{"id":"id_x","model":"asi1-mini","choices":null}')


def _missing_choices(ask: Ask) -> Plan:
    """There are no choices."""
    return odd(ask, b'{"id":"id_x","model":"asi1-mini"}')


def _empty_choices(ask: Ask) -> Plan:
    """Choices are an empty list."""
    return odd(ask, b'{"id":"id_x","model":"asi1-mini","choices":[]}')


def _string_choices(ask: Ask) -> Plan:
    """Choices are a text."""
    return odd(ask, b'{"id":"id_x","model":"asi1-mini","choices":"x"}')


def _null_choice(ask: Ask) -> Plan:
    """The only choice is null."""
    return odd(ask, b'{"id":"id_x","model":"asi1-mini","choices":[null]}')


def _null_delta(ask: Ask) -> Plan:
    """Delta and message are null."""
    return odd(ask, _choice(b'{"index":0,"delta":null,"message":null}'))


def _null_content(ask: Ask) -> Plan:
    """The content is null."""
    return odd(ask, _choice(_both(b"null")))


def _number_content(ask: Ask) -> Plan:
    """The content is a number."""
    return odd(ask, _choice(_both(b"7")))


def _list_content(ask: Ask) -> Plan:
    """The content is a list of parts."""
    return odd(ask, _choice(_both(b'[{"type":"text","text":"part"}]')))


def _string_index(ask: Ask) -> Plan:
    """A choice's index is a text."""
    return odd(ask, _choice(b'{"index":"0","delta":{"content":" x"}}'))


def _duplicate_keys(ask: Ask) -> Plan:
    """The content is there twice; the last one counts."""
    return odd(ask, _choice(_both(b'" first","content":" last"')))


def _lone_surrogate(ask: Ask) -> Plan:
    """A text has half of a surrogate pair, escaped."""
    return odd(ask, _choice(_both(b'" \\ud83e"')))


def _nul_text(ask: Ask) -> Plan:
    """A text has a NUL, escaped."""
    return odd(ask, _choice(_both(b'" a\\u0000b"')))


def _choice(choice: bytes) -> bytes:
    return b'{"id":"id_x","model":"asi1-mini","choices":[%b]}' % choice


def _both(content: bytes) -> bytes:
    # One choice for streams and for JSON bodies: each reads its own member.
    role = b'{"role":"assistant","content":%b}' % content
    return b'{"index":0,"delta":{"content":%b},"message":%b}' % (content, role)


def _said(text: bytes) -> bytes:
    return b"data: %b\n\n" % _choice(b'{"index":0,"delta":{"content":"%b"}}' % text)


def _relined(ask: Ask, old: bytes, new: bytes) -> Plan:
    parts = talk(ask, stream=True)
    return parts.head, *spoken(*(re.sub(old, new, piece) for piece in parts.pieces))


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
    _nul_text,
)

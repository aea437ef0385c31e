"""
Replaces lone surrogates in JSON text, which models write and UTF-8 cannot encode.

A surrogate is one half of a pair that stands for one character in UTF-16 and in the
escapes of JSON.
"""

from __future__ import annotations

import re


__all__ = ["without_surrogates"]

_RAW_SURROGATE = re.compile(rb"(?<!\\)\xed[\xa0-\xbf][\x80-\xbf]")
# Matches the escape of a surrogate without its other half.
_LONE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
# Matches an escape or surrogate pair that the end of a text cuts off, if any.
_UNFINISHED = re.compile(
    rb"(?:\\u[dD][89abAB]..)?(?:\\.{0,4}|\xed[\xa0-\xbf]?)?\Z", re.DOTALL
)
_LONGEST_UNFINISHED = 11
# Stands for an escaped backslash: the byte 0xFF never occurs in valid UTF-8.
_BACKSLASH = b"\xff\xff"


def without_surrogates(data: bytes, *, more: bool = False) -> tuple[bytes, bytes]:
    """
    Return *data* with U+FFFD for lone surrogates, and separately its unfinished end.

    Args:
        data: JSON text; if it is not UTF-8, it is returned unchanged.
        more: Whether more text follows. Then the unfinished end is the beginning of an
            escape or surrogate pair that this text may complete; otherwise it is empty.
    """
    if b"\xff" in data or b"\0" in data[:4]:
        return data, b""
    # Once escaped backslashes are replaced, each remaining backslash begins an escape.
    text = data.replace(b"\\\\", _BACKSLASH)
    if b"\xed" in text:
        found = set(_RAW_SURROGATE.findall(text))
        escapes = {raw: _escape(raw) for raw in found}
        text = _RAW_SURROGATE.sub(lambda raw: escapes[raw[0]], text)
    end = len(text)
    if more and (last := _UNFINISHED.search(text, max(0, end - _LONGEST_UNFINISHED))):
        end = last.start()
    whole, rest = _LONE.sub("\ufffd".encode(), text[:end]), text[end:]
    return whole.replace(_BACKSLASH, b"\\\\"), rest.replace(_BACKSLASH, b"\\\\")


def _escape(raw: bytes) -> bytes:
    return b"\\u%04x" % ord(raw.decode("utf-8", "surrogatepass"))

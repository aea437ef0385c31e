"""
Templates of chunks, with which the fast path reads similar chunks without parsing JSON.

Nearly every chunk of a stream differs from the chunk before it only in the bytes of the
added text, the *text delta*, or in the index and the piece of a tool call. So only
these bytes are read from a chunk whose other bytes equal the template's; the JSON is
parsed only if a caller reads another field.
"""
# ruff: noqa: SLF001 - sets private fields of chunks

import re

from collections.abc import Iterator, Mapping
from typing import Any, cast

from attrs import define

from .._models.base_types import draft_of
from .._models.chunks import ChatCompletionChunk
from .._models.json_text import peek_json
from .._models.pending_fields import PendingFields


__all__ = ["LARGEST", "Template", "template_of"]

# Maximum bytes of an event on the fast path; cattrs decodes larger events.
LARGEST = 64 * 1024
# Matches a JSON string, and a space before it if there is one.
_STRING = re.compile(rb' ?"((?:[^"\\]++|\\.)*+)"')
# The indexes of tool calls, by their digits in JSON. Larger indexes are left to the
# JSON parser.
_INDEXES = {b"%d" % index: index for index in range(256)}
# Numbers of so many digits fit into 64 bits; `peek_json` may read longer ones as
# floats.
_MOST_DIGITS = 19

# Bytes, as numbers: CPython finds a number in bytes several times as fast as it does
# other bytes.
_QUOTE, _BACKSLASH = b'"\\'

_Chunk = draft_of(ChatCompletionChunk)


@define(eq=False)  # not frozen: a frozen instance takes longer to create
class Template:
    """
    The bytes of a chunk, except its text delta and the digits of ``created``.

    The text delta of a tool call begins with the digits of its index, and ends with the
    piece of its arguments.

    Attributes:
        head: The bytes before the text delta and ``created``.
        middle: The bytes between text delta and ``created``; None without ``created``.
        tail: The bytes after text delta and ``created``.
        start: The index at which the text delta or ``created`` begins, whichever is
            first.
        stop: The index at which the text delta or ``created`` ends, whichever is last,
            counted from the chunk's end.
        shortest: The length of a chunk with an empty text delta, in bytes.
        time: The digits of ``created``.
        earliest: The smallest number with as many digits as ``created``.
        time_first: Whether ``created`` comes before the text delta.
        thinks: Whether the text delta is a part of the thoughts.
        between: The bytes between the index of a tool call and the piece of its
            arguments; None without a tool call.
        pending: Sets the fields of a chunk besides the text delta, when they are read.
    """

    head: bytes
    middle: bytes | None
    tail: bytes
    start: int
    stop: int
    shortest: int
    time: bytes
    earliest: bytes
    time_first: bool
    thinks: bool
    between: bytes | None
    pending: PendingFields

    def read(self, data: bytes) -> ChatCompletionChunk | None:
        """Return *data*'s chunk; None if more than text and ``created`` differs."""
        if not (
            data.startswith(self.head)
            and data.endswith(self.tail)
            and self.shortest <= len(data) <= LARGEST
        ):
            return None
        piece = data[self.start : self.stop]
        if self.middle is not None:
            time, _, piece = piece.partition(self.middle)
            if not self.time_first:
                time, piece = piece, time
            if time != self.time and not self._is_time(time):
                return None
        index: int | None = None
        if self.between is not None:
            digits, found, piece = piece.partition(self.between)
            index = _INDEXES.get(digits)
            if index is None or not found:
                return None
        try:
            # Escapes need the JSON parser, which refuses control characters, quotes
            # without an escape, and halves of surrogate pairs.
            escaped = _BACKSLASH in piece or _QUOTE in piece
            if escaped or not (text := piece.decode()).isprintable():
                text = peek_json(b'"%b"' % piece)
        except ValueError:
            return None
        chunk = _Chunk()
        chunk.thought = text if self.thinks else ""
        chunk._text = "" if self.thinks or index is not None else text
        chunk._piece = None if index is None else (index, text)
        chunk._data = data
        chunk._choices = None  # made when they are first read
        chunk._pending = self.pending
        chunk.__class__ = ChatCompletionChunk
        return cast("ChatCompletionChunk", chunk)

    def _is_time(self, time: bytes) -> bool:
        earliest = self.earliest
        return len(time) == len(earliest) and time >= earliest and time.isdigit()


def template_of(
    data: bytes, text: str, thought: str, pending: PendingFields
) -> Template | None:
    """Return a template of *data*; None if the text delta is not found exactly once."""
    time = b"%d" % (pending.created or 0)
    between: bytes | None = None
    if pending.call is None:
        key, value = (b"thought", thought) if thought else (b"content", text)
        places = [*_text_places(data, key, value)]
    else:
        places, between = _places_of_call(data, pending.call)
    if pending.created:
        places += _places(data, b"created", time)
    if len(places) != (2 if pending.created else 1) or len(time) > _MOST_DIGITS:
        return None
    first, last = min(places), max(places)
    return Template(
        head=data[: first[0]],
        middle=data[first[1] : last[0]] if pending.created else None,
        tail=data[last[1] :],
        start=first[0],
        stop=last[1] - len(data),
        shortest=len(data) - (places[0][1] - places[0][0]),
        time=time,
        earliest=b"1" + b"0" * (len(time) - 1),
        time_first=first is not places[0],
        thinks=bool(thought),
        between=between,
        pending=pending,
    )


def _places_of_call(
    data: bytes, call: Mapping[str, Any]
) -> tuple[list[tuple[int, int]], bytes]:
    """
    Find *call* in *data*; return a list with one pair, the start of its index and the
    end of its arguments; and the bytes between its index and its arguments.

    The list is empty if the index is not found before the arguments.
    """
    for start, end in _text_places(data, b"arguments", call["function"]["arguments"]):
        calls = data.find(b'"tool_calls":', 0, start)
        before = data[calls:start] if calls >= 0 else b""
        for first, last in _places(before, b"index", b"%d" % call["index"]):
            return [(calls + first, end)], before[last:]
    return [], b""


def _text_places(data: bytes, key: bytes, text: str) -> Iterator[tuple[int, int]]:
    """If *key* occurs once in *data*, with *text*, yield the text's start and end."""
    quoted = b'"%b":' % key
    if data.count(quoted) == 1:
        found = _STRING.match(data, data.index(quoted) + len(quoted))
        if found and peek_json(found[0]) == text:
            yield found.span(1)


def _places(data: bytes, key: bytes, value: bytes) -> Iterator[tuple[int, int]]:
    """If *key* occurs once in *data*, with *value*, yield the value's start and end."""
    quoted = b'"%b":' % key
    for token in (quoted + value, quoted + b" " + value):
        if data.count(quoted) == 1 == data.count(token):
            end = data.index(token) + len(token)
            yield end - len(value), end

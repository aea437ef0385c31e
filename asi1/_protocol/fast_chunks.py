"""
The fast path for the chunks of a stream that only add text or thoughts to choice 0.

Nearly every chunk of a stream is of this kind, and differs from the chunk before it
only in the bytes of the added text, the *text delta*. So the text delta is cut out
between the equal bytes, and the JSON is parsed only if a caller reads another field.
The converter decodes every other chunk. A test asserts that fast path and converter
give the same chunk.
"""

import re

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from attrs import define, field

from .._models.base import setters
from .._models.chunks import ChatCompletionChunk, PendingFields
from .._models.json_text import peek_json


__all__ = ["FastChunkReader"]

_TEXT = {str, type(None)}
_COUNT = {int, type(None)}
_TOP = {
    *("id", "model", "object", "created", "choices", "thought", "usage"),
    *("executable_data", "conversation_id"),
}
_CHOICE = {"index", "delta", "finish_reason", "stop_reason"}
_DELTA = {"role", "content", "refusal", "tool_calls"}
# The types that values of unknown keys may have on the fast path. Floats and nested
# values are excluded: unlike `load_json`, `peek_json` reads large integers as floats,
# and does not limit the nesting depth.
_FLAT = (str, int, bool, type(None))
# Maximum bytes of an event on the fast path; cattrs decodes larger events.
_LARGEST = 64 * 1024
# A string in JSON, after a space or none.
_STRING = re.compile(rb' ?"((?:[^"\\]++|\\.)*+)"')

_SETTERS = setters(ChatCompletionChunk)
_set_thought, _set_text = _SETTERS["thought"], _SETTERS["_text"]
_set_data, _set_pending = _SETTERS["_data"], _SETTERS["_pending"]
_new_chunk = object.__new__


@define(eq=False)
class FastChunkReader:
    """Reads the chunks of one stream; each chunk can be a template for the next."""

    _template: "_Template | None" = field(default=None, init=False)

    def read(self, data: bytes) -> ChatCompletionChunk | None:
        """Return the chunk in an event's *data*; None if cattrs must decode it."""
        if self._template is not None:
            chunk = self._template.read(data)
            if chunk is not None:
                return chunk
        if len(data) > _LARGEST:
            return None
        try:
            raw: Any = peek_json(data)
            (choice,) = raw["choices"]
            delta = choice["delta"]
            text, thought = delta["content"] or "", raw.get("thought") or ""
            pending = _pending_fields(raw, choice, delta)
        except (ValueError, TypeError, LookupError, AttributeError):
            return None
        if pending is None:
            return None
        self._template = _template(data, text, thought, pending) or self._template
        chunk = _new_chunk(ChatCompletionChunk)
        _set_thought(chunk, thought)
        _set_text(chunk, text)
        _set_data(chunk, b"")
        _set_pending(chunk, pending)
        _SETTERS["wire"](chunk, raw)
        return chunk


def _pending_fields(raw: Any, choice: Any, delta: Any) -> PendingFields | None:
    """
    Return the object that sets the lazy fields; None if the chunk needs the converter.

    Raises:
        TypeError, LookupError, AttributeError: The fast path cannot read the chunk.
    """
    created = raw.get("created")
    extra = {key: raw[key] for key in _unknown(tuple(raw))}
    more = {key: value for key, value in choice.items() if key not in _CHOICE}
    only_adds_a_piece = (
        not (raw.get("error") or raw.get("errors"))
        and not (choice.get("error") or choice.get("errors"))
        and choice.get("finish_reason") is None
        and choice.get("stop_reason") is None
        and type(choice.get("index")) in _COUNT
        and not choice.get("index")
        and delta.keys() <= _DELTA
        and delta.get("role", "assistant") == "assistant"
        and delta.get("refusal") is None
        and delta.get("tool_calls") is None
        and raw.get("usage") is None
        and raw.get("conversation_id") is None
        and raw.get("executable_data") in (None, [])
        and {type(delta["content"]), type(raw.get("thought"))} <= _TEXT
        and {type(raw.get(key)) for key in ("id", "model", "object")} <= _TEXT
        and type(created) in _COUNT
        and all(type(v) in _FLAT or v == [] for v in (*extra.values(), *more.values()))
    )
    return (
        PendingFields(created, extra, more, delta.get("role"))
        if only_adds_a_piece
        else None
    )


@lru_cache(maxsize=256)  # nearly all chunks from one server have the same keys
def _unknown(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in keys if key not in _TOP)


@define(eq=False)  # not frozen: a frozen instance takes longer to create
class _Template:
    """
    The bytes of a chunk, except its text delta and the digits of ``created``.

    Attributes:
        head: The bytes before text delta and ``created``.
        middle: The bytes between text delta and ``created``; None without ``created``.
        tail: The bytes after text delta and ``created``.
        start: The index at which the first of text delta and ``created`` begins.
        stop: The index at which the last of text delta and ``created`` ends, counted
            from the chunk's end.
        shortest: The length of a chunk with an empty text delta, in bytes.
        time: The digits of ``created``.
        earliest: The smallest number with as many digits as ``created``.
        time_first: Whether ``created`` comes before the text delta.
        thinks: Whether the text delta is a part of the thoughts.
        pending: The chunk's fields besides the text delta.
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
    pending: PendingFields

    def read(self, data: bytes) -> ChatCompletionChunk | None:
        """Return the chunk in *data* if all other bytes equal this template's."""
        if not (
            data.startswith(self.head)
            and data.endswith(self.tail)
            and self.shortest <= len(data) <= _LARGEST
        ):
            return None
        piece = data[self.start : self.stop]
        if self.middle is not None:
            time, _, piece = piece.partition(self.middle)
            if not self.time_first:
                time, piece = piece, time
            if time != self.time and not self._is_time(time):
                return None
        try:
            text = piece.decode()
            # Escapes need the JSON parser, which refuses control characters, quotes
            # without an escape, and halves of surrogate pairs.
            if not text.isprintable() or '"' in text or "\\" in text:
                text = peek_json(b'"%b"' % piece)
        except ValueError:
            return None
        chunk: ChatCompletionChunk = _new_chunk(ChatCompletionChunk)
        if self.thinks:
            _set_thought(chunk, text)
            _set_text(chunk, "")
        else:
            _set_thought(chunk, "")
            _set_text(chunk, text)
        _set_data(chunk, data)
        _set_pending(chunk, self.pending)
        return chunk

    def _is_time(self, time: bytes) -> bool:
        earliest = self.earliest
        return len(time) == len(earliest) and time >= earliest and time.isdigit()


def _template(
    data: bytes, text: str, thought: str, pending: PendingFields
) -> _Template | None:
    """Return a template of *data*; None if the text delta is not found exactly once."""
    if text and thought:
        return None
    time = b"%d" % (pending.created or 0)
    key, value = (b"thought", thought) if thought else (b"content", text)
    places = [*_text_places(data, key, value)]
    if pending.created:
        places += _places(data, b"created", time)
    if len(places) != (2 if pending.created else 1):
        return None
    first, last = min(places), max(places)
    return _Template(
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
        pending=pending,
    )


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

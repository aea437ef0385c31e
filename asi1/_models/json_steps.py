"""
Parses large JSON in steps, so that the event loop can run other tasks in between.

orjson and the standard library parse a text in one step, which takes half a second for
the largest texts. So a large text is cut, at commas between brackets, into short lists
of items; each list is parsed alone, and its items are added to the array or object that
they belong to. A long string is parsed in pieces.
"""

from __future__ import annotations

import codecs
import re

from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial

import orjson

from .base_types import JSON
from .json_text import (
    MAX_CONTAINERS,
    MAX_DEPTH,
    MAX_VALUES,
    has_long_number,
    load_json,
    load_slowly,
    too_deep,
)
from .json_tokens import QUOTE, WINDOW, outline, tokens
from .surrogates import without_surrogates


__all__ = ["load_json_in_steps", "loader_in_steps"]

# A JSON text with at most this many values and bytes is parsed in one step, which takes
# a few milliseconds.
_FEW_VALUES = 20_000
_FEW_BYTES = 256 * 1024
_STEP = 64 * 1024  # bytes in one step
_MOST_TOKENS = 4 * 1024  # tokens in one step, at most
# Maximum bytes that orjson parses in one step, if they have few values.
_LONG = 4 * 1024 * 1024
_CLOSING = {b"[": b"]", b"{": b"}"}
_SPACE = b" \t\r\n"
_COLON = re.compile(rb"[ \t\r\n]*+:")
# JSON text with a surrogate contains at least one of these byte strings; JSON text
# without surrogates may contain them too.
_SURROGATES = (b"\\ud", b"\\uD", b"\xed")


def load_json_in_steps(data: bytes) -> Generator[None, None, JSON]:
    """
    Parse JSON as `load_json` does, but a large text in steps of some milliseconds.

    Yields:
        None after each step, so that the caller can let other tasks run.
    """
    if len(data) <= _LONG and _has_few_values(data):
        if len(data) > _FEW_BYTES:
            yield
        with suppress(orjson.JSONDecodeError):
            return _shallow(orjson.loads(data))
    values = 0
    for sign in (b"[", b"{", b","):
        values += data.count(sign)
        if len(data) > _LONG:
            yield
    if values > _FEW_VALUES:
        # `tokens` finds the pieces of a long string only in text without lone
        # surrogates.
        text = yield from _without_surrogates(data)
        if values > MAX_CONTAINERS:
            yield from _check_count(text)
        return (yield from _load_parts(text))
    if len(data) <= _FEW_BYTES:
        return load_json(data)
    return (yield from _load_long(data))


def loader_in_steps(
    data: bytes, *, repair: bool = False
) -> Generator[None, None, Callable[[bytes], JSON]]:
    """
    Parse *data* in steps; return a function that returns the value or raises
    ValueError.

    Args:
        data: JSON text.
        repair: Whether bytes that are not valid UTF-8 are read as U+FFFD.
    """
    try:
        value = yield from load_json_in_steps(data)
    except ValueError as error:
        if repair and (text := (yield from _with_replacements(data))) != data:
            return (yield from loader_in_steps(text))
        return partial(_raise, error)
    return lambda _: value


def _with_replacements(data: bytes) -> Generator[None, None, bytes]:
    """Replace bytes that are not valid UTF-8 by U+FFFD, in steps; return the result."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    texts = []
    for at in range(0, len(data), _STEP):
        last = at + _STEP >= len(data)
        texts.append(decoder.decode(data[at : at + _STEP], last).encode())
        yield
    return b"".join(texts)


def _raise(error: ValueError, _: bytes) -> JSON:
    raise error


def _load_long(data: bytes) -> Generator[None, None, JSON]:
    """Parse long JSON text with few values, in steps."""
    yield
    if len(data) <= _LONG and not has_long_number(data):
        yield
        with suppress(orjson.JSONDecodeError):
            return _shallow(orjson.loads(data))
        yield
    if b"\0" in data[:4]:  # the text is UTF-16 or UTF-32
        return load_slowly(data)
    return (yield from _load_parts((yield from _without_surrogates(data))))


def _has_few_values(data: bytes) -> bool:
    """Whether JSON text certainly has few values, and no long number."""
    short = outline(data)  # *short* has at least one byte for each value
    if not short or len(short) > _FEW_VALUES:
        return False
    return not has_long_number(short)


def _shallow(value: JSON) -> JSON:
    """Return *value*; raise ValueError if it is nested too deeply."""
    if too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _without_surrogates(data: bytes, step: int = _STEP) -> Generator[None, None, bytes]:
    """Replace each lone surrogate in JSON text by U+FFFD, in steps; return the text."""
    if b"\0" in data[:4] or not any(sign in data for sign in _SURROGATES):
        return data  # the text is not UTF-8, or has no surrogate
    texts, rest = [], b""
    for at in range(0, len(data), step):
        more = at + step < len(data)
        text, rest = without_surrogates(rest + data[at : at + step], more=more)
        texts.append(text)
        yield
    return b"".join(texts)


def _check_count(data: bytes) -> Generator[None, None, None]:
    """Count the values in *data*, in steps; raise ValueError if there are too many."""
    signs: dict[bytes, int] = dict.fromkeys((b"[", b"{", b","), 0)
    for number, (start, end, last) in enumerate(tokens(data)):
        sign = data[start:end] if last is None else b""
        if sign in signs:
            signs[sign] += 1
        if number % _MOST_TOKENS == 0:
            yield
    containers = signs[b"["] + signs[b"{"]
    if containers > MAX_CONTAINERS or containers + signs[b","] > MAX_VALUES:
        raise ValueError("too many values")


def _load_parts(
    data: bytes, step: int = _STEP, window: int = WINDOW
) -> Generator[None, None, JSON]:
    levels = [root := _Level(b"[", 0, 0, [])]
    flushed = count = 0
    pieces: list[str] = []
    begin = 0  # the place where a long string begins
    for start, end, last in tokens(data, window):
        count += 1
        if last is not None:
            begin = begin if pieces else start - 1
            pieces.append(orjson.loads(b'"%b"' % data[start:end]))
            yield
            if last:
                _flush(data, levels)
                _put_string(levels[-1], "".join(pieces), data, begin, end + 1)
                yield
                pieces.clear()
        elif end - start == 1 and data[start] != QUOTE:
            _nest(levels, data[start:end], data, end)
        if end - flushed > step or count > _MOST_TOKENS:
            flushed, count = end, 0
            _flush(data, levels)
            yield
    root.add(data[root.start :], last=True)
    if len(levels) != 1 or len(root.items) != 1:
        raise ValueError("it is not one value")
    return root.items[0]


def _put_string(level: _Level, text: str, data: bytes, begin: int, end: int) -> None:
    """Add the string at *begin* to *level*, unless it is the key of an object."""
    if not _COLON.match(data, end):
        level.put(text, data[level.start : begin])
        level.start, level.after, level.full = end, True, True


def _nest(levels: list[_Level], sign: bytes, data: bytes, end: int) -> None:
    """
    Update *levels*, the open arrays and objects, for the bracket or comma *sign*, which
    ends at *end* in *data*.
    """
    if sign in _CLOSING:
        levels.append(_Level(sign, end, end))
        if len(levels) > MAX_DEPTH + 1:
            raise ValueError("nested too deeply")
    elif sign == b",":
        levels[-1].comma = end
    else:
        level = levels.pop()
        if not levels or sign != _CLOSING[level.sign]:
            raise ValueError("the brackets do not match")
        level.close(data[level.start : end - 1], levels[-1], end)


class _Level:
    """
    An array or object that is parsed in parts.

    *items*: the values so far; None before the first part. *start*: where the text
    begins that is not parsed yet. *comma*: where the last comma ends. *after*: whether
    the item before *start* still needs a comma. *full*: whether the array or object may
    end at *start*.
    """

    __slots__ = ("after", "comma", "full", "items", "sign", "start")

    def __init__(self, sign: bytes, start: int, comma: int, items: JSON = None) -> None:
        self.sign, self.start, self.comma, self.items = sign, start, comma, items
        self.after, self.full = False, True

    def add(self, text: bytes, *, last: bool) -> None:
        """Parse *text*, which ends with a comma unless it is *last*; add its items."""
        text = text.strip(_SPACE)
        if not last:
            text = text[:-1].rstrip(_SPACE)
        if self.after and text:
            if not text.startswith(b","):
                raise ValueError("a comma is missing")
            text, self.full = text[1:].strip(_SPACE), False
        if text:
            added = load_json(self.sign + text + _CLOSING[self.sign])
            (self.items.update if self.sign == b"{" else self.items.extend)(added)
        elif not (self.full and (self.after or last)):
            raise ValueError("an item is missing")
        self.after, self.full = last, last

    def open(self, child: _Level, key: bytes) -> None:
        """Add *child*, an incomplete array or object; *key* is the text before it."""
        child.items = {} if child.sign == b"{" else []
        self.put(child.items, key)

    def put(self, item: JSON, key: bytes) -> None:
        """Add *item*; *key* is the text before it."""
        if self.after:
            raise ValueError("a comma is missing")
        if self.sign == b"{":
            ((name, _),) = load_json(b"{%bnull}" % key).items()
            self.items[name] = item
        elif key.strip(_SPACE):
            raise ValueError("a comma is missing")
        else:
            self.items.append(item)

    def close(self, text: bytes, parent: _Level, end: int) -> None:
        """
        If earlier parts were parsed, parse *text*, the last part of this level.

        Then *parent* continues at *end*.
        """
        if self.items is not None:
            self.add(text, last=True)
            parent.start, parent.after, parent.full = end, True, True


def _flush(data: bytes, levels: list[_Level]) -> None:
    """Parse the items that are complete, in all open levels."""
    parent: _Level | None = None
    for level in levels:
        if parent is not None and level.items is None:
            parent.open(level, data[parent.start : level.start - 1])
        if level.comma > level.start:
            level.add(data[level.start : level.comma], last=False)
            level.start = level.comma
        parent = level

"""
Decodes server-sent events from bytes: each event as soon as its last byte arrives.

Most events have a single data line, and this module reads them itself. Every other
event is passed to `sse_fields`, whose import takes long.

The fields ``id`` and ``retry`` are ignored, since the API cannot resume a stream.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import itertools

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from attrs import define, field

from .._fork_lock import run_apart_once


__all__ = ["Event", "EventDecoder", "EventTooLargeError", "load_read_fields"]

_BOM = b"\xef\xbb\xbf"
# The beginning of an event with one data line, and the bytes between two such events.
_PLAIN = b"data: "
_BETWEEN = b"\n\ndata: "
# An event: its type ("message" if it has none), and its data lines as bytes joined by
# LF.
Event: TypeAlias = tuple[str, bytes]

# Maximum number of lines in one event, since each line becomes an object that is larger
# than the line's bytes.
_MOST_LINES = 100_000
# An event is large if more than this many bytes arrive before its last fragment.
_LARGE = 256 * 1024


class EventTooLargeError(ValueError):
    """An event is larger than allowed; the message contains the limit."""


@define
class EventDecoder:
    """
    Decodes the events of one stream from fragments of bytes, cut at any position.

    Attributes:
        max_event_bytes: The largest allowed event, in bytes, its comments included.
        needs_fields: Whether an event has arrived that `load_read_fields` is needed
            for. Iterating over the events calls it, but it takes long the first time.
    """

    max_event_bytes: int
    needs_fields: bool = field(default=False, init=False)
    # The stream's first bytes while they may still become a byte-order mark; None once
    # the stream is known to begin with or without one.
    _head: bytes | None = field(default=b"", init=False)
    _after_cr: bool = field(default=False, init=False)
    _pending: list[bytes] = field(factory=list, init=False)
    _pending_bytes: int = field(default=0, init=False)

    def feed(self, data: bytes) -> Iterable[Event]:
        """
        Return the events that *data* completes, oldest first.

        The caller must read all these events before the next call of `feed`.

        Raises:
            EventTooLargeError: An event is too large. Iterating over the events may
                raise it too, after the events before the large one.
        """
        if self._head is None and not self._pending:
            events = self._read_plain(data)
            if events is not None:
                return events
        data = self._with_lf(data)
        # The blank line that ends an event may be split between two fragments.
        border = self._pending[-1][-1:] if self._pending else b""
        end = (border + data).rfind(b"\n\n") + 2 - len(border)
        if end < 2 - len(border):
            if data:
                self._pending.append(data)
                self._pending_bytes += len(data)
                self._check_size(self._pending_bytes - data.endswith(b"\n"))
            return ()
        if self._pending_bytes > _LARGE:
            return self._after_large(data, end)
        whole = b"".join([*self._pending, data[:end]])
        self._pending = [data[end:]] if data[end:] else []
        self._pending_bytes = len(data) - end
        events = self._read_plain(whole)
        if events is not None:
            return events
        blocks = whole.split(b"\n\n")
        del whole  # frees the memory, so that a large event is stored only once
        return self._read_blocks(blocks)

    def unfinished(self) -> Iterable[Event]:
        """Return the event cut off by the end of the stream, as if it were complete."""
        return self.feed(b"\n\n")

    def _with_lf(self, data: bytes) -> bytes:
        if self._head is not None:
            data = self._head + data
            if _BOM.startswith(data):  # the byte-order mark may be incomplete
                self._head = data
                return b""
            self._head = None
            data = data.removeprefix(_BOM)
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _read_plain(self, data: bytes) -> Iterable[Event] | None:
        """Return the events in *data* if each is a single data line; else None."""
        if (
            len(data) > self.max_event_bytes
            or not (data.startswith(_PLAIN) and data.endswith(b"\n\n"))
            or data.find(b"\r") >= 0
        ):
            return None
        texts = data[len(_PLAIN) : -2].split(_BETWEEN)
        # If the numbers differ, an event is not a single data line.
        if data.count(b"\n") != 2 * len(texts):
            return None
        return zip(itertools.repeat("message"), texts)

    def _after_large(self, data: bytes, end: int) -> Iterable[Event]:
        """
        Return the events in *data* before *end*, of which the first is a large one.

        A large event is copied only once, since copying takes long.
        """
        border = self._pending[-1][-1:]
        stop = (border + data).find(b"\n\n") - len(border)
        if stop < 0:  # the blank line is split between two fragments
            fragments = [*self._pending[:-1], self._pending[-1][:-1]]
        else:
            fragments = [*self._pending, data[:stop]]
        more = data[stop + 2 : end].split(b"\n\n")
        size = self._pending_bytes + stop
        self._pending = [data[end:]] if data[end:] else []
        self._pending_bytes = len(data) - end
        is_line = fragments[0].startswith(b"data: ")
        if not is_line or any(b"\n" in fragment for fragment in fragments):
            return self._read_blocks([b"".join(fragments), *more])
        self._check_size(size)
        fragments[0] = fragments[0][6:]
        text = b"".join(fragments)
        return itertools.chain([("message", text)], self._read_blocks(more))

    def _read_blocks(self, blocks: list[bytes]) -> Iterator[Event]:
        self.needs_fields = self.needs_fields or any(map(_has_fields, blocks))
        return self._read(blocks)

    def _read(self, blocks: list[bytes]) -> Iterator[Event]:
        for block in blocks:
            if block:
                self._check_size(len(block), block.count(b"\n"))
                if _has_fields(block):
                    yield from load_read_fields()(block)
                elif block[:6] == _PLAIN:
                    yield "message", block[6:]

    def _check_size(self, size: int, lines: int = 0) -> None:
        if size > self.max_event_bytes:
            limit = f"{self.max_event_bytes:,} bytes"
        elif lines > _MOST_LINES:
            limit = f"{_MOST_LINES:,} lines"
        else:
            return
        raise EventTooLargeError(f"an event of the stream is larger than {limit}")


def _has_fields(block: bytes) -> bool:
    """Whether *block* is an event, and not a single data line."""
    if block[:6] == _PLAIN and block.find(b"\n") < 0:
        return False
    return b"data" in block  # without data, an event has no effect


@run_apart_once
def load_read_fields() -> Callable[[bytes], Iterator[Event]]:
    """Import and return `sse_fields.read_fields`."""
    from .sse_fields import read_fields  # noqa: PLC0415 - it imports httpx

    return read_fields

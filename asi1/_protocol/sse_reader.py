"""
Bytes of an event stream into events, bounded and without delay.

An event is there as soon as its last byte is. Events of one data line, which is what
servers send, are taken as they stand. httpx-sse reads the fields of all others, from
what it reads rightly: text whatever the headers say, without a byte-order mark, lines
ended by LF alone, whole events only, and none without a data line.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import re

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, cast

from attrs import define, field
from httpx_sse import EventSource


__all__ = ["Event", "EventDecoder", "EventTooLargeError"]

_BOM = b"\xef\xbb\xbf"
_DATA = re.compile(rb"^data(?::|$)", re.MULTILINE)
# httpx-sse reads as numbers more than the standard allows.
# And an id of more than 1024 bytes would be read again with every event.
_IGNORED = re.compile(rb"^(?:retry(?!:[ ]?[0-9]+$).*|id:.{1025,})\n?", re.MULTILINE)
_ID = re.compile(rb"^id(?::.*)?$", re.MULTILINE)
# An event: its type ("message" if it has none), its data lines joined by line ends as
# they came (UTF-8, or meant to be), the last id, and the time to wait before a retry.
Event: TypeAlias = tuple[str, bytes, str, int | None]

# Lines of one event. Each is an object of its own while the event is put together.
_MOST_LINES = 100_000


class EventTooLargeError(ValueError):
    """An event is larger than allowed; the message says how large that is."""


class _Text:
    """As much of a response as `EventSource` asks for."""

    headers = {"content-type": "text/event-stream"}  # noqa: RUF012 - never changed

    def __init__(self, text: str) -> None:
        self._text = text

    def iter_text(self) -> Iterator[str]:
        yield self._text


@define
class EventDecoder:
    """
    Reads one stream piece by piece.

    Attributes:
        max_event_bytes: The largest event, in bytes; comments count.
    """

    max_event_bytes: int
    _head: bytes | None = field(default=b"", init=False)  # None once it is passed
    _after_cr: bool = field(default=False, init=False)
    _pending: list[bytes] = field(factory=list, init=False)
    _pending_bytes: int = field(default=0, init=False)
    _last_id: str = field(default="", init=False)

    def feed(self, data: bytes) -> Iterable[Event]:
        """
        Return the events that *data* completes, oldest first; to be read before more.

        Raises:
            EventTooLargeError: An event passes the bound; or reading raises it, after
                those before that one.
        """
        if (
            self._head is None
            and not self._pending
            and not self._after_cr
            and data.startswith(b"data: ")
            and data.find(b"\n") == len(data) - 2
            and data.endswith(b"\n\n")
            and b"\r" not in data
            and len(data) - 2 <= self.max_event_bytes
        ):  # one whole event, as a server sends it that has just thought of it
            return (("message", data[6:-2], self._last_id, None),)
        data = self._lines(data)
        # A blank line may stand on the border of two pieces.
        border = self._pending[-1][-1:] if self._pending else b""
        end = (border + data).rfind(b"\n\n") + 2 - len(border)
        if end < 2 - len(border):
            if data:
                self._pending.append(data)
                self._pending_bytes += len(data)
                self._bound(self._pending_bytes - data.endswith(b"\n"))
            return ()
        whole = b"".join([*self._pending, data[:end]])
        self._pending = [data[end:]] if data[end:] else []
        self._pending_bytes = len(data) - end
        blocks = whole.split(b"\n\n")
        del whole  # a large event stands there but once
        return self._read(blocks)

    @property
    def midway(self) -> bool:
        """Whether an event with data has begun, and is not complete."""
        return bool(self._pending and _DATA.search(b"".join(self._pending)))

    def unfinished(self) -> list[Event]:
        """Return the event that the stream's end cut short, as if it were whole."""
        return list(self.feed(b"\n\n"))

    def _lines(self, data: bytes) -> bytes:
        if self._head is not None:
            data = self._head + data
            if _BOM.startswith(data):  # the mark may come in pieces
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

    def _read(self, blocks: list[bytes]) -> Iterator[Event]:
        largest = self.max_event_bytes
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                if len(block) > largest:
                    self._bound(len(block))
                yield "message", block[6:], self._last_id, None
            elif block:
                self._bound(len(block), block.count(b"\n"))
                yield from self._other(block)

    def _other(self, block: bytes) -> Iterator[Event]:
        """Read a block that is more, or less, than one data line."""
        lines = _IGNORED.sub(b"", block.strip(b"\n")).strip(b"\n")
        if _DATA.search(lines):
            text = f"id:{self._last_id}\n{lines.decode('utf-8', 'replace')}\n\n"
            source = EventSource(cast("Any", _Text(text)))
            for event in source.iter_sse():
                yield event.event, event.data.encode(), event.id, event.retry
        for line in _ID.findall(lines):  # of an event without data, its id lives on
            value = line[3:].removeprefix(b" ").decode("utf-8", "replace")
            self._last_id = self._last_id if "\0" in value else value

    def _bound(self, size: int, lines: int = 0) -> None:
        if size > self.max_event_bytes:
            limit = f"{self.max_event_bytes:,} bytes"
        elif lines > _MOST_LINES:
            limit = f"{_MOST_LINES:,} lines"
        else:
            return
        raise EventTooLargeError(f"an event of the stream is larger than {limit}")

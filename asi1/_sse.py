"""
Floor 4. Bytes of an event stream into events, bounded and without delay.

httpx-sse reads the fields. This feed gives it what it reads rightly: UTF-8 text
whatever the headers say, without a byte-order mark, lines ended by LF alone, whole
events only, and none without a data line. Each call reads all the events that are
complete, so that an event is there as soon as its last byte is.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import codecs
import re

from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence
from typing import Any, cast

from attrs import define, field
from httpx_sse import EventSource, ServerSentEvent


__all__ = ["EventDecoder", "EventTooLargeError", "aiter_events"]

_DATA = re.compile(r"^data(?::|$)", re.MULTILINE)
# httpx-sse reads as numbers more than the standard allows.
# And an id of more than 1024 characters would be read again with every piece.
_IGNORED = re.compile(r"^(?:retry(?!:[ ]?[0-9]+$).*|id:.{1025,})\n?", re.MULTILINE)
_ID = re.compile(r"^id(?::.*)?$", re.MULTILINE)


class EventTooLargeError(ValueError):
    """
    An event is larger than allowed; the message says how large that is.

    Attributes:
        before: The events that the same read completed before it.
    """

    def __init__(self, message: str, before: Sequence[ServerSentEvent] = ()) -> None:
        super().__init__(message)
        self.before = before


class _Text:
    """As much of a response as `EventSource` asks for."""

    headers = {"content-type": "text/event-stream"}  # noqa: RUF012 - never changed

    def __init__(self, text: str) -> None:
        self._text = text

    def iter_text(self) -> Iterator[str]:
        yield self._text


def _utf8() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


@define
class EventDecoder:
    """
    Reads one stream piece by piece.

    Attributes:
        max_event_bytes: The largest event, in bytes of UTF-8; comments count.
    """

    max_event_bytes: int
    _utf8: codecs.IncrementalDecoder = field(factory=_utf8, init=False)
    _begun: bool = field(default=False, init=False)
    _after_cr: bool = field(default=False, init=False)
    _pending: list[str] = field(factory=list, init=False)
    _pending_bytes: int = field(default=0, init=False)
    _last_id: str = field(default="", init=False)

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """
        Return the events that *data* completes, oldest first; may be none.

        Raises:
            EventTooLargeError: An event passes the bound.
        """
        text = self._lines(self._utf8.decode(data))
        # A blank line may stand on the border of two pieces.
        border = self._pending[-1][-1:] if self._pending else ""
        end = (border + text).rfind("\n\n") + 2 - len(border)
        if end < 2 - len(border):
            if text:
                self._pending.append(text)
                self._pending_bytes += _size(text)
                self._bound(self._pending_bytes - text.endswith("\n"))
            return []
        whole = "".join(self._pending) + text[:end]
        self._pending = [text[end:]] if text[end:] else []
        self._pending_bytes = _size(text[end:])
        return self._read(whole)

    @property
    def midway(self) -> bool:
        """Whether an event with data has begun, and is not complete."""
        return bool(_DATA.search("".join(self._pending)))

    def unfinished(self) -> list[ServerSentEvent]:
        """Return the event that the stream's end cut short, as if it were whole."""
        return self.feed(b"\n\n")

    def _lines(self, text: str) -> str:
        if text and not self._begun:
            self._begun = True
            text = text.removeprefix("\ufeff")
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _read(self, whole: str) -> list[ServerSentEvent]:
        blocks = [block for block in whole.split("\n\n") if block]
        parts = [f"id:{self._last_id}\n"] if self._last_id else []
        for place, block in enumerate(blocks):
            if _size(block) > self.max_event_bytes:
                self._bound(_size(block), self._read("\n\n".join(blocks[:place])))
            lines = _IGNORED.sub("", block.strip("\n")).strip("\n")
            if _DATA.search(lines):
                parts += [lines, "\n\n"]
            else:  # of an event without data, its id alone lives on
                parts += [f"{line}\n" for line in _ID.findall(lines)]
        text = "".join(parts)
        events = list(EventSource(cast("Any", _Text(text))).iter_sse())
        if "id" in text:
            self._last_id = _last_id(text, self._last_id)
        return events

    def _bound(self, size: int, before: Sequence[ServerSentEvent] = ()) -> None:
        if size > self.max_event_bytes:
            limit = f"{self.max_event_bytes:,} bytes"
            raise EventTooLargeError(
                f"an event of the stream is larger than {limit}", before
            )


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _last_id(text: str, last: str) -> str:
    for line in _ID.findall(text):
        value = line[3:].removeprefix(" ")
        last = last if "\0" in value else value
    return last


async def aiter_events(
    body: AsyncIterable[bytes], *, max_event_bytes: int
) -> AsyncGenerator[ServerSentEvent, None]:
    """
    Yield the events of *body*, each as soon as its last byte has come.

    An event that the body's end cuts short is dropped, as the standard has it.

    Raises:
        EventTooLargeError: An event is larger than *max_event_bytes*.
    """
    decoder = EventDecoder(max_event_bytes)
    async for data in body:
        try:
            events, error = decoder.feed(data), None
        except EventTooLargeError as too_large:
            events, error = list(too_large.before), too_large
        for event in events:
            yield event
        if error is not None:
            raise error

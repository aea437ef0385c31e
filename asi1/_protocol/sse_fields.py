"""
Reads the fields of server-sent events that are not a single data line.

httpx-sse 0.4 reads them. It gets only text that it reads correctly: UTF-8, no
byte-order mark, LF as the only line end, complete events with a data line.
"""

from __future__ import annotations

import re

from collections.abc import Iterator
from typing import Any, cast

from httpx_sse import EventSource


__all__ = ["read_fields"]

_DATA = re.compile(rb"^data(?::|$)", re.MULTILINE)
# Match an event's lines by field name.
_DATA_LINE = re.compile(rb"^data(?::[ ]?(.*))?$", re.MULTILINE)
_NAME = re.compile(rb"^event(?::.*)?$", re.MULTILINE)
# If an event has more lines than this, httpx-sse gets only the lines with an effect,
# since it takes about a microsecond for each line.
_MANY_LINES = 100


class _TextResponse:
    """A replacement for `httpx.Response`, with all that `EventSource` uses of it."""

    headers = {"content-type": "text/event-stream"}  # noqa: RUF012 - never changed

    def __init__(self, text: str) -> None:
        self._text = text

    def iter_text(self) -> Iterator[str]:
        yield self._text


def read_fields(block: bytes) -> Iterator[tuple[str, bytes]]:
    """
    Yield the event, if any, in *block*, the lines between two blank lines.

    An event is its type ("message" if it has none), and its data lines joined by LF.
    """
    # httpx-sse 0.4 wrongly returns an event for an id without data, so it gets only
    # events with data.
    if not _DATA.search(block):
        return
    data = None
    if block.count(b"\n") > _MANY_LINES:
        data = b"\n".join(_DATA_LINE.findall(block))
        block = b"\n".join([b"data:", *_NAME.findall(block)[-1:]])
    text = f"{block.decode('utf-8', 'replace')}\n\n"
    source = EventSource(cast("Any", _TextResponse(text)))
    for event in source.iter_sse():
        text = event.data if data is None else data.decode("utf-8", "replace")
        yield event.event, text.encode()

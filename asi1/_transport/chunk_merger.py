"""
Joins the small HTTP chunks of a reply that h11 reads.

h11, httpcore's parser, takes about 20 microseconds for each chunk of
``Transfer-Encoding: chunked``, and servers write each event of a stream as a chunk of
its own. So the complete chunks in the bytes of one read are joined into one chunk. All
other bytes are passed to h11 unchanged, and no byte is ever held back.
"""

from __future__ import annotations

from enum import Enum, auto

from .plain_http import HEAD_END, LINE_END, MOST_HEX_DIGITS, size_of_chunk


__all__ = ["ChunkMerger"]

_CHUNKED, _CODING = b"\r\ntransfer-encoding: chunked\r\n", b"transfer-encoding"


class _State(Enum):
    HEAD = auto()  # before the reply's head is complete
    SIZE = auto()  # before or within the line with a chunk's size
    BODY = auto()  # within a chunk
    OTHER = auto()  # within bytes that are not merged, up to the end of the reply


class ChunkMerger:
    """Joins the small HTTP chunks of each reply of one connection into larger ones."""

    def __init__(self) -> None:
        self._state = _State.HEAD
        self._seen = b""  # the beginning of the head, or of a line with a chunk's size
        self._left = 0  # missing bytes of the chunk, its line end included

    def begin(self) -> None:
        """Expect a new reply, since a request is being sent."""
        self._state, self._seen = _State.HEAD, b""

    def merge(self, data: bytes) -> bytes:
        """Return *data*, the bytes of one read, with its complete chunks joined."""
        if self._state is _State.OTHER:
            return data
        if self._state is _State.BODY:
            start = self._left
        elif self._state is _State.HEAD:
            start = self._body_start(data)
        else:
            start = self._chunk_end(data) if self._seen else 0
        if start >= len(data):  # a chunk that began earlier does not end in this read
            self._left = start - len(data)
            if not self._left and self._state is _State.BODY:
                self._state = _State.SIZE
            return data
        return self._merged(data, start)

    def _merged(self, data: bytes, start: int) -> bytes:
        """Return *data* with its complete chunks from index *start* on joined."""
        self._state, self._seen, self._left = _State.SIZE, b"", 0
        bodies: list[bytes] = []
        at, end = start, len(data)
        while at < end:
            line_end = data.find(LINE_END, at)
            if line_end < 0:
                self._wait_for_size(data[at:])
                break
            size = size_of_chunk(data[at:line_end])
            stop = line_end + 2 + size
            if not size or (stop + 2 <= end and data[stop : stop + 2] != LINE_END):
                self._state = _State.OTHER
                break
            if stop + 2 > end:
                self._state, self._left = _State.BODY, stop + 2 - end
                break
            bodies.append(data[line_end + 2 : stop])
            at = stop + 2
        if len(bodies) < 2:
            return data
        body = b"".join(bodies)
        return b"%b%x\r\n%b\r\n%b" % (data[:start], len(body), body, data[at:])

    def _wait_for_size(self, line: bytes) -> None:
        """Keep the beginning of a line with a chunk's size, if it is short enough."""
        self._seen = line
        if len(line) > MOST_HEX_DIGITS + 1:
            self._state = _State.OTHER

    def _chunk_end(self, data: bytes) -> int:
        """Return where in *data* the chunk ends whose size line was incomplete."""
        line = self._seen + data[: MOST_HEX_DIGITS + 2]
        line_end = line.find(LINE_END)
        if line_end < 0:
            self._wait_for_size(line)
            return len(data)
        size = size_of_chunk(line[:line_end])
        self._state = _State.BODY if size else _State.OTHER
        before, self._seen = len(self._seen), b""
        return line_end + 2 - before + size + 2 if size else len(data)

    def _body_start(self, data: bytes) -> int:
        """Return where in *data* the chunks begin; its length if none begins."""
        head = self._seen + data
        while (end := head.find(HEAD_END)) >= 0 and _is_interim(head):
            head = head[end + len(HEAD_END) :]
        self._seen = head
        if end >= 0 and _is_chunked(head[: end + len(LINE_END)]):
            self._state, self._seen = _State.SIZE, b""
            return len(data) - len(head) + end + len(HEAD_END)
        if end >= 0 or not head.startswith(b"HTTP/1."[: len(head)]):
            # No part of the reply is kept: it may contain the API key.
            self._state, self._seen = _State.OTHER, b""
        return len(data)


def _is_interim(head: bytes) -> bool:
    """Return whether another head follows, as after every 1xx status except 101."""
    return head.startswith(b"HTTP/1.1 1") and not head.startswith(b"HTTP/1.1 101")


def _is_chunked(head: bytes) -> bool:
    """
    Return whether a reply with this head has a body of chunks that may be merged.

    h11 also accepts lines that end in a newline alone. With such lines, the end of the
    head would be uncertain, so a reply that has them is not merged.
    """
    if not head.startswith(b"HTTP/1.1 ") or head[9:12] in {b"101", b"204", b"304"}:
        return False
    lower = head.lower()
    return (
        _CHUNKED in lower
        and lower.count(_CODING) == 1
        and b"content-length" not in lower
        and head.count(b"\n") == head.count(LINE_END)
    )

"""
All private names of httpx and httpcore that asi1's own connections use.

With these names, asi1 gives httpcore faster locks, and reads the bytes that httpcore
has not parsed. asi1 uses the names only with releases of httpx and httpcore that are
known to have them, and only if the names exist. Otherwise asi1 uses httpx's own
connection pool unchanged, which is slower.

h11, httpcore's parser, takes about 20 microseconds for each chunk of
``Transfer-Encoding: chunked``, and servers write each event of a stream as a chunk of
its own. So the complete chunks in the bytes of one read are joined into one chunk. All
other bytes are passed to h11 unchanged, and no byte is ever held back.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import anyio
import httpcore
import httpx

from .plain_http import LINE_END, MOST_HEX_DIGITS, size_of_chunk


__all__ = [
    "ChunkMerger",
    "is_known_release",
    "replace_backend",
    "replace_pool",
    "replace_request_lock",
    "speed_up_state",
    "unread",
]

# Maximum number of bytes in one read; as many as asyncio receives at once.
_READ_SIZE = 256 * 1024
_HEAD_END = b"\r\n\r\n"
_CHUNKED, _CODING = b"\r\ntransfer-encoding: chunked\r\n", b"transfer-encoding"


def is_known_release(httpx_version: str, httpcore_version: str) -> bool:
    """Whether asi1 knows the private names of these releases of httpx and httpcore."""
    known = httpx_version.startswith(("0.27.", "0.28."))
    return known and httpcore_version.startswith("1.0.")


_KNOWN = is_known_release(httpx.__version__, httpcore.__version__)


def replace_pool(
    transport: httpx.AsyncHTTPTransport,
    make: Callable[[], httpcore.AsyncConnectionPool],
) -> bool:
    """
    Replace *transport*'s pool by `make()`, if asi1 knows the pool's private name.

    Returns whether the pool was replaced.
    """
    known = _KNOWN and hasattr(transport, "_pool")
    if known:
        transport._pool = make()
    return known


def replace_backend(
    transport: httpx.AsyncHTTPTransport, network: httpcore.AsyncNetworkBackend
) -> None:
    """Let a pool that connects to a proxy open its connections with *network*."""
    pool: Any = getattr(transport, "_pool", None)
    if _KNOWN and hasattr(pool, "_network_backend"):
        pool._network_backend = network


def replace_request_lock(connection: httpcore.AsyncHTTPConnection) -> None:
    """
    Replace a new connection's request lock, if it exists, by a faster lock.

    Acquiring one of httpcore's locks lets the event loop run once. No task ever waits
    for these locks, since a pool gives a connection one request at a time; so locks
    that skip this step are safe.
    """
    if hasattr(connection, "_request_lock"):
        _set(connection, "_request_lock")


def speed_up_state(connection: httpcore.AsyncHTTPConnection) -> None:
    """
    Speed up the HTTP state, which the first request creates.

    Its lock is replaced by a faster one. And it reads more bytes at once, since the
    bytes of each read pass separately through h11, httpcore and httpx.
    """
    state: Any = getattr(connection, "_connection", None)
    if hasattr(state, "_state_lock"):
        _set(state, "_state_lock")
    if hasattr(state, "READ_NUM_BYTES"):
        state.READ_NUM_BYTES = _READ_SIZE


def _set(owner: object, name: str) -> None:
    # httpcore uses its locks only in `async with` statements, so anyio's locks can
    # replace them.
    lock: Any = anyio.Lock(fast_acquire=True)
    setattr(owner, name, lock)


def unread(connection: httpcore.AsyncHTTPConnection) -> bytes:
    """Return the received bytes that h11 has not parsed; b"" if there is no parser."""
    state = getattr(connection, "_connection", None)
    parser = getattr(state, "_h11_state", None)
    return b"" if parser is None else bytes(parser.trailing_data[0])


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
        while (end := head.find(_HEAD_END)) >= 0 and _is_interim(head):
            head = head[end + len(_HEAD_END) :]
        self._seen = head
        if end >= 0 and _is_chunked(head[: end + len(LINE_END)]):
            self._state, self._seen = _State.SIZE, b""
            return len(data) - len(head) + end + len(_HEAD_END)
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

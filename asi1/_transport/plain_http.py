"""
Ordinary HTTP/1.1: what nearly every server sends, read without a general parser.

h11 takes most of the CPU time of a call. So asi1 reads ordinary replies itself, on
asyncio, and hands all others to h11 (see `plain_connection`). What counts as ordinary
is a part of what h11 accepts, and means the same to h11; in doubt nothing is ordinary.
"""

from __future__ import annotations

import re

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from .address import Address


__all__ = [
    "HEAD_END",
    "LINE_END",
    "MOST_HEX_DIGITS",
    "ChunkedBody",
    "Head",
    "LengthBody",
    "Outgoing",
    "may_be_plain",
    "read_head",
    "size_of_chunk",
]

# The quantifiers that end with a plus sign never give a character back. Otherwise the
# time to check a server's head could grow with the square of its size.
_NAME = r"[-!#$%&'*+.^_`|~0-9A-Za-z]++"
_VALUE = r"(?:[!-~]++(?:[ \t]++[!-~]++)*+)?+"
_FIELD = rf"({_NAME}):[ \t]*+({_VALUE})[ \t]*+\r\n"
_FIELDS = re.compile(_FIELD)
# The final reply, or an error: neither an interim reply nor one that has no body.
_HEAD = re.compile(
    rf"HTTP/1\.1 (?!204|304)([2-9][0-9][0-9])(?: [ -~\t]*)?\r\n"
    rf"((?:{_NAME}:[ \t]*+{_VALUE}[ \t]*+\r\n)*+)\r\n"
)
# Requests with one of these fields are left to h11, which checks and obeys them.
_SPECIAL = "connection|content-length|expect|host|transfer-encoding|upgrade"
_REQUEST = re.compile(
    rf"(?!HEAD |CONNECT ){_NAME} [!-~]+ HTTP/1\.1\r\nhost: [!-~]+\r\n"
    rf"(?:(?!(?i:{_SPECIAL}):){_NAME}: {_VALUE}\r\n)*"
    r"(?:content-length: [0-9]+\r\n)?\r\n"
)
_FRAMING = ("connection", "content-length", "transfer-encoding")
LINE_END, HEAD_END, _BEGINNING = b"\r\n", b"\r\n\r\n", b"HTTP/1.1 "
# Maximum bytes of an incomplete response head. A longer one is for h11, with its limit.
_LONGEST_HEAD = 64 * 1024
# Maximum number of digits of a length, and of a chunk's size.
_MOST_DIGITS, MOST_HEX_DIGITS = 15, 8
_HEX_DIGITS = b"0123456789abcdefABCDEF"
_CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@define(eq=False)
class Outgoing:
    """
    A request that is ready to be sent.

    Attributes:
        url: For httpx; `address` has its parts.
        headers: The first is "host".
        timeouts: Seconds to connect and to write, as httpx names them.
        sending: Called before the first byte may leave this machine.
    """

    method: str
    url: str
    address: Address
    # The headers and the body are secrets, which no representation may show.
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeouts: dict[str, Any]
    sending: Callable[[], object] = field(repr=False)
    _head: str = field(default="", init=False, repr=False)

    def is_plain(self) -> bool:
        """Whether the request is ordinary, so that h11 need not write it."""
        lines = [f"{self.method} {self.address.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append("\r\n")
        self._head = "\r\n".join(lines)
        # A value with a line break, which would begin another field, is not ordinary.
        return self._head.count("\n") == len(lines) and (
            _REQUEST.fullmatch(self._head) is not None
        )

    def head(self) -> bytes:
        """Return all bytes before the body, once `is_plain` has returned True."""
        return self._head.encode("ascii")

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as bytes."""
        return [(name.encode(), value.encode()) for name, value in self.headers.items()]


@frozen
class Head:
    """
    The head of an ordinary reply.

    Attributes:
        headers: Names in lowercase; the values of a repeated header joined by commas.
        length: The bytes of the body; None if it is sent in chunks.
        keeps: Whether the server keeps the connection open after the body.
    """

    status: int
    headers: dict[str, str]
    length: int | None
    keeps: bool


def may_be_plain(data: bytes) -> bool:
    """Whether *data* can be the beginning of an ordinary reply's incomplete head."""
    return (
        len(data) <= _LONGEST_HEAD
        and data.startswith(_BEGINNING[: len(data)])
        # h11 takes a line break alone for the end of a line, even of the head.
        and data.count(b"\n") == data.count(LINE_END)
    )


def read_head(data: bytes) -> Head | None:
    """Read *data*, a reply up to its first empty line; None if it is not ordinary."""
    # Bytes that are not ASCII become characters that match nothing.
    found = _HEAD.fullmatch(data.decode("latin-1"))
    if found is None:
        return None
    headers: dict[str, str] = {}
    for name, value in _FIELDS.findall(found[2]):
        lower = name.lower()
        if lower not in headers:
            headers[lower] = value
        elif lower in _FRAMING:
            return None
        else:
            headers[lower] += f", {value}"
    connection = headers.get("connection", "keep-alive").lower()
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if connection not in {"close", "keep-alive"} or coding not in {None, "chunked"}:
        return None
    # One of the two: without both, the body lasts until the connection closes.
    if (length is None) is (coding is None):
        return None
    if length is not None and not (length.isdecimal() and len(length) <= _MOST_DIGITS):
        return None
    return Head(
        status=int(found[1]),
        headers=headers,
        length=None if length is None else int(length),
        keeps=connection == "keep-alive",
    )


@define(eq=False)
class LengthBody:
    """
    A body whose length the head tells.

    Attributes:
        left: Bytes that have not arrived.
        rest: Bytes that arrived after the body.
    """

    length: int
    left: int = field(init=False)
    rest: bytes = field(default=b"", init=False)
    odd = False

    def __attrs_post_init__(self) -> None:
        self.left = self.length

    @property
    def whole(self) -> bool:
        """Whether the body has arrived to its end."""
        return not self.left

    def feed(self, data: bytes) -> bytes:
        """Return the part of the body in *data*, the bytes of one read."""
        left = self.left
        if len(data) > left:
            data, self.rest = data[:left], data[left:]
        self.left = left - len(data)
        return data

    def cut(self) -> str:
        """Return what is wrong if the server now closes the connection, as h11 says."""
        return (
            "peer closed connection without sending complete message body"
            f" (received {self.length - self.left} bytes, expected {self.length})"
        )


@define(eq=False)
class ChunkedBody:
    """
    A body in chunks.

    Attributes:
        whole: Whether the body has arrived to its end.
        odd: Whether `rest` begins with something unusual, which is left to h11.
        rest: Bytes that arrived and are not read: the beginning of a line, or what
            follows the body.
    """

    whole: bool = field(default=False, init=False)
    odd: bool = field(default=False, init=False)
    rest: bytes = field(default=b"", init=False)
    _left: int = field(default=0, init=False)  # bytes of the chunk, without its end
    _ends: bool = field(default=False, init=False)  # whether the chunk's end is due

    def feed(self, data: bytes) -> bytes:
        """Return the part of the body in *data*, the bytes of one read."""
        if self.rest:
            data, self.rest = self.rest + data, b""
        elif not self._left and not self._ends:  # one chunk, as servers write an event
            end = data.find(LINE_END, 0, MOST_HEX_DIGITS + 2)
            size = size_of_chunk(data[:end]) if end > 0 else 0
            stop = end + 2 + size
            if size and len(data) == stop + 2 and data.endswith(LINE_END):
                return data[end + 2 : stop]
        return b"".join(self._chunks(data))

    def _chunks(self, data: bytes) -> list[bytes]:
        """Return the chunks in *data*, as far as they have arrived."""
        found: list[bytes] = []
        at = 0
        while True:
            if self._left:
                piece = data[at : at + self._left]
                found.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if self._left:
                    return found
                self._ends = True
            if self._ends:
                if data[at : at + 2] != LINE_END:
                    self._wait(data[at:], LINE_END)
                    return found
                self._ends = False
                at += 2
            end = data.find(LINE_END, at, at + MOST_HEX_DIGITS + 2)
            if end < 0:
                self._wait_for_size(data[at:])
                return found
            self._left = size_of_chunk(data[at:end])
            if not self._left:
                self._end(data[at:], data[at:end])
                return found
            at = end + 2

    def _wait(self, rest: bytes, expected: bytes) -> None:
        self.rest, self.odd = rest, not expected.startswith(rest)

    def _wait_for_size(self, rest: bytes) -> None:
        digits = rest.removesuffix(b"\r")
        usual = len(digits) <= MOST_HEX_DIGITS and not digits.strip(_HEX_DIGITS)
        self.rest, self.odd = rest, not usual

    def _end(self, rest: bytes, line: bytes) -> None:
        """Read *rest*, whose first *line* is the size 0, or no size."""
        ending = b"0\r\n\r\n"
        if line == b"0" and rest.startswith(ending):
            self.whole, self.rest = True, rest[len(ending) :]
        else:
            self._wait(rest, ending)

    def replay(self) -> tuple[bytes, int]:
        """
        Return a reply that brings h11 to this place, and its first bytes to drop.

        The reply ends with `rest`, and the bytes that arrive later follow.
        """
        if self._left:
            return _CHUNKED_HEAD + b"%x\r\n" % self._left, 0
        if self._ends:  # a chunk of one byte, whose end is due
            return _CHUNKED_HEAD + b"1\r\n-" + self.rest, 1
        return _CHUNKED_HEAD + self.rest, 0


def size_of_chunk(line: bytes) -> int:
    """Return the size of a chunk; 0 for the last chunk and for any unusual line."""
    if not 0 < len(line) <= MOST_HEX_DIGITS or line.strip(_HEX_DIGITS):
        return 0
    return int(line, 16)

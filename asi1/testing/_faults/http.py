"""
Faults of HTTP: broken heads and framing, redirects, encodings. Pure.

What is compressed here is compressed when the fault is played, and kept.
"""

from __future__ import annotations

import gzip
import zlib

from functools import lru_cache

from .._plan import Close, Data, Head, Pairs, Pause, Plan, Raw, Repeat
from .._replies import SSE
from .._request import Ask
from .base import begun, faults, spoken, talk


__all__ = ["FAULTS"]

_MIB = 1024 * 1024
_SSE: Pairs = (("content-type", SSE),)


def _not_http(_: Ask) -> Plan:
    """The reply is a banner of another protocol."""
    return Raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()


def _bad_status_line(_: Ask) -> Plan:
    """The status is no number."""
    return Raw(b"HTTP/1.1 OK fine\r\ncontent-length: 0\r\n\r\n"), Close()


def _obs_header_injection(_: Ask) -> Plan:
    """A header's value has a NUL in it."""
    return Raw(b"HTTP/1.1 200 OK\r\nx-note: a\0b\r\ncontent-length: 0\r\n\r\n"), Close()


def _giant_headers(ask: Ask, *, mib: int = 1) -> Plan:
    """One header has *mib* MiB."""
    return _with_headers(ask, (("x-filler", "f" * (mib * _MIB)),))


def _many_headers(ask: Ask, *, count: int = 20_000) -> Plan:
    """There are *count* headers."""
    return _with_headers(ask, tuple((f"x-filler-{n}", "f") for n in range(count)))


def _two_lengths(_: Ask) -> Plan:
    """There are two content-lengths, and they disagree."""
    return Head(200, (("content-length", "5"),), "length", 7), Data(b"{}     "), Close()


def _bad_length(_: Ask) -> Plan:
    """The content-length is no number."""
    return Head(200, (("content-length", "many"),), "none"), Raw(b"{}"), Close()


def _length_too_short(ask: Ask) -> Plan:
    """The body is longer than its content-length."""
    parts = talk(ask)
    size = sum(map(len, parts.pieces)) // 2
    head = Head(200, parts.head.headers, "length", size)
    return head, *spoken(*parts.pieces), Close()


def _bad_chunk_size(ask: Ask, *, after_chunks: int = 3) -> Plan:
    """The size of a chunk is no number."""
    return *begun(ask, after_chunks), Raw(b"zz\r\ndata\r\n"), Close()


def _http_10(ask: Ask) -> Plan:
    """A good answer in HTTP/1.0, ended by the connection: no fault at all."""
    parts = talk(ask)
    kind = parts.head.headers[0][1]
    head = f"HTTP/1.0 200 OK\r\ncontent-type: {kind}\r\n\r\n".encode()
    return Raw(head), *(Raw(piece) for piece in parts.pieces), Close()


def _switching_protocols_101(_: Ask) -> Plan:
    """The server changes to another protocol unasked."""
    headers = (("upgrade", "teapot/1.0"), ("connection", "upgrade"))
    return Head(101, headers, "none"), Close()


def _redirect(
    _: Ask, *, status: int = 307, location: str = "http://127.0.0.1:1/v1/elsewhere"
) -> Plan:
    """A redirect with *status* to *location*."""
    return (Head(status, (("location", location),), "length"),)


def _redirect_loop(ask: Ask, *, status: int = 307) -> Plan:
    """A redirect to the same place; queue as many as shall be followed."""
    return _redirect(ask, status=status, location=ask.request.path)


def _redirect_empty_location(ask: Ask, *, status: int = 307) -> Plan:
    """A redirect whose location is empty."""
    return _redirect(ask, status=status, location="")


def _redirect_no_location(_: Ask, *, status: int = 307) -> Plan:
    """A redirect without a location."""
    return (Head(status, (), "length"),)


def _infinite_body(_: Ask, *, mib: int | None = None, seconds: float = 0.0) -> Plan:
    """One event without a line end, for *mib* MiB or until the client leaves."""
    block = b"data: " + b"a" * (65536 - 6)
    times = None if mib is None else mib * 16
    return Head(200, _SSE), Repeat((Data(block), Pause(seconds)), times)


def _gzip_stream(ask: Ask) -> Plan:
    """A good answer, compressed with gzip: no fault at all."""
    return _gzipped(ask)


def _gzip_cut(ask: Ask) -> Plan:
    """A compressed answer is cut in the middle, and the framing says it is whole."""
    parts = talk(ask)
    packer = zlib.compressobj(wbits=31)
    half = b"".join((*parts.opening, *parts.words[: len(parts.words) // 2]))
    packed = packer.compress(half) + packer.flush(zlib.Z_SYNC_FLUSH)
    return _encoded(parts.head, "gzip"), Data(packed)


def _gzip_bad_crc(ask: Ask) -> Plan:
    """The checksum of a compressed answer is wrong."""
    head, data = _gzipped(ask)
    packed = data.data
    return head, Data(packed[:-8] + bytes(4) + packed[-4:])


def _double_gzip(ask: Ask, *, mib: int = 64) -> Plan:
    """Some hundred bytes, compressed twice, that hold *mib* MiB."""
    return _encoded(talk(ask).head, "gzip, gzip"), Data(gzip.compress(_bomb(mib)))


def _gzip_bomb(ask: Ask, *, mib: int = 64) -> Plan:
    """A small body that holds *mib* MiB once it is decompressed."""
    return _encoded(talk(ask).head, "gzip"), Data(_bomb(mib))


def _unknown_encoding(ask: Ask) -> Plan:
    """The content-encoding is one that nobody knows."""
    parts = talk(ask)
    return _encoded(parts.head, "x-rot13"), *spoken(*parts.pieces)


def _with_headers(ask: Ask, headers: Pairs) -> Plan:
    parts = talk(ask)
    head = Head(200, (*parts.head.headers, *headers))
    return head, *spoken(*parts.pieces)


def _encoded(head: Head, encoding: str) -> Head:
    return Head(head.status, (*head.headers, ("content-encoding", encoding)))


def _gzipped(ask: Ask) -> tuple[Head, Data]:
    parts = talk(ask)
    packed = gzip.compress(b"".join(parts.pieces), mtime=0)
    return _encoded(parts.head, "gzip"), Data(packed)


@lru_cache(maxsize=4)
def _bomb(mib: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    block = bytes(_MIB)
    return b"".join(packer.compress(block) for _ in range(mib)) + packer.flush()


FAULTS = faults(
    _not_http,
    _bad_status_line,
    _obs_header_injection,
    _giant_headers,
    _many_headers,
    _two_lengths,
    _bad_length,
    _length_too_short,
    _bad_chunk_size,
    _http_10,
    _switching_protocols_101,
    _redirect,
    _redirect_loop,
    _redirect_empty_location,
    _redirect_no_location,
    _infinite_body,
    _gzip_stream,
    _gzip_cut,
    _gzip_bad_crc,
    _double_gzip,
    _gzip_bomb,
    _unknown_encoding,
)

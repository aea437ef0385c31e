"""
The faults of HTTP: in headers, framing, redirects and encodings.

Compressed bodies are made when a request gets the fault, and large ones are cached.
"""

from __future__ import annotations

import gzip
import zlib

from functools import lru_cache

from .._plan import Close, Data, Head, Pairs, Pause, Plan, Raw, Repeat
from .._replies import SSE
from .._request import Ask
from .base import answer_parts, data_steps, faults, partial_answer


__all__ = ["FAULTS"]

_MIB = 1024 * 1024
_SSE: Pairs = (("content-type", SSE),)


def _not_http(_: Ask) -> Plan:
    """The reply is the banner of an SSH server."""
    return Raw(b"SSH-2.0-OpenSSH_9.6\r\n"), Close()


def _bad_status_line(_: Ask) -> Plan:
    """The status is not a number."""
    return Raw(b"HTTP/1.1 OK fine\r\ncontent-length: 0\r\n\r\n"), Close()


def _obs_header_injection(_: Ask) -> Plan:
    """The value of a header contains a NUL."""
    return Raw(b"HTTP/1.1 200 OK\r\nx-note: a\0b\r\ncontent-length: 0\r\n\r\n"), Close()


def _giant_headers(context: Ask, *, mib: int = 1) -> Plan:
    """One header is *mib* MiB long."""
    return _with_headers(context, (("x-filler", "f" * (mib * _MIB)),))


def _many_headers(context: Ask, *, count: int = 20_000) -> Plan:
    """The reply has *count* additional headers."""
    return _with_headers(context, tuple((f"x-filler-{n}", "f") for n in range(count)))


def _two_lengths(_: Ask) -> Plan:
    """The reply has two content-lengths, which differ."""
    return Head(200, (("content-length", "5"),), "length", 7), Data(b"{}     "), Close()


def _bad_length(_: Ask) -> Plan:
    """The content-length is not a number."""
    return Head(200, (("content-length", "many"),), "none"), Raw(b"{}"), Close()


def _length_too_short(context: Ask) -> Plan:
    """The body is longer than its content-length."""
    parts = answer_parts(context)
    size = sum(map(len, parts.pieces)) // 2
    head = Head(200, parts.head.headers, "length", size)
    return head, *data_steps(*parts.pieces), Close()


def _bad_chunk_size(context: Ask, *, after_chunks: int = 3) -> Plan:
    """The size of an HTTP chunk is not a number."""
    return *partial_answer(context, after_chunks), Raw(b"zz\r\ndata\r\n"), Close()


def _http_10(context: Ask) -> Plan:
    """A correct answer in HTTP/1.0, whose body ends with the connection: legal."""
    parts = answer_parts(context)
    kind = parts.head.headers[0][1]
    head = f"HTTP/1.0 200 OK\r\ncontent-type: {kind}\r\n\r\n".encode()
    return Raw(head), *(Raw(piece) for piece in parts.pieces), Close()


def _switching_protocols_101(_: Ask) -> Plan:
    """The server switches to another protocol, though no upgrade was requested."""
    headers = (("upgrade", "teapot/1.0"), ("connection", "upgrade"))
    return Head(101, headers, "none"), Close()


def _redirect(
    _: Ask,
    *,
    status: int = 307,
    location: str = "http://127.0.0.1:1/v1/elsewhere",
) -> Plan:
    """A redirect to *location*, with *status*."""
    return (Head(status, (("location", location),), "length"),)


def _redirect_loop(context: Ask, *, status: int = 307) -> Plan:
    """A redirect to the URL that was requested; use times= to queue several."""
    return _redirect(context, status=status, location=context.request.path)


def _redirect_empty_location(context: Ask, *, status: int = 307) -> Plan:
    """A redirect whose location is empty."""
    return _redirect(context, status=status, location="")


def _redirect_no_location(_: Ask, *, status: int = 307) -> Plan:
    """A redirect without a location header."""
    return (Head(status, (), "length"),)


def _infinite_body(_: Ask, *, mib: int | None = None, seconds: float = 0.0) -> Plan:
    """An event without a line end: endless, or of *mib* MiB if *mib* is given."""
    block = b"data: " + b"a" * (65536 - 6)
    times = None if mib is None else mib * 16
    return Head(200, _SSE), Repeat((Data(block), Pause(seconds)), times)


def _gzip_stream(context: Ask) -> Plan:
    """A correct answer, compressed with gzip: legal."""
    return _gzipped(context)


def _gzip_cut(context: Ask) -> Plan:
    """A compressed answer is cut in the middle, but the HTTP framing is complete."""
    parts = answer_parts(context)
    packer = zlib.compressobj(wbits=31)
    half = b"".join((*parts.opening, *parts.words[: len(parts.words) // 2]))
    packed = packer.compress(half) + packer.flush(zlib.Z_SYNC_FLUSH)
    return _encoded(parts.head, "gzip"), Data(packed)


def _gzip_bad_crc(context: Ask) -> Plan:
    """The checksum of a compressed answer is wrong."""
    head, data = _gzipped(context)
    packed = data.data
    return head, Data(packed[:-8] + bytes(4) + packed[-4:])


def _double_gzip(context: Ask, *, mib: int = 64) -> Plan:
    """A body compressed twice: some hundred bytes that decompress to *mib* MiB."""
    return _encoded(answer_parts(context).head, "gzip, gzip"), Data(
        gzip.compress(_bomb(mib), mtime=0)
    )


def _gzip_bomb(context: Ask, *, mib: int = 64) -> Plan:
    """A small body that decompresses to *mib* MiB."""
    return _encoded(answer_parts(context).head, "gzip"), Data(_bomb(mib))


def _unknown_encoding(context: Ask) -> Plan:
    """The content-encoding is unknown."""
    parts = answer_parts(context)
    return _encoded(parts.head, "x-rot13"), *data_steps(*parts.pieces)


def _with_headers(context: Ask, headers: Pairs) -> Plan:
    parts = answer_parts(context)
    head = Head(200, (*parts.head.headers, *headers))
    return head, *data_steps(*parts.pieces)


def _encoded(head: Head, encoding: str) -> Head:
    return Head(head.status, (*head.headers, ("content-encoding", encoding)))


def _gzipped(context: Ask) -> tuple[Head, Data]:
    parts = answer_parts(context)
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

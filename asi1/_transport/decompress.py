"""
Decompresses, in small steps, reply bodies that a server compressed unasked.

A body with one encoding is decompressed; a body with several is refused, since a few
hundred bytes under two layers of gzip can become hundreds of megabytes.
"""

from __future__ import annotations

import zlib

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator

from anyio.lowlevel import checkpoint

from .._models.errors import APIResponseError


__all__ = ["decompress"]

# Maximum number of decompressed bytes that one step returns.
_STEP = 64 * 1024
# zlib's argument *wbits* for each encoding: it tells zlib which header a body has.
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}
_WBITS_WITHOUT_HEADER = -15
# The first two bytes of a gzip member.
_GZIP = b"\x1f\x8b"
# Values of content-encoding that servers send for a body that is not encoded: character
# sets, transfer codings, and words for "none".
_NO_ENCODINGS = {
    *("", "identity", "none", "null", "default", "raw", "plain", "text", "chunked"),
    *("binary", "7bit", "8bit", "ascii", "us-ascii", "iso-8859-1", "latin-1", "latin1"),
    *("utf-8", "utf8", "utf_8", "charset=utf-8", "windows-1252"),
}


class _Inflater:
    """
    Decompresses one body, which may consist of several gzip members.

    Attributes:
        cut: Whether the bytes so far end inside a gzip member.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._inflate = zlib.decompressobj(_WBITS[name])
        self._fresh = True
        self._after = b""  # the bytes after a member that may begin another member
        self.cut = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            if self._inflate.eof:
                piece = self._next_member(piece)
                continue
            plain = self._step(piece)
            self.cut = not self._inflate.eof
            piece = self._inflate.unused_data or self._inflate.unconsumed_tail
            if plain:
                yield plain

    def _next_member(self, piece: bytes) -> bytes:
        """Return the beginning of the next gzip member; b"" if none has begun."""
        start = self._after + piece
        self._after = start[: len(_GZIP)]
        # As other programs do, asi1 ignores bytes after the last gzip member: some
        # servers pad a body with zeros.
        if self._after != _GZIP or "gzip" not in self._name:
            return b""
        self._after, self._inflate = b"", zlib.decompressobj(_WBITS[self._name])
        return start

    def _step(self, piece: bytes) -> bytes:
        may_lack_header = self._fresh and self._name == "deflate"
        self._fresh = False
        try:
            return self._inflate.decompress(piece, _STEP)
        except zlib.error as error:
            if may_lack_header:  # some servers send deflate without the zlib header
                self._inflate = zlib.decompressobj(_WBITS_WITHOUT_HEADER)
                return self._step(piece)
            raise APIResponseError(
                f"the reply is not valid {self._name} ({error})"
            ) from None


async def decompress(
    pieces: AsyncIterable[bytes], encoding: str, cut: Callable[[], object] = bool
) -> AsyncGenerator[bytes, None]:
    """
    Yield a body's decompressed bytes, at most 64 KiB at once if it was compressed.

    Args:
        pieces: The bytes as they arrived from the server.
        encoding: The ``content-encoding`` header; "" if there is none. Words that are
            no encodings, such as ``utf-8``, are ignored.
        cut: Called if the body ends before its compressed data does.

    Raises:
        APIResponseError: The encoding is unknown or multiple, or the body is not valid.
    """
    name = encoding.strip().lower()
    if all(word.strip() in _NO_ENCODINGS for word in name.split(",")):
        async for piece in pieces:
            yield piece
        return
    if name not in _WBITS:
        raise APIResponseError(
            f"the reply's content-encoding {name[:80]!r} is not supported"
        )
    inflater = _Inflater(name)
    async for piece in pieces:
        for plain in inflater.feed(piece):
            yield plain
            await checkpoint()  # lets timers run while a large fragment is decompressed
    if inflater.cut:
        cut()

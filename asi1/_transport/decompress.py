"""
Bodies that come compressed although none was asked for, in bounded steps.

One encoding is undone, a pile of them is refused: a few hundred bytes under two layers
of gzip can be hundreds of megabytes.
"""

from __future__ import annotations

import zlib

from collections.abc import AsyncGenerator, AsyncIterable, Iterator

from anyio.lowlevel import checkpoint

from .._models.errors import APIResponseError


__all__ = ["decoded"]

# The most that is inflated before it is handed on, in bytes.
_STEP = 64 * 1024
_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 47}
_RAW = -15


class _Inflater:
    """Inflates one body, however many members it has."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._inflate = zlib.decompressobj(_WINDOW[name])
        self._fresh = True

    def feed(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            plain = self._step(piece)
            if self._inflate.eof and self._inflate.unused_data:
                piece = self._inflate.unused_data
                self._inflate = zlib.decompressobj(_WINDOW[self._name])
            else:
                piece = self._inflate.unconsumed_tail
            if plain:
                yield plain

    def _step(self, piece: bytes) -> bytes:
        raw = self._fresh and self._name == "deflate"
        self._fresh = False
        try:
            return self._inflate.decompress(piece, _STEP)
        except zlib.error as error:
            if raw:  # some servers deflate without the header
                self._inflate = zlib.decompressobj(_RAW)
                return self._step(piece)
            raise APIResponseError(f"the reply is no {self._name} ({error})") from None


async def decoded(
    pieces: AsyncIterable[bytes], encoding: str
) -> AsyncGenerator[bytes, None]:
    """
    Yield the bytes of a body, each piece at most 64 KiB longer than it came.

    Args:
        pieces: As they came over the wire.
        encoding: The ``content-encoding`` header, "" for none.

    Raises:
        APIResponseError: The encoding is unknown, piled up, or not kept to.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        async for piece in pieces:
            yield piece
        return
    if name not in _WINDOW:
        raise APIResponseError(
            f"the reply's content-encoding {name[:80]!r} is not read"
        )
    inflater = _Inflater(name)
    async for piece in pieces:
        for plain in inflater.feed(piece):
            yield plain
            await checkpoint()  # one read can hold a great deal: let timers run

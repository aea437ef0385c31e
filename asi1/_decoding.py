"""
Floor 4. Bodies that come compressed although none was asked for, in bounded steps.

One encoding is undone, a pile of them is refused: a few hundred bytes under two layers
of gzip can be hundreds of megabytes.
"""

from __future__ import annotations

import zlib

from collections.abc import AsyncGenerator, AsyncIterable

from ._errors import APIResponseError


__all__ = ["decoded"]

# The most that is inflated before it is handed on, in bytes.
_STEP = 256 * 1024
_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 47}
_RAW = -15


async def decoded(
    pieces: AsyncIterable[bytes], encoding: str
) -> AsyncGenerator[bytes, None]:
    """
    Yield the bytes of a body, each piece at most 256 KiB longer than it came.

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
    inflater = zlib.decompressobj(_WINDOW[name])
    fresh = True
    async for piece in pieces:
        rest = piece
        while rest:
            try:
                plain = inflater.decompress(rest, _STEP)
            except zlib.error as error:
                if not fresh or name != "deflate":
                    raise APIResponseError(
                        f"the reply is no {name} ({error})"
                    ) from None
                inflater = zlib.decompressobj(_RAW)  # as some servers deflate
                fresh = False
                continue
            fresh = False
            rest = inflater.unconsumed_tail
            if inflater.eof and inflater.unused_data:  # a body may have several members
                rest = inflater.unused_data
                inflater = zlib.decompressobj(_WINDOW[name])
            if plain:
                yield plain

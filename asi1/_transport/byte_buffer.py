"""A buffer of received bytes, which mostly consists of the bytes of one read."""

from __future__ import annotations

from typing import TypeAlias


__all__ = ["Buffer", "extended"]

Buffer: TypeAlias = bytes | bytearray


def extended(buffer: Buffer, data: bytes | memoryview) -> Buffer:
    """
    Return *buffer* followed by *data*.

    A bytearray is changed in place. An empty buffer becomes *data* itself, since
    copying a large body takes longer than any other step of reading it.
    """
    if not buffer:
        return bytes(data)
    joined = buffer if isinstance(buffer, bytearray) else bytearray(buffer)
    joined += data
    return joined

"""The buffer of received bytes."""

from __future__ import annotations

import pytest

from asi1._transport.byte_buffer import extended


def test_buffer_of_one_read_is_the_bytes_of_that_read():
    """
    The bytes of the first read are the buffer, without a copy.
    """
    data = bytes(1000)

    assert extended(b"", data) is data


def test_bytes_of_every_read_follow_each_other():
    """
    The buffer contains the bytes of all reads in their order, whatever their type. The
    bytes objects that were added to it stay as they were.
    """
    first = b"ab"
    buffer = extended(b"", first)
    for data in (b"cd", memoryview(b"ef"), b""):
        buffer = extended(buffer, data)

    assert b"abcdef" == buffer
    assert first == b"ab"


@pytest.mark.parametrize("buffer", [b"", bytearray()])
def test_buffer_does_not_change_with_a_memoryview_that_it_was_made_of(buffer):
    """
    A memoryview is copied, since an event loop receives the next bytes into the same
    memory.
    """
    memory = bytearray(b"ab")
    filled = extended(buffer, memoryview(memory))
    memory[:] = b"xy"

    assert b"ab" == filled

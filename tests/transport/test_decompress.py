"""Bodies that come compressed."""

from __future__ import annotations

import gzip
import zlib

from contextlib import aclosing

import pytest

from hypothesis import given, settings
from hypothesis import strategies as st

from asi1 import APIResponseError
from asi1._transport.decompress import decompress


TEXT = b"Otters hold hands while they sleep, so that they do not drift apart.\n" * 40
STEP = 64 * 1024


async def pieces_of(body, size):
    """Yield *body* in pieces of *size* bytes."""
    for place in range(0, len(body), size):
        yield body[place : place + size]


async def read(body, encoding, size=2**20):
    """Return the pieces that *body* is decoded to."""
    async with aclosing(pieces_of(body, size)) as pieces:
        return [piece async for piece in decompress(pieces, encoding)]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("", TEXT, id="none"),
        pytest.param("identity", TEXT, id="identity"),
        pytest.param(" Identity ", TEXT, id="identity-written-otherwise"),
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param(" GZIP", gzip.compress(TEXT), id="gzip-upper-case"),
        pytest.param("x-gzip", gzip.compress(TEXT), id="x-gzip"),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
        pytest.param("deflate", gzip.compress(TEXT), id="deflate-that-is-gzip"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_one_encoding_is_undone(encoding, body, size):
    """
    A body under one encoding is read, however the network cuts it.
    """
    assert TEXT == b"".join(await read(body, encoding, size))


@settings(deadline=None, max_examples=40)
@given(text=st.binary(max_size=300), size=st.integers(1, 50))
async def test_any_body_comes_through(text, size):
    """
    Any bytes come through any encoding unchanged.
    """
    assert text == b"".join(await read(text, "identity", size))
    assert text == b"".join(await read(gzip.compress(text), "gzip", size))
    assert text == b"".join(await read(zlib.compress(text), "deflate", size))


async def test_a_body_without_encoding_is_handed_on_as_it_is():
    """
    Nothing is held back, joined or cut without an encoding.
    """
    assert [b"abc", b"def", b"g"] == await read(b"abcdefg", "", 3)


@pytest.mark.parametrize("length", [STEP - 1, STEP, STEP + 1, STEP + 258, 3 * STEP + 5])
async def test_a_bomb_is_inflated_in_bounded_steps(length):
    """
    However much a piece inflates to, it is handed on in steps of 64 KiB, and whole.
    """
    body = gzip.compress(bytes(length))

    steps = [len(piece) for piece in await read(body, "gzip")]

    assert 2000 > len(body)
    assert STEP >= max(steps)
    assert length == sum(steps)
    assert -(-length // STEP) == len(steps)


async def test_a_bomb_can_be_left():
    """
    Who has enough need not wait for the rest: 16 MiB are not inflated to read one step.
    """
    body = gzip.compress(bytes(16 * 2**20))

    async with (
        aclosing(pieces_of(body, len(body))) as pieces,
        aclosing(decompress(pieces, "gzip")) as reader,
    ):
        assert STEP == len(await anext(reader))


async def test_each_piece_is_there_at_once():
    """
    What the server flushed can be read before the body ends.
    """
    packer = zlib.compressobj(wbits=31)
    parts = [
        packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
        for text in (b"data: a\n\n", b"data: b\n\n")
    ]

    async def body():
        for part in parts:
            yield part

    assert [b"data: a\n\n", b"data: b\n\n"] == [
        p async for p in decompress(body(), "gzip")
    ]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("gzip, gzip", "'gzip, gzip'"),
        ("gzip,deflate", "'gzip,deflate'"),
        ("identity, gzip", "'identity, gzip'"),
        ("br", "'br'"),
        ("zstd", "'zstd'"),
        ("otter" * 99, f"'{'otter' * 16}'"),
    ],
)
async def test_other_encodings_are_refused(encoding, shown):
    """
    Unknown encodings, and encodings piled up, are refused before a byte is read.
    """
    async with aclosing(pieces_of(b"x", 1)) as body:
        with pytest.raises(APIResponseError) as caught:
            await anext(decompress(body, encoding))

        assert f"the reply's content-encoding {shown} is not supported" == str(
            caught.value
        )
        assert b"x" == await anext(body)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("gzip", b"plain text", id="no-gzip"),
        pytest.param("gzip", zlib.compress(TEXT), id="deflate-under-gzip"),
        pytest.param("deflate", b"plain text", id="no-deflate"),
        pytest.param("gzip", gzip.compress(TEXT)[:-8] + bytes(8), id="wrong-checksum"),
        pytest.param("gzip", gzip.compress(TEXT)[:10] + b"\xff" * 60, id="broken"),
    ],
)
async def test_what_is_not_encoded_so_is_an_error(encoding, body):
    """
    A body that does not keep to its encoding is an `APIResponseError`.
    """
    with pytest.raises(
        APIResponseError, match=f"^the reply is not valid {encoding} "
    ) as caught:
        await read(body, encoding)

    assert caught.value.__suppress_context__


async def test_a_cut_body_is_what_came():
    """
    Of a body that was cut, what came is read; that it is cut, the JSON or the stream
    inside will show.
    """
    cut = b"".join(await read(gzip.compress(TEXT)[:-12], "gzip"))

    assert TEXT.startswith(cut)
    assert cut

"""How a client decompresses the bodies of replies."""

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
    """Return the decompressed pieces of *body*, received in pieces of *size* bytes."""
    async with aclosing(pieces_of(body, size)) as pieces:
        return [piece async for piece in decompress(pieces, encoding)]


@pytest.mark.system
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        pytest.param("", TEXT, id="none"),
        pytest.param("identity", TEXT, id="identity"),
        pytest.param(" Identity ", TEXT, id="identity-capitalised-with-blanks"),
        pytest.param("utf-8", TEXT, id="character-set"),
        pytest.param("UTF-8", TEXT, id="character-set-upper-case"),
        pytest.param("identity, utf-8", TEXT, id="two-words"),
        pytest.param("none", TEXT, id="none-in-words"),
        pytest.param("chunked", TEXT, id="transfer-coding"),
        pytest.param("binary", TEXT, id="binary"),
        pytest.param(",", TEXT, id="comma"),
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param(" GZIP", gzip.compress(TEXT), id="gzip-upper-case"),
        pytest.param("x-gzip", gzip.compress(TEXT), id="x-gzip"),
        pytest.param("gzip", gzip.compress(TEXT) + bytes(600), id="padded-with-zeros"),
        pytest.param("gzip", gzip.compress(TEXT) + b"\x1f", id="padded-with-a-byte"),
        pytest.param(
            "gzip", gzip.compress(TEXT) + b"\n<!-- -->", id="padded-with-text"
        ),
        pytest.param("deflate", zlib.compress(TEXT) + bytes(9), id="padded-deflate"),
        pytest.param(
            "gzip",
            gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]) + bytes(9),
            id="padded-members",
        ),
        pytest.param("deflate", zlib.compress(TEXT), id="deflate"),
        pytest.param("deflate", gzip.compress(TEXT), id="gzip-declared-as-deflate"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_body_is_decompressed_for_all_sizes_of_its_pieces(encoding, body, size):
    """
    A body with one content-encoding is decompressed, whatever the sizes of the pieces
    in which it arrives.
    """
    assert TEXT == b"".join(await read(body, encoding, size))


@settings(deadline=None, max_examples=40)
@given(text=st.binary(max_size=300), size=st.integers(1, 50))
async def test_any_bytes_are_unchanged_after_compression_and_decompression(text, size):
    """
    Any bytes, compressed in a supported encoding, are unchanged after decompression.
    """
    assert text == b"".join(await read(text, "identity", size))
    assert text == b"".join(await read(gzip.compress(text), "gzip", size))
    assert text == b"".join(await read(zlib.compress(text), "deflate", size))


async def test_body_without_content_encoding_keeps_its_pieces():
    """
    A body without a content-encoding is passed on in the pieces in which it arrives.
    """
    assert [b"abc", b"def", b"g"] == await read(b"abcdefg", "", 3)


@pytest.mark.parametrize("length", [STEP - 1, STEP, STEP + 1, STEP + 258, 3 * STEP + 5])
async def test_gzip_bomb_is_decompressed_in_parts_of_64_kib(length):
    """
    However large a decompressed body is, the reader gets all its bytes, in parts of at
    most 64 KiB.
    """
    body = gzip.compress(bytes(length))

    steps = [len(piece) for piece in await read(body, "gzip")]

    assert 2000 > len(body)
    assert STEP >= max(steps)
    assert length == sum(steps)
    assert -(-length // STEP) == len(steps)


async def test_reader_of_a_gzip_bomb_can_stop_after_the_first_64_kib():
    """
    A reader of a gzip bomb of 16 MiB gets the first 64 KiB before the rest is
    decompressed, and can stop there.
    """
    body = gzip.compress(bytes(16 * 2**20))

    async with (
        aclosing(pieces_of(body, len(body))) as pieces,
        aclosing(decompress(pieces, "gzip")) as reader,
    ):
        assert STEP == len(await anext(reader))


async def test_bytes_flushed_by_the_compressor_are_read_before_the_body_ends():
    """
    Bytes that the server's compressor has flushed can be read before the body ends, so
    that the events of a compressed stream are not delayed.
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
async def test_unknown_or_several_content_encodings_are_refused(encoding, shown):
    """
    An unknown content-encoding, or several at once, raises `APIResponseError` before
    the body is read.
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
        pytest.param("gzip", b"plain text", id="not-gzip"),
        pytest.param("gzip", zlib.compress(TEXT), id="deflate-declared-as-gzip"),
        pytest.param("deflate", b"plain text", id="not-deflate"),
        pytest.param("gzip", gzip.compress(TEXT)[:-8] + bytes(8), id="wrong-checksum"),
        pytest.param("gzip", gzip.compress(TEXT)[:10] + b"\xff" * 60, id="broken"),
    ],
)
async def test_body_that_is_invalid_in_its_content_encoding_raises_an_error(
    encoding, body
):
    """
    A body that is not valid in its declared content-encoding raises `APIResponseError`.
    """
    with pytest.raises(
        APIResponseError, match=f"^the reply is not valid {encoding} "
    ) as caught:
        await read(body, encoding)

    assert caught.value.__suppress_context__


async def test_cut_compressed_body_gives_the_bytes_before_the_cut():
    """
    A truncated compressed body is decompressed up to the cut, without an error. The
    parser of the JSON or of the events reports the cut instead.
    """
    cut = b"".join(await read(gzip.compress(TEXT)[:-12], "gzip"))

    assert TEXT.startswith(cut)
    assert cut

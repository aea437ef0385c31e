"""Faults without a name that strike once the reply has begun."""

from __future__ import annotations

import json
import zlib

import pytest

import asi1

from asi1.testing import Data, Head, Reset, Stall

from ...support.talk import DONE, SSE, TEXT, chunk, in_process
from .calls import observed


pytestmark = pytest.mark.virtual_time

in_each_form = pytest.mark.parametrize("form", ["create", "stream"])

GZIP = Head(200, (*SSE.headers, ("content-encoding", "gzip")))
RUBBISH = Data(b"\xff" * 40)


def packed(*chunks):
    """A piece of a compressed stream, all of which can be read at once."""
    packer = zlib.compressobj(wbits=31)
    text = b"".join(b"data: %b\n\n" % json.dumps(c).encode() for c in chunks)
    return Data(packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))


@in_each_form
async def test_a_compressed_stream_that_turns_to_rubbish_keeps_what_came(fake, form):
    """
    A stream whose compression breaks fails as other broken streams do, and its error
    carries the answer so far.
    """
    fake.play(GZIP, packed(chunk("one")), RUBBISH)

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert issubclass(got.error, asi1.StreamError)
    assert ("one", 1) == (got.partial, got.tries)


@in_each_form
async def test_rubbish_after_a_whole_compressed_answer_is_ignored(fake, form):
    """
    Compression that breaks after the last finish reason takes nothing away.
    """
    fake.play(GZIP, packed(chunk("one", finish="stop")), RUBBISH)

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert (None, "one") == (got.error, got.text)


async def test_a_server_may_forbid_a_second_try_of_a_stream_that_broke(fake):
    """
    x-should-retry is obeyed too where a stream is lost before its first chunk.
    """
    head = Head(200, (*SSE.headers, ("x-should-retry", "false")))
    fake.play(head, Reset(), times=None)

    async with in_process(fake) as client:
        got = await observed(client, "stream")

    assert (asi1.APIConnectionError, False) == (got.error, got.heals)
    assert 1 == got.tries


@in_each_form
async def test_a_long_answer_under_a_wrong_name_is_an_answer(fake, form):
    """
    A JSON answer of any length is read, though its content-type promises a stream.
    """
    text = "long " * 20_000
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    fake.play(SSE, Data(json.dumps({"choices": [choice]}).encode()))

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert (None, text) == (got.error, got.text)


async def test_signs_of_life_before_the_first_chunk_bind_nobody(fake):
    """
    A stream that breaks after comments alone has handed out nothing, and begins anew.
    """
    fake.play(SSE, Data(b": the model is thinking\n\n"), Reset())
    fake.play(SSE, Data(b"data: %b\n\n" % json.dumps(chunk("Hi.")).encode()), DONE)

    async with in_process(fake) as client:
        got = await observed(client, "stream")

    assert ("Hi.", 2) == (got.text, got.tries)


async def test_an_empty_chunk_is_a_first_chunk(fake):
    """
    A stream that breaks after a chunk is not asked for again, even if that chunk said
    nothing: it was handed out.
    """
    said = b"data: %b\n\n" % json.dumps(chunk()).encode()
    fake.play(SSE, Data(said), Reset(), times=None)

    async with in_process(fake) as client:
        got = await observed(client, "stream")

    assert (asi1.StreamInterruptedError, 1) == (got.error, got.tries)


@in_each_form
@pytest.mark.parametrize("end", [(Reset(),), (Stall(),)], ids=["reset", "stall"])
async def test_no_header_asks_for_a_second_try_after_a_chunk(fake, form, end):
    """
    x-should-retry cannot bring about that a stream says its beginning again.
    """
    head = Head(200, (*SSE.headers, ("x-should-retry", "true")))
    said = b"data: %b\n\n" % json.dumps(chunk("one")).encode()
    fake.play(head, Data(said), *end, times=None)

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert ("one", 1) == (got.partial, got.tries)


# A good answer of the fake: one chunk that says nothing, eight words, the finish reason
# and the token counts.
@pytest.mark.parametrize(
    "name",
    [
        "after_done_hangs",
        "after_done_more",
        "after_done_reset",
        "bom",
        "cr_line_ends",
        "crlf_line_ends",
        "done_no_blank_line",
        "done_twice",
        "early_hints",
        "gzip_stream",
        "heartbeats_legal",
        "hiccup",
        "http_10",
        "multi_line_data",
        "no_content_type",
        "no_space_after_colon",
        "slow_headers",
        "upper_content_type",
    ],
)
async def test_no_chunk_is_lost_or_made_up(fake, name):
    """
    Where a fault spoils no chunk all of them are handed out, those without a word too,
    and none besides.
    """
    fake.fault(name)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        chunks = [each async for each in stream]

    assert ["", *TEXT.replace(" ", "| ").split("|"), "", ""] == [c.text for c in chunks]
    assert "assistant" == chunks[0].choices[0].delta.role
    assert ["stop", "stop"] == [c.finish_reason for c in chunks[-2:]]
    assert chunks[-1].usage.total_tokens > 0

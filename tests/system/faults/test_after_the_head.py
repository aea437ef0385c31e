"""Other faults after the response head than the fake server's named faults."""

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
NOT_GZIP = Data(b"\xff" * 40)


def compressed(*chunks):
    """
    Return *chunks* as SSE events, compressed by gzip without the end of the gzip data.
    """
    packer = zlib.compressobj(wbits=31)
    text = b"".join(b"data: %b\n\n" % json.dumps(c).encode() for c in chunks)
    return Data(packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH))


@in_each_form
async def test_stream_with_broken_compression_keeps_the_partial_answer(fake, form):
    """
    If a stream's compressed data becomes invalid, the stream raises a StreamError with
    the partial answer that arrived before the invalid data.
    """
    fake.play(GZIP, compressed(chunk("one")), NOT_GZIP)

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert issubclass(got.error, asi1.StreamError)
    assert ("one", 1) == (got.partial, got.attempts)


@in_each_form
async def test_broken_compression_after_a_complete_answer_is_ignored(fake, form):
    """
    If the compressed data becomes invalid only after the finish reason, the call still
    returns the answer, which is complete.
    """
    fake.play(GZIP, compressed(chunk("one", finish="stop")), NOT_GZIP)

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert (None, "one") == (got.error, got.text)


async def test_x_should_retry_false_stops_the_retry_of_a_lost_stream(fake):
    """
    A stream that is lost before its first chunk is usually retried, but not if the
    response head had ``x-should-retry: false``.
    """
    head = Head(200, (*SSE.headers, ("x-should-retry", "false")))
    fake.play(head, Reset(), times=None)

    async with in_process(fake) as client:
        got = await observed(client, "stream")

    assert (asi1.APIConnectionError, False) == (got.error, got.heals)
    assert 1 == got.attempts


@in_each_form
async def test_long_json_body_declared_as_a_stream_is_read_as_an_answer(fake, form):
    """
    A JSON body of 100,000 characters is read as an answer, although its content-type
    says that it is an event stream.
    """
    text = "long " * 20_000
    choice = {"message": {"content": text}, "finish_reason": "stop"}
    fake.play(SSE, Data(json.dumps({"choices": [choice]}).encode()))

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert (None, text) == (got.error, got.text)


async def test_stream_broken_after_comments_is_retried(fake):
    """
    A stream that breaks after comments, but before its first chunk, is retried, because
    its reader has received no chunk yet.
    """
    fake.play(SSE, Data(b": the model is thinking\n\n"), Reset())
    fake.play(SSE, Data(b"data: %b\n\n" % json.dumps(chunk("Hi.")).encode()), DONE)

    async with in_process(fake) as client:
        got = await observed(client, "stream")

    assert ("Hi.", 2) == (got.text, got.attempts)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"choices": [{"delta": {}}]}, id="empty-delta"),
        pytest.param(chunk(), id="no-text"),
        pytest.param({"choices": [{"delta": {"role": "assistant"}}]}, id="role"),
        pytest.param({"type": "ping"}, id="ping"),
    ],
)
async def test_stream_broken_after_chunks_without_text_is_retried(fake, said):
    """
    A stream that breaks after chunks without a part of the answer is retried; its
    reader receives only the chunks of the second attempt.
    """
    fake.play(SSE, Data(b"data: %b\n\n" % json.dumps(said).encode()), Reset())
    fake.play(SSE, Data(b"data: %b\n\n" % json.dumps(chunk("Hi.")).encode()), DONE)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        texts = [each.text async for each in stream]

    assert ["Hi."] == texts
    assert 2 == len(stream.response.attempts)


@in_each_form
@pytest.mark.parametrize("end", [(Reset(),), (Stall(),)], ids=["reset", "stall"])
async def test_x_should_retry_is_ignored_after_the_first_chunk(fake, form, end):
    """
    The header ``x-should-retry: true`` causes no retry after the first chunk, because a
    retry would repeat the beginning of the answer.
    """
    head = Head(200, (*SSE.headers, ("x-should-retry", "true")))
    said = b"data: %b\n\n" % json.dumps(chunk("one")).encode()
    fake.play(head, Data(said), *end, times=None)

    async with in_process(fake) as client:
        got = await observed(client, form)

    assert ("one", 1) == (got.partial, got.attempts)


# Faults that leave the fake server's valid answer unchanged: one chunk without text,
# eight with a word each, one with the finish reason, one with the token counts.
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
async def test_stream_under_a_harmless_fault_yields_all_valid_chunks(fake, name):
    """
    Under a fault that leaves the answer unchanged, the reader receives each chunk of
    the answer, even those without text, and no other chunk.
    """
    fake.fault(name)

    async with in_process(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        chunks = [each async for each in stream]

    assert ["", *TEXT.replace(" ", "| ").split("|"), "", ""] == [c.text for c in chunks]
    assert "assistant" == chunks[0].choices[0].delta.role
    assert ["stop", "stop"] == [c.finish_reason for c in chunks[-2:]]
    assert chunks[-1].usage.total_tokens > 0

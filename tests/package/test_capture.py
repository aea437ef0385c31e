"""Recorded streams are read exactly, wherever the network cuts their bytes."""

from __future__ import annotations

import json

from pathlib import Path

import pytest

import asi1


SAMPLES = Path(__file__).parents[1] / "samples"
GIRAFFES = Path(__file__).parents[3] / "shared" / "data" / "giraffes.sse"

any_cut = pytest.mark.parametrize(
    "cut", ["whole", "bytes", 1, 2, 3], ids=lambda cut: f"cut-{cut}"
)


@pytest.fixture(scope="module")
def otters():
    """
    Return the chunk count, text and other values expected of the recording otters.sse.
    """
    return json.loads((SAMPLES / "otters.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def giraffes():
    """
    Return the path of the unpublished recording; skip the test if the file is missing.
    """
    if not GIRAFFES.exists():
        pytest.skip(f"the recording {GIRAFFES.name} is not on this machine")
    return GIRAFFES


def check_otters(otters, chunks, answer):
    """Assert that the chunks and the complete answer are those of otters.sse."""
    assert otters["chunks"] == len(chunks)
    assert otters["thoughts"] == "".join(chunk.thought for chunk in chunks)
    assert otters["content"] == "".join(chunk.text for chunk in chunks)
    assert otters["thought_chunks"] == sum(1 for chunk in chunks if chunk.thought)
    assert otters["content_chunks"] == sum(1 for chunk in chunks if chunk.text)
    assert (otters["id"], otters["model"], otters["created_first"]) == (
        answer.id,
        answer.model,
        answer.created,
    )
    assert otters["thoughts"] == answer.thoughts
    assert otters["thoughts_length"] == len(answer.thoughts)
    assert otters["content"] == answer.text
    assert otters["content_length"] == len(answer.text)
    assert otters["finish_reason"] == answer.finish_reason
    assert otters["usage"] == answer.usage.to_dict()


def check_giraffes(chunks, answer):
    """
    Assert that the chunks and the complete answer are those of the giraffes recording.
    """
    assert 99 == len(chunks)
    assert 341 == len(answer.thoughts)
    assert answer.thoughts.startswith("\nThe user has asked about giraffes")
    assert 1507 == len(answer.text)
    assert answer.text.startswith("\n\nGiraffes")
    assert answer.text == "".join(chunk.text for chunk in chunks)
    assert answer.thoughts == "".join(chunk.thought for chunk in chunks)
    assert "stop" == answer.finish_reason
    assert (435, 391, 826) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
    )


async def read(fake):
    async with (
        asi1.AsyncASI1("key", fake.base_url) as client,
        client.chat.completions.stream(messages="Why?") as stream,
    ):
        chunks = [chunk async for chunk in stream]
        return chunks, await stream.get_final_completion()


def read_blocking(fake):
    with (
        asi1.ASI1("key", fake.base_url) as client,
        client.chat.completions.stream(messages="Why?") as stream,
    ):
        chunks = list(stream)
        return chunks, stream.get_final_completion()


@pytest.mark.system
@any_cut
async def test_recorded_stream_is_read_exactly(fake, otters, cut):
    """
    A recorded stream gives the recorded chunks, thoughts, text, finish reason and token
    counts, wherever the network cuts its bytes.
    """
    fake.stream_of(SAMPLES / "otters.sse", cut=cut)

    check_otters(otters, *await read(fake))


@pytest.mark.system
@any_cut
def test_recorded_stream_is_read_exactly_by_the_blocking_client(fake, otters, cut):
    """
    The blocking client reads from a recorded stream exactly the recorded chunks,
    thoughts, text, finish reason and token counts.
    """
    fake.stream_of(SAMPLES / "otters.sse", cut=cut)

    check_otters(otters, *read_blocking(fake))


@pytest.mark.parametrize("framing", ["length", "close"])
async def test_recorded_stream_is_read_exactly_with_any_framing_of_the_http_body(
    fake, otters, framing
):
    """
    The recorded stream is read exactly whatever framing HTTP uses for the body of the
    response.
    """
    fake.stream_of(SAMPLES / "otters.sse", cut=7, framing=framing)

    check_otters(otters, *await read(fake))


@pytest.mark.system
@any_cut
async def test_captured_stream_is_read_exactly(fake, giraffes, cut):
    """
    A stream that was captured from the service in 2025 gives the captured chunks and
    answer, wherever the network cuts its bytes.
    """
    fake.stream_of(giraffes, cut=cut)

    check_giraffes(*await read(fake))


@pytest.mark.system
@any_cut
def test_captured_stream_is_read_exactly_by_the_blocking_client(fake, giraffes, cut):
    """
    The blocking client reads from the stream that was captured in 2025 exactly the
    captured chunks and answer.
    """
    fake.stream_of(giraffes, cut=cut)

    check_giraffes(*read_blocking(fake))


async def test_stream_sent_to_a_call_without_streaming_becomes_one_answer(fake, otters):
    """
    If a server replies with a stream to a call that did not ask for one, the stream
    becomes one complete answer.
    """
    fake.stream_of(SAMPLES / "otters.sse")

    async with asi1.AsyncASI1("key", fake.base_url) as client:
        answer = await client.chat.completions.create(messages="Why?")

    assert (otters["content"], otters["thoughts"]) == (answer.text, answer.thoughts)

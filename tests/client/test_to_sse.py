"""A stream read as server-sent events, awaited and blocking."""

from __future__ import annotations

import gc

from contextlib import aclosing

import anyio
import pytest

import asi1

from asi1.testing import Data, FakeASI1, Pause, Repeat

from ..support.browser import said, seen
from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process, until


def ask(client, **options):
    return client.chat.completions.stream(messages="Hi", **options)


def connect(fake, **options):
    return asi1.AsyncASI1("sk-test", fake.base_url, max_retries=0, **options)


ENDLESS = (SSE, Repeat((Event(chunk("on ")), Pause(0.005))))


async def test_an_answer_is_events(fake):
    """
    Thoughts, text and the last event with the usage come in order, whole events at a
    time, and then nothing.
    """
    fake.reply(TEXT, thoughts=["Hm."], chunk_words=1)

    async with connect(fake) as client, ask(client) as stream:
        events = stream.to_sse()
        items = [data async for data in events]
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    assert all(seen(data) for data in items)
    body = b"".join(items)
    assert TEXT == said(body)
    first, *_, (last, data) = seen(body)
    assert ("thought", {"text": "Hm."}) == first
    assert "done" == last
    assert stream.snapshot().usage.total_tokens == data["usage"]["total_tokens"]
    assert "stop" == data["finish_reason"]


async def test_what_was_read_before_is_not_told_again(fake):
    """
    The events begin where the reader of the stream stands, and lose nothing.
    """
    fake.play(SSE, Event(*map(chunk, "abcd")), Event(chunk("e", finish="stop")), DONE)

    async with connect(fake) as client, ask(client) as stream:
        assert "a" == (await anext(stream)).text
        body = b"".join([data async for data in stream.to_sse()])

    assert "bcde" == said(body)


async def test_a_stream_that_breaks_ends_with_an_event(fake):
    """
    An error in the middle is the last event, and nothing is raised.
    """
    fake.fault("reset_mid_body")

    async with connect(fake) as client, ask(client) as stream:
        body = b"".join([data async for data in stream.to_sse()])

    assert "one two three" == said(body)
    name, data = seen(body)[-1]
    assert ("failed", 502) == (name, data["status"])
    assert "stream_interrupted" == data["code"]


async def test_an_error_that_is_not_ours_is_told_and_raised(fake):
    """
    An exception of the user's own code is a last event without its text, and is raised
    after it.
    """

    def explode(_):
        raise ZeroDivisionError("my secret")

    async with in_process(fake, hooks=asi1.Hooks()) as client:
        stream = ask(client)
        events = stream.to_sse()
        stream._answer.next_batch = lambda: explode(0)
        data = await anext(events)
        with pytest.raises(ZeroDivisionError, match="my secret"):
            await anext(events)

    [(name, told)] = seen(data)
    assert ("failed", 500, "internal") == (name, told["status"], told["code"])
    assert b"secret" not in data


async def test_open_raises_what_comes_before_the_first_event(fake):
    """
    After `open` an error can still become a status; without it, it is an event.
    """
    fake.fail(429, retry_after=7, times=2)

    async with connect(fake) as client:
        with pytest.raises(asi1.RateLimitError):
            await ask(client).to_sse().open()
        body = b"".join([data async for data in ask(client).to_sse()])

    [(name, data)] = seen(body)
    assert ("failed", 429, 7) == (name, data["status"], data["retry_after"])


async def test_open_loses_nothing(fake):
    """
    What `open` waited for is the first thing that is read; asked twice, it waits once.
    """
    fake.reply(TEXT, chunk_words=1)

    async with connect(fake) as client:
        events = ask(client).to_sse()
        await events.open()
        await events.open()
        body = b"".join([data async for data in events])

    assert TEXT == said(body)


@pytest.mark.virtual_time
async def test_silence_is_filled():
    """
    A comment comes in every silence of *ping* seconds, and the answer loses nothing.
    """
    fake = FakeASI1()
    end = Event(chunk("b", finish="stop"))
    fake.play(SSE, Event(chunk("a")), Pause(25), end, DONE)

    async with in_process(fake) as client, ask(client) as stream:
        items = [data async for data in stream.to_sse(ping=10)]

    assert 2 == items.count(b": ping\n\n")
    assert "ab" == said(b"".join(items))


@pytest.mark.virtual_time
async def test_open_waits_for_one_ping():
    """
    `open` returns after *ping* seconds of silence; an error that follows is an event.
    """
    fake = FakeASI1()
    fake.fault("stall_before_headers")
    limits = asi1.Timeouts(first_token=25)

    async with in_process(fake, timeout=limits) as client:
        events = ask(client).to_sse(ping=10)
        began = anyio.current_time()
        await events.open()
        waited = anyio.current_time() - began
        items = [data async for data in events]

    assert 10 == pytest.approx(waited, abs=1)
    assert [b": ping\n\n"] * 2 == items[:2]
    [(name, data)] = seen(b"".join(items))
    assert ("failed", 504, "timeout") == (name, data["status"], data["code"])


@pytest.mark.virtual_time
async def test_no_comment_where_none_is_wanted():
    """
    With None no comment comes, however long the silence.
    """
    fake = FakeASI1()
    fake.play(SSE, Pause(50), Event(chunk("b", finish="stop")), DONE)

    async with in_process(fake) as client, ask(client) as stream:
        items = [data async for data in stream.to_sse(ping=None)]

    assert ["text", "done"] == [name for name, _ in seen(b"".join(items))]
    assert b"ping" not in b"".join(items)


@pytest.mark.parametrize("ping", [0, -1, float("nan")])
async def test_a_ping_takes_time(fake, ping):
    """
    *ping* is a number of seconds above 0.
    """
    async with connect(fake) as client:
        with pytest.raises(asi1.ArgumentError, match="ping"):
            ask(client).to_sse(ping=ping)


async def test_a_stream_that_was_read_has_no_events(fake):
    """
    A stream that was read to its end refuses to be read as events.
    """
    async with connect(fake) as client, ask(client) as stream:
        await stream.get_final_completion()
        with pytest.raises(asi1.StreamConsumedError):
            stream.to_sse()


async def left(fake):
    """Wait until the one request has ended; return how."""
    await until(lambda: fake.requests and fake.requests[0].outcome != "open")
    return fake.requests[0].outcome


async def test_closing_ends_the_call(fake):
    """
    `aclose` ends the call at once; afterwards there is nothing to read.
    """
    fake.play(*ENDLESS)

    async with connect(fake) as client:
        async with aclosing(ask(client).to_sse()) as events:
            assert "on " == said(await anext(events))[:3]
        assert "left" == await left(fake)
        assert [] == [data async for data in events]


async def test_cancelling_ends_the_call(fake):
    """
    Who is cancelled while reading ends the call, though the stream is kept.
    """
    fake.play(SSE, Event(chunk("on ")), Pause(60))

    async with connect(fake) as client:
        stream = ask(client)
        events = stream.to_sse()
        await anext(events)
        with anyio.move_on_after(0.01):
            await anext(events)
        assert "left" == await left(fake)


async def test_dropping_ends_the_call(fake):
    """
    Events that nobody holds any more end their call, though the stream is kept.
    """
    fake.play(*ENDLESS)

    async with connect(fake) as client:
        stream = ask(client)
        events = stream.to_sse()
        await anext(events)
        del events
        gc.collect()
        assert "left" == await left(fake)
        await stream.aclose()


async def test_two_readers_are_one_too_many(fake):
    """
    Who reads events while somebody else reads the stream is refused, and disturbs
    nobody.
    """
    fake.play(SSE, Pause(0.3), Event(chunk("a", finish="stop")), DONE)
    texts = []

    async with connect(fake) as client, ask(client) as stream:

        async def read():
            texts.extend([piece async for piece in stream.text_stream])

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(asi1.StreamBusyError):
                await anext(stream.to_sse())
            gc.collect()

    assert ["a"] == texts


async def test_a_closed_client_is_a_last_event(fake):
    """
    A client that is closed in the middle of a stream is told of, as a service that
    closes.
    """
    fake.play(*ENDLESS)

    async with connect(fake) as client:
        events = ask(client).to_sse()
        first = await anext(events)
    body = first + b"".join([data async for data in events])

    name, data = seen(body)[-1]
    assert ("failed", 503) == (name, data["status"])


async def test_a_bad_event_is_a_last_event(fake):
    """
    A chunk that is none ends the events as it ends the stream.
    """
    fake.play(SSE, Event(chunk("a")), Data(b"data: {\n\n"))

    async with connect(fake) as client:
        body = b"".join([data async for data in ask(client).to_sse()])

    assert "stream_decode" == seen(body)[-1][1]["code"]


async def test_a_wrong_argument_costs_no_chunk(fake):
    """
    What has come and is not read yet is not lost by a call that is refused.
    """
    fake.reply(TEXT, chunk_words=1)

    async with connect(fake) as client, ask(client) as stream:
        first = await anext(stream)
        with pytest.raises(asi1.ArgumentError, match="ping"):
            stream.to_sse(ping=0)
        rest = [chunk.text async for chunk in stream]

    assert first.text + "".join(rest) == TEXT

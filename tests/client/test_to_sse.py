"""`to_sse`: an async stream as server-sent events."""

from __future__ import annotations

import gc

from contextlib import aclosing

import anyio
import pytest

from anyio.lowlevel import checkpoint

import asi1

from asi1.testing import Data, FakeASI1, Pause, Repeat

from ..support.browser import said, seen
from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process, until
from ..support.virtual_time import advance


def ask(client, **options):
    return client.chat.completions.stream(messages="Hi", **options)


def connect(fake, **options):
    return asi1.AsyncASI1("sk-test", fake.base_url, max_retries=0, **options)


ENDLESS = (SSE, Repeat((Event(chunk("on ")), Pause(0.005))))


async def test_to_sse_yields_thoughts_text_and_a_last_event(fake):
    """
    `to_sse` yields thoughts and text in order, then a last event with finish reason and
    usage. Each bytes object that it yields consists of complete events.
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


async def test_to_sse_begins_with_the_first_unread_chunk(fake):
    """
    The events of `to_sse` begin with the first chunk that was not read before `to_sse`
    was called; chunks read earlier are not sent as events.
    """
    fake.play(SSE, Event(*map(chunk, "abcd")), Event(chunk("e", finish="stop")), DONE)

    async with connect(fake) as client, ask(client) as stream:
        assert "a" == (await anext(stream)).text
        body = b"".join([data async for data in stream.to_sse()])

    assert "bcde" == said(body)


async def test_broken_stream_ends_with_an_error_event(fake):
    """
    An error in the middle of a stream becomes the last event and is not raised. The web
    server cannot report the error by a status any more, since it has already sent the
    status of its response.
    """
    fake.fault("reset_mid_body")

    async with connect(fake) as client, ask(client) as stream:
        body = b"".join([data async for data in stream.to_sse()])

    assert "one two three" == said(body)
    name, data = seen(body)[-1]
    assert ("failed", 502) == (name, data["status"])
    assert "stream_interrupted" == data["code"]


async def test_error_that_is_not_an_asi1_error_is_the_last_event_and_is_raised(fake):
    """
    An exception that is not an `ASI1Error` becomes the last event, but without the
    exception's message. The next read raises the exception.
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

    [(name, event)] = seen(data)
    assert ("failed", 500, "internal") == (name, event["status"], event["code"])
    assert b"secret" not in data


async def test_error_before_the_first_event_is_raised_by_open_of_to_sse(fake):
    """
    ``to_sse().open()`` raises an error that occurs before the first event, so that a
    web server can still send that error as the status of its response. Without `open`
    the error becomes an event.
    """
    fake.fail(429, retry_after=7, times=2)

    async with connect(fake) as client:
        with pytest.raises(asi1.RateLimitError):
            await ask(client).to_sse().open()
        body = b"".join([data async for data in ask(client).to_sse()])

    [(name, data)] = seen(body)
    assert ("failed", 429, 7) == (name, data["status"], data["retry_after"])


async def test_first_read_after_open_returns_the_event_that_open_waited_for(fake):
    """
    ``to_sse().open()`` waits for the first event, and the next read returns that event;
    a second `open` does not wait for another event.
    """
    fake.reply(TEXT, chunk_words=1)

    async with connect(fake) as client:
        events = ask(client).to_sse()
        await events.open()
        await events.open()
        body = b"".join([data async for data in events])

    assert TEXT == said(body)


@pytest.mark.virtual_time
async def test_comment_is_sent_after_each_ping_interval_without_an_event():
    """
    After each *ping* seconds without an event a comment is sent, so that proxies keep
    the connection open; no event of the answer is lost.
    """
    fake = FakeASI1()
    end = Event(chunk("b", finish="stop"))
    fake.play(SSE, Event(chunk("a")), Pause(25), end, DONE)

    async with in_process(fake) as client, ask(client) as stream:
        items = [data async for data in stream.to_sse(ping=10)]

    assert 2 == items.count(b": ping\n\n")
    assert "ab" == said(b"".join(items))


@pytest.mark.virtual_time
async def test_open_of_to_sse_returns_after_one_ping_interval_without_an_event():
    """
    If no event arrives within *ping* seconds, ``to_sse().open()`` returns; an error
    that occurs later becomes an event.
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
async def test_ping_none_sends_no_comment():
    """
    With ``ping=None`` no comment is sent, however long the iterator waits for an event.
    """
    fake = FakeASI1()
    fake.play(SSE, Pause(50), Event(chunk("b", finish="stop")), DONE)

    async with in_process(fake) as client, ask(client) as stream:
        items = [data async for data in stream.to_sse(ping=None)]

    assert ["text", "done"] == [name for name, _ in seen(b"".join(items))]
    assert b"ping" not in b"".join(items)


@pytest.mark.parametrize(
    "ping", [0, -1, float("nan"), float("inf"), True, "5", 10**400]
)
async def test_ping_that_is_not_above_zero_is_refused(fake, ping):
    """
    A *ping* that is not a number of seconds above 0 raises an `ArgumentError`.
    """
    async with connect(fake) as client:
        with pytest.raises(asi1.ArgumentError, match="ping"):
            ask(client).to_sse(ping=ping)


async def test_to_sse_of_a_consumed_stream_is_refused(fake):
    """
    `to_sse` of a stream that was read to its end raises `StreamConsumedError`.
    """
    async with connect(fake) as client, ask(client) as stream:
        await stream.get_final_completion()
        with pytest.raises(asi1.StreamConsumedError):
            stream.to_sse()


async def outcome(fake):
    """Wait until the only request that the server got has ended; return its outcome."""
    await until(lambda: fake.requests and fake.requests[0].outcome != "open")
    return fake.requests[0].outcome


async def test_closing_the_event_iterator_cancels_the_call(fake):
    """
    `aclose` on an iterator of events cancels the call at once; the iterator yields no
    event afterwards.
    """
    fake.play(*ENDLESS)

    async with connect(fake) as client:
        async with aclosing(ask(client).to_sse()) as events:
            assert "on " == said(await anext(events))[:3]
        assert "left" == await outcome(fake)
        assert [] == [data async for data in events]


async def test_cancelled_reader_of_events_cancels_the_call(fake):
    """
    If a reader is cancelled while it waits for an event, the call is also cancelled,
    even if the program still refers to the stream object.
    """
    fake.play(SSE, Event(chunk("on ")), Pause(60))

    async with connect(fake) as client:
        stream = ask(client)
        events = stream.to_sse()
        await anext(events)
        with anyio.move_on_after(0.01):
            await anext(events)
        assert "left" == await outcome(fake)


@pytest.mark.system
async def test_garbage_collected_event_iterator_cancels_the_call(fake):
    """
    An iterator of events that is garbage-collected cancels its call, even if the
    program still refers to the stream object.
    """
    fake.play(*ENDLESS)

    async with connect(fake) as client:
        stream = ask(client)
        events = stream.to_sse()
        await anext(events)
        del events
        gc.collect()
        assert "left" == await outcome(fake)
        await stream.aclose()


@pytest.mark.system
@pytest.mark.virtual_time
async def test_event_iterator_collected_after_a_ping_cancels_the_call():
    """
    An iterator of events that has sent only a ping cancels its call when it is
    garbage-collected, even if the program still refers to the stream object.
    """
    fake = FakeASI1()
    fake.fault("stall_before_headers")

    async with in_process(fake) as client:
        stream = ask(client)
        events = stream.to_sse(ping=1)
        assert b": ping\n\n" == await anext(events)
        del events
        gc.collect()
        await until(lambda: fake.requests[0].outcome == "left", seconds=5)
        await stream.aclose()


@pytest.mark.system
async def test_to_sse_of_a_stream_that_another_task_reads_is_refused(fake):
    """
    Reading the events of a stream while another task reads the stream's text raises
    `StreamBusyError`; the other task goes on reading.
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


async def test_closed_client_ends_the_events_with_status_503(fake):
    """
    When the client is closed in the middle of a stream, the last event is an error with
    status 503, the status of a service that shuts down.
    """
    fake.play(*ENDLESS)

    async with connect(fake) as client:
        events = ask(client).to_sse()
        first = await anext(events)
    body = first + b"".join([data async for data in events])

    name, data = seen(body)[-1]
    assert ("failed", 503) == (name, data["status"])


async def test_undecodable_chunk_ends_the_events_with_an_error_event(fake):
    """
    A chunk that is not valid JSON makes an error event with the code ``stream_decode``
    the last event.
    """
    fake.play(SSE, Event(chunk("a")), Data(b"data: {\n\n"))

    async with connect(fake) as client:
        body = b"".join([data async for data in ask(client).to_sse()])

    assert "stream_decode" == seen(body)[-1][1]["code"]


async def test_to_sse_with_a_wrong_argument_raises_and_loses_no_chunk(fake):
    """
    A `to_sse` call with a wrong argument raises and loses no chunk of the stream.
    """
    fake.reply(TEXT, chunk_words=1)

    async with connect(fake) as client, ask(client) as stream:
        first = await anext(stream)
        with pytest.raises(asi1.ArgumentError, match="ping"):
            stream.to_sse(ping=0)
        rest = [chunk.text async for chunk in stream]

    assert first.text + "".join(rest) == TEXT


async def test_event_never_contains_half_of_a_surrogate_pair(fake):
    """
    Each event has only complete characters, even if the server split a surrogate pair
    over two chunks; a lone surrogate is sent as U+FFFD.
    """
    halves = ["a\ud83e", "\udda6", "b\ud83e"]
    fake.play(SSE, *(Event(chunk(text)) for text in halves), DONE)

    async with connect(fake) as client, ask(client) as stream:
        body = b"".join([data async for data in stream.to_sse()])

    texts = [data["text"] for name, data in seen(body) if name == "text"]
    assert "a\U0001f9a6b\ufffd" == "".join(texts)
    assert all(text.encode() for text in texts)
    assert rb"\ud83e" not in body


@pytest.mark.virtual_time
async def test_final_event_is_written_only_once_if_pings_are_sent_meanwhile(fake):
    """
    If the ping interval passes while the last event is written, a comment is sent, and
    the next read continues this event where the writing stopped.
    """
    fake.fault("flood_tool_calls", count=5000)
    items, ended = [], False

    async def pass_time():
        while not ended:
            if stream.consumed:
                advance(2)
            await checkpoint()

    with anyio.fail_after(1000):
        async with (
            in_process(fake) as client,
            ask(client) as stream,
            anyio.create_task_group() as group,
        ):
            group.start_soon(pass_time)
            items = [data async for data in stream.to_sse(ping=1)]
            ended = True

    assert b": ping\n\n" in items
    [*_, (name, data)] = seen(b"".join(items))
    assert ("done", 5000) == (name, len(data["tool_calls"]))

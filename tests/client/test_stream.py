"""`AsyncChatStream`: the streamed answer of the async client."""

from __future__ import annotations

import asyncio
import gc
import weakref

from contextlib import suppress

import anyio
import pytest

import asi1

from asi1 import Hooks
from asi1.testing import FakeASI1, Pause, Repeat, Stall

from ..support.talk import DONE, SSE, TEXT, Event, chunk, in_process, until


asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)

THOUGHTS = ["Count", "to eight."]  # the answer joins both thoughts by a newline


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, thoughts=THOUGHTS, chunk_words=1, times=None)
    return fake


@pytest.fixture
async def client(fake):
    async with in_process(fake) as client:
        yield client


@pytest.fixture
def opened(client):
    """Return a stream that has sent no request yet."""
    return client.chat.completions.stream(messages="Hi")


async def test_stream_yields_its_chunks_in_order(opened):
    """
    Iterating a stream yields its chunks in order; joined, their texts and thoughts are
    the text and thoughts of the answer.
    """
    chunks = [each async for each in opened]

    assert TEXT == "".join(each.text for each in chunks)
    assert "\n".join(THOUGHTS) == "".join(each.thought for each in chunks)
    assert opened.consumed
    assert [None, "stop"] == sorted(
        {each.finish_reason for each in chunks if each.choices}, key=str
    )


async def test_stream_keeps_no_chunk_that_it_has_returned(fake, client):
    """
    A chunk that was read is freed as soon as the caller drops it, although the stream
    still has unread chunks that arrived with it.
    """
    fake.clear()
    fake.play(SSE, Event(chunk("a"), chunk("b"), chunk("c", finish="stop")), DONE)
    gc.disable()
    try:
        async with client.chat.completions.stream(messages="Hi") as stream:
            await anext(stream)  # the first chunk, which the stream's answer keeps
            read = await anext(stream)
            known = weakref.ref(read)
            assert "b" == read.choices[0].delta.content
            del read
            assert known() is None
            assert ["c"] == [each.text async for each in stream]
    finally:
        gc.enable()


async def test_text_stream_and_thought_stream_yield_non_empty_strings(client):
    """
    `text_stream` yields the text deltas of an answer, and `thought_stream` the thought
    deltas; neither of them yields an empty string.
    """
    stream = client.chat.completions.stream(messages="Hi")
    async with stream:
        words = [piece async for piece in stream.text_stream]
    async with client.chat.completions.stream(messages="Hi") as stream:
        thoughts = [piece async for piece in stream.thought_stream]

    assert 8 == len(words)
    assert all(words)
    assert TEXT == "".join(words)
    assert len(thoughts) > 1
    assert all(thoughts)
    assert "\n".join(THOUGHTS) == "".join(thoughts)


async def test_create_with_stream_returns_a_started_stream(client):
    """
    ``create(stream=True)`` waits until the server has begun to answer, then returns the
    stream.
    """
    stream = await client.chat.completions.create(messages="Hi", stream=True)

    assert 200 == stream.response.status
    assert TEXT == (await stream.get_final_completion()).text


async def test_stream_may_be_entered_after_its_first_read(fake, opened):
    """
    A stream that was already read may be entered with ``async with``, which sends no
    second request.
    """
    first = await anext(opened.text_stream)
    async with opened:
        rest = [piece async for piece in opened.text_stream]

    assert TEXT == first + "".join(rest)
    assert 1 == len(fake.requests)


async def test_status_error_is_raised_by_create_enter_and_first_read(fake, client):
    """
    An error status is raised by ``create(stream=True)``, by entering a stream, and by
    the first read of a stream, whichever of these begins the call.
    """
    fake.clear()
    fake.fail(401, times=None)

    with pytest.raises(asi1.AuthenticationError):
        await client.chat.completions.create(messages="Hi", stream=True)
    with pytest.raises(asi1.AuthenticationError):
        async with client.chat.completions.stream(messages="Hi"):
            pass
    with pytest.raises(asi1.AuthenticationError):
        await anext(client.chat.completions.stream(messages="Hi"))


async def test_stream_sends_no_request_before_its_first_use(fake, opened):
    """
    `stream` by itself sends no request; a stream that is closed before its first use
    never sends a request.
    """
    assert [] == fake.requests
    assert "<AsyncChatStream open status=None>" == repr(opened)
    await opened.aclose()

    assert [] == fake.requests
    assert "<AsyncChatStream closed status=None>" == repr(opened)
    with pytest.raises(asi1.StreamClosedError):
        await opened.__aenter__()


@pytest.mark.parametrize("read", [0, 1, 4, 99])
async def test_final_completion_is_complete_after_any_number_of_reads(opened, read):
    """
    `get_final_completion` returns the complete answer, however many chunks were read
    before, and returns an equal answer when called again.
    """
    async with opened:
        for _ in range(read):
            await anext(opened, None)
        first = await opened.get_final_completion()
        second = await opened.get_final_completion()

    assert (TEXT, "\n".join(THOUGHTS), "stop") == (
        first.text,
        first.thoughts,
        first.finish_reason,
    )
    assert first == second == opened.snapshot()
    assert first.usage.total_tokens > 0
    assert 1 == len(first.response.attempts)
    assert "<AsyncChatStream closed status=200>" == repr(opened)


async def test_snapshot_is_the_answer_received_so_far(fake, client):
    """
    `snapshot` returns an empty answer before the call begins. Then it returns the
    answer received so far, including unread chunks, even after the stream was closed.
    """
    fake.clear()
    fake.play(SSE, Event(chunk("one")), Event(chunk(" two")), Stall())
    stream = client.chat.completions.stream(messages="Hi")
    assert "" == stream.snapshot().text
    assert stream.snapshot().finish_reason is None

    await anext(stream)
    await anyio.wait_all_tasks_blocked()
    assert "one two" == stream.snapshot().text

    await stream.aclose()
    assert "one two" == stream.snapshot().text
    assert 200 == stream.snapshot().response.status


@pytest.mark.parametrize("how", ["chunks", "text", "thoughts"])
async def test_consumed_stream_refuses_another_iteration(opened, how):
    """
    A stream that was read to its end raises `StreamConsumedError` when it is iterated
    again.
    """
    async for _ in opened:
        pass
    views = {
        "chunks": opened,
        "text": opened.text_stream,
        "thoughts": opened.thought_stream,
    }

    with pytest.raises(asi1.StreamConsumedError):
        async for _ in views[how]:
            pass


async def test_new_loop_after_a_break_goes_on_where_the_first_loop_stopped(opened):
    """
    After a ``break`` out of a loop over a stream, a new loop goes on reading where the
    first loop stopped.
    """
    got = []
    async for piece in opened.text_stream:
        got.append(piece)
        break
    got += [piece async for piece in opened.text_stream]

    assert TEXT == "".join(got)


async def test_second_reader_of_a_stream_is_refused(fake, client):
    """
    A second task that reads a stream at the same time gets `StreamBusyError`; the first
    task goes on reading.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.02))))
    stream = client.chat.completions.stream(messages="Hi")
    got = []

    async def read():
        async for piece in stream.text_stream:
            got.append(piece)  # noqa: PERF401 - the test looks at it meanwhile

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await until(lambda: got)
        with pytest.raises(asi1.StreamBusyError):
            await anext(stream)
        with pytest.raises(asi1.StreamBusyError):
            await stream.get_final_completion()
        before = len(got)
        await until(lambda: len(got) > before)
        tasks.cancel_scope.cancel()


async def test_closing_a_stream_wakes_its_waiting_reader(fake, client):
    """
    When another task closes a stream, the reader that waits for the stream's next chunk
    gets `StreamClosedError`.
    """
    fake.clear()
    fake.fault("stall")
    stream = client.chat.completions.stream(messages="Hi")
    got = []

    async def read():
        with pytest.raises(asi1.StreamClosedError):
            async for piece in stream.text_stream:
                got.append(piece)  # noqa: PERF401 - the loop raises

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            await stream.aclose()
            await stream.aclose()

    assert "one two three" == "".join(got) == stream.snapshot().text


async def test_closed_stream_refuses_every_read(fake, client):
    """
    A closed stream raises `StreamClosedError` at every read, even if unread chunks had
    arrived before the stream was closed.
    """
    fake.clear()
    fake.play(SSE, Event(chunk("a"), chunk("b"), chunk("c", finish="stop")), DONE)
    stream = client.chat.completions.stream(messages="Hi")
    assert "a" == (await anext(stream)).text
    await stream.aclose()

    for _ in range(2):
        with pytest.raises(asi1.StreamClosedError):
            await anext(stream)
        with pytest.raises(asi1.StreamClosedError):
            await stream.get_final_completion()
    with pytest.raises(asi1.StreamClosedError):
        await stream.__aenter__()


async def test_error_of_a_stream_is_raised_by_every_further_read(fake, client):
    """
    The error that ended a stream is raised by each further read, even after the stream
    was closed.
    """
    fake.clear()
    fake.fault("clean_eof_no_done")
    stream = client.chat.completions.stream(messages="Hi")

    for _ in range(2):
        with pytest.raises(asi1.StreamTruncatedError):
            async for _ in stream:
                pass
    await stream.aclose()

    with pytest.raises(asi1.StreamTruncatedError):
        await anext(stream)
    with pytest.raises(asi1.StreamTruncatedError):
        await stream.get_final_completion()


async def test_closing_the_client_closes_its_streams(fake):
    """
    Once a client is closed, reading one of its open streams raises `ClientClosedError`,
    the error that the client's hooks get.
    """
    told = []
    fake.clear()
    fake.fault("stall", times=2)
    client = in_process(fake, hooks=Hooks(on_end=lambda call: told.append(call.error)))
    stream = client.chat.completions.stream(messages="Hi")
    run = client.chat.completions.run_tools("Hi", tools=[pow], stream=True)
    await anext(stream)
    await anext(run)
    await client.aclose()

    for opened in (stream, run):
        with pytest.raises(asi1.ClientClosedError):
            async for _ in opened:
                pass
    assert {asi1.ClientClosedError} == {*map(type, told)}


@pytest.mark.parametrize("used", [False, True])
async def test_unread_stream_of_a_closed_client_can_be_closed(fake, used):
    """
    A stream that was made before its client was closed, and was never read, can be
    closed, and its snapshot is an empty answer. Reading the stream, or making another
    stream, raises `ClientClosedError`.
    """
    client = asi1.AsyncASI1("sk-test", fake.base_url)
    if used:
        await client.chat.completions.create(messages="Hi")
    stream = client.chat.completions.stream(messages="Hi")
    await client.aclose()

    assert "AsyncChatStream" in repr(stream)
    assert ("", None) == (stream.snapshot().text, stream.response.status)
    with pytest.raises(asi1.ClientClosedError):
        await anext(stream)
    await stream.aclose()
    with pytest.raises(asi1.ClientClosedError):
        client.chat.completions.stream(messages="Hi")


async def test_stream_of_a_closed_client_does_not_begin(client, opened):
    """
    If a client is closed before one of its streams has begun, using that stream raises
    `ClientClosedError`.
    """
    await client.aclose()

    with pytest.raises(asi1.ClientClosedError):
        await anext(opened)


@pytest.mark.system
@pytest.mark.parametrize("way", ["break", "error", "cancel", "close", "drop"])
async def test_stream_not_read_to_its_end_closes_its_connection(way):
    """
    A stream that is not read to its end closes its connection in whichever way the
    reader leaves the stream, and the client stays usable.
    """
    with FakeASI1() as fake:
        fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.001))), times=None)
        async with asi1.AsyncASI1("test-key", fake.base_url) as client:
            await LEAVE[way](client)
            gc.collect()
            await until(lambda: fake.open_connections == 0)
            fake.clear()

            assert (await client.chat.completions.create(messages="Hi")).text


async def leave_by_break(client):
    async with client.chat.completions.stream(messages="Hi") as stream:
        async for _ in stream:
            break


async def leave_by_error(client):
    with pytest.raises(ZeroDivisionError):
        async with client.chat.completions.stream(messages="Hi") as stream:
            async for _ in stream:
                raise ZeroDivisionError


async def leave_by_cancelling(client):
    async with client.chat.completions.stream(messages="Hi") as stream:
        with anyio.move_on_after(0.05):
            async for _ in stream:
                pass


async def leave_by_closing(client):
    stream = await client.chat.completions.create(messages="Hi", stream=True)
    await anext(stream)
    await stream.aclose()


async def leave_by_dropping(client):
    stream = client.chat.completions.stream(messages="Hi")
    await anext(stream)
    del stream


LEAVE = {
    "break": leave_by_break,
    "error": leave_by_error,
    "cancel": leave_by_cancelling,
    "close": leave_by_closing,
    "drop": leave_by_dropping,
}


async def test_connection_of_a_stream_read_to_its_end_is_reused():
    """
    After a stream was read to its end, the next call uses the same connection.
    """
    with FakeASI1() as fake:
        async with asi1.AsyncASI1("test-key", fake.base_url) as client:
            for _ in range(3):
                async with client.chat.completions.stream(messages="Hi") as stream:
                    async for _ in stream:
                        pass
            for _ in range(3):
                await client.chat.completions.create(messages="Hi")

        assert [1] * 6 == [request.connection for request in fake.requests]


@pytest.mark.virtual_time
@pytest.mark.parametrize("pause", [0.001, 0.004, 0.011])
async def test_cancelled_read_keeps_buffered_chunks(fake, client, pause):
    """
    If reads of a stream are cancelled again and again, the reader still gets every
    chunk.
    """
    fake.clear()
    fake.reply(TEXT, chunk_words=1, chunk_delay=0.007)
    got = []

    async with client.chat.completions.stream(messages="Hi") as stream:
        while not stream.consumed:
            with anyio.move_on_after(pause):
                async for piece in stream.text_stream:
                    got.append(piece)  # noqa: PERF401 - the loop is cancelled

    assert TEXT == "".join(got)


@pytest.mark.virtual_time
@asyncio_only
async def test_read_timed_out_by_asyncio_wait_for_loses_no_chunk(fake, client):
    """
    When `asyncio.wait_for` around `anext` of a stream times out, no chunk of the stream
    is lost.
    """
    fake.clear()
    fake.reply(TEXT, chunk_words=1, chunk_delay=0.02)
    got, timeouts = [], 0

    async with client.chat.completions.stream(messages="Hi") as stream:
        while True:
            try:
                each = await asyncio.wait_for(anext(stream), 0.005)
            except TimeoutError:
                timeouts += 1
            except StopAsyncIteration:
                break
            else:
                got.append(each.text)

    assert TEXT == "".join(got)
    assert timeouts


@pytest.mark.system
@asyncio_only
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_call_cancelled_by_asyncio_at_any_moment_frees_its_connection(
    fake, stream
):
    """
    ``Task.cancel()`` at any moment of a call leaves no connection in use, and the
    client stays usable.
    """
    with FakeASI1() as real:
        real.reply(TEXT, chunk_words=1, chunk_delay=0.001, delay=0.002, times=None)
        limits = asi1.Limits(max_connections=2)
        async with asi1.AsyncASI1("k", real.base_url, limits=limits) as client:

            async def call():
                made = await client.chat.completions.create(
                    messages="Hi", stream=stream
                )
                if stream:
                    await made.get_final_completion()

            for step in range(30):
                task = asyncio.ensure_future(call())
                await asyncio.sleep(step / 2000)
                task.cancel()
                await asyncio.wait([task])
            with anyio.fail_after(60):
                await call()
                await call()


async def test_reader_that_pauses_stops_the_server_from_sending():
    """
    While the reader of a stream pauses, the server soon cannot send any more, so that
    the client buffers only a bounded part of the answer.
    """
    with FakeASI1() as fake:
        block = Event(chunk("x" * 10_000))
        fake.play(SSE, Repeat((block,), times=None), DONE)
        async with (
            asi1.AsyncASI1("k", fake.base_url) as client,
            client.chat.completions.stream(messages="Hi") as stream,
        ):
            await anext(stream)
            size, before = 0, -1
            while before < size:
                before = size
                await anyio.sleep(0.1)
                size = len(stream.snapshot().text)

            assert 4_000_000 > size
            assert "open" == fake.requests[0].outcome


@pytest.fixture
def unused(fake):
    """Return a client that no call has used, so that it has no engine."""
    client = asi1.AsyncASI1("sk-test", fake.base_url)
    assert client._lazy.made is None
    return client


PROPERTIES = {
    "repr": (repr, "<AsyncChatStream open status=None>"),
    "snapshot": (lambda stream: stream.snapshot().choices, ()),
    "response": (lambda stream: stream.response.status, None),
    "consumed": (lambda stream: stream.consumed, False),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_stream_of_an_unused_client_has_its_properties_without_a_loop(unused, name):
    """A client's first stream has all its properties before the first read, even if no
    event loop is running.
    """
    read, expected = PROPERTIES[name]
    stream = unused.chat.completions.stream(messages="Hi")

    assert unused._lazy.made is None
    assert expected == read(stream)


async def test_first_stream_of_a_client_can_be_closed_before_it_is_read(unused):
    """A stream that was closed before its first read stays closed."""
    stream = unused.chat.completions.stream(messages="Hi")

    await stream.aclose()

    with pytest.raises(asi1.StreamClosedError):
        await anext(stream)


async def test_closing_an_unread_stream_of_an_unused_client_makes_no_engine(unused):
    """
    Closing a client's first stream before the first read makes no engine. The closed
    stream still has its properties, and cannot be entered or read.
    """
    stream = unused.chat.completions.stream(messages="Hi")

    await stream.aclose()
    await stream.aclose()

    assert unused._lazy.made is None
    for read in (aiter(stream).__anext__, stream.__aenter__, stream.display):
        with pytest.raises(asi1.StreamClosedError):
            await read()
    assert "<AsyncChatStream closed status=None>" == repr(stream)
    assert () == stream.snapshot().choices


async def test_client_that_was_closed_before_its_first_use_refuses_to_stream(unused):
    """If a client is closed before its first call, the client makes no new stream. A
    stream that it made before raises `ClientClosedError` at its first read.
    """
    stream = unused.chat.completions.stream(messages="Hi")
    await unused.aclose()

    with pytest.raises(asi1.ClientClosedError):
        unused.chat.completions.stream(messages="Hi")
    with pytest.raises(asi1.ClientClosedError):
        await anext(stream)


@pytest.mark.system
async def test_two_readers_of_a_clients_first_stream_make_one_call(fake, unused):
    """Two tasks that begin to read a client's first stream make one call."""
    stream = unused.chat.completions.stream(messages="Hi")

    async def read():
        with suppress(asi1.StreamBusyError):
            assert TEXT == (await stream.get_final_completion()).text

    async with unused, anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        tasks.start_soon(read)

    assert 1 == len(fake.requests)

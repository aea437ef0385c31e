"""
One client in several event loops; streams that outlive a loop or are never closed.
"""

from __future__ import annotations

import asyncio

from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

import asi1

from asi1.testing import Pause, Repeat

from ...support.talk import SSE, TEXT, Event, chunk, until


BACKENDS = ["asyncio", "trio"]

asyncio_only = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, chunk_delay=0.005, times=None)
    return fake


@pytest.fixture
def client(fake):
    return asi1.AsyncASI1("sk-test", fake.base_url)


def question(request):
    return request.json["messages"][0]["content"]


@pytest.mark.parametrize("first", BACKENDS)
@pytest.mark.parametrize("second", BACKENDS)
def test_two_event_loops_that_share_a_client_get_their_own_answers(
    fake, client, first, second
):
    """
    Two event loops in two threads use one client at the same time; each loop gets the
    answers to its own questions, on connections that the other loop does not use.
    """
    fake.reply(question, chunk_words=1, times=None)

    async def main(name):
        async def ask(number):
            text = f"{name} asks {number}"
            made = await client.chat.completions.create(messages=text)
            async with client.chat.completions.stream(messages=text) as stream:
                final = await stream.get_final_completion()
            got.extend([made.text == text, final.text == text])

        got = []
        for _ in range(5):
            async with anyio.create_task_group() as tasks:
                for number in range(10):
                    tasks.start_soon(ask, number)
        return got

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(anyio.run, main, "first", backend=first)
        two = threads.submit(anyio.run, main, "second", backend=second)

        assert [True] * 100 == one.result() == two.result()
    used = {"first": set(), "second": set()}
    for request in fake.requests:
        used[question(request).split()[0]].add(request.connection)
    assert not used["first"] & used["second"]


@pytest.mark.parametrize("first", BACKENDS)
@pytest.mark.parametrize("second", BACKENDS)
def test_stream_that_outlives_its_event_loop_is_closed(fake, client, first, second):
    """
    If a stream's event loop has ended, the stream's connection is closed. In another
    event loop, reading the stream raises StreamClosedError, and closing the stream does
    nothing.
    """
    kept = []

    async def begin():
        kept.append(client.chat.completions.stream(messages="Hi"))
        await anext(kept[-1])

    async def read_again():
        with anyio.fail_after(60):
            with pytest.raises(asi1.StreamClosedError):
                async for _ in kept[-1]:
                    pass
            await kept[-1].aclose()
            answer = await client.chat.completions.create(messages="Hi")
        return answer.text

    anyio.run(begin, backend=first)

    assert TEXT == anyio.run(read_again, backend=second)
    assert ["left", "sent"] == [request.wait() for request in fake.requests]


@pytest.mark.parametrize("end", ["aclose", "read", "aclose-the-client"])
def test_stream_used_from_another_event_loop_does_not_hang(fake, client, end):
    """
    While one event loop reads a stream, a second loop can close the stream or its
    client. Reading the stream in the second loop raises an error. Neither loop hangs.
    """
    fake.fault("stall")
    stream = client.chat.completions.stream(messages="Hi")

    async def other():
        with anyio.fail_after(60):
            if end == "aclose":
                await stream.aclose()
            elif end == "aclose-the-client":
                await client.aclose()
            else:
                with pytest.raises(asi1.ASI1Error):
                    await anext(stream)

    async def main():
        async def read():
            with pytest.raises(closed):
                async for chunk in stream:
                    got.append(chunk.text)
                    seen.set()

        # The stream is closed right after the client, so the reader may get the error
        # of either.
        of_client = [asi1.ClientClosedError] * (end == "aclose-the-client")
        closed = asi1.StreamClosedError, *of_client
        got, seen = [], anyio.Event()
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read)
                await seen.wait()
                await anyio.sleep(0.05)
                await anyio.to_thread.run_sync(lambda: asyncio.run(other()))
                await stream.aclose()
        return got

    assert "one two three" == "".join(asyncio.run(main(), debug=True))


async def test_cancelled_get_final_completion_can_be_repeated(fake, client):
    """
    A caller that cancels `get_final_completion` and calls the method again, several
    times, gets the complete answer in the end, from one request.
    """
    answer, attempts = None, 0
    async with client, client.chat.completions.stream(messages="Hi") as stream:
        while answer is None:
            attempts += 1
            with anyio.move_on_after(0.011):
                answer = await stream.get_final_completion()

    assert TEXT == answer.text
    assert 1 < attempts
    assert 1 == len(fake.requests)


@asyncio_only
@pytest.mark.parametrize("seconds", [0.0005, 0.004, 0.006])
async def test_reads_cancelled_by_asyncio_wait_for_lose_no_text(fake, client, seconds):
    """
    If `asyncio.wait_for` cancels reads of a stream's text, over a socket, no text delta
    is lost, however short the timeout.
    """
    pieces, timeouts = [], 0
    async with client, client.chat.completions.stream(messages="Hi") as stream:
        text = stream.text_stream
        while True:
            try:
                pieces.append(await asyncio.wait_for(anext(text), seconds))
            except TimeoutError:
                timeouts += 1
                await asyncio.sleep(0.001)
            except StopAsyncIteration:
                break

    assert TEXT == "".join(pieces)
    assert timeouts


async def test_dropped_streams_close_their_connections(fake, client):
    """
    A program drops the only reference to each of fifty unfinished streams without
    closing them. The calls then end, and their connections are closed.
    """
    fake.clear()
    fake.play(SSE, Repeat((Event(chunk("on ")), Pause(0.005))), times=None)

    async with client:
        for _ in range(50):
            await anext(client.chat.completions.stream(messages="Hi"))
        await until(lambda: not client._engine.tasks)
        await until(lambda: fake.open_connections == 0)

    assert {"left"} == {request.outcome for request in fake.requests}


async def test_concurrent_closes_of_stream_and_client_succeed(fake, client):
    """
    Several tasks can close a stream and its client at the same time; afterwards no
    connection is open.
    """
    stream = client.chat.completions.stream(messages="Hi")
    await anext(stream)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(stream.aclose)
                tasks.start_soon(client.aclose)

    await until(lambda: fake.open_connections == 0)
    with pytest.raises(asi1.ClientClosedError):
        await client.chat.completions.create(messages="Hi")

"""The end of calls, streams and event loops leaks no task, connection or object."""

import asyncio
import gc
import weakref

from functools import partial

import anyio
import httpx
import pytest

import asi1

from asi1 import AsyncASI1, RetryPolicy, Timeouts
from asi1._transport.event_loop import loop_token, spawn
from asi1.testing import FakeASI1

from ..support.talk import until


def client_of(fake, **settings):
    return AsyncASI1("sk_lifetime", fake.base_url, **settings)


def test_event_loop_may_end_before_the_first_step_of_a_call_task(fake):
    """
    An event loop may end right after a call was created, before the first step of the
    call's task. Then no request is sent, and the loop does not wait for the call.
    """
    client = client_of(fake)

    async def main():
        asyncio.create_task(client.chat.completions.create(messages="Hi"))  # noqa: RUF006

    asyncio.run(main())

    assert [] == fake.requests


@pytest.mark.virtual_time
def test_trio_program_may_leave_its_client_unclosed():
    """
    A trio program that does not close its client ends without an error. Its client is
    garbage-collected while trio's loop ends, when the loop starts no more tasks.
    """
    trio = pytest.importorskip("trio")

    with FakeASI1() as fake:

        async def main():
            fake.reply("Hi.")
            answer = await client_of(fake).chat.completions.create(messages="Hi")
            return answer.text

        texts = [trio.run(main) for _ in range(20)]

    assert ["Hi."] * 20 == texts


def test_task_that_an_ended_trio_loop_does_not_start_counts_as_ended():
    """If trio's loop has ended, `spawn` starts no task and calls *done* at once."""
    trio = pytest.importorskip("trio")

    async def main():
        return loop_token()

    async def run():
        raise AssertionError("the task was started")

    ended = []
    spawn(trio.run(main), run, "task", lambda: ended.append(True))

    assert [True] == ended


@pytest.mark.system
async def test_stream_that_yielded_a_chunk_is_never_retried():
    """
    A stream that has yielded a chunk is not retried, even under a policy that retries
    after timeouts: otherwise the reader would get that chunk twice.
    """
    fake = FakeASI1()
    fake.fault("stall_mid_body", after_chunks=2, times=2)
    policy = RetryPolicy(on_timeout=True)

    async with AsyncASI1("k", "http://127.0.0.1", transport=fake.transport) as client:
        stream = await client.with_options(
            retry=policy, timeout=Timeouts(idle=5)
        ).chat.completions.create(messages="Hi", stream=True)
        texts = []
        with pytest.raises(asi1.APITimeoutError) as caught:
            async for chunk in stream:
                texts.append(chunk.text)  # noqa: PERF401 - the loop raises

    assert "one two" == "".join(texts).strip()
    assert 1 == len(fake.requests)
    assert caught.value.partial.text == "".join(texts)
    assert caught.value.response == caught.value.partial.response


@pytest.mark.system
@pytest.mark.parametrize("part", ["chunks", "text", "thoughts"])
async def test_stream_of_a_cancelled_reader_closes_its_connection(fake, part):
    """
    A stream whose reader was cancelled closes its connection without a garbage
    collection, though the raised error still refers to the reader's frames.
    """
    fake.reply("word " * 400, chunk_delay=0.05)
    kept = []

    async def read(client):
        completions = client.chat.completions
        try:
            if part == "chunks":
                async for _ in await completions.create(messages="Hi", stream=True):
                    pass
            else:
                stream = completions.stream(messages="Hi")
                pieces = stream.text_stream if part == "text" else stream.thought_stream
                del stream
                async for _ in pieces:
                    pass
        except BaseException as error:
            pieces = None
            kept.append(error)
            raise

    gc.disable()
    try:
        async with client_of(fake) as client:
            with anyio.move_on_after(0.2):
                await read(client)

            assert kept
            await until(lambda: fake.requests[-1].outcome == "left")
    finally:
        gc.enable()


@pytest.mark.parametrize("way", ["create", "create a stream", "enter", "read"])
async def test_error_of_a_failed_call_leaves_no_reference_cycle(fake, way):
    """
    A failed call leaves no reference cycle: its error is freed as soon as the caller
    has handled it, without a garbage collection.
    """
    fake.fail(429, times=None)
    gone = []

    async def fail(completions):
        if way.startswith("create"):
            await completions.create(messages="Hi", stream=way != "create")
        elif way == "enter":
            async with completions.stream(messages="Hi"):
                pass
        else:
            async for _ in completions.stream(messages="Hi"):
                pass

    async with client_of(fake, max_retries=0) as client:
        gc.disable()
        try:
            for _ in range(3):
                try:
                    await fail(client.chat.completions)
                except asi1.RateLimitError as error:
                    gone.append(weakref.ref(error))
            # A call task ends a few event loop iterations after its call has raised.
            await anyio.sleep(0.01)

            assert [None] * 3 == [reference() for reference in gone]
        finally:
            gc.enable()


async def test_cancelled_call_has_ended_before_its_caller_goes_on(fake):
    """
    A caller whose call is cancelled goes on only after the call task has ended.
    """
    fake.reply("Hi", delay=30)

    async with client_of(fake) as client:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partial(client.chat.completions.create, messages="Hi"))
                await until(lambda: fake.requests)
                scope.cancel()

        assert scope.cancelled_caught
        assert set() == client._engine.tasks


CLOSED = (asi1.ClientClosedError, asi1.StreamClosedError)


async def create(client):
    await client.chat.completions.create(messages="Hi")


async def enter_stream(client):
    async with client.chat.completions.stream(messages="Hi"):
        pass


async def read(client):
    async for _ in client.chat.completions.stream(messages="Hi"):
        pass


async def map_prompts(client):
    async for _ in client.chat.completions.map(["Hi", "Ho"], concurrency=1):
        pass


@pytest.fixture
async def tasks():
    """The asyncio tasks created during the test, in order."""
    made = []

    def make(loop, coroutine, **options):
        made.append(asyncio.Task(coroutine, loop=loop, **options))
        return made[-1]

    asyncio.get_running_loop().set_task_factory(make)
    yield made
    asyncio.get_running_loop().set_task_factory(None)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("ask", [create, enter_stream, read, map_prompts])
async def test_call_task_cancelled_before_its_first_step_makes_its_caller_raise(
    fake, tasks, ask
):
    """
    If other code cancels a call task before its first step, the caller gets a
    `ClientClosedError` or `StreamClosedError`, and does not wait for ever.
    """
    async with client_of(fake) as client:
        asking = asyncio.create_task(ask(client))
        await asyncio.sleep(0)
        assert asking is tasks[-2]
        tasks[-1].cancel()

        with (
            anyio.fail_after(60),
            pytest.raises(CLOSED, match="cancelled from outside"),
        ):
            await asking
        assert not client._engine.tasks
    assert [] == fake.requests


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_call_task_cancelled_before_its_first_step_makes_entering_a_stream_raise(
    fake, tasks
):
    """
    If other code cancels the call task of a stream before the task's first step, and
    the stream is closed, a task that enters the stream gets `StreamClosedError` and
    does not wait for ever.
    """
    async with client_of(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        entering = asyncio.create_task(stream.__aenter__())
        await asyncio.sleep(0)
        begun = tasks[-1]
        closing = asyncio.create_task(stream.aclose())
        begun.cancel()

        with anyio.fail_after(60), pytest.raises(asi1.StreamClosedError):
            await entering
        await closing


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_map_sends_no_prompt_after_a_prompt_whose_call_was_cancelled(fake, tasks):
    """
    If other code cancels the call task of one prompt of a map, no later prompt is sent.
    """
    async with client_of(fake) as client:
        answers = client.chat.completions.map([*"abcd"], concurrency=2)
        reading = asyncio.create_task(anext(answers))
        await asyncio.sleep(0)
        first, second = tasks[-2:]
        second.cancel()

        await reading
        assert first.done()
        with pytest.raises(asi1.ClientClosedError, match="cancelled from outside"):
            await anext(answers)
    assert ["a"] == [r.json["messages"][0]["content"] for r in fake.requests]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_next_turn_may_begin_after_a_turns_call_task_was_cancelled(fake, tasks):
    """
    If other code cancels the call task of a conversation turn before the task's first
    step, the turn raises, and the next turn may begin.
    """

    async def read_turn():
        async with talk.stream("Hi") as stream:
            await stream.get_final_completion()

    async with client_of(fake) as client:
        talk = client.conversation()
        reading = asyncio.create_task(read_turn())
        await asyncio.sleep(0)
        tasks[-1].cancel()
        with (
            anyio.fail_after(60),
            pytest.raises(CLOSED, match="cancelled from outside"),
        ):
            await reading
        await talk.ask("Ho")
    assert ["Ho"] == [m["content"] for m in fake.requests[0].json["messages"]]


async def test_connection_is_reused_after_a_complete_answer(fake):
    """
    A connection is reused after a call without streaming, and after a stream that was
    read to its end, whether or not the stream was then closed.
    """
    async with client_of(fake) as client:
        completions = client.chat.completions
        await completions.create(messages="Hi")
        async with completions.stream(messages="Hi") as stream:
            await stream.get_final_completion()
        async for _ in await completions.create(messages="Hi", stream=True):
            pass
        # A call task ends only after its connection has returned to the pool.
        await until(lambda: not client._engine.tasks)
        await completions.create(messages="Hi")

    assert {1} == {request.connection for request in fake.requests}


async def test_connection_that_must_not_be_kept_is_closed_after_its_call(fake):
    """
    With ``httpx.Limits(max_keepalive_connections=0)``, a connection is closed as soon
    as its call has ended, and not only when the next call begins.
    """
    fake.reply("Hi.")
    limits = httpx.Limits(max_keepalive_connections=0)

    async with client_of(fake, limits=limits) as client:
        await client.chat.completions.create(messages="Hi")
        await until(lambda: not fake.open_connections)


async def test_client_whose_block_is_cancelled_closes_its_connections(fake):
    """
    A client closes its connections even if its ``async with`` block is cancelled while
    streams are open.
    """
    fake.clear()
    fake.fault("stall", times=None)
    scope = anyio.CancelScope()

    with scope:
        async with client_of(fake) as client:
            completions = client.chat.completions
            streams = [completions.stream(messages="Hi") for _ in range(3)]
            for stream in streams:
                await anext(stream)
            scope.cancel()
            await anyio.sleep_forever()

    assert scope.cancelled_caught
    assert not client._engine.tasks
    assert not client._engine.resources.transport.pools._by_loop

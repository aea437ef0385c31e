"""`ToolSource`: runs tools at the same time, and gives their outcomes to one reader."""

from __future__ import annotations

import asyncio
import gc
import threading

import anyio
import pytest

import asi1

from asi1._call import tool_thread
from asi1._call.tool_sources import ToolSource
from asi1._models.completion import FunctionCall, ToolCall
from asi1._protocol.tools.tool_calls import Runnable
from asi1._transport.event_loop import loop_token

from ..support.scripted_model import ScriptedModel, call, cancel_itself, tool_results
from ..support.talk import until


async def unused():
    """Stand in for the function of a tool; the tests call `Runnable.run` instead."""


def runnable(id, run, timeout=None):  # noqa: A002
    tool = asi1.tool(unused, timeout=timeout)
    made = ToolCall(id=id, function=FunctionCall(name="unused", arguments="{}"))
    return Runnable(call=made, tool=tool, run=run)


class Hanging:
    """Tools that hang; `begun` and `left` list the numbers of tools that have begun or
    ended.
    """

    def __init__(self):
        self.begun = []
        self.left = []

    def calls(self, count):
        async def hang(number):
            self.begun.append(number)
            try:
                await anyio.sleep_forever()
            finally:
                self.left.append(number)

        def made(number):
            async def run():
                await hang(number)

            return runnable(str(number), run)

        return [made(number) for number in range(count)]


class ClosedMeanwhile:
    """An engine that refuses calls after the first *room* calls."""

    def __init__(self, engine, room):
        self.engine = engine
        self.room = room

    def begin(self, work):
        if not self.room:
            raise asi1.ClientClosedError("the client is closed")
        self.room -= 1
        return self.engine.begin(work)


def tasks_of_loop():
    token = loop_token()
    if isinstance(token, asyncio.AbstractEventLoop):
        return len(asyncio.all_tasks(token))
    return None  # trio lists no tasks


@pytest.mark.system
@pytest.mark.parametrize("hangs", ["coroutine", "thread"])
async def test_fifty_tools_answer_in_the_order_of_their_calls_and_leak_nothing(
    fake, fake_client, hangs
):
    """
    Of 50 tools at the same time, one hangs, one raises, one is cancelled, and half run
    in threads. Each call gets its result, in the order of the calls. No task or
    connection is left, and no thread runs on.
    """
    together, release = anyio.Event(), threading.Event()
    running = 0
    order = list(range(50))

    async def work(number: int):
        nonlocal running
        running += 1
        if running == 24:
            together.set()
        await together.wait()
        await anyio.sleep((50 - number) / 5000)
        if number == 3:
            raise ValueError("no")
        if number == 4:
            await cancel_itself()
        return number

    def work_in_thread(number: int):
        threads.append(threading.current_thread())
        return number

    async def hang(number: int):
        await anyio.sleep_forever()

    def hang_in_thread(number: int):
        threads.append(threading.current_thread())
        release.wait(60)

    threads = []
    stuck = asi1.tool(hang if hangs == "coroutine" else hang_in_thread, timeout=0.3)
    names = {n: "work" if n < 25 else "work_in_thread" for n in order}
    names[7] = stuck.name
    fake.reply("", tool_calls=[call(str(n), names[n], number=n) for n in order])
    fake.reply("done")
    before = tasks_of_loop()

    with anyio.fail_after(60):
        run = fake_client.chat.completions.run_tools(
            "Hi", tools=[work, work_in_thread, stuck]
        )
        result = await run.until_done()

    results = tool_results(fake.requests[1].json["messages"])
    words = {
        3: '{"error":"ValueError: no","status":"failed"}',
        4: '{"error":"the tool was cancelled","status":"failed"}',
        7: '{"error":"the tool took longer than 0.3 seconds; it is not known whether it'
        ' took effect","status":"failed"}',
    }
    assert [(str(n), words.get(n, str(n))) for n in order] == results
    assert "done" == result.text
    release.set()
    alive = {thread for thread in threads if thread.is_alive()}
    await until(lambda: len(alive) <= len(tool_thread._idle))
    await until(lambda: not fake_client._engine.tasks)
    await until(lambda: before == tasks_of_loop())
    await fake_client.aclose()
    await until(lambda: fake.open_connections == 0)


async def test_refused_tool_cancels_the_tools_that_were_begun_before_it(fake_client):
    """
    If the client is closed before all tools have begun, an error is raised, and the
    tools that had begun are cancelled, even while the error keeps the `ToolSource`
    alive.
    """
    hanging = Hanging()
    engine = ClosedMeanwhile(fake_client._engine, room=3)

    with pytest.raises(asi1.ClientClosedError) as caught:
        ToolSource(engine, hanging.calls(5), None)

    await until(lambda: not fake_client._engine.tasks)
    assert sorted(hanging.begun) == sorted(hanging.left)
    assert caught.value.__traceback__ is not None


@pytest.mark.virtual_time
async def test_cancelled_read_of_tool_outcomes_loses_no_outcome(fake_client):
    """
    A read that is cancelled, at any time, loses no outcome: later reads return each
    outcome once, in the order in which the tools ended.
    """

    def made(number):
        async def run():
            await anyio.sleep(1 + number / 10)
            return number

        return runnable(str(number), run)

    source = ToolSource(fake_client._engine, [made(n) for n in range(30)], None)
    seen = []
    while not source.ended:
        with anyio.move_on_after(0.13):
            seen += [item.event.id for item in await source.read()]

    assert [str(n) for n in range(30)] == seen


@pytest.mark.system
@pytest.mark.parametrize("way", ["stop", "aclose", "del", "close-client"])
async def test_tool_source_that_is_closed_or_freed_cancels_its_tools(fake_client, way):
    """
    Tools are cancelled if their source is stopped, closed or garbage-collected, or if
    the client is closed. After the client was closed, a read raises
    `ClientClosedError`.
    """
    hanging = Hanging()
    source = ToolSource(fake_client._engine, hanging.calls(3), None)
    await until(lambda: len(hanging.begun) == 3)

    if way == "stop":
        source.stop()
    elif way == "aclose":
        await source.aclose()
        assert [0, 1, 2] == sorted(hanging.left)
        await source.aclose()
    elif way == "del":
        del source
        gc.collect()
    else:
        await fake_client.aclose()
        with anyio.fail_after(60), pytest.raises(asi1.ClientClosedError):
            await source.read()

    await until(lambda: not fake_client._engine.tasks)
    assert [0, 1, 2] == sorted(hanging.left)


async def test_tool_cancelled_before_its_first_step_wakes_the_reader(fake_client):
    """
    A tool whose task is cancelled before it ran has no outcome, but the reader does not
    wait for ever: the read raises `ClientClosedError`.
    """
    hanging = Hanging()
    source = ToolSource(fake_client._engine, hanging.calls(2), None)
    for task in source._tasks:
        task._scope.cancel()

    with anyio.fail_after(60), pytest.raises(asi1.ClientClosedError):
        await source.read()


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True])
async def test_closing_a_run_cancels_the_call_of_the_model(fake, fake_client, stream):
    """
    Closing a run that waits for an answer, streamed or not, cancels the call, and
    closes its connection.
    """
    fake.fault("stall" if stream else "stall_before_headers")
    run = fake_client.chat.completions.run_tools("Hi", tools=[unused], stream=stream)

    with anyio.move_on_after(0.1):
        await run.until_done()
    assert fake_client._engine.tasks
    await run.aclose()

    assert not fake_client._engine.tasks
    assert "left" == fake.requests[0].wait()


async def test_streamed_answer_ends_with_the_text_that_was_held_back():
    """
    The pieces of a streamed answer's text make up the whole text, even if the text's
    end looked like the beginning of a tool call and was held back.
    """
    text = "See <tool"
    fake = asi1.testing.FakeASI1()
    fake.reply(text)
    client = asi1.AsyncASI1("k", "http://127.0.0.1", transport=fake.transport)

    async with client:
        run = client.chat.completions.run_tools("Hi", tools=[unused], stream=True)
        steps = [step async for step in run]

    assert text == "".join(s.text for s in steps if isinstance(s, asi1.TextStep))
    assert text == steps[-1].answer.text


async def test_run_has_the_same_results_with_and_without_streaming():
    """
    With ``stream=True``, a run has the same messages and results as without.
    """

    async def add(a: int, b: int):
        return a + b

    model = ScriptedModel([call("x", "add", a=1, b=2), call("y", "add", a=3, b=4)])
    got = []
    for stream in (False, True):
        async with model.client() as client:
            run = client.chat.completions.run_tools("Hi", tools=[add], stream=stream)
            got.append((await run.until_done()).messages)

    assert got[0] == got[1]
    assert [("x", "3"), ("y", "7")] == tool_results(got[0])

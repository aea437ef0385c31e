"""`AsyncToolRun`: reading the steps of a run, and leaving it early."""

from __future__ import annotations

import asyncio
import gc
import json
import time

import anyio
import pytest

import asi1

from ..support.scripted_model import ScriptedModel, call, tool_results
from ..support.talk import until


pytestmark = pytest.mark.virtual_time


async def add(a: int, b: int):
    await anyio.sleep(1)
    return a + b


async def slow(seconds: float):
    await anyio.sleep(seconds)
    return "slept"


ROUNDS = (
    [call("a", "add", a=1, b=2), call("b", "slow", seconds=2.5), call("c", "nope")],
    [call("d", "slow", seconds=1)],
)
NOPE = (
    '{"error":"there is no tool \'nope\'; the tools are: add, slow","status":"failed"}'
)
RESULTS = [
    ("a", "3"),
    ("b", "slept"),
    ("c", NOPE),
    ("d", "slept"),
]


def begin(client, **options):
    return client.chat.completions.run_tools("Hi", tools=[add, slow], **options)


class Hanging:
    """A tool that hangs; `left` counts how often it was cancelled."""

    def __init__(self):
        self.begun = 0
        self.left = 0

    async def hang(self):
        """Wait until the tool is cancelled."""
        self.begun += 1
        try:
            await anyio.sleep_forever()
        finally:
            self.left += 1


@pytest.mark.parametrize("stream", [False, True])
async def test_run_whose_reads_are_cancelled_has_the_same_result(stream):
    """
    A read that is cancelled loses nothing: a run whose reads are cancelled again and
    again has the messages and steps of a run that was read at once.
    """
    got = []
    for seconds in (3600, 0.07, 0):
        async with ScriptedModel(*ROUNDS).client() as client:
            lines, steps = [], []
            run = begin(client, stream=stream, journal=lines.append)
            over = False
            while not over:
                with anyio.move_on_after(seconds) as scope:
                    async for step in run:
                        steps.append(step)
                        if not seconds:
                            scope.cancel()
                    over = True
                if not seconds:
                    await anyio.sleep(0.05)
                    scope = anyio.CancelScope()
            result = await run.until_done()
        times = [type(step).__name__ for step in steps]
        got.append(
            (result.messages, [type(s) for s in result.steps], sorted(lines), times)
        )

    assert RESULTS == tool_results(got[0][0])
    assert got[0][0] == got[1][0] == got[2][0]
    assert got[0][1:] == got[1][1:] == got[2][1:]


async def test_run_has_the_same_messages_and_journal_with_and_without_streaming():
    """
    A run with ``stream=True`` has the messages, steps and events of one without, except
    for the steps that show the pieces of its answers.
    """
    got = []
    pieces = asi1.TextStep | asi1.ThoughtStep | asi1.ToolArgumentsStep
    for stream in (False, True):
        async with ScriptedModel(*ROUNDS).client() as client:
            lines = []
            run = begin(client, stream=stream, journal=lines.append)
            steps = [step async for step in run]
            result = await run.until_done()
        events = [json.loads(line) for line in lines]
        answers = [
            event.pop("answer")["choices"] for event in events if "answer" in event
        ]
        kept = [type(step) for step in steps if not isinstance(step, pieces)]
        calls = [answer[0]["message"].get("tool_calls") for answer in answers]
        got.append((result.messages, kept, events, calls, result.usage.total_tokens))
        assert stream == any(isinstance(step, pieces) for step in steps)

    assert got[0] == got[1]
    assert RESULTS == tool_results(got[0][0])


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_asyncio_wait_for_around_a_read_of_a_run_loses_nothing():
    """
    A run may be read in `asyncio.wait_for`: after the timeout, the next read goes on.
    """
    async with ScriptedModel(*ROUNDS).client() as client:
        run = begin(client)
        timeouts = 0
        while True:
            try:
                result = await asyncio.wait_for(run.until_done(), 0.3)
                break
            except TimeoutError:
                timeouts += 1

    assert timeouts > 3
    assert RESULTS == tool_results(result.messages)


async def test_second_reader_of_a_run_is_refused():
    """
    While one reader waits for a step, a second reader gets `StreamBusyError`, and the
    first reader goes on.
    """
    results = []

    async def read():
        results.append(await run.until_done())

    async with ScriptedModel(*ROUNDS).client() as client:
        run = begin(client)
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await anyio.sleep(0.5)
            with pytest.raises(asi1.StreamBusyError):
                await anext(run)

    assert RESULTS == tool_results(results[0].messages)


@pytest.mark.system
@pytest.mark.parametrize("way", ["aclose", "with", "error", "collect", "close-client"])
async def test_leaving_a_run_early_cancels_its_tools(way):
    """
    The tools of a run that is left early are cancelled: by `aclose`, the end of an
    ``async with`` block, an error in it, garbage collection, or closing the client.
    """
    hanging = Hanging()
    model = ScriptedModel(
        [call("a", "hang"), call("b", "hang"), call("c", "slow", seconds=1)]
    )
    async with model.client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[hanging.hang, slow])

        async def leave(run):
            async for step in run:
                if isinstance(step, asi1.ToolEndedStep):
                    break
            assert (2, 0) == (hanging.begun, hanging.left)
            if way == "error":
                raise ZeroDivisionError

        if way in ("with", "error"):
            try:
                async with run:
                    await leave(run)
            except ZeroDivisionError:
                assert way == "error"
            assert 2 == hanging.left
        else:
            await leave(run)
        if way == "aclose":
            await run.aclose()
            assert 2 == hanging.left
        if way == "close-client":
            await client.aclose()
            with pytest.raises(asi1.ClientClosedError):
                await anext(run)
        elif way != "collect":
            with pytest.raises(asi1.StreamClosedError):
                await anext(run)
        del run
        gc.collect()
        await until(lambda: hanging.left == 2)
        assert not client._engine.tasks


async def test_journal_that_raised_gets_the_same_line_again_at_the_next_read():
    """
    If the journal raises, the read raises this error, and the run does not continue
    without the line: the next read calls the journal with the same line again.
    """
    lines, failures = [], []

    def journal(line):
        if len(failures) < 2 * (len(lines) + 1):
            failures.append(line)
            raise OSError("disk full")
        lines.append(line)

    async with ScriptedModel(*ROUNDS).client() as client:
        run = begin(client, journal=journal)
        errors = 0
        while True:
            try:
                result = await run.until_done()
                break
            except OSError:
                errors += 1

    assert 2 * len(lines) == len(failures) == errors
    assert failures[::2] == failures[1::2] == lines
    assert RESULTS == tool_results(result.messages)


@pytest.mark.parametrize("sse", [False, True])
async def test_stop_async_iteration_of_a_journal_does_not_end_the_run(sse):
    """
    A `StopAsyncIteration` that a journal raises becomes another error, as it would
    otherwise look like the end of the run.
    """

    async def journal(line):
        if "ended" in line:
            raise StopAsyncIteration

    async with ScriptedModel(*ROUNDS).client() as client:
        run = begin(client, journal=journal)
        with pytest.raises(RuntimeError, match="journal raised StopAsyncIteration"):
            if sse:
                async for _ in run.to_sse():
                    pass
            else:
                await run.until_done()

    assert not run.pending
    assert 1 == len(run.steps)


async def test_awaited_journal_may_be_cancelled_after_it_recorded_a_line():
    """
    A journal may return an awaitable. If the read is cancelled after the journal has
    recorded its line, the journal gets the line again, and the repetition counts once
    when the lines are loaded.
    """
    lines = []

    async def journal(line):
        lines.append(line)
        await anyio.sleep(1)

    async with ScriptedModel(*ROUNDS).client() as client:
        run = begin(client, journal=journal)
        seconds, over = 0.5, False
        while not over:
            with anyio.move_on_after(seconds) as scope:
                over = await anext(run, None) is None
            seconds = 5 if scope.cancelled_caught else 0.5
        first = await run.until_done()
        again = client.chat.completions.resume_tools(lines, tools=[add, slow])
        second = await again.until_done()

    assert len(lines) > len(set(lines))
    assert first.messages == second.messages
    assert first.usage == second.usage


async def test_run_waits_for_a_journal_that_blocks():
    """
    A run waits while its journal blocks: no tool begins before the journal has recorded
    the line of its start.
    """
    kept, ran = [], []

    def journal(line):
        time.sleep(0.005)
        kept.append(line)

    async def tool():
        ran.append(kept[-1])

    async with ScriptedModel([call("a", "tool")]).client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool], journal=journal)
        await run.until_done()

    assert ['{"started":"a"}'] == ran


async def test_tool_may_call_the_same_client_and_run_tools_itself():
    """
    A coroutine tool may use the client of its run: for a call of its own, and for
    another run with tools.
    """
    model = ScriptedModel([call("x", "ask")])

    async def add_one(number: int):
        return number + 1

    async def ask():
        inner = ScriptedModel([call("y", "add_one", number=1)])
        async with inner.client() as other:
            got = await other.chat.completions.run_tools(
                "?", tools=[add_one]
            ).until_done()
        said = [
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "?"},
        ]
        made = await client.chat.completions.create(messages=said)
        return [made.text, tool_results(got.messages)[0][1]]

    async with model.client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[ask])
        result = await run.until_done()

    assert [("x", '["done","2"]')] == tool_results(result.messages)


async def test_state_of_a_run_includes_only_steps_that_were_read():
    """
    `answer`, `steps` and `usage` tell what was read so far; `pending` is empty while
    the run goes on.
    """
    async with ScriptedModel(*ROUNDS).client() as client:
        run = begin(client)
        assert (None, (), None, ()) == (run.answer, run.steps, run.usage, run.pending)
        assert "<AsyncToolRun after 0 answers>" == repr(run)
        steps = []
        async for step in run:
            steps.append(step)
            assert tuple(steps) == run.steps
            assert () == run.pending
        result = await run.until_done()

    assert "<AsyncToolRun after 3 answers>" == repr(run)
    assert run.answer is result.answer
    assert 24 == run.usage.total_tokens
    assert result.usage == run.usage
    assert run.steps == result.steps

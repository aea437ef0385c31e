"""`ToolRounds`: what happens between two reads of a run, and how a run is closed."""

from __future__ import annotations

import anyio
import httpx
import pytest

import asi1

from ..support.scripted_model import ScriptedModel, call, tool_results


pytestmark = pytest.mark.virtual_time


async def test_tool_begins_only_after_its_start_was_read_and_recorded():
    """
    A tool begins only after the program has read its `ToolStartedStep`, and the journal
    has recorded it. The next model call begins only after the program has read that the
    tools have ended.
    """
    lines, ran = [], []

    async def tool():
        """Record the lines that the journal has so far."""
        ran.append(list(lines))

    model = ScriptedModel([call("a", "tool"), call("b", "tool")])
    async with model.client() as client:
        run = client.chat.completions.run_tools(
            "Hi", tools=[tool], journal=lines.append
        )
        assert [] == model.bodies
        for kind in (asi1.AnswerStep, asi1.ToolStartedStep, asi1.ToolStartedStep):
            assert isinstance(await anext(run), kind)
            await anyio.sleep(60)
            assert [] == ran
        for _ in range(2):
            assert isinstance(await anext(run), asi1.ToolEndedStep)
            await anyio.sleep(60)
        assert 1 == len(model.bodies)
        await run.until_done()

    assert ['{"started":"a"}', '{"started":"b"}'] == lines[2:4]
    assert [lines[:4]] * 2 == ran


async def test_serial_tool_never_runs_at_the_same_time_as_another_tool():
    """
    A serial tool begins only after all tool calls before it have ended, and the calls
    after it begin only when it has ended. Tools that are not serial run at the same
    time.
    """
    spans = {}

    async def work(number: int):
        began = anyio.current_time()
        await anyio.sleep(10 - number)
        spans[number] = began, anyio.current_time()

    async def work_alone(number: int):
        await work(number)

    alone = asi1.tool(work_alone, name="alone", serial=True)
    names = ["work", "work", "alone", "alone", "work", "work", "alone"]
    model = ScriptedModel(
        [call(str(n), name, number=n) for n, name in enumerate(names)]
    )
    async with model.client() as client:
        await client.chat.completions.run_tools("Hi", tools=[work, alone]).until_done()

    first = min(began for began, _ in spans.values())
    expected = [(0, 10), (0, 9), (10, 18), (18, 25), (25, 31), (25, 30), (31, 35)]
    assert expected == [
        (round(began - first), round(ended - first))
        for _, (began, ended) in sorted(spans.items())
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_run_that_failed_in_its_second_round_is_resumed_from_its_json(
    fake, fake_client, stream
):
    """
    An error of a model call ends the run, and each later read raises it again.
    `to_json` has the steps so far, so `resume_tools` goes on without running the tools
    again.
    """
    ran = []

    async def tool():
        ran.append(1)
        return "value"

    fake.reply("", tool_calls=[call("a", "tool")])
    fake.fail(400)
    fake.reply("done")
    completions = fake_client.chat.completions
    run = completions.run_tools("Hi", tools=[tool], stream=stream)

    for _ in range(2):
        with pytest.raises(asi1.BadRequestError):
            await run.until_done()
    again = completions.resume_tools(run.to_json(), tools=[tool], stream=stream)
    result = await again.until_done()

    assert "done" == result.text
    assert [1] == ran
    assert [("a", "value")] == tool_results(fake.requests[2].json["messages"])
    assert fake.requests[1].json["messages"] == fake.requests[2].json["messages"]
    assert 4 == len(result.steps)


async def test_reader_that_waits_when_the_run_is_closed_gets_stream_closed_error():
    """
    If a run is closed while a reader waits for a tool, the tool is cancelled. This
    reader and all later readers get `StreamClosedError`.
    """
    left = []

    async def hang():
        try:
            await anyio.sleep_forever()
        finally:
            left.append(1)

    async def close():
        await anyio.sleep(5)
        await run.aclose()
        assert [1] == left

    async with ScriptedModel([call("a", "hang")]).client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[hang])
        async with anyio.create_task_group() as group:
            group.start_soon(close)
            for _ in range(2):
                with pytest.raises(
                    asi1.StreamClosedError, match=r"^the run was closed$"
                ):
                    await run.until_done()
        await run.aclose()


async def test_read_of_an_abandoned_run_starts_no_tool_and_is_an_error():
    """
    If a run is abandoned, as by garbage collection, just before a read that would start
    its tools, no tool is left running, and the read raises `StreamClosedError`.
    """
    began = []

    async def hang():
        began.append(1)
        await anyio.sleep_forever()

    async with ScriptedModel([call("a", "hang")]).client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[hang])
        rounds = run._rounds
        await anext(run)
        await anext(run)
        rounds.abandon()
        with anyio.move_on_after(5) as scope:
            with pytest.raises(asi1.StreamClosedError):
                await rounds.next()

        assert not scope.cancelled_caught
        assert not client._engine.tasks


async def test_answer_with_finish_reason_tool_calls_but_no_tool_call_ends_the_run():
    """
    An answer with the finish reason "tool_calls", but without a tool call, raises
    `OutputInvalidError` at each read of the run.
    """
    message = {"role": "assistant", "content": "Well"}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"id": "x", "choices": [choice]})
    )

    async def tool():
        """Never runs."""

    async with asi1.AsyncASI1("k", transport=transport, max_retries=0) as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool])
        for _ in range(2):
            with pytest.raises(asi1.OutputInvalidError):
                await run.until_done()


async def test_closing_a_finished_run_changes_nothing():
    """
    Closing a run that was read to its end changes nothing: it still has its result.
    """

    async def tool():
        return 1

    async with ScriptedModel([call("a", "tool")]).client() as client:
        run = client.chat.completions.run_tools("Hi", tools=[tool])
        first = await run.until_done()
        await run.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(run)

    assert first == await run.until_done()

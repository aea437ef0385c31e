"""Tool runs against the fake: rounds, parallel calls, streams and markup."""

from __future__ import annotations

import pytest

import asi1


pytestmark = pytest.mark.virtual_time

OSLO = {"name": "weather", "arguments": {"city": "Oslo"}}
ROME = {"name": "weather", "arguments": {"city": "Rome"}}


async def weather(city: str) -> str:
    """Tell the weather."""
    return f"It is sunny in {city}."


def results(request):
    return [m["content"] for m in request.json["messages"] if m["role"] == "tool"]


async def run(client, **options):
    """Run the tool `weather`; return the result and the types of all steps."""
    steps = client.chat.completions.run_tools("Hi", tools=[weather], **options)
    kinds = [type(step) async for step in steps]
    return await steps.until_done(), kinds


@pytest.mark.parametrize("stream", [False, True])
async def test_each_round_of_a_run_takes_one_reply(fake, fake_client, stream):
    """
    Each round of a run takes the next scripted reply as the model's answer. The tool
    calls in one reply run at the same time.
    """
    fake.reply("I look.", tool_calls=[OSLO, ROME])
    fake.reply("Again.", tool_calls=[OSLO])
    fake.reply("It is sunny.")

    done, _ = await run(fake_client, stream=stream)

    assert ("It is sunny.", 0) == (done.text, fake.pending)
    oslo, rome = "It is sunny in Oslo.", "It is sunny in Rome."
    assert [[], [oslo, rome], [oslo, rome, oslo]] == list(map(results, fake.requests))


async def test_streamed_tool_call_arrives_in_pieces(fake, fake_client):
    """
    A stream of the fake sends the arguments of a tool call in several pieces.
    """
    fake.reply("", tool_calls=[OSLO])
    fake.reply("It is sunny.")

    done, kinds = await run(fake_client, stream=True)

    assert 2 <= kinds.count(asi1.ToolArgumentsStep)
    assert "It is sunny." == done.text


@pytest.mark.parametrize("stream", [False, True])
async def test_scripted_markup_imitates_a_model_that_leaks_a_tool_call(
    fake, fake_client, stream
):
    """
    A scripted text with the markup of a tool call imitates a model that writes calls
    into its text: the tool runs, and the markup is never shown.
    """
    fake.reply(
        'Let me see. <tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}'
        "</tool_call>"
    )
    fake.reply("It is sunny.")

    done, _ = await run(fake_client, stream=stream)

    assert ["It is sunny in Oslo."] == results(fake.requests[1])
    assert "It is sunny." == done.text
    assert "tool_call>" not in str(done.steps)


@pytest.mark.parametrize("stream", [False, True])
async def test_incomplete_tool_call_can_be_scripted(fake, fake_client, stream):
    """
    Arguments given as a string are sent as they are, so that a test can script a tool
    call that was cut off.
    """
    cut = {"name": "weather", "arguments": '{"city": "Os'}
    fake.reply("", tool_calls=[cut], finish_reason="length")
    fake.reply("Sorry.")

    done, kinds = await run(fake_client, stream=stream)

    assert asi1.ToolStartedStep not in kinds
    assert "was not run" in results(fake.requests[1])[0]
    assert "Sorry." == done.text


async def test_reply_scripted_without_a_number_of_times_answers_all_runs(
    fake, fake_client
):
    """
    A reply scripted with ``times=None``, whose tool calls depend on the request, gives
    the same answers in any number of runs.
    """
    fake.reply(
        lambda request: (results(request) or [""])[-1],
        tool_calls=lambda request: [] if results(request) else [ROME],
        times=None,
    )

    runs = [await run(fake_client) for _ in range(3)]

    assert ["It is sunny in Rome."] * 3 == [done.text for done, _ in runs]

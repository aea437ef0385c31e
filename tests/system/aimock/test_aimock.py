"""Tool runs against aimock, the fake server of another project, in Node.js."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time

from pathlib import Path

import httpx
import pytest

import asi1


CUT = '{"city": "Ro'
ROUNDS = [
    {
        "content": "Let me see.",
        "toolCalls": [
            {"name": "weather", "arguments": {"city": "Oslo"}},
            {"name": "weather", "arguments": {"city": "San José"}},
        ],
    },
    {"toolCalls": [{"name": "weather", "arguments": CUT}], "finishReason": "length"},
    {"toolCalls": [{"name": "weather", "arguments": {"city": "Rome"}}]},
    {"content": "It is sunny."},
]


def command():
    """Return the command line of aimock; None if aimock is not installed."""
    # In the npm package @copilotkit/aimock, the server for chat requests is called
    # `llmock`, like the Python package of another project. So the server is not looked
    # up by this name, but as the file beside the command `aimock`.
    node, installed = shutil.which("node"), shutil.which("aimock")
    script = Path(installed).resolve().with_name("cli.js") if installed else None
    given = os.environ.get("AIMOCK_CLI_PATH")
    script = Path(given) if given else script
    return [node, str(script)] if node and script and script.exists() else None


@pytest.fixture(scope="module")
def base_url(tmp_path_factory):
    """Run aimock in its own process; yield its base URL."""
    start = command()
    if start is None:
        pytest.skip("aimock is not installed: npm install -g @copilotkit/aimock")
    fixtures = [
        {"match": {"userMessage": "weather", "turnIndex": turn}, "response": response}
        for turn, response in enumerate(ROUNDS)
    ]
    folder = tmp_path_factory.mktemp("aimock")
    folder.joinpath("weather.json").write_text(json.dumps({"fixtures": fixtures}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    options = ["--port", port, "--fixtures", str(folder), "--log-level", "warn"]
    process = subprocess.Popen(
        [*start, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_it_answers(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def wait_until_it_answers(process, url):
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"aimock ended with {process.returncode}")
        try:
            httpx.get(f"{url}/__aimock/health", trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("aimock did not answer in 30 seconds")


async def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


def check(result):
    """Assert that *result* is that of the run of all `ROUNDS`."""
    contents = [message["content"] for message in result.messages]
    cut = contents.pop(5)
    assert [
        "How is the weather?",
        "Let me see.",
        "Sunny in Oslo.",
        "Sunny in San José.",
        None,
        None,
        "Sunny in Rome.",
        "It is sunny.",
    ] == contents
    assert "the call was not run" in cut
    assert CUT not in cut


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
async def test_run_with_tools_ends_with_an_answer(base_url, stream):
    """
    A run executes the calls that aimock makes, except the one that was cut off, and
    ends with aimock's answer.
    """
    async with asi1.AsyncASI1("sk-test", base_url) as client:
        run = client.chat.completions.run_tools(
            "How is the weather?", tools=[weather], stream=stream
        )
        steps = [step async for step in run]
        result = await run.until_done()

    check(result)
    assert 3 == sum(isinstance(step, asi1.ToolStartedStep) for step in steps)
    assert stream == any(isinstance(step, asi1.ToolArgumentsStep) for step in steps)


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_blocking_run_with_tools_ends_with_an_answer(base_url, stream):
    """`ASI1` makes the same run as `AsyncASI1`, with the same result."""
    with asi1.ASI1("sk-test", base_url) as client:
        result = client.chat.completions.run_tools(
            "How is the weather?", tools=[weather], stream=stream
        ).until_done()

    check(result)


async def test_conversation_keeps_the_run_as_one_turn(base_url):
    """
    A conversation keeps all messages of the run, and `undo` removes them.
    """
    async with asi1.AsyncASI1("sk-test", base_url) as client:
        chat = client.conversation()
        check(await chat.run_tools("How is the weather?", tools=[weather]).until_done())

        assert 9 == len(chat.messages)
        chat.undo()
        assert 0 == len(chat.messages)

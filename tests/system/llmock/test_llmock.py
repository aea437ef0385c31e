"""`AsyncASI1` and `ASI1` against llmock, another project's fake server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time

from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest

import asi1


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Tells the weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


class LLMock:
    """The base URL of a running llmock, and its control interface."""

    def __init__(self, url):
        self.base_url = f"{url}/v1"
        self._client = httpx.Client(
            base_url=f"{url}/_llmock/", trust_env=False, verify=False, timeout=20
        )

    def expect(self, *behaviors):
        """Set the behaviors with which llmock answers its next requests."""
        payload = {"behaviors": list(behaviors)}
        self._call("POST", "scenario", json=payload).raise_for_status()

    def requests(self):
        return self._call("GET", "requests").json()["requests"]

    def verdict(self):
        return self._call("GET", "verdict").json()

    def reset(self):
        self._call("DELETE", "scenario")
        self._call("POST", "reset")

    def _call(self, method, name, **options):
        return self._client.request(method, name, **options)

    def close(self):
        self._client.close()


def llmock_script():
    beside = Path(sys.executable).with_name("llmock")
    return str(beside) if beside.exists() else shutil.which("llmock")


@pytest.fixture(scope="module")
def process():
    """Run llmock in its own process, and terminate that process after the tests."""
    script = llmock_script()
    if script is None:
        pytest.skip("llmock is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [script, "serve", "-h", "127.0.0.1", "-p", str(port)]
    command += ["--response-style", "varied", "--log-level", "warning"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    llmock = LLMock(f"http://127.0.0.1:{port}")
    try:
        wait_until_it_answers(process, llmock)
        yield llmock
    finally:
        llmock.close()
        process.terminate()
        process.wait(10)


def wait_until_it_answers(process, llmock):
    for _ in range(1200):
        if process.poll() is not None:
            pytest.fail(f"llmock ended with {process.returncode}")
        try:
            llmock.reset()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("llmock did not answer in 120 seconds")


@pytest.fixture
def llmock(process):
    process.reset()
    yield process
    process.reset()


@pytest.fixture
async def client(llmock):
    async with asi1.AsyncASI1("sk-test", llmock.base_url) as client:
        yield client


async def read(client, **options):
    """Read a stream; return the stream's text deltas and the final answer."""
    async with client.chat.completions.stream(
        messages="Say hello to the otters.", **options
    ) as stream:
        pieces = [piece async for piece in stream.text_stream]
        return pieces, await stream.get_final_completion()


async def test_create_gives_text_and_usage(client, llmock):
    """
    `create` returns the text that llmock sent, the finish reason and the token counts.
    """
    llmock.expect({"type": "reply", "text": "Hello, otters."})

    answer = await client.chat.completions.create(messages="Hi there, how are you?")

    assert ("Hello, otters.", "stop") == (answer.text, answer.finish_reason)
    assert answer.usage.total_tokens == (
        answer.usage.prompt_tokens + answer.usage.completion_tokens
    )
    assert answer.usage.total_tokens > 0
    assert llmock.verdict()["passed"]


async def test_stream_gives_the_same_text_as_create(client):
    """
    The text deltas of a stream add up to the text that `create` returns.
    """
    created = await client.chat.completions.create(messages="Say hello to the otters.")
    pieces, streamed = await read(client)

    assert len(pieces) > 1
    assert created.text == streamed.text == "".join(pieces)
    assert "stop" == streamed.finish_reason


async def test_stream_with_include_usage_gives_token_counts(client):
    """
    With ``include_usage`` the final answer of a stream contains the token counts.
    """
    _, answer = await read(
        client, extra_body={"stream_options": {"include_usage": True}}
    )

    assert answer.usage.total_tokens > 0


async def test_stream_with_n_2_gives_two_complete_choices(client):
    """
    With ``n=2`` the answer of a stream has two choices, each with a finish reason.
    """
    _, answer = await read(client, n=2)

    assert [0, 1] == [choice.index for choice in answer.choices]
    assert {"stop"} == {choice.finish_reason for choice in answer.choices}


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
async def test_create_and_stream_return_complete_tool_calls(client, llmock, stream):
    """
    `create` and a stream both return the complete tool calls that llmock sends.
    """
    arguments = {"city": "San José", "days": [1, 2, 3], "note": "a" * 40}
    calls = [
        {"name": "get_weather", "arguments": arguments},
        {"name": "get_weather", "arguments": {"city": "Rome"}},
    ]
    llmock.expect({"type": "reply", "tool_calls": calls})

    if stream:
        _, answer = await read(client, tools=TOOLS)
    else:
        answer = await client.chat.completions.create(messages="Hi", tools=TOOLS)

    assert "tool_calls" == answer.finish_reason
    first, second = answer.message.tool_calls
    assert ["get_weather"] * 2 == [first.function.name, second.function.name]
    assert first.id != second.id
    decoded = httpx.Response(200, text=first.function.arguments).json()
    assert arguments == decoded


async def test_answer_with_tool_calls_can_be_sent_as_a_message(client):
    """
    An answer with tool calls can be sent as a message, before the tool's result.
    """
    messages = [{"role": "user", "content": "What is the weather in Rome?"}]
    asked = await client.chat.completions.create(messages=messages, tools=TOOLS)
    (call,) = asked.message.tool_calls

    messages += [asked, asi1.ToolMessage(content="Sunny.", tool_call_id=call.id)]
    answer = await client.chat.completions.create(messages=messages, tools=TOOLS)

    assert ("stop", ()) == (answer.finish_reason, answer.message.tool_calls)
    assert answer.text


async def get_weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city."""
    return f"Sunny in {city}."


WEATHER = [
    {"name": "get_weather", "arguments": {"city": "San José", "days": 3}},
    {"name": "get_weather", "arguments": {"city": "Rome"}},
]


def contents(result):
    """Return the role and the content of each message of a run."""
    return [(m["role"], m["content"]) for m in result.messages]


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
async def test_run_with_tools_ends_with_an_answer(client, llmock, stream):
    """
    A run executes the calls that llmock makes in two rounds, in the order of the calls,
    and ends with llmock's answer to the results.
    """
    llmock.expect(
        {"type": "reply", "tool_calls": WEATHER},
        {"type": "reply", "tool_calls": WEATHER[1:]},
        {"type": "reply", "text": "It is sunny."},
    )

    result = await client.chat.completions.run_tools(
        "The weather?", tools=[get_weather], stream=stream
    ).until_done()

    assert [
        ("user", "The weather?"),
        ("assistant", None),
        ("tool", "Sunny in San José."),
        ("tool", "Sunny in Rome."),
        ("assistant", None),
        ("tool", "Sunny in Rome."),
        ("assistant", "It is sunny."),
    ] == contents(result)
    assert 3 == len(llmock.requests())
    assert llmock.verdict()["passed"]


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
async def test_llmock_calls_the_offered_tool_by_its_schema(client, stream):
    """
    llmock, which reads the schema of the tools, makes a call that fits the function.
    """
    result = await client.chat.completions.run_tools(
        "The weather?", tools=[get_weather], stream=stream
    ).until_done()

    (begun, ended) = [s for s in result.steps if not isinstance(s, asi1.AnswerStep)]
    assert isinstance(begun, asi1.ToolStartedStep)
    assert ended.content.startswith("Sunny in ")
    assert result.text


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
@pytest.mark.parametrize("kind", ["malformed_arguments", "unknown_tool"])
async def test_invalid_tool_call_of_llmock_is_not_run(client, llmock, stream, kind):
    """
    A call with malformed arguments, or of a tool that was not offered, never runs: the
    model reads an error and answers.
    """
    ran = []
    llmock.expect({"type": "tool_fault", "kind": kind})

    def get_weather(city: str) -> None:
        ran.append(city)

    result = await client.chat.completions.run_tools(
        "The weather?", tools=[get_weather], stream=stream
    ).until_done()

    assert [] == ran
    assert result.text
    assert '"status":"failed"' in contents(result)[-2][1]


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
def test_blocking_run_with_tools_ends_with_an_answer(llmock, stream):
    """
    `ASI1` runs the tools that llmock calls, and resumes a run that needed an approval.
    """
    llmock.expect(
        {"type": "reply", "tool_calls": WEATHER}, {"type": "reply", "text": "Fine."}
    )
    tools = [asi1.tool(get_weather, needs_approval=True)]

    with asi1.ASI1("sk-test", llmock.base_url) as client:
        calls = client.chat.completions
        run = calls.run_tools("The weather?", tools=tools, stream=stream)
        first, second = run.until_done().pending
        result = calls.resume_tools(
            run.to_json(),
            tools=tools,
            decisions={first.id: True, second.id: "not Rome"},
            stream=stream,
        ).until_done()

    oslo, rome, answer = [content for _, content in contents(result)[-3:]]
    assert ("Sunny in San José.", "Fine.") == (oslo, answer)
    assert "not Rome" in rome
    assert 2 == len(llmock.requests())


@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [
        (400, asi1.BadRequestError, 1),
        (401, asi1.AuthenticationError, 1),
        (403, asi1.PermissionDeniedError, 1),
        (404, asi1.NotFoundError, 1),
        (422, asi1.UnprocessableEntityError, 1),
        (500, asi1.InternalServerError, 3),
        (502, asi1.InternalServerError, 3),
        (503, asi1.InternalServerError, 3),
    ],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_each_error_status_raises_its_class(
    client, llmock, status, error, attempts
):
    """
    Each error status raises its own class, with llmock's message. A 5xx is retried, a
    4xx is not. llmock's verdict on the client is "passed".
    """
    quick = client.with_options(retry=asi1.RetryPolicy(wait_first=0.02))
    llmock.expect({"type": "fail", "status": status, "message": "No.", "times": 9})

    with pytest.raises(error) as caught:
        await quick.chat.completions.create(messages="Hi")

    assert (status, "No.") == (caught.value.status_code, caught.value.message)
    assert attempts == len(llmock.requests()) == len(caught.value.response.attempts)
    assert llmock.verdict()["passed"]


@pytest.mark.parametrize("stream", [False, True], ids=["create", "stream"])
async def test_retry_after_is_respected(client, llmock, stream):
    """
    After a 429 the call waits for the time in Retry-After, then retries and succeeds.
    """
    llmock.expect({"type": "fail", "status": 429, "retry_after": 0.5, "times": 1})

    if stream:
        _, answer = await read(client)
    else:
        answer = await client.chat.completions.create(messages="Hi")

    first, second = answer.response.attempts
    assert (429, 200) == (first.status, second.status)
    assert 0.55 >= first.wait >= 0.5
    assert [] == llmock.verdict()["findings"]


@pytest.mark.parametrize(
    ("kind", "error", "options"),
    [
        ("disconnect", asi1.StreamInterruptedError, {}),
        ("truncate", asi1.StreamTruncatedError, {}),
        ("malformed", asi1.StreamDecodeError, {}),
        ("stall", asi1.APITimeoutError, {"timeout": asi1.Timeouts(idle=0.2)}),
    ],
)
async def test_broken_stream_raises_an_error_with_the_partial_answer(
    client, llmock, kind, error, options
):
    """
    For each way in which llmock breaks a stream, the call raises a different error,
    with the partial answer.
    """
    llmock.expect(
        {"type": "reply", "text": "one two three four five six"},
        {
            "type": "stream_fault",
            "kind": kind,
            "after_chunks": 4,
            "stall_seconds": 3,
        },
    )

    with pytest.raises(asi1.APIError) as caught:
        await read(client, **options)

    assert error is type(caught.value)
    assert "one two three" == caught.value.partial.text.strip()
    assert 1 == len(llmock.requests())
    if kind == "stall":
        assert "idle" == caught.value.phase


async def test_slow_first_token_raises_a_timeout_error(client, llmock):
    """
    A stream whose first token comes too late raises an APITimeoutError with the phase
    "first_token", without a partial answer.
    """
    llmock.expect({"type": "slow_first_token", "seconds": 3})

    with pytest.raises(asi1.APITimeoutError) as caught:
        await read(client, timeout=asi1.Timeouts(first_token=0.2))

    assert ("first_token", None) == (caught.value.phase, caught.value.partial)


async def test_stream_lost_before_its_first_chunk_is_retried(client, llmock):
    """
    A stream that breaks before its first chunk is retried; the caller sees no error.
    """
    llmock.expect({"type": "stream_fault", "kind": "disconnect", "after_chunks": 0})

    _, answer = await read(client)

    assert answer.text
    assert 2 == len(answer.response.attempts)
    assert [] == llmock.verdict()["findings"]


def test_blocking_client_gets_the_same_answers_and_errors(llmock):
    """
    `ASI1` returns answers, retries a 503, and raises on a 401 or a truncated stream.
    """
    with asi1.ASI1("sk-test", llmock.base_url) as client:
        created = client.chat.completions.create(messages="Say hello to the otters.")
        with client.chat.completions.stream(
            messages="Say hello to the otters."
        ) as stream:
            assert created.text == "".join(stream.text_stream)

        llmock.expect({"type": "fail", "status": 503, "times": 2})
        again = client.chat.completions.create(messages="Once more.")
        llmock.expect({"type": "fail", "status": 401})
        with pytest.raises(asi1.AuthenticationError):
            client.chat.completions.create(messages="And again.")
        llmock.expect({"type": "stream_fault", "kind": "truncate", "after_chunks": 2})
        with (
            pytest.raises(asi1.StreamTruncatedError) as caught,
            client.chat.completions.stream(messages="And again.") as stream,
        ):
            stream.get_final_completion()

    assert [503, 503, 200] == [a.status for a in again.response.attempts]
    assert caught.value.partial.text


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_llmock_reports_no_misbehaviour_of_a_default_client(client, llmock):
    """
    After a client with default settings has handled llmock's faults, llmock reports no
    misbehaviour of the client.

    llmock cannot see whether a client raised an error for a broken stream: it counts
    the stream as accepted unless the client sends the request again, as this test does.
    """

    async def careful(text):
        while True:
            try:
                async with client.chat.completions.stream(messages=text) as stream:
                    return await stream.get_final_completion()
            except asi1.StreamError:
                await anyio.lowlevel.checkpoint()

    for status in (400, 401, 403, 404, 422):
        llmock.expect({"type": "fail", "status": status})
        with pytest.raises(asi1.APIStatusError):
            await client.chat.completions.create(messages=f"Status {status}")
    for status in (500, 502, 503):
        llmock.expect({"type": "fail", "status": status})
        await client.chat.completions.create(messages=f"Status {status}")
    llmock.expect({"type": "fail", "status": 429, "retry_after": 0.3, "times": 2})
    await client.chat.completions.create(messages="Slowly.")
    for kind in ("disconnect", "truncate", "malformed"):
        llmock.expect({"type": "stream_fault", "kind": kind, "after_chunks": 2})
        assert (await careful(f"A stream to {kind}")).finish_reason == "stop"

    verdict = llmock.verdict()
    # llmock may have sent a small body before the client disconnects. It then reports
    # "malformed_chunk_ignored" although the client did notice the malformed chunk.
    unseen = {"malformed_chunk_ignored"}
    assert [] == [f for f in verdict["findings"] if f["code"] not in unseen]
    assert verdict["passed"]
    assert 13 <= verdict["faults_injected"]

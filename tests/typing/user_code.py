"""Code as users write it, and its types. Type-checked, never run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_type

import httpx

from asi1 import (
    ASI1,
    Answers,
    AnswerStep,
    APIConnectionError,
    APIError,
    APITimeoutError,
    ASI1Error,
    AsyncAnswers,
    AsyncASI1,
    AsyncChatStream,
    AsyncParsedStream,
    AsyncPieces,
    AsyncToolRun,
    Attempt,
    ChatCompletion,
    ChatCompletionChunk,
    ChatMessage,
    ChatStream,
    Limits,
    Messages,
    ParsedCompletion,
    ParsedStream,
    Pieces,
    RateLimitError,
    RawReply,
    ResponseInfo,
    RetryPolicy,
    StreamTruncatedError,
    TextStep,
    Timeouts,
    Tool,
    ToolCall,
    ToolEndedStep,
    ToolMessage,
    ToolRun,
    ToolRunResult,
    ToolStep,
    Usage,
    UserMessage,
    tool,
)


async def chat(client: AsyncASI1, question: str) -> str:
    """An answer may be appended to the messages of the next call."""
    messages: list[Mapping[str, Any] | UserMessage | ToolMessage | ChatCompletion] = [
        {"role": "system", "content": "Be brief."},
        UserMessage(question),
    ]
    answer = await client.chat.completions.create(messages=messages, max_tokens=50)
    assert_type(answer, ChatCompletion)
    assert_type(answer.message, ChatMessage)
    assert_type(answer.usage, Usage | None)
    assert_type(answer.finish_reason, str | None)
    assert_type(answer.response, ResponseInfo)
    messages.append(answer)
    for call in answer.message.tool_calls:
        assert_type(call, ToolCall)
        assert_type(call.function.arguments, str)
        messages.append(ToolMessage("done", tool_call_id=call.id))
    return answer.text


async def overloads(client: AsyncASI1, blocking: ASI1, *, flag: bool) -> None:
    """The argument `stream` decides the type of the result; by default it is False."""
    awaited = client.chat.completions
    called = blocking.chat.completions

    assert_type(await awaited.create(messages="Hi"), ChatCompletion)
    assert_type(await awaited.create(messages="Hi", stream=False), ChatCompletion)
    assert_type(await awaited.create(messages="Hi", stream=True), AsyncChatStream)
    assert_type(
        await awaited.create(messages="Hi", stream=flag),
        ChatCompletion | AsyncChatStream,
    )
    assert_type(awaited.stream(messages="Hi"), AsyncChatStream)
    assert_type(called.create(messages="Hi"), ChatCompletion)
    assert_type(called.create(messages="Hi", stream=False), ChatCompletion)
    assert_type(called.create(messages="Hi", stream=True), ChatStream)
    assert_type(called.create(messages="Hi", stream=flag), ChatCompletion | ChatStream)
    assert_type(called.stream(messages="Hi"), ChatStream)


async def raw(client: AsyncASI1, blocking: ASI1) -> int:
    """`parse` of a raw response has the type that the call itself returns."""
    awaited = client.chat.completions.with_raw_response
    called = blocking.chat.completions.with_raw_response
    streaming = client.chat.completions.with_streaming_response

    assert_type((await awaited.create(messages="Hi")).parse(), ChatCompletion)
    reply = await awaited.create(messages="Hi", stream=True)
    assert_type(reply.parse(), AsyncChatStream)
    assert_type(called.create(messages="Hi").parse(), ChatCompletion)
    async with streaming.create(messages="Hi") as response:
        assert_type(await response.parse(), ChatCompletion)
        async for line in response.iter_lines():
            assert_type(line, str)
    places = await client.chat.completions.parse(messages="Hi", response_format=Place)
    assert_type(places.choices[0].message.parsed, Place | None)
    return reply.status_code or 0


async def many(client: AsyncASI1, blocking: ASI1, *, flag: bool) -> list[str]:
    """With `return_exceptions`, the type of `map`'s answers includes `ASI1Error`."""
    prompts: list[Messages] = ["Hi", [UserMessage("Hi")]]
    awaited = client.chat.completions
    called = blocking.chat.completions

    assert_type(
        awaited.map({"a": "b"}, ordered=False, progress=print),
        AsyncAnswers[tuple[str, ChatCompletion]],
    )
    assert_type(
        awaited.map([1, 2], key=str, return_exceptions=True),
        AsyncAnswers[tuple[str, ChatCompletion | ASI1Error]],
    )
    assert_type(awaited.map(prompts), AsyncAnswers[ChatCompletion])
    assert_type(called.map(prompts, concurrency=2), Answers[ChatCompletion])
    assert_type(
        awaited.map(prompts, return_exceptions=True),
        AsyncAnswers[ChatCompletion | ASI1Error],
    )
    assert_type(
        called.map(prompts, return_exceptions=flag), Answers[ChatCompletion | ASI1Error]
    )
    async with awaited.map(str(number) for number in range(3)) as answers:
        async for answer in answers:
            assert_type(answer, ChatCompletion)
    with called.map(["Hi"], temperature=0) as found:
        return [each.text for each in found]


async def stream(client: AsyncASI1) -> str:
    """
    An async stream is a context manager and an iterator, and its members are typed.
    """
    async with client.chat.completions.stream(messages="Hi", n=2) as opened:
        assert_type(opened, AsyncChatStream)
        assert_type(opened.text_stream, AsyncPieces)
        assert_type(opened.thought_stream, AsyncPieces)
        assert_type(opened.consumed, bool)
        async for chunk in opened:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(await anext(opened.text_stream), str)
        assert_type(opened.response.attempts, tuple[Attempt, ...])
        assert_type(opened.snapshot(), ChatCompletion)
        assert_type(await opened.display(), ChatCompletion)
        return (await opened.get_final_completion()).text


def stream_blocking(client: ASI1) -> list[str]:
    """A blocking stream has the members of an async stream, without ``await``."""
    with client.chat.completions.stream(messages="Hi") as opened:
        assert_type(opened, ChatStream)
        assert_type(opened.thought_stream, Pieces)
        first = next(opened)
        assert_type(first, ChatCompletionChunk)
        assert_type(opened.snapshot(), ChatCompletion)
        assert_type(opened.display(thoughts=False), ChatCompletion)
        return list(opened.text_stream)


async def failures(client: AsyncASI1) -> float | None:
    """Each error class has typed fields of its own."""
    try:
        await client.request("GET", "/models", extra_query={"all": True}, timeout=5)
    except RateLimitError as error:
        assert_type(error.status_code, int)
        return error.retry_after
    except APITimeoutError as error:
        assert_type(error.phase, str)
        assert_type(error.partial, ChatCompletion | None)
        return error.elapsed
    except StreamTruncatedError as error:
        assert_type(error.partial, ChatCompletion)
    except APIError as error:
        assert_type(error.response, ResponseInfo)
    return None


def made_errors() -> list[APIError]:
    """A program's tests may make errors as they make the errors of OpenAI's client."""
    request = httpx.Request("POST", "http://127.0.0.1:1/v1")
    reply = httpx.Response(429, request=request)
    return [
        RateLimitError("No.", response=reply, body=None),
        APITimeoutError(request=request),
        APIConnectionError(message="No.", request=request),
    ]


async def settings() -> RawReply:
    """All settings of a client are typed; `with_options` returns the client's type."""
    own = AsyncASI1(
        "key",
        "http://127.0.0.1:1/v1",
        model="asi1-extended",
        timeout=Timeouts(total=60, idle=None),
        retry=RetryPolicy(attempts=5, on_timeout=True),
        limits=Limits(max_connections=10),
        default_headers={"x-team": "otters"},
        default_query={"v": 1},
        default_options={"temperature": 0.5, "stop": ["."]},
        trust_env=False,
    )
    async with own as client:
        assert_type(client, AsyncASI1)
        assert_type(client.with_options(timeout=None, max_retries=0), AsyncASI1)
        assert_type(client.timeouts, Timeouts)
        AsyncASI1("key", http_client=httpx.AsyncClient())
        ASI1("key", transport=httpx.AsyncHTTPTransport(), timeout=httpx.Timeout(5))
        return await client.request("POST", "/images", json={"prompt": "otters"})


@dataclass
class Place:
    """A user's type for `response_format`."""

    name: str


async def values(client: AsyncASI1, blocking: ASI1) -> Place:
    """`parse` and streams infer the parsed value's type from `response_format`."""
    ask = client.chat.completions
    answer = await ask.parse(messages="Where?", response_format=Place, repair=1)
    assert_type(answer, ParsedCompletion[Place])
    assert_type(answer.parsed, Place)
    assert_type(answer.total_usage, Usage | None)
    many = await ask.parse(messages="Where?", response_format=list[Place])
    assert_type(many.parsed, list[Place])
    data = await ask.parse(messages="Where?", response_format={"type": "object"})
    assert_type(data, ParsedCompletion[Any])
    async with ask.stream(messages="Where?", response_format=Place) as stream:
        assert_type(stream, AsyncParsedStream[Place])
        assert_type((await stream.get_final_completion()).parsed, Place)
    plain = ask.stream(messages="Where?", response_format={"type": "json_object"})
    assert_type(plain, AsyncChatStream)
    turn = await client.conversation().parse("Where?", Place)
    assert_type(turn.parsed, Place)

    found = blocking.chat.completions.parse(messages="Where?", response_format=Place)
    assert_type(found.parsed, Place)
    with blocking.chat.completions.stream(
        messages="Where?", response_format=Place
    ) as opened:
        assert_type(opened, ParsedStream[Place])
        assert_type(opened.get_final_completion().parsed, Place)
    return blocking.conversation().parse("Where?", Place).parsed


@tool
def add(a: int, b: int = 1) -> int:
    """A function that became a tool keeps its signature."""
    return a + b


@tool(name="reverse", needs_approval=True, timeout=5)
async def reversed_text(text: str) -> str:
    """A tool with options also keeps its signature."""
    return text[::-1]


class Desk:
    """A user's class with a tool."""

    @tool(serial=True)
    def note(self, text: str) -> int:
        """A method with the decorator is a tool when it is taken from an instance."""
        return len(text)


async def signatures() -> None:
    """Calling a tool calls its function, with the function's types."""
    assert_type(add(1, b=2), int)
    assert_type(await reversed_text("abc"), str)
    assert_type(Desk().note("abc"), int)
    assert_type(tool(len)("abc"), int)
    assert_type(add.name, str)
    taken: list[Tool[..., Any]] = [add, reversed_text, Desk().note]
    assert_type(taken[0].parameters, dict[str, Any])
    add("1")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await reversed_text()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def told(step: ToolStep) -> str:
    """Each kind of step of a tool run has typed fields of its own."""
    match step:
        case TextStep(text=text):
            return text
        case AnswerStep(answer=answer):
            assert_type(answer, ChatCompletion)
            return answer.text
        case _:
            pass
    if isinstance(step, ToolEndedStep):
        assert_type(step.call, ToolCall)
        assert_type(step.error, BaseException | None)
        return step.content
    return ""


async def tool_runs(client: AsyncASI1, blocking: ASI1) -> str:
    """A tool run of a conversation returns the same types as one of a client."""
    ask, chat = client.chat.completions, client.conversation()
    run = ask.run_tools("Hi", tools=[add, reversed_text, Desk().note, len], stream=True)
    assert_type(run, AsyncToolRun)
    async for step in run:
        assert_type(told(step), str)
    result = await run.until_done()
    assert_type(result, ToolRunResult)
    assert_type(result.answer, ChatCompletion)
    assert_type(result.pending, tuple[ToolCall, ...])
    assert_type(result.steps, tuple[ToolStep, ...])
    assert_type(run.usage, Usage | None)
    decisions: dict[str, bool | str] = {call.id: True for call in result.pending}
    again = ask.resume_tools(run.to_json(), tools=[add], decisions=decisions)
    assert_type(again, AsyncToolRun)
    assert_type(chat.run_tools("Hi", tools=[add], temperature=0), AsyncToolRun)
    assert_type(chat.resume_tools(["{}"], tools=[add]), AsyncToolRun)

    with blocking.chat.completions.run_tools("Hi", tools=[add]) as opened:
        assert_type(opened, ToolRun)
        assert_type([told(step) for step in opened], list[str])
        assert_type(opened.until_done(), ToolRunResult)
    other = blocking.conversation().run_tools("Hi", tools=[add], journal=print)
    assert_type(other, ToolRun)
    saved = other.to_json()
    more = blocking.chat.completions.resume_tools(saved, tools=[add])
    assert_type(more, ToolRun)
    return more.until_done().text

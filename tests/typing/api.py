"""
The types of asi1's public API as a caller uses it. Type-checked, never run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_type

from asi1 import (
    ASI1,
    APIStatusError,
    AsyncASI1,
    AsyncChatStream,
    AsyncConversation,
    ChatCompletion,
    ChatCompletionChunk,
    ChatStream,
    ContextPolicy,
    Conversation,
    DropLeastRelevant,
    GeneratedImages,
    KeepNewest,
    RetryPolicy,
    StreamError,
    Summarise,
    Timeouts,
    Usage,
    UserMessage,
)


async def awaited(client: AsyncASI1, *, either: bool) -> None:
    """
    `create` returns an answer, or with ``stream=True`` a stream; if `stream` is a
    variable of type bool, the result may be either.
    """
    create = client.chat.completions.create

    assert_type(await create(messages="Hi"), ChatCompletion)
    assert_type(await create(messages="Hi", stream=False), ChatCompletion)
    assert_type(await create(messages="Hi", stream=True), AsyncChatStream)
    assert_type(
        await create(messages="Hi", stream=either), ChatCompletion | AsyncChatStream
    )


async def streamed(client: AsyncASI1) -> None:
    """A stream yields chunks; `get_final_completion` returns the complete answer."""
    async with client.chat.completions.stream(messages="Hi") as stream:
        assert_type(stream, AsyncChatStream)
        async for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
            assert_type(chunk.text, str)
            assert_type(chunk.thought, str)
        async for piece in stream.text_stream:
            assert_type(piece, str)
        assert_type(await stream.get_final_completion(), ChatCompletion)
        assert_type(stream.snapshot(), ChatCompletion)
        async for data in stream.to_sse(ping=None):
            assert_type(data, bytes)


def blocking(client: ASI1, *, either: bool) -> None:
    """The blocking client returns the types of the async client, without ``await``."""
    create = client.chat.completions.create

    assert_type(create(messages="Hi"), ChatCompletion)
    assert_type(create(messages="Hi", stream=False), ChatCompletion)
    assert_type(create(messages="Hi", stream=True), ChatStream)
    assert_type(create(messages="Hi", stream=either), ChatCompletion | ChatStream)
    with client.chat.completions.stream(messages="Hi") as stream:
        for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
        assert_type(list(stream.to_sse()), list[bytes])
        for piece in stream.text_stream:
            assert_type(piece, str)
        assert_type(stream.get_final_completion(), ChatCompletion)


async def messages(client: AsyncASI1, answer: ChatCompletion) -> None:
    """
    `messages` may contain dicts and earlier answers; ``messages=7`` is a type error.
    """
    create = client.chat.completions.create

    await create(messages=[{"role": "user", "content": "Hi"}])
    await create(messages=[{"role": "user", "content": "Hi"}, answer])
    await create(messages=7)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue, reportArgumentType]


async def options(client: AsyncASI1) -> None:
    """The options of `create` are typed; a misspelt option is a type error."""
    create = client.chat.completions.create

    await create(messages="Hi", temperature=0, max_tokens=100, timeout=Timeouts(idle=5))
    await create(messages="Hi", temprature=0)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]


async def clients() -> None:
    """``with`` on a client, and `with_options` of a client, return the client's own
    type.
    """
    async with AsyncASI1("key", retry=RetryPolicy(attempts=1), timeout=3) as client:
        assert_type(client, AsyncASI1)
        assert_type(client.with_options(timeout=5), AsyncASI1)
    with ASI1("key", max_retries=0) as blocking_client:
        assert_type(blocking_client, ASI1)


def errors(refused: APIStatusError, broken: StreamError) -> None:
    """`APIStatusError` and `StreamError` have typed fields."""
    assert_type(refused.status_code, int)
    assert_type(refused.request_id, str | None)
    assert_type(broken.partial, ChatCompletion)


def choices(answer: ChatCompletion) -> None:
    """`ChatCompletion.choices` is an immutable sequence."""
    assert_type(answer.text, str)
    _: Sequence[object] = answer.choices


async def images(client: AsyncASI1, blocking: ASI1) -> None:
    """The image calls of both clients return the same types."""
    assert_type(await client.images.generate("an otter"), GeneratedImages)
    assert_type(blocking.images.generate("an otter", size="auto"), GeneratedImages)
    edited = await client.images.edit("a hat", images=[b"GIF89a", Path("a.png"), "b"])
    assert_type(edited.bytes, bytes)
    assert_type(edited.images[0].save("otter.png"), None)


async def conversations(client: AsyncASI1, blocking: ASI1) -> None:
    """
    Conversations return the types of their client; ``|`` combines context policies.
    """
    policy = DropLeastRelevant(900, score=lambda turn, last: len(turn)) | Summarise()
    assert_type(policy, ContextPolicy)
    assert_type(KeepNewest(900).fit("Hi"), list[dict[str, Any]])

    chat = client.conversation("Be brief.", context=policy, temperature=0)
    assert_type(chat, AsyncConversation)
    assert_type(await chat.ask("Hi"), ChatCompletion)
    assert_type(await chat.wait(interval=5, timeout=None), ChatCompletion)
    picture = UserMessage("What is this?", images=["a.png", b"GIF89a", Path("b.png")])
    assert_type(await chat.ask(picture), ChatCompletion)
    UserMessage("What is this?", images=[5])  # type: ignore[list-item] # pyright: ignore[reportArgumentType]
    assert_type(chat.stream("Hi", keep_partial=True), AsyncChatStream)
    assert_type(chat.messages, tuple[dict[str, Any], ...])
    assert_type(chat.usage, Usage)
    assert_type(chat.fork(), AsyncConversation)
    client.conversation("Hi", temprature=0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

    other = blocking.conversation(saved=chat.to_json())
    assert_type(other, Conversation)
    assert_type(other.ask("Hi"), ChatCompletion)
    assert_type(other.wait(), ChatCompletion)
    assert_type(other.stream("Hi"), ChatStream)
    assert_type(other.fork(), Conversation)

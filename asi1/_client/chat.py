"""``client.chat.completions``: the methods that ask the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Unpack, overload

from .._call.answer_reader import AnswerReader, ChunkReader
from .._call.call import OneRequest
from .._call.engine import Core
from .._models.base_types import public
from .._models.completion import ChatCompletion
from .._models.errors import ASI1Error
from .._models.messages import Messages
from .._protocol.request import Request, chat_request, draft_chat
from .._settings.options import ChatOptions
from .._settings.validators import whole_number, wrong
from .map import AsyncAnswers, prompts_of
from .stream import AsyncChatStream


__all__ = ["AsyncChat", "AsyncCompletions"]


@public
class AsyncChat:
    """What hangs below ``client.chat``."""

    def __init__(self, core: Core) -> None:
        """Made by the client."""
        self._core = core

    @property
    def completions(self) -> AsyncCompletions:
        """The chat completion endpoint."""
        return AsyncCompletions(self._core)


@public
class AsyncCompletions:
    """The chat completion endpoint."""

    def __init__(self, core: Core) -> None:
        """Made by the client."""
        self._core = core

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion: ...

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> AsyncChatStream: ...

    @overload
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | AsyncChatStream: ...

    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | AsyncChatStream:
        """
        Ask for the next turn of a conversation.

        Args:
            messages: The conversation, oldest turn first: one text, or a list of dicts,
                message objects and earlier answers in any mixture; at least one.
            model: Any name the server knows; the client's model if left out.
            stream: True for a stream, which is returned as soon as the server begins
                to answer.
            **options: Fields of `ChatOptions`.

        Returns:
            The answer; or the stream of its chunks.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            APIStatusError: The server refused; its subclass tells why.
            APITimeoutError: A time limit passed.
            APIConnectionError: No usable reply arrived.
            APIResponseError: The reply is not an answer.
            ClientClosedError: The client was closed, before or meanwhile.
            ConfigurationError: A proxy or CA file of the environment cannot be used.

        Source: https://docs.asi1.ai/api-reference/llm/chat-completion
        """
        return await self._made(
            self._request(messages, model=model, stream=stream, options=options)
        )

    async def _made(self, request: Request) -> ChatCompletion | AsyncChatStream:
        if not request.stream:
            return await self._core.fetch(request, AnswerReader)
        call = self._core.call(OneRequest(request), ChunkReader)
        return await AsyncChatStream(call, self._core.begin).__aenter__()

    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncChatStream:
        """
        Ask for the next turn, to be read as it is written.

        Used as ``async with client.chat.completions.stream(...) as stream``; the call
        begins when the block is entered, or at the first read.

        Args:
            messages: As for `create`.
            model: As for `create`.
            **options: Fields of `ChatOptions`.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            ClientClosedError: The client was closed before.

        Source: https://docs.asi1.ai/api-reference/llm/chat-completion
        """
        request = self._request(messages, model=model, stream=True, options=options)
        call = self._core.call(OneRequest(request), ChunkReader)
        return AsyncChatStream(call, self._core.begin)

    @overload
    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[ChatCompletion]: ...

    @overload
    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[ChatCompletion | ASI1Error]: ...

    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool = False,
        **options: Unpack[ChatOptions],
    ) -> AsyncAnswers[Any]:
        """
        Ask many prompts, some at a time; the answers come in the order of the prompts.

        Used as ``async for answer in client.chat.completions.map(prompts)``. Nothing is
        asked before the first read, and no more is asked while nobody reads.

        Args:
            prompts: What `create` takes as *messages*, each; also endless. At most
                twice *concurrency* of them are taken ahead of the reader.
            model: As for `create`.
            concurrency: The most calls at a time, at least 1.
            return_exceptions: True returns the error of a call in its place; else it
                is raised there, and the calls behind it end.
            **options: Fields of `ChatOptions`, for each call: a ``timeout`` begins when
                its turn has come.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            ClientClosedError: The client was closed before.
        """
        self._core.check_open()
        problem = whole_number(1)(concurrency)
        if problem:
            raise wrong("concurrency", problem, concurrency)
        # Checked once, and not as the failure of every call.
        draft = draft_chat(
            self._core.config, model=model, stream=False, options=options
        )
        return AsyncAnswers(
            self._core,
            draft.request,
            prompts_of(prompts),
            concurrency,
            return_exceptions=return_exceptions,
        )

    def _request(
        self,
        messages: Messages,
        *,
        model: str | None,
        stream: bool,
        options: ChatOptions,
    ) -> Request:
        return chat_request(
            self._core.config,
            messages=messages,
            model=model,
            stream=stream,
            options=options,
        )

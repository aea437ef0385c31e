"""Floor 6. ``client.chat.completions``: the methods that ask the model."""

from __future__ import annotations

from typing import Literal, Unpack, overload

from ._core import Core
from ._messages import Messages
from ._models import ChatCompletion
from ._options import ChatOptions
from ._request import Request, chat_request
from ._stream import AsyncChatStream
from ._types import public


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
            ClientClosedError: The client was closed before.

        Source: https://docs.asi1.ai/api-reference/llm/chat-completion
        """
        request = self._request(messages, model, stream=stream, options=options)
        if not stream:
            answer: ChatCompletion = await self._core.fetch(request)
            return answer
        opened = AsyncChatStream(self._core.exchange(request), self._core.begin)
        return await opened.__aenter__()

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
        request = self._request(messages, model, stream=True, options=options)
        return AsyncChatStream(self._core.exchange(request), self._core.begin)

    def _request(
        self,
        messages: Messages,
        model: str | None,
        *,
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

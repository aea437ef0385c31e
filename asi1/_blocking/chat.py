"""``client.chat.completions`` for blocking callers: the async one, driven."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Unpack, overload

from .._client.chat import AsyncChat, AsyncCompletions
from .._client.stream import AsyncChatStream
from .._models.base_types import public
from .._models.completion import ChatCompletion
from .._models.errors import ASI1Error
from .._models.messages import Messages
from .._settings.options import ChatOptions
from .loop_thread import loop_thread
from .map import Answers
from .stream import ChatStream


__all__ = ["Chat", "Completions"]


@public
class Chat:
    """Same as `AsyncChat`, for blocking callers."""

    def __init__(self, chat: AsyncChat) -> None:
        """Made by the client."""
        self._chat = chat

    @property
    def completions(self) -> Completions:
        """Same as `AsyncChat.completions`."""
        return Completions(self._chat.completions)


@public
class Completions:
    """Same as `AsyncCompletions`, for blocking callers."""

    def __init__(self, completions: AsyncCompletions) -> None:
        """Made by the client."""
        self._completions = completions

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: Literal[True],
        **options: Unpack[ChatOptions],
    ) -> ChatStream: ...

    @overload
    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | ChatStream: ...

    def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | ChatStream:
        """Same as `AsyncCompletions.create`, but blocks."""
        # Here and not on the loop, which other callers share: it may be long.
        request = self._completions._request(
            messages, model=model, stream=stream, options=options
        )
        made = loop_thread().run(self._completions._made(request))
        return ChatStream(made) if isinstance(made, AsyncChatStream) else made

    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatStream:
        """Same as `AsyncCompletions.stream`, but blocks."""
        return ChatStream(
            self._completions.stream(messages=messages, model=model, **options)
        )

    @overload
    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: Literal[False] = False,
        **options: Unpack[ChatOptions],
    ) -> Answers[ChatCompletion]: ...

    @overload
    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool,
        **options: Unpack[ChatOptions],
    ) -> Answers[ChatCompletion | ASI1Error]: ...

    def map(
        self,
        prompts: Iterable[Messages],
        *,
        model: str | None = None,
        concurrency: int = 8,
        return_exceptions: bool = False,
        **options: Unpack[ChatOptions],
    ) -> Answers[Any]:
        """Same as `AsyncCompletions.map`, but blocks."""
        return Answers(
            self._completions.map(
                prompts,
                model=model,
                concurrency=concurrency,
                return_exceptions=return_exceptions,
                **options,
            )
        )

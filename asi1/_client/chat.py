"""``client.chat.completions``: the methods that call the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from .._models.base_types import Hinted, public
from .._settings.options import ChatOptions, ParseOptions, lists
from .._settings.validators import not_given
from .agent_calls import AsyncAgentCalls
from .lazy_engine import LazyEngine
from .loader import async_loader, loader
from .map_calls import AsyncMapCalls


if TYPE_CHECKING:
    from .._call.answer_reader import AnswerReader
    from .._models.completion import ChatCompletion
    from .._models.messages import Messages
    from .._protocol.request import Request
    from .parsed_stream import AsyncParsedStream
    from .raw_calls import AsyncRawCompletions, AsyncStreamedCompletions
    from .stream import AsyncChatStream, LazyAnswer


__all__ = ["AsyncChat", "AsyncCompletions"]

_T = TypeVar("_T")


@public
class AsyncChat(Hinted):
    """The namespace ``client.chat``."""

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._completions = AsyncCompletions(lazy)

    @property
    def completions(self) -> AsyncCompletions:
        """The chat completion endpoint; always the same object."""
        return self._completions


@public
class AsyncCompletions(AsyncAgentCalls, AsyncMapCalls, Hinted):
    """The chat completion endpoint."""

    def __init__(self, lazy: LazyEngine) -> None:
        """Users do not construct this class; the client does."""
        self._lazy = lazy
        self._raw: AsyncRawCompletions | None = None
        self._streamed: AsyncStreamedCompletions | None = None

    @property
    def with_raw_response(self) -> AsyncRawCompletions:
        """`create` and `parse` that return a `RawResponse` with status and headers."""
        self._raw = self._raw or _raw_calls()[0](self)
        return self._raw

    @property
    def with_streaming_response(self) -> AsyncStreamedCompletions:
        """`create` for ``async with``: it returns an `AsyncAPIResponse`."""
        self._streamed = self._streamed or _raw_calls()[1](self)
        return self._streamed

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

    @lists(ChatOptions)
    async def create(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        stream: bool = False,
        **options: Unpack[ChatOptions],
    ) -> ChatCompletion | AsyncChatStream:
        """
        Ask the model for the next message of a conversation.

        Args:
            messages: The conversation, oldest turn first: one str, or a non-empty list
                of dicts, message objects and earlier answers in any mixture.
            model: Any name the server knows; the client's model if left out.
            stream: True returns a stream, as soon as the server begins to answer.
            **options: Fields of `ChatOptions`.

        Returns:
            The model's answer; with ``stream=True``, the stream of its chunks.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            APIStatusError: The server refused the request; the subclass says why.
            APITimeoutError: A timeout passed.
            APIConnectionError: No usable reply arrived.
            APIResponseError: The reply is not a valid answer.
            StreamError: The server sent a stream although none was requested, and the
                stream broke: it ended early, or contains an error event or an invalid
                event.
            ClientClosedError: The client was closed, before or during the call.
            ConfigurationError: A proxy or CA file from the environment is unusable.

        Source: https://docs.asi1.ai/api-reference/llm/chat-completion
        """
        engine = await self._lazy.ready()
        chat_request, reader = await _calls.ready()
        request = chat_request(
            engine.config,
            messages=messages,
            model=model,
            stream=stream,
            options=options,
        )
        if stream:
            kind, lazy_answer, _ = await _stream.ready()
            answer = lazy_answer(self._lazy, request)
            await answer.ready()
            return kind(await answer().open())
        return await engine.fetch(request, reader)

    @overload
    def stream(
        self,
        *,
        messages: Messages,
        model: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncChatStream: ...

    @overload
    def stream(
        self,
        *,
        messages: Messages,
        response_format: type[_T],
        model: str | None = None,
        **options: Unpack[ParseOptions],
    ) -> AsyncParsedStream[_T]: ...

    @lists(ParseOptions)
    def stream(
        self,
        *,
        messages: Messages,
        response_format: Any = None,
        model: str | None = None,
        **options: Unpack[ParseOptions],
    ) -> AsyncChatStream:
        """
        Ask the model for the next message of a conversation, and stream the answer.

        Use it as ``async with client.chat.completions.stream(...) as stream``. The call
        begins when the block is entered, or without a block at the first read.

        Args:
            messages: As for `create`.
            response_format: As for `create`, or a type as for `parse`: then the
                stream's final completion has the value.
            model: As for `create`.
            **options: Fields of `ChatOptions`.

        Raises:
            ArgumentError: An argument is wrong; nothing was sent.
            ClientClosedError: The client is closed.

        Source: https://docs.asi1.ai/api-reference/llm/chat-completion
        """
        if not (isinstance(response_format, Mapping) or not_given(response_format)):
            parsed_kind, parsed = _parsed_stream()
            return parsed_kind(
                *parsed(
                    self._lazy.get(),
                    messages=messages,
                    model=model,
                    response_format=response_format,
                    options=options,
                )
            )
        kind, lazy_answer, chat_request = _stream()
        request = chat_request(
            self._lazy.config,
            messages=messages,
            model=model,
            stream=True,
            options={**options, "response_format": response_format},
        )
        self._lazy.check_open()
        answer = lazy_answer(self._lazy, request)
        if self._lazy.made is None:  # the first read of the stream creates the engine
            return kind(None, answer)
        return kind(answer())


@async_loader("_call.answer_reader", "_protocol.request")
def _calls() -> tuple[Callable[..., Request], type[AnswerReader]]:
    from .._call.answer_reader import AnswerReader  # noqa: PLC0415 - with the engine
    from .._protocol.request import chat_request  # noqa: PLC0415 - with the engine

    return chat_request, AnswerReader


@async_loader("_client.stream", "_protocol.request")
def _stream() -> tuple[type[AsyncChatStream], type[LazyAnswer], Callable[..., Request]]:
    from .._protocol.request import chat_request  # noqa: PLC0415
    from .stream import AsyncChatStream, LazyAnswer  # noqa: PLC0415

    return AsyncChatStream, LazyAnswer, chat_request


@loader
def _raw_calls() -> tuple[type[AsyncRawCompletions], type[AsyncStreamedCompletions]]:
    from .raw_calls import (  # noqa: PLC0415 - rarely used
        AsyncRawCompletions,
        AsyncStreamedCompletions,
    )

    return AsyncRawCompletions, AsyncStreamedCompletions


@loader
def _parsed_stream() -> tuple[type[AsyncParsedStream[Any]], Callable[..., Any]]:
    from .parsed_stream import AsyncParsedStream, parsed_chunk_stream  # noqa: PLC0415

    return AsyncParsedStream, parsed_chunk_stream
